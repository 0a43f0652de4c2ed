/** Checks what people give against a provider's schema, in words that name what is wrong. */
import { Value, type TSchema } from "../schema.ts";
import { nearest } from "../suggest.ts";

const PROBLEMS_MAX = 5;

/**
 * Fills in defaults and checks.
 * @param action what cannot be done with a wrong value: "open pipe"
 * @param what the value as a whole: "options"
 * @returns a copy with the defaults
 * @throws {TypeError} naming every field that is wrong
 */
export function checkSchema(
  action: string,
  what: string,
  schema: TSchema,
  value: unknown,
): unknown {
  const filled = Value.Default(schema, cloneOf(action, what, value ?? {}));
  if (Value.Check(schema, filled)) return filled;
  const problems = [...Value.Errors(schema, filled)].slice(0, PROBLEMS_MAX);
  const lines = problems.map((problem) => describe(problem, what, schema));
  throw new TypeError(`Cannot ${action}: ${lines.join("; ")}`);
}

interface Problem {
  readonly path: string;
  readonly message: string;
  readonly value: unknown;
  readonly schema: TSchema;
}

/** What is wrong with one field, and what would be right where that can be listed. */
function describe(problem: Problem, what: string, schema: TSchema): string {
  const { message, path, schema: wanted, value } = problem;
  const name = path === "" ? what : path.slice(1);
  const found = JSON.stringify(value);
  if (message === "Unexpected property") {
    const known = Object.keys((schema as { properties?: object }).properties ?? {});
    const meant = nearest(name, known);
    const mend = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
    return `${name}: there is no such option, found ${found}: ${mend}`;
  }
  const choices = (wanted["anyOf"] as readonly { const?: unknown }[] | undefined) ?? [];
  if (choices.length === 0 || choices.some((choice) => choice.const === undefined)) {
    return `${name}: ${message.toLowerCase()}: found ${found}`;
  }
  const list = choices.map((choice) => JSON.stringify(choice.const)).join(", ");
  return `${name}: wanted one of ${list}: found ${found}`;
}

/** @throws {TypeError} for what is no plain data: a function, a signal */
function cloneOf(action: string, what: string, value: object): unknown {
  try {
    return structuredClone(value);
  } catch (cause) {
    const names = Object.keys(value).join(", ");
    const text = `Cannot ${action}: ${what} must be plain data: found other objects in ${names}`;
    throw new TypeError(text, { cause });
  }
}
