/**
 * Reads a TypeScript file just closely enough for the tidy rules: where its comments, strings and
 * regular expressions are. It is no parser; it needs to be right about this project's style only,
 * and its tests say what that means.
 */

/** One string literal, or one literal piece of a template. */
export interface StringPiece {
  /** Offset of the first character after the opening quote. */
  start: number;
  /** Offset of the closing quote, or of the `${` that ends the piece. */
  end: number;
  /** The text as written, escapes and all. */
  text: string;
  /** Whether it is a piece of a template that continues in the next piece. */
  open: boolean;
}

export interface Comment {
  start: number;
  end: number;
  text: string;
}

export interface Source {
  path: string;
  text: string;
  /** The text with comments, string contents and regular expressions blanked; same offsets. */
  code: string;
  strings: readonly StringPiece[];
  comments: readonly Comment[];
  /** Offsets at which lines begin. */
  lineStarts: readonly number[];
}

/** The 1-based line of an offset. */
export function lineAt(source: Pick<Source, "lineStarts">, offset: number): number {
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

export function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

// A slash after one of these begins a regular expression; after anything else it divides.
const REGEX_MAY_FOLLOW =
  /(?:^|[([{,;:=!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|do|else))\s*$/;

class Scanner {
  readonly strings: StringPiece[] = [];
  readonly comments: Comment[] = [];
  readonly #text: string;
  readonly #code: string[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#code = text.split("");
  }

  scan(): string {
    if (this.#text.startsWith("#!")) this.#comment(this.#lineEnd(0));
    this.#scanCode(false);
    return this.#code.join("");
  }

  #lineEnd(from: number): number {
    const end = this.#text.indexOf("\n", from);
    return end === -1 ? this.#text.length : end;
  }

  #blank(start: number, end: number): void {
    for (let i = start; i < end; i++) if (this.#code[i] !== "\n") this.#code[i] = " ";
  }

  #comment(end: number): void {
    this.comments.push({ start: this.#at, end, text: this.#text.slice(this.#at, end) });
    this.#blank(this.#at, end);
    this.#at = end;
  }

  /** Scans code to the end of the file or, inside a template, to the brace that closes its hole. */
  #scanCode(insideTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      const next = this.#text[this.#at + 1];
      if (character === "/" && next === "/") this.#comment(this.#lineEnd(this.#at));
      else if (character === "/" && next === "*") this.#blockComment();
      else if (character === '"' || character === "'") this.#string(character);
      else if (character === "`") this.#template();
      else if (character === "/" && this.#regexMayFollow()) this.#regex();
      else {
        if (character === "{") depth++;
        if (character === "}" && depth-- === 0 && insideTemplate) return;
        this.#at++;
      }
    }
  }

  #blockComment(): void {
    const end = this.#text.indexOf("*/", this.#at + 2);
    this.#comment(end === -1 ? this.#text.length : end + 2);
  }

  #piece(start: number, end: number, open: boolean): void {
    this.strings.push({ start, end, text: this.#text.slice(start, end), open });
    this.#blank(start, end);
  }

  #string(quote: string): void {
    const start = ++this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== quote) {
      if (this.#text[this.#at] === "\n") break;
      this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    }
    this.#piece(start, this.#at, false);
    this.#at++;
  }

  #template(): void {
    let start = ++this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== "`") {
      if (this.#text[this.#at] === "\\") this.#at += 2;
      else if (this.#text.startsWith("${", this.#at)) {
        this.#piece(start, this.#at, true);
        this.#at += 2;
        this.#scanCode(true);
        start = ++this.#at;
      } else this.#at++;
    }
    this.#piece(start, this.#at, false);
    this.#at++;
  }

  #regexMayFollow(): boolean {
    const before = this.#code.slice(Math.max(0, this.#at - 40), this.#at).join("");
    return REGEX_MAY_FOLLOW.test(before);
  }

  #regex(): void {
    const start = this.#at++;
    let inClass = false;
    while (this.#at < this.#text.length && this.#text[this.#at] !== "\n") {
      const character = this.#text[this.#at];
      if (character === "\\") this.#at++;
      else if (character === "[") inClass = true;
      else if (character === "]") inClass = false;
      else if (character === "/" && !inClass) break;
      this.#at++;
    }
    this.#blank(start + 1, this.#at);
    this.#at++;
  }
}

/** Reads a file's text. */
export function readSource(path: string, text: string): Source {
  const scanner = new Scanner(text);
  const code = scanner.scan();
  return {
    path,
    text,
    code,
    strings: scanner.strings,
    comments: scanner.comments,
    lineStarts: lineStartsOf(text),
  };
}

/** The string piece that begins at an offset: the character after a quote. */
export function stringAt(source: Source, offset: number): StringPiece | undefined {
  let low = 0;
  let high = source.strings.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const piece = source.strings[middle]!;
    if (piece.start === offset) return piece;
    if (piece.start < offset) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
