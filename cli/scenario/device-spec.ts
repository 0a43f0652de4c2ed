/**
 * Devices of a scenario, and settings of their kinds: dispatches on the kind first, so that a
 * misspelt kind is named as such, and then checks the values against the provider's own schema.
 */
import { didYouMean } from "../../core/suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import type { Kinds } from "./kinds.ts";
import type { ResolvedDevice, ResolvedScenario } from "./resolved.ts";
import { decodeBySchema, describeObject } from "./schema-values.ts";
import { INVALID, isMapping, type Invalid, type JsonSchema, type Spec } from "./spec.ts";

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
  const checked = decodeBySchema(description.options, options, { path, issues, others: ["kind"] });
  return checked === INVALID ? INVALID : { kind, ...checked };
}

function deviceSchema(kinds: Kinds): JsonSchema {
  const forms: JsonSchema[] = [
    { enum: [...kinds.keys()], description: "A device with its defaults" },
  ];
  for (const [kind, { options }] of kinds) {
    forms.push(describeObject(options, { kind: { const: kind } }));
  }
  return { anyOf: forms };
}

/** What providers as a whole are started with: settings by kind. */
export function settingsSpec(kinds: Kinds): Spec<ResolvedScenario["settings"]> {
  const able = [...kinds.values()].filter(({ settings }) => settings !== undefined);
  const words = able.map(({ kind }) => kind);
  const wanted = `a mapping from kinds (${listed(words)}) to their settings`;
  return {
    wanted,
    get schema() {
      const forms = able.map(({ kind, settings }) => [kind, describeObject(settings!)]);
      return {
        type: "object",
        properties: Object.fromEntries(forms),
        additionalProperties: false,
      };
    },
    decode(value, path, issues) {
      if (!isMapping(value)) {
        issues.wanted(path, wanted, value);
        return INVALID;
      }
      const before = issues.list.length;
      const out: [string, Record<string, unknown>][] = [];
      for (const [kind, found] of Object.entries(value)) {
        const at = [...path, kind];
        const schema = able.find((each) => each.kind === kind)?.settings;
        if (schema === undefined) {
          const message = `No kind ${show(kind)} has settings: wanted ${listed(words)}`;
          issues.add(at, message, didYouMean(kind, words), "key");
        } else if (!isMapping(found)) {
          issues.wanted(at, "a mapping", found);
        } else {
          const checked = decodeBySchema(schema, found, { path: at, issues });
          if (checked !== INVALID) out.push([kind, checked]);
        }
      }
      return issues.list.length > before ? INVALID : Object.fromEntries(out);
    },
  };
}
