/**
 * Errors on their way from one thread to another. A structured clone loses the class, the code and
 * the mend of an error; these plain objects keep them, with the stack of the thread it happened in.
 */
import { OutOfRangeError, ReelError, type ErrorCode } from "../errors.ts";

/** An error as plain data. */
export type CarriedError =
  | {
      readonly kind: "error";
      /** Whether it was a {@link ReelError}. */
      readonly reel: boolean;
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
      readonly code: string | undefined;
      readonly mend: string | undefined;
      readonly details: Readonly<Record<string, unknown>> | undefined;
      readonly cause: CarriedError | undefined;
      /** Those of an AggregateError. */
      readonly errors: readonly CarriedError[] | undefined;
    }
  /** Something that was thrown and is no error. */
  | { readonly kind: "value"; readonly value: unknown };

/** A chain of causes may bite its own tail. */
const DEPTH_MAX = 8;

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Takes an error apart. What cannot be cloned of it goes as text. */
export function packError(thrown: unknown, depth = 0): CarriedError {
  if (!(thrown instanceof Error)) return { kind: "value", value: cloneable(thrown) };
  const { name, message, stack, cause } = thrown;
  const { code } = thrown as { code?: unknown };
  const reel = thrown instanceof ReelError;
  const telling = reel || thrown instanceof OutOfRangeError;
  const deeper = (inner: unknown): CarriedError | undefined =>
    inner === undefined || depth === DEPTH_MAX ? undefined : packError(inner, depth + 1);
  const errors = thrown instanceof AggregateError ? thrown.errors : undefined;
  return {
    kind: "error",
    reel,
    name,
    message,
    stack,
    code: typeof code === "string" ? code : undefined,
    mend: telling ? thrown.mend : undefined,
    details: telling ? (cloneable(thrown.details) as Record<string, unknown>) : undefined,
    cause: deeper(cause),
    errors: errors?.flatMap((inner) => deeper(inner) ?? []),
  };
}

/** Puts an error together again: of the same class where the language or ioreel has it. */
export function unpackError(carried: CarriedError): unknown {
  if (carried.kind === "value") return carried.value;
  const error = bare(carried);
  if (error.name !== carried.name) define(error, "name", carried.name);
  if (carried.stack !== undefined) define(error, "stack", carried.stack);
  return error;
}

function bare(carried: CarriedError & { kind: "error" }): Error {
  const { code, message, mend, details } = carried;
  const cause = carried.cause === undefined ? undefined : unpackError(carried.cause);
  if (carried.reel) {
    return new ReelError(code as ErrorCode, message, {
      ...(mend === undefined ? {} : { mend }),
      ...(typeof details === "object" ? { details } : {}),
      ...(cause === undefined ? {} : { cause }),
    });
  }
  if (code === "ERR_OUT_OF_RANGE" && mend !== undefined) {
    return new OutOfRangeError(message, { mend, details });
  }
  const Class = CLASSES[carried.name] ?? Error;
  const error =
    carried.errors === undefined
      ? new Class(message)
      : new AggregateError(carried.errors.map(unpackError), message);
  if (cause !== undefined) define(error, "cause", cause);
  if (code !== undefined) define(error, "code", code);
  return error;
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}

/** The value if it can be sent to another thread, else what it looks like. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return Bun.inspect(value);
  }
}
