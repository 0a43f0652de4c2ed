/**
 * Cuts a predicate's text into words, numbers with their units, strings and signs, each with its
 * place, and says where the text is none.
 */
import { DURATION_UNITS, SIZE_UNITS } from "../../../units.ts";
import { ReelError } from "../../../errors.ts";

/** The longest text: it is typed by a person. */
export const PREDICATE_CHARACTERS_MAX = 4096;

export interface Token {
  readonly kind: "word" | "number" | "string" | "sign" | "end";
  /** As written; a string without its quotes. */
  readonly text: string;
  /** What a number comes to, in bytes or nanoseconds where it has a unit. */
  readonly value: number;
  /** Its place in the text. */
  readonly at: number;
  readonly length: number;
}

const UNITS = new Map<string, number>([["", 1], ...SIZE_UNITS, ...DURATION_UNITS]);

const SPACE = /\s*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_-]*/y;
const NUMBER = /-?(?:0x[0-9a-fA-F]+|[0-9][0-9_]*(?:\.[0-9]+)?)/y;
const UNIT = /[A-Za-zµ]*/y;
const STRING = /"(?:[^"\\]|\\.)*"|'[^']*'/y;
const SIGN = /&&|\|\||==|!=|<=|>=|[<>!~()]/y;

/**
 * The one error for a text that is no predicate, with the place below it.
 * @param candidates what would have been valid there
 */
export function refuseText(
  text: string,
  place: { at: number; length: number },
  message: string,
  candidates: readonly string[] = [],
  found = "",
): never {
  const line = text.replaceAll(/\s/g, " ");
  const caret = " ".repeat(place.at) + "^".repeat(Math.max(1, place.length));
  const list = candidates.length > 0 ? `Known are ${candidates.join(", ")}` : undefined;
  throw new ReelError(
    "ERR_USAGE",
    `Cannot read the expression: ${message}\n  ${line}\n  ${caret}`,
    {
      mend: list ?? 'Write it like: kind == complete && result < 0 && provider == "tcp"',
      details: { at: place.at, found, candidates },
    },
  );
}

/** @throws {ReelError} ERR_USAGE with the place */
export function tokenize(text: string): Token[] {
  if (text.length > PREDICATE_CHARACTERS_MAX) {
    throw new ReelError(
      "ERR_USAGE",
      `Cannot read the expression: it has ${text.length} characters, ` +
        `at most ${PREDICATE_CHARACTERS_MAX}`,
    );
  }
  const tokens: Token[] = [];
  let at = match(SPACE, text, 0)!.length;
  while (at < text.length) {
    const token = tokenAt(text, at);
    tokens.push(token);
    at += token.length;
    at += match(SPACE, text, at)!.length;
  }
  tokens.push({ kind: "end", text: "", value: Number.NaN, at, length: 0 });
  return tokens;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function tokenAt(text: string, at: number): Token {
  const plain = (kind: Token["kind"], found: string): Token => {
    return { kind, text: found, value: Number.NaN, at, length: found.length };
  };
  const sign = match(SIGN, text, at);
  if (sign !== undefined) return plain("sign", sign);
  const word = match(WORD, text, at);
  if (word !== undefined) return plain("word", word);
  const number = match(NUMBER, text, at);
  if (number !== undefined) return numberAt(text, at, number);
  const string = match(STRING, text, at);
  if (string === undefined) unknownAt(text, at);
  return { ...plain("string", unquoted(text, at, string)), length: string.length };
}

function numberAt(text: string, at: number, number: string): Token {
  const isHex = number.includes("x");
  const unit = isHex ? "" : match(UNIT, text, at + number.length)!;
  const length = number.length + unit.length;
  const factor = UNITS.get(unit);
  if (factor === undefined) {
    const place = { at: at + number.length, length: unit.length };
    const names = [...UNITS.keys()].filter((name) => name !== "");
    refuseText(text, place, `found unit ${unit}`, names, unit);
  }
  const sign = number.startsWith("-") ? -1 : 1;
  const digits = number.replaceAll("_", "").replace("-", "");
  const exact = sign * Number(digits) * factor;
  const value = Math.round(exact);
  if (!Number.isSafeInteger(value) || Math.abs(exact - value) > 1e-6) {
    refuseText(text, { at, length }, `${number}${unit} is no whole number up to 2^53`);
  }
  return { kind: "number", text: number + unit, value, at, length };
}

function unquoted(text: string, at: number, string: string): string {
  if (string.startsWith("'")) return string.slice(1, -1);
  try {
    return JSON.parse(string) as string;
  } catch {
    return refuseText(text, { at, length: string.length }, "found a string with a bad escape");
  }
}

function unknownAt(text: string, at: number): never {
  const found = text[at]!;
  const place = { at, length: 1 };
  if (found === '"' || found === "'") {
    refuseText(text, { at, length: text.length - at }, "found a string that does not end");
  }
  const meant = { "=": "==", "&": "&&", "|": "||" }[found];
  const hint = meant === undefined ? "" : `, wanted ${meant}`;
  return refuseText(text, place, `found ${found}${hint}`);
}
