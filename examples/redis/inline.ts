/**
 * Commands as a person types them: words between blanks, with quotes. Double quotes know escapes,
 * single quotes only the quote itself, as in Redis.
 */

const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d) || byte === 0;

/** The words of a line, or undefined when a quote is left open or followed by a letter. */
export function splitInline(line: Uint8Array): Buffer[] | undefined {
  const words: Buffer[] = [];
  for (let at = 0; ;) {
    while (isBlank(line[at])) at++;
    if (at >= line.length) return words;
    const word: number[] = [];
    const end = readWord(line, at, word);
    if (end === undefined) return undefined;
    words.push(Buffer.from(word));
    at = end;
  }
}

/** @returns the offset behind the word */
function readWord(line: Uint8Array, from: number, word: number[]): number | undefined {
  let at = from;
  while (at < line.length && !isBlank(line[at])) {
    const byte = line[at]!;
    if (byte !== DOUBLE_QUOTE && byte !== SINGLE_QUOTE) {
      word.push(byte);
      at++;
      continue;
    }
    const end = readQuoted(line, at, word);
    if (end === undefined || (end < line.length && !isBlank(line[end]))) return undefined;
    return end;
  }
  return at;
}

/** @returns the offset behind the closing quote */
function readQuoted(line: Uint8Array, from: number, word: number[]): number | undefined {
  const quote = line[from]!;
  for (let at = from + 1; at < line.length; at++) {
    const byte = line[at]!;
    if (byte === quote) return at + 1;
    const next = line[at + 1];
    if (byte !== BACKSLASH || next === undefined) {
      word.push(byte);
    } else if (quote === SINGLE_QUOTE) {
      if (next === SINGLE_QUOTE) at++;
      word.push(next === SINGLE_QUOTE ? next : byte);
    } else {
      const hex = /^x([0-9a-f]{2})$/i.exec(Buffer.from(line.subarray(at + 1, at + 4)).toString());
      word.push(
        hex === null ? (ESCAPES[String.fromCharCode(next)] ?? next) : parseInt(hex[1]!, 16),
      );
      at += hex === null ? 1 : 3;
    }
  }
  return undefined;
}
