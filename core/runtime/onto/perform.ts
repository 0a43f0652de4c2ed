/** One operation of a session, done again on an open end. */
import { codeOfResult, isReelError, resultOfCode, type ErrorCode } from "../../errors.ts";
import type { OpenEnd, TransferOptions } from "../open-end.ts";
import type { Runtime } from "../runtime.ts";
import type { LoggedOperation } from "./log.ts";

/** How an operation came out now. */
export interface Outcome {
  startNs: number;
  endNs: number;
  /** Bytes that it moved, or a negative result word; undefined when it did not come to an end. */
  result: number | undefined;
  /** CRC-32 of what it brought. */
  checksum: number;
}

/** One end, or several by name beside `close`. */
export function endsOf(opened: object): OpenEnd[] {
  if ("handle" in opened) return [opened as OpenEnd];
  return Object.values(opened).filter((value): value is OpenEnd => typeof value === "object");
}

/** The code of what an operation failed with. */
export function codeOf(error: unknown): ErrorCode {
  const code = (error as { code?: unknown } | undefined)?.code;
  return isReelError(error) || typeof code === "string"
    ? (code as ErrorCode)
    : "ERR_PROVIDER_FAULT";
}

/**
 * Does an operation again.
 * @param outcome filled in; its times are the caller's
 */
export async function performAgain(
  io: Runtime,
  end: OpenEnd,
  operation: LoggedOperation,
  signal: AbortSignal | undefined,
  outcome: Outcome,
): Promise<void> {
  try {
    if (operation.direction === "read") await readAgain(io, end, operation, signal, outcome);
    else {
      const { argument, name, offset, payload } = operation;
      const options = optionsOf(offset, argument, signal);
      outcome.result = await end.perform(name, payload, options);
    }
  } catch (error) {
    outcome.result = resultOfCode(codeOf(error));
  }
}

/**
 * Reads. A stream may bring its bytes in other pieces than before: what a read brought then is read
 * to its end now.
 */
async function readAgain(
  io: Runtime,
  end: OpenEnd,
  operation: LoggedOperation,
  signal: AbortSignal | undefined,
  outcome: Outcome,
): Promise<void> {
  const { argument, comparison, ended, length, name, offset, result } = operation;
  const exact = comparison === "stream" && ended !== -1 && result > 0;
  let left = exact ? result : length;
  const buffer = io.buffer(Math.max(1, Math.min(left, length)));
  let total = 0;
  let checksum = 0;
  try {
    do {
      const piece = Math.min(left, length);
      const options = { ...optionsOf(offset, argument, signal), length: piece };
      const count = await end.perform(name, buffer, options);
      checksum = Bun.hash.crc32(buffer.bytes.subarray(0, count), checksum);
      total += count;
      left -= count;
      if (count === 0) break;
    } while (exact && left > 0);
    outcome.result = total;
    outcome.checksum = checksum;
  } finally {
    buffer.dispose();
  }
}

function optionsOf(
  offset: number,
  argument: number,
  signal: AbortSignal | undefined,
): TransferOptions {
  return signal === undefined ? { offset, argument } : { offset, argument, signal };
}

/** How an outcome reads. */
export function describeResult(result: number | undefined): string {
  if (result === undefined) return "no end";
  return result < 0 ? codeOfResult(result) : `${result}`;
}
