/**
 * Predicates over events, as people type them: `kind == complete && result < 0 || length > 64KiB`.
 * A text is compiled once into nested functions over records; nothing of it is ever executed.
 *
 *     or      = and { "||" and }          not  = "!" not | "(" or ")" | test
 *     and     = not { "&&" not }          test = FIELD [ COMPARISON value ]
 *
 * A comparison with a field that the event does not have is false, whichever it is. A field alone
 * asks whether the event has it.
 */
import { EVENT } from "../../event.ts";
import type { PlacePredicate } from "../timeline.ts";
import { FIELDS } from "./fields.ts";
import type { Field, ReadNumber } from "./fields.ts";
import { refuseText, tokenize } from "./lexer.ts";
import type { Token } from "./lexer.ts";
import { NAMES, NOUNS, operationCode, operationCodes, RESULT_NAMES } from "./names.ts";
import type { PredicateNames } from "./names.ts";

/** Parentheses and negations in each other, at most. */
const DEPTH_MAX = 64;

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "~"] as const;
type Comparison = (typeof COMPARISONS)[number];

const isComparison = (token: Token): boolean =>
  token.kind === "sign" && (COMPARISONS as readonly string[]).includes(token.text);

/**
 * Compiles a predicate.
 * @throws {ReelError} ERR_USAGE that shows the place; its details say what would have been valid
 */
export function compilePredicate(text: string, names: PredicateNames): PlacePredicate {
  return new PredicateParser(text, names).whole();
}

class PredicateParser {
  readonly #text: string;
  readonly #names: PredicateNames;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string, names: PredicateNames) {
    this.#text = text;
    this.#names = names;
    this.#tokens = tokenize(text);
  }

  whole(): PlacePredicate {
    const test = this.#or();
    const rest = this.#peek();
    if (rest.kind !== "end") this.#refuse(rest, `found ${rest.text}, wanted && or || or the end`);
    return test;
  }

  #or(): PlacePredicate {
    let left = this.#and();
    while (this.#takes("||")) {
      const [first, second] = [left, this.#and()];
      left = (record, table) => first(record, table) || second(record, table);
    }
    return left;
  }

  #and(): PlacePredicate {
    let left = this.#not();
    while (this.#takes("&&")) {
      const [first, second] = [left, this.#not()];
      left = (record, table) => first(record, table) && second(record, table);
    }
    return left;
  }

  #not(): PlacePredicate {
    const token = this.#peek();
    if (++this.#depth > DEPTH_MAX) this.#refuse(token, "it is nested too deeply");
    let test: PlacePredicate;
    if (this.#takes("!")) {
      const inner = this.#not();
      test = (record, table) => !inner(record, table);
    } else if (this.#takes("(")) {
      test = this.#or();
      const close = this.#peek();
      if (!this.#takes(")")) this.#refuse(close, "wanted ) to match the ( before");
    } else test = this.#test();
    this.#depth--;
    return test;
  }

  #test(): PlacePredicate {
    const token = this.#take();
    const field = token.kind === "word" ? FIELDS.get(token.text) : undefined;
    if (field === undefined) this.#refuseName(token, "a field", [...FIELDS.keys()]);
    const { read } = field;
    if (!isComparison(this.#peek())) {
      return (record, table) => !Number.isNaN(read(record, table));
    }
    const sign = this.#take();
    const comparison = sign.text as Comparison;
    const value = this.#take();
    if (field.type === "text") return this.#textTest(sign, value);
    if (comparison === "~") return this.#bytesTest(token, field, sign, value);
    if (field.type === "operation" && value.kind !== "number") {
      return this.#operationTest(sign, value);
    }
    return compare(comparison, read, this.#value(token.text, field, value));
  }

  /** What stands to the right of a comparison of numbers. */
  #value(name: string, field: Field, token: Token): ReadNumber | number {
    if (token.kind === "number") return token.value;
    const { type } = field;
    const isName = token.kind === "word" || token.kind === "string";
    const known = isName ? this.#namesOf(type) : undefined;
    if (known !== undefined) {
      const found = known.get(token.text) ?? known.get(token.text.toUpperCase());
      if (found !== undefined) return found;
      this.#refuseName(token, NOUNS[type] ?? "a name", [...known.keys()]);
    }
    const other = token.kind === "word" ? FIELDS.get(token.text) : undefined;
    if (other !== undefined && other.type !== "text") return other.read;
    return this.#refuse(token, `found ${quoted(token)}, wanted a number to compare ${name} with`);
  }

  /** The names that stand for numbers of a field. */
  #namesOf(type: Field["type"]): ReadonlyMap<string, number> | undefined {
    if (type === "provider") {
      return new Map(this.#names.providers.map((kind, index) => [kind, index]));
    }
    return type === "result" ? this.#resultNames() : NAMES[type];
  }

  /** Errors, unless a field is meant: `result < length`. */
  #resultNames(): ReadonlyMap<string, number> | undefined {
    const { text } = this.#tokens[this.#next - 1]!;
    return FIELDS.has(text) ? undefined : RESULT_NAMES;
  }

  #textTest(sign: Token, value: Token): PlacePredicate {
    const wanted = value.text;
    if (value.kind !== "string" && value.kind !== "word") {
      this.#refuse(value, 'wanted a text, like "done"');
    }
    const has = FIELDS.get("text")!.read;
    switch (sign.text) {
      case "~":
        return (record, table) => has(record, table) === 1 && record.text.includes(wanted);
      case "==":
        return (record, table) => has(record, table) === 1 && record.text === wanted;
      case "!=":
        return (record, table) => has(record, table) === 1 && record.text !== wanted;
      default:
        return this.#refuse(sign, `found ${sign.text}, wanted ==, != or ~ for a text`);
    }
  }

  #bytesTest(token: Token, field: Field, sign: Token, value: Token): PlacePredicate {
    if (field.type !== "bytes") {
      this.#refuse(sign, `found ~ for ${token.text}, which is for text and bytes`);
    }
    if (value.kind !== "string" && value.kind !== "word") {
      this.#refuse(value, 'wanted a text to look for, like "GET /"');
    }
    const wanted = Buffer.from(value.text);
    return ({ bytes, kind }) => {
      if (bytes === undefined || (kind !== EVENT.COMPLETE && kind !== EVENT.HOST)) return false;
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(wanted);
    };
  }

  /** An operation by its name, whichever number it has with which provider. */
  #operationTest(sign: Token, value: Token): PlacePredicate {
    if (sign.text !== "==" && sign.text !== "!=") {
      this.#refuse(sign, `found ${sign.text}, wanted == or != for a name`);
    }
    const known = operationCodes(this.#names);
    const codes = known.get(value.text);
    if (codes === undefined) this.#refuseName(value, "an operation", [...known.keys()]);
    const provider = FIELDS.get("provider")!.read;
    const operation = FIELDS.get("operation")!.read;
    const wanted = sign.text === "==";
    return (record, table) => {
      const number = operation(record, table);
      if (Number.isNaN(number)) return false;
      return codes.has(operationCode(provider(record, table), number)) === wanted;
    };
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #takes(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== "sign" || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #refuse(place: Token, message: string): never {
    return refuseText(this.#text, place, message);
  }

  #refuseName(token: Token, wanted: string, candidates: readonly string[]): never {
    const message = `found ${quoted(token)}, wanted ${wanted}`;
    return refuseText(this.#text, token, message, candidates, token.text);
  }
}

function quoted(token: Token): string {
  if (token.kind === "end") return "the end";
  return token.kind === "string" ? JSON.stringify(token.text) : token.text;
}

/** NaN on either side compares with nothing. */
function compare(
  comparison: Comparison,
  left: ReadNumber,
  value: ReadNumber | number,
): PlacePredicate {
  const right: ReadNumber = typeof value === "number" ? () => value : value;
  switch (comparison) {
    case "<":
      return (record, table) => left(record, table) < right(record, table);
    case "<=":
      return (record, table) => left(record, table) <= right(record, table);
    case ">":
      return (record, table) => left(record, table) > right(record, table);
    case ">=":
      return (record, table) => left(record, table) >= right(record, table);
    case "==":
      return (record, table) => left(record, table) === right(record, table);
    default:
      return (record, table) => {
        const [one, other] = [left(record, table), right(record, table)];
        return one !== other && !Number.isNaN(one) && !Number.isNaN(other);
      };
  }
}
