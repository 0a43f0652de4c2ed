/**
 * Devices of a scenario: dispatches on the kind first, so that a misspelt kind is named as such,
 * and then checks the options against the provider's own schema.
 */
import { Value, type TSchema } from "../../core/schema.ts";
import { didYouMean } from "../suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import type { KindDescription, Kinds } from "./kinds.ts";
import type { ResolvedDevice } from "./resolved.ts";
import {
  INVALID,
  isMapping,
  unknownKey,
  type Invalid,
  type JsonSchema,
  type Spec,
} from "./spec.ts";
import {
  DURATION_PATTERN,
  SIZE_PATTERN,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from "./units.ts";

/** A device: its kind alone, or a mapping with the kind and its options. */
export function deviceSpec(kinds: Kinds): Spec<ResolvedDevice> {
  const words = [...kinds.keys()];
  const wanted = `a kind (${listed(words)}) or a mapping such as { kind: ${words[0] ?? "pipe"} }`;
  return {
    wanted,
    get schema() {
      return deviceSchema(kinds);
    },
    decode(value, path, issues) {
      if (typeof value === "string") return decodeKind({ kind: value }, kinds, path, issues);
      if (isMapping(value)) return decodeKind(value, kinds, path, issues);
      issues.wanted(path, wanted, value);
      return INVALID;
    },
  };
}

function decodeKind(
  found: Record<string, unknown>,
  kinds: Kinds,
  path: Path,
  issues: Issues,
): ResolvedDevice | Invalid {
  const words = [...kinds.keys()];
  const { kind, ...options } = found;
  if (typeof kind !== "string") {
    if (kind === undefined)
      issues.add(path, `${pathText(path)} lacks "kind": wanted ${listed(words)}`);
    else issues.wanted([...path, "kind"], `one of ${words.join(", ")}`, kind);
    return INVALID;
  }
  const description = kinds.get(kind);
  if (description === undefined) {
    const message = `No provider is of the kind ${show(kind)} in ${pathText(path)}`;
    issues.add([...path, "kind"], `${message}: wanted ${listed(words)}`, didYouMean(kind, words));
    return INVALID;
  }
  const checked = decodeOptions(description, options, path, issues);
  return checked === INVALID ? INVALID : { kind, ...checked };
}

function decodeOptions(
  description: KindDescription,
  options: Record<string, unknown>,
  path: Path,
  issues: Issues,
): Record<string, unknown> | Invalid {
  const properties = propertiesOf(description.options);
  const known = Object.keys(properties);
  const before = issues.list.length;
  const filled: Record<string, unknown> = {};
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(properties, key)) unknownKey(path, key, ["kind", ...known], issues);
    else filled[key] = inUnits(key, options[key]);
  }
  if (issues.list.length > before) return INVALID;
  const complete = Value.Default(description.options, filled) as Record<string, unknown>;
  const seen = new Set<string>();
  for (const error of Value.Errors(description.options, complete)) {
    const at = error.path.split("/").slice(1);
    const key = at[0];
    if (key === undefined || seen.has(key)) continue;
    seen.add(key);
    if (!Object.hasOwn(options, key)) {
      issues.add(
        path,
        `${pathText(path)} lacks "${key}": wanted ${wantedBy(key, properties[key])}`,
      );
      continue;
    }
    const wanted = at.length === 1 ? wantedBy(key, properties[key]) : error.message.toLowerCase();
    issues.wanted([...path, ...at], wanted, at.length === 1 ? options[key] : error.value);
  }
  return issues.list.length > before ? INVALID : complete;
}

/** Options say their unit at the end of their name, and may then be written with it. */
function inUnits(key: string, value: unknown): unknown {
  if (key.endsWith("Bytes")) return parseSize(value) ?? value;
  if (key.endsWith("Ns")) return parseDuration(value) ?? value;
  return value;
}

function propertiesOf(schema: TSchema): Record<string, TSchema> {
  return (schema as { properties?: Record<string, TSchema> }).properties ?? {};
}

function wantedBy(key: string, schema: TSchema | undefined): string {
  const { type, minimum, maximum, anyOf } = (schema ?? {}) as {
    type?: string;
    minimum?: number;
    maximum?: number;
    anyOf?: readonly { const?: unknown }[];
  };
  if (anyOf?.every((choice) => choice.const !== undefined) === true) {
    return `one of ${anyOf.map((choice) => String(choice.const)).join(", ")}`;
  }
  if (type !== "integer" && type !== "number") return type === undefined ? "valid" : `a ${type}`;
  const noun = type === "integer" ? "a whole number" : "a number";
  if (minimum === undefined || maximum === undefined) return noun;
  if (key.endsWith("Bytes")) return `a size from ${formatSize(minimum)} to ${formatSize(maximum)}`;
  if (key.endsWith("Ns")) {
    return `a duration from ${formatDuration(minimum)} to ${formatDuration(maximum)}`;
  }
  return `${noun} from ${minimum} to ${maximum}`;
}

function deviceSchema(kinds: Kinds): JsonSchema {
  const forms: JsonSchema[] = [
    { enum: [...kinds.keys()], description: "A device with its defaults" },
  ];
  for (const [kind, { options }] of kinds) {
    const properties: Record<string, unknown> = { kind: { const: kind } };
    for (const [key, schema] of Object.entries(propertiesOf(options))) {
      properties[key] = withUnits(key, schema);
    }
    const needed = (options as { required?: string[] }).required ?? [];
    const required = needed.filter((key) => propertiesOf(options)[key]?.default === undefined);
    forms.push({
      type: "object",
      properties,
      required: ["kind", ...required],
      additionalProperties: false,
    });
  }
  return { anyOf: forms };
}

function withUnits(key: string, schema: TSchema): JsonSchema {
  const { description, default: fallback, ...bare } = schema;
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
  const forms: JsonSchema[] = [bare];
  if (key.endsWith("Bytes")) forms.push({ type: "string", pattern: SIZE_PATTERN });
  if (key.endsWith("Ns")) forms.push({ type: "string", pattern: DURATION_PATTERN });
  return { ...about, anyOf: [...forms, { $ref: "#/definitions/variable" }] };
}
