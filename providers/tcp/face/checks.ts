/** Looks at what people give to the methods of the face, before anything begins. */
import { ReelError, type IoBuffer } from "../../../core/provider/index.ts";

/** What can be sent. */
export type Writable = Uint8Array | string | IoBuffer;

const encoder = new TextEncoder();

function isBuffer(value: unknown): value is IoBuffer {
  return typeof value === "object" && value !== null && "sizeBytes" in value && "bytes" in value;
}

/** Why something cannot be sent, or undefined if it can. */
export function unwritable(action: string, source: unknown): TypeError | undefined {
  return typeof source === "string" ? undefined : noMemory(action, source, ", a string");
}

/** Why bytes cannot be read into something, or undefined if they can. */
export function unfillable(action: string, target: unknown): TypeError | undefined {
  return noMemory(action, target, "");
}

function noMemory(action: string, memory: unknown, others: string): TypeError | undefined {
  if (memory instanceof Uint8Array || isBuffer(memory)) return undefined;
  const found = Bun.inspect(memory, { depth: 0 });
  return new TypeError(
    `Cannot ${action}: found ${found}, wanted a Uint8Array${others} or an IoBuffer`,
  );
}

/** @throws {TypeError} for what is no signal */
export function requireSignal(action: string, signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  const found = Bun.inspect(signal, { depth: 0 });
  throw new TypeError(`Cannot ${action}: signal must be an AbortSignal: found ${found}`);
}

/** @throws {RangeError} for what is no duration */
export function requireTimeout(action: string, timeoutNs: unknown): void {
  if (Number.isSafeInteger(timeoutNs) && (timeoutNs as number) >= 0) return;
  const found = Bun.inspect(timeoutNs, { depth: 0 });
  throw new RangeError(`Cannot ${action}: timeoutNs must be a whole number from 0: found ${found}`);
}

/**
 * The options that a port, or an object of options, stands for.
 * @throws {TypeError} for anything else
 * @throws {ReelError} ENAMETOOLONG for a path of more than 107 bytes of UTF-8
 */
export function optionsOf<T extends { path?: string }>(
  action: string,
  given: T | number,
): T | { port: number } {
  if (typeof given === "number") return { port: given };
  if (typeof given !== "object" || given === null) {
    const found = Bun.inspect(given, { depth: 0 });
    throw new TypeError(`Cannot ${action}: found ${found}, wanted a port or an object of options`);
  }
  const { path } = given;
  const sizeBytes = typeof path === "string" ? Buffer.byteLength(path) : 0;
  // sun_path of sockaddr_un has 108 bytes with its NUL (unix(7)).
  if (sizeBytes < 108) return given;
  throw new ReelError("ENAMETOOLONG", `Cannot ${action} ${path}: the path has ${sizeBytes} bytes`, {
    mend: "Choose a path of at most 107 bytes",
  });
}

/**
 * One array of all pieces.
 * @throws {TypeError} for a piece that cannot be sent
 * @throws {ReelError} ERR_BAD_HANDLE for a buffer that was disposed of
 */
export function gather(sources: readonly Writable[]): Uint8Array {
  if (!Array.isArray(sources)) {
    throw new TypeError(`Cannot write: found ${typeof sources}, wanted a list of pieces`);
  }
  const pieces = sources.map((source: Writable) => {
    const wrong = unwritable("write", source);
    if (wrong !== undefined) throw wrong;
    if (typeof source === "string") return encoder.encode(source);
    return source instanceof Uint8Array ? source : source.bytes;
  });
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
