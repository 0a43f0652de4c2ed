/** Checks what people give against a provider's schema, in words that name what is wrong. */
import { Value, type TSchema } from "../schema.ts";

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
  const lines = problems.map(({ path, message, value: found }) => {
    const name = path === "" ? what : path.slice(1);
    return `${name}: ${message.toLowerCase()}: found ${JSON.stringify(found)}`;
  });
  throw new TypeError(`Cannot ${action}: ${lines.join("; ")}`);
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
