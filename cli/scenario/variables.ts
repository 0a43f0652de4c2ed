/**
 * Variables of a scenario: `vars` declares them, `--set` replaces them, and `$name` or `${name}`
 * elsewhere stands for their values. A text that is nothing but a variable becomes its value,
 * number or not; inside a longer text `${name}` becomes its characters; `$$` is one dollar sign.
 */
import { ReelError } from "../../core/errors.ts";
import { didYouMean } from "../../core/suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import type { VariableValue } from "./scenario-spec.ts";
import { isMapping } from "./spec.ts";

const ALONE = /^\$(?:([A-Za-z][\w-]*)|\{([^{}]*)\})$/;
const INSIDE = /\$\$|\$\{([^{}]*)\}/g;

/**
 * Fills variables in, everywhere but in `vars`.
 * @param value a plain copy of the scenario; it is changed
 * @param set values that replace those of `vars`, as text
 * @throws {ReelError} ERR_USAGE when `set` names a variable that `vars` does not declare
 */
export function fillVariables(
  value: unknown,
  set: ReadonlyMap<string, string>,
  issues: Issues,
): unknown {
  if (!isMapping(value)) return value;
  const declared = isMapping(value["vars"]) ? value["vars"] : {};
  const values = new Map<string, VariableValue>();
  for (const [key, found] of Object.entries(declared)) {
    if (["string", "number", "boolean"].includes(typeof found)) {
      values.set(key, found as VariableValue);
    }
  }
  for (const [key, text] of set) {
    if (!Object.hasOwn(declared, key)) throw unknownVariable(key, Object.keys(declared));
    values.set(key, scalarOf(text));
  }
  const fill = (part: unknown, path: Path): unknown => {
    if (typeof part === "string") return fillText(part, path, values, issues);
    if (Array.isArray(part)) return part.map((entry, position) => fill(entry, [...path, position]));
    if (!isMapping(part)) return part;
    const entries = Object.entries(part);
    return Object.fromEntries(entries.map(([key, entry]) => [key, fill(entry, [...path, key])]));
  };
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, entry]) => [key, key === "vars" ? entry : fill(entry, [key])]),
  );
}

/** The text that {@link fillVariables} turns into this one. */
export function withoutVariables(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function fillText(
  text: string,
  path: Path,
  values: ReadonlyMap<string, VariableValue>,
  issues: Issues,
): unknown {
  if (!text.includes("$")) return text;
  const lookUp = (name: string): VariableValue | undefined => {
    const value = values.get(name);
    if (value === undefined) {
      const message = `Unknown variable ${show(name)} in ${pathText(path)}`;
      const known =
        values.size === 0 ? "the scenario has no vars" : `wanted ${listed(values.keys())}`;
      const help = didYouMean(name, values.keys()) ?? 'write "$$" for a dollar sign';
      issues.add(path, `${message}: ${known}`, help);
    }
    return value;
  };
  const alone = ALONE.exec(text);
  if (alone !== null) return lookUp(alone[1] ?? alone[2]!) ?? text;
  return text.replaceAll(INSIDE, (match, name: string | undefined) =>
    name === undefined ? "$" : String(lookUp(name) ?? match),
  );
}

/** The value that `--set name=text` means: as YAML would read it, a number, true, false or text. */
function scalarOf(text: string): VariableValue {
  if (text === "true" || text === "false") return text === "true";
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
}

function unknownVariable(name: string, known: readonly string[]): ReelError {
  const wanted = known.length === 0 ? "the scenario has no vars" : `wanted ${listed(known)}`;
  const mend = didYouMean(name, known);
  const options = mend === undefined ? {} : { mend };
  return new ReelError("ERR_USAGE", `Cannot set the variable ${show(name)}: ${wanted}`, options);
}
