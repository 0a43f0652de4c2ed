/**
 * Values that a provider describes by a schema of its own: a device's options, a kind's settings.
 * Numbers whose name says their unit may be written with it, at any depth.
 */
import { Value, type TSchema } from "../../core/schema.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import { INVALID, isMapping, unknownKey, type Invalid, type JsonSchema } from "./spec.ts";
import {
  DURATION_PATTERN,
  SIZE_PATTERN,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from "./units.ts";

/** As much of a schema as is looked at. */
interface Described {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly { readonly const?: unknown }[];
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema | readonly TSchema[];
  readonly required?: readonly string[];
}

export function propertiesOf(schema: TSchema): Readonly<Record<string, TSchema>> {
  return (schema as Described).properties ?? {};
}

/**
 * Checks values and fills in their defaults.
 * @param schema of an object
 * @param found without keys that are not the schema's to know
 * @param others those keys, for the list of known ones
 */
export function decodeBySchema(
  schema: TSchema,
  found: Readonly<Record<string, unknown>>,
  place: { path: Path; issues: Issues; others?: readonly string[] },
): Record<string, unknown> | Invalid {
  const { issues, others = [], path } = place;
  const before = issues.list.length;
  const filled = withUnits(schema, found, path, issues, others);
  if (issues.list.length > before) return INVALID;
  const complete = Value.Default(schema, filled) as Record<string, unknown>;
  const seen = new Set<string>();
  for (const error of Value.Errors(schema, complete)) {
    const at = error.path.split("/").slice(1).map(keyOf);
    const key = at.at(-1);
    // The first mistake of a value is enough, also of one inside a list.
    if (key === undefined || at.some((_, depth) => seen.has(String(at.slice(0, depth + 1)))))
      continue;
    seen.add(String(at));
    const inner = schemaAt(schema, at);
    const wanted = wantedBy(String(key), inner);
    const given = valueAt(found, at);
    const holder = at.slice(0, -1);
    const where = [...path, ...holder];
    if (given !== undefined) issues.wanted([...path, ...at], wanted, given);
    else if (typeof key === "number") {
      const whole = wantedBy(String(holder.at(-1)), schemaAt(schema, holder));
      issues.add(where, `${pathText(where)} must be ${whole}: found ${key}`);
    } else issues.add(where, `${pathText(where)} lacks ${show(key)}: wanted ${wanted}`);
  }
  return issues.list.length > before ? INVALID : complete;
}

const keyOf = (part: string): string | number => (/^\d+$/.test(part) ? Number(part) : part);

/** A copy with durations and sizes as numbers. Notes keys that the schema does not have. */
function withUnits(
  schema: TSchema,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  issues: Issues,
  others: readonly string[],
): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const entries: [string, unknown][] = [];
  for (const [key, part] of Object.entries(value)) {
    const at = [...path, key];
    if (!Object.hasOwn(properties, key)) {
      unknownKey(path, key, [...others, ...Object.keys(properties)], issues);
    } else entries.push([key, inUnits(key, part, properties[key]!, at, issues)]);
  }
  return Object.fromEntries(entries);
}

function inUnits(
  key: string,
  value: unknown,
  schema: TSchema,
  path: Path,
  issues: Issues,
): unknown {
  if (isMapping(value)) return withUnits(schema, value, path, issues, []);
  if (Array.isArray(value)) {
    return value.map((item, i) => {
      const inner = schemaAt(schema, [i]);
      return inner === undefined ? item : inUnits(key, item, inner, [...path, i], issues);
    });
  }
  if (isSize(key)) return parseSize(value) ?? value;
  if (isDuration(key)) return parseDuration(value) ?? value;
  return value;
}

const isSize = (key: string): boolean => /Bytes(?:PerSecond)?$/.test(key);
const isDuration = (key: string): boolean => key.endsWith("Ns");

function schemaAt(schema: TSchema, at: readonly (string | number)[]): TSchema | undefined {
  let inner: TSchema | undefined = schema;
  for (const key of at) {
    const { items, properties } = (inner ?? {}) as Described;
    if (typeof key === "string") inner = properties?.[key];
    else inner = Array.isArray(items) ? items[key] : (items as TSchema | undefined);
  }
  return inner;
}

function valueAt(value: unknown, at: readonly (string | number)[]): unknown {
  let inner = value;
  for (const key of at) inner = (inner as Record<string | number, unknown> | undefined)?.[key];
  return inner;
}

function wantedBy(key: string, schema: TSchema | undefined): string {
  const { anyOf, items, maximum, minimum, type } = (schema ?? {}) as Described;
  if (anyOf?.every((choice) => choice.const !== undefined) === true) {
    return `one of ${anyOf.map((choice) => String(choice.const)).join(", ")}`;
  }
  if (type === "array") return Array.isArray(items) ? `a list of ${items.length}` : "a list";
  if (type === "object") return `a mapping with ${listed(Object.keys(propertiesOf(schema!)))}`;
  if (type !== "integer" && type !== "number") return type === undefined ? "valid" : `a ${type}`;
  const noun = type === "integer" ? "a whole number" : "a number";
  if (minimum === undefined || maximum === undefined) return noun;
  if (isSize(key)) return `a size from ${formatSize(minimum)} to ${formatSize(maximum)}`;
  if (isDuration(key)) {
    return `a duration from ${formatDuration(minimum)} to ${formatDuration(maximum)}`;
  }
  return `${noun} from ${minimum} to ${maximum}`;
}

/** What editors get for an object: numbers with units, and variables in place of values. */
export function describeObject(
  schema: TSchema,
  also: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  const properties: Record<string, JsonSchema> = { ...also };
  const known = propertiesOf(schema);
  for (const [key, inner] of Object.entries(known)) properties[key] = describe(key, inner);
  const needed = (schema as Described).required ?? [];
  const required = needed.filter((key) => known[key]?.default === undefined);
  const all = [...Object.keys(also), ...required];
  return {
    type: "object",
    properties,
    ...(all.length > 0 ? { required: all } : {}),
    additionalProperties: false,
  };
}

function describe(key: string, schema: TSchema): JsonSchema {
  const { description, default: fallback, ...bare } = schema;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  const { items, type } = bare as Described;
  if (type === "object") return { ...about, ...describeObject(schema) };
  if (type === "array") {
    const inner = Array.isArray(items)
      ? items.map((item) => describe(key, item))
      : describe(key, items as TSchema);
    return { ...about, ...bare, items: inner };
  }
  const forms: JsonSchema[] = [bare];
  if (isSize(key)) forms.push({ type: "string", pattern: SIZE_PATTERN });
  if (isDuration(key)) forms.push({ type: "string", pattern: DURATION_PATTERN });
  return { ...about, anyOf: [...forms, { $ref: "#/definitions/variable" }] };
}
