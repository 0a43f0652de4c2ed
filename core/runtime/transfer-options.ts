/** Where a transfer takes place, as programs say it, and what of it can be checked by anybody. */
import type { StartRequest } from "../engine/engine.ts";
import { OutOfRangeError } from "../errors.ts";
import type { NamedOperation } from "./operation.ts";

/** What a descriptor's length can hold. */
export const RECEIVE_BYTES_MAX = 0x7fffffff;

/** Where a transfer takes place. */
export interface TransferOptions {
  /** Position, for what has positions (a timer: the delay in nanoseconds). Default 0. */
  offset?: number;
  /** First byte of the buffer to use. Default 0. */
  at?: number;
  /** Bytes of the buffer to use. Default: the rest of it. */
  length?: number;
  /** The operation's own number argument, if it has one. */
  argument?: number;
  /**
   * Cancels the operation when it is aborted. It then fails with the signal's reason, unless it was
   * over before the cancellation reached it. A signal that the host's clock aborts
   * (`AbortSignal.timeout`) is not part of a session: in what is to be replayed, use `timeout()`.
   */
  signal?: AbortSignal;
}

function refuse(
  { kind, operation }: NamedOperation,
  found: string,
  wanted: string,
  mend: string,
  details: Record<string, number>,
): never {
  const message = `Cannot ${operation} ${kind}: found ${found}, wanted ${wanted}`;
  throw new OutOfRangeError(message, { mend, details: { kind, operation, ...details } });
}

/** @throws {OutOfRangeError} for what is no number of bytes that one operation can move */
export function checkSize(operation: NamedOperation, sizeBytes: number): void {
  if (Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= RECEIVE_BYTES_MAX) return;
  const wanted = `a whole number from 0 to ${RECEIVE_BYTES_MAX}`;
  refuse(operation, `${sizeBytes} bytes`, wanted, "Give a whole number of bytes", {
    length: sizeBytes,
  });
}

/** @throws {OutOfRangeError} for a run that is not inside the buffer, or an offset that is none */
export function applyOptions(
  operation: NamedOperation,
  request: StartRequest,
  options: TransferOptions,
): void {
  const size = request.length;
  const { offset = 0, at = 0, argument = 0 } = options;
  const length = options.length ?? Math.max(0, size - at);
  if (!(Number.isInteger(at) && Number.isInteger(length) && at >= 0 && length >= 0)) {
    const found = `${length} bytes from byte ${at} of the buffer`;
    const mend = "Give a length and a place in the buffer that are whole and not negative";
    refuse(operation, found, "whole numbers from 0", mend, { offset, at, length });
  }
  if (at + length > size) {
    const found = `${length} bytes from byte ${at} of the buffer`;
    const mend = "Give a larger buffer, or a smaller length";
    refuse(operation, found, `at most its ${size} bytes`, mend, { offset, at, length });
  }
  if (!Number.isSafeInteger(offset)) {
    const mend = "Give an offset in whole bytes";
    refuse(operation, `offset ${offset}`, "a safe whole number", mend, { offset, at, length });
  }
  request.at = at;
  request.length = length;
  request.offset = offset;
  request.argument = argument;
}
