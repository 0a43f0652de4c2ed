/**
 * Specifications of values: each says at once how a value is checked and brought into its normal
 * form, and what JSON Schema editors get for it. So the two cannot disagree.
 */
import { didYouMean } from "../../core/suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import {
  CHUNK_BYTES_MAX,
  DURATION_NS_MAX,
  NAME_LENGTH_MAX,
  TEXT_LENGTH_MAX,
  TRANSFER_BYTES_MAX,
} from "./limits.ts";
import { DURATION_PATTERN, SIZE_PATTERN, formatSize, parseDuration, parseSize } from "./units.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a specification answers for a value that it refuses: the issue is noted then. */
export const INVALID: unique symbol = Symbol("invalid");
export type Invalid = typeof INVALID;

export interface Spec<Out> {
  /** What is wanted, as a noun phrase: "a size such as 4KiB". */
  readonly wanted: string;
  /** Brings a value into its normal form, or notes what is wrong with it. */
  decode(value: unknown, path: Path, issues: Issues): Out | Invalid;
  readonly schema: JsonSchema;
}

/** A place where a value is filled in from `vars` before it is checked. */
const VARIABLE: JsonSchema = { $ref: "#/definitions/variable" };

function scalar<Out>(
  wanted: string,
  schema: readonly JsonSchema[],
  accept: (value: unknown) => Out | undefined,
): Spec<Out> {
  return {
    wanted,
    schema: { anyOf: [...schema, VARIABLE] },
    decode(value, path, issues) {
      const out = accept(value);
      if (out !== undefined) return out;
      issues.wanted(path, wanted, value);
      return INVALID;
    },
  };
}

/** Text of any characters but control characters other than line ends and tabs. */
export function text(wanted = "text", lengthMax = TEXT_LENGTH_MAX): Spec<string> {
  return {
    wanted,
    schema: { type: "string", maxLength: lengthMax },
    decode(value, path, issues) {
      if (typeof value === "string" && value.length <= lengthMax) return value;
      if (typeof value === "string") {
        const found = `${value.length} characters`;
        issues.add(path, `${pathText(path)} must be at most ${lengthMax} long: found ${found}`);
      } else {
        issues.wanted(path, wanted, value);
      }
      return INVALID;
    },
  };
}

export function oneOf<const Word extends string>(words: readonly Word[]): Spec<Word> {
  const wanted = `one of ${words.join(", ")}`;
  return {
    wanted,
    schema: { anyOf: [{ enum: words }, VARIABLE] },
    decode(value, path, issues) {
      if (words.includes(value as Word)) return value as Word;
      const help = typeof value === "string" ? didYouMean(value, words) : undefined;
      issues.wanted(path, wanted, value, help);
      return INVALID;
    },
  };
}

/** The one value that is allowed. */
export function exactly<const Value extends number>(only: Value): Spec<Value> {
  return scalar(String(only), [{ const: only }], (value) => (value === only ? only : undefined));
}

/** Yes or no. */
export const flag: Spec<boolean> = scalar("true or false", [{ type: "boolean" }], (value) =>
  typeof value === "boolean" ? value : undefined,
);

export function integer(minimum: number, maximum: number): Spec<number> {
  const wanted = `a whole number from ${minimum} to ${maximum}`;
  const accept = (value: unknown): number | undefined =>
    Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum
      ? (value as number) + 0
      : undefined;
  return scalar(wanted, [{ type: "integer", minimum, maximum }], accept);
}

/** A probability. */
export const rate: Spec<number> = scalar(
  "a number from 0 to 1",
  [{ type: "number", minimum: 0, maximum: 1 }],
  (value) => (typeof value === "number" && value >= 0 && value <= 1 ? value + 0 : undefined),
);

/** Bytes: a whole number, or text with a unit. */
export function size(minimum: number, maximum = TRANSFER_BYTES_MAX): Spec<number> {
  const wanted = `a size from ${formatSize(minimum)} to ${formatSize(maximum)}, such as 4KiB`;
  const schema = [
    { type: "integer", minimum, maximum },
    { type: "string", pattern: SIZE_PATTERN },
  ];
  return scalar(wanted, schema, (value) => {
    const bytes = parseSize(value);
    return bytes !== undefined && bytes >= minimum && bytes <= maximum ? bytes : undefined;
  });
}

export const chunkSize: Spec<number> = size(1, CHUNK_BYTES_MAX);

/** Nanoseconds under a key that says so: a whole number of them, or text with a unit. */
export function nanoseconds(minimum = 0, maximum = DURATION_NS_MAX): Spec<number> {
  const wanted = `a duration from ${minimum} ns to 100 days, such as 5ms, or whole nanoseconds`;
  const schema = [
    { type: "integer", minimum, maximum },
    { type: "string", pattern: DURATION_PATTERN },
  ];
  return scalar(wanted, schema, (value) => {
    const duration = typeof value === "number" ? value : parseDuration(value);
    const fits = Number.isSafeInteger(duration) && duration! >= minimum && duration! <= maximum;
    return fits ? duration! + 0 : undefined;
  });
}

export const NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_-]*$";
const nameForm = new RegExp(NAME_PATTERN);

/** The name of something that the scenario declares. */
export function name(of: string): Spec<string> {
  return {
    wanted: `the name of ${of}`,
    schema: { type: "string", minLength: 1, maxLength: NAME_LENGTH_MAX * 2 + 1 },
    decode(value, path, issues) {
      if (typeof value === "string" && value !== "") return value;
      issues.wanted(path, `the name of ${of}`, value);
      return INVALID;
    },
  };
}

export function list<Out>(
  item: Spec<Out>,
  limits: { minimum: number; maximum: number; of: string; single?: boolean },
): Spec<Out[]> {
  const { minimum, maximum, of } = limits;
  const count = minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`;
  const wanted = `a list of ${count} ${of}`;
  const array = { type: "array", items: item.schema, minItems: minimum, maxItems: maximum };
  return {
    wanted,
    schema: limits.single === true ? { anyOf: [item.schema, array] } : array,
    decode(value, path, issues) {
      if (!Array.isArray(value)) {
        if (limits.single === true && value !== null && typeof value !== "object") {
          const only = item.decode(value, path, issues);
          return only === INVALID ? INVALID : [only];
        }
        issues.wanted(path, wanted, value);
        return INVALID;
      }
      if (value.length < minimum || value.length > maximum) {
        const found = value.length === 0 ? "an empty list" : `${value.length} of them`;
        issues.add(path, `${pathText(path)} must be ${wanted}: found ${found}`);
        return INVALID;
      }
      const out: Out[] = [];
      for (const [position, entry] of value.entries()) {
        const decoded = item.decode(entry, [...path, position], issues);
        if (decoded !== INVALID) out.push(decoded);
      }
      return out.length === value.length ? out : INVALID;
    },
  };
}

/** A mapping from names that the scenario gives to values of one kind. */
export function named<Out>(
  item: Spec<Out>,
  limits: { maximum: number; of: string },
): Spec<Record<string, Out>> {
  const { maximum, of } = limits;
  const wanted = `a mapping from names to ${of}`;
  return {
    wanted,
    schema: {
      type: "object",
      propertyNames: { pattern: NAME_PATTERN, maxLength: NAME_LENGTH_MAX },
      additionalProperties: item.schema,
      maxProperties: maximum,
    },
    decode(value, path, issues) {
      if (!isMapping(value)) {
        issues.wanted(path, wanted, value);
        return INVALID;
      }
      const keys = Object.keys(value);
      if (keys.length > maximum) {
        const found = `${keys.length} of them`;
        issues.add(path, `${pathText(path)} must be at most ${maximum} ${of}: found ${found}`);
        return INVALID;
      }
      const out: [string, Out][] = [];
      for (const key of keys) {
        if (!nameForm.test(key) || key.length > NAME_LENGTH_MAX) {
          issues.add([...path, key], nameMessage(path, key), undefined, "key");
          continue;
        }
        const decoded = item.decode(value[key], [...path, key], issues);
        if (decoded !== INVALID) out.push([key, decoded]);
      }
      return out.length === keys.length ? Object.fromEntries(out) : INVALID;
    },
  };
}

function nameMessage(path: Path, key: string): string {
  const wanted = `a letter, then letters, digits, "_" and "-", at most ${NAME_LENGTH_MAX}`;
  return `A name in ${pathText(path)} must be ${wanted}: found ${show(key)}`;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Notes a key that does not belong. */
export function unknownKey(
  path: Path,
  key: string,
  known: readonly string[],
  issues: Issues,
): void {
  const message = `Unknown key ${show(key)} in ${pathText(path)}: wanted ${listed(known)}`;
  issues.add([...path, key], message, didYouMean(key, known), "key");
}
