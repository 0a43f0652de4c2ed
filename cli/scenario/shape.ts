/**
 * Specifications of mappings with known keys, and of mappings with exactly one key out of several,
 * which is how a step says what it does.
 */
import { didYouMean } from "../../core/suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import {
  INVALID,
  isMapping,
  unknownKey,
  type Invalid,
  type JsonSchema,
  type Spec,
} from "./spec.ts";

/** One key of a shape. */
export interface Field<Out> {
  readonly spec: Spec<Out>;
  /** For editors and the documentation. */
  readonly about: string;
  readonly presence: "required" | "optional" | "defaulted";
  readonly fallback?: Out;
}

export function required<Out>(spec: Spec<Out>, about: string): Field<Out> {
  return { spec, about, presence: "required" };
}

/** May be left out, and is left out of the normal form then. */
export function optional<Out>(spec: Spec<Out>, about: string): Field<Out> {
  return { spec, about, presence: "optional" };
}

/** May be left out; the normal form has the default then. */
export function defaulted<Out>(spec: Spec<Out>, fallback: Out, about: string): Field<Out> {
  return { spec, about, presence: "defaulted", fallback };
}

/** One field for every key of the normal form: a missing or a misspelt one does not compile. */
export type Fields<Out> = {
  readonly [Key in keyof Out]-?: Field<Exclude<Out[Key], undefined>>;
};

export interface ShapeOptions<Out> {
  /** The key that a value stands for which is no mapping: `sleep: 5ms` is `{ durationNs: 5ms }`. */
  short?: keyof Out & string;
  /** What the short form is made of, where that differs from the key's own form. */
  shortSpec?: Spec<unknown>;
  /** Checks what concerns several keys. Called when every key is in order. */
  check?(out: Out, path: Path, issues: Issues): void;
}

/** A mapping with these keys and no others. */
export function shape<Out extends object>(
  wanted: string,
  fields: Fields<Out>,
  options: ShapeOptions<Out> = {},
): Spec<Out> {
  const known = Object.keys(fields);
  const { short, shortSpec, check } = options;
  return {
    wanted,
    get schema() {
      return shapeSchema(fields as AnyFields, short, shortSpec);
    },
    decode(value, path, issues) {
      let mapping = value;
      if (!isMapping(value)) {
        if (short === undefined || value === null || value === undefined) {
          issues.wanted(path, wanted, value);
          return INVALID;
        }
        const inner = shortSpec === undefined ? value : shortSpec.decode(value, path, issues);
        if (inner === INVALID) return INVALID;
        mapping = { [short]: inner };
      }
      const found = mapping as Record<string, unknown>;
      const out = decodeFields<Out>(found, known, fields as AnyFields, path, issues);
      if (out !== INVALID) {
        const before = issues.list.length;
        check?.(out, path, issues);
        if (issues.list.length > before) return INVALID;
      }
      return out;
    },
  };
}

type AnyFields = Readonly<Record<string, Field<unknown>>>;

function decodeFields<Out>(
  found: Record<string, unknown>,
  known: readonly string[],
  fields: AnyFields,
  path: Path,
  issues: Issues,
): Out | Invalid {
  let sound = true;
  for (const key of Object.keys(found)) {
    if (known.includes(key)) continue;
    unknownKey(path, key, known, issues);
    sound = false;
  }
  const out: [string, unknown][] = [];
  for (const key of known) {
    const { spec, presence, fallback } = fields[key]!;
    if (!Object.hasOwn(found, key) || found[key] === undefined) {
      if (presence === "defaulted") out.push([key, structuredClone(fallback)]);
      if (presence !== "required") continue;
      issues.add(path, `${pathText(path)} lacks "${key}": wanted ${spec.wanted}`);
      sound = false;
      continue;
    }
    const decoded = spec.decode(found[key], [...path, key], issues);
    if (decoded === INVALID) sound = false;
    else out.push([key, decoded]);
  }
  return sound ? (Object.fromEntries(out) as Out) : INVALID;
}

function shapeSchema(fields: AnyFields, short?: string, shortSpec?: Spec<unknown>): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const wanted: string[] = [];
  for (const [key, { spec, about, presence, fallback }] of Object.entries(fields)) {
    const schema = { description: about, ...spec.schema };
    properties[key] = presence === "defaulted" ? { ...schema, default: fallback } : schema;
    if (presence === "required") wanted.push(key);
  }
  const object: JsonSchema = {
    type: "object",
    properties,
    additionalProperties: false,
    ...(wanted.length > 0 ? { required: wanted } : {}),
  };
  if (short === undefined) return object;
  return { anyOf: [(shortSpec ?? fields[short]!.spec).schema, object] };
}

/** The ways of saying something, by the key that says it. */
export type Choices<Out> = {
  readonly [Key in AllKeys<Out>]: {
    readonly spec: Spec<Extract<Out, Readonly<Record<Key, unknown>>>[Key]>;
    readonly about: string;
  };
};
type AllKeys<Union> = Union extends unknown ? keyof Union & string : never;

/**
 * A mapping with exactly one key, out of these.
 * @param noun what such a mapping is: "step"
 */
export function oneKey<Out extends object>(
  wanted: string,
  choices: Choices<Out>,
  noun = "step",
): Spec<Out> {
  const all = choices as Readonly<Record<string, { spec: Spec<unknown>; about: string }>>;
  const known = Object.keys(all);
  return {
    wanted,
    get schema() {
      const forms = Object.entries(all).map(([key, { spec, about }]) => ({
        type: "object",
        description: about,
        properties: { [key]: { description: about, ...spec.schema } },
        required: [key],
        additionalProperties: false,
      }));
      return { anyOf: forms };
    },
    decode(value, path, issues) {
      if (!isMapping(value)) {
        issues.wanted(path, wanted, value, bareWordHelp(value, known));
        return INVALID;
      }
      const keys = Object.keys(value);
      const unknown = keys.find((key) => !known.includes(key));
      if (unknown !== undefined) {
        const message = `Unknown ${noun} ${show(unknown)} in ${pathText(path)}`;
        const help = didYouMean(unknown, known);
        issues.add([...path, unknown], `${message}: wanted ${known.join(", ")}`, help, "key");
        return INVALID;
      }
      if (keys.length !== 1) {
        const found = keys.length === 0 ? "none" : listed(keys);
        const message = `${pathText(path)} must be one ${noun}: found ${found}`;
        issues.add(path, message, keys.length > 1 ? `put a "- " before each ${noun}` : undefined);
        return INVALID;
      }
      const key = keys[0]!;
      const decoded = all[key]!.spec.decode(value[key], [...path, key], issues);
      return decoded === INVALID ? INVALID : ({ [key]: decoded } as Out);
    },
  };
}

function bareWordHelp(value: unknown, known: readonly string[]): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = known.find((key) => value.startsWith(key)) ?? undefined;
  return name === undefined ? undefined : `write "${name}: ..." with a space after the colon`;
}
