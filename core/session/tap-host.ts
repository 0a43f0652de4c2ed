/**
 * Host calls with a tap: what was asked and what came of it. A path is a fact of the host and stays
 * out of the session, as do the texts of errors.
 */
import type { HostCalls } from "../backend/contract.ts";
import { isReelError, resultOfCode } from "../errors.ts";
import { HOST_CALL } from "./event.ts";
import type { Tap } from "./tap.ts";

/** What is recorded of a host call: its arguments as numbers. */
export const hostArguments = {
  pipe: (capacityBytes: number): readonly number[] => [capacityBytes],
  close: (file: number): readonly number[] => [file],
  open: (flags: number, mode: number): readonly number[] => [flags, mode],
  peekPipe: (reader: number): readonly number[] => [reader],
  write: (file: number, bytes: Uint8Array): readonly number[] => [
    file,
    bytes.length,
    Bun.hash.crc32(bytes),
  ],
};

export class TapHost implements HostCalls {
  readonly #inner: HostCalls;
  readonly #tap: Tap;

  constructor(inner: HostCalls, tap: Tap) {
    this.#inner = inner;
    this.#tap = tap;
  }

  pipe(capacityBytes: number): [reader: number, writer: number] {
    const args = hostArguments.pipe(capacityBytes);
    const files = this.#call(HOST_CALL.PIPE, args, () => this.#inner.pipe(capacityBytes));
    this.#tap.host(HOST_CALL.PIPE, args, [0, ...files], undefined);
    return files;
  }

  close(file: number): void {
    const args = hostArguments.close(file);
    this.#call(HOST_CALL.CLOSE, args, () => this.#inner.close(file));
    this.#tap.host(HOST_CALL.CLOSE, args, [0], undefined);
  }

  open(path: string, flags: number, mode: number): number {
    const args = hostArguments.open(flags, mode);
    const file = this.#call(HOST_CALL.OPEN, args, () => this.#inner.open(path, flags, mode));
    this.#tap.host(HOST_CALL.OPEN, args, [0, file], undefined);
    return file;
  }

  peekPipe(reader: number): Uint8Array {
    const args = hostArguments.peekPipe(reader);
    const bytes = this.#call(HOST_CALL.PEEK_PIPE, args, () => this.#inner.peekPipe(reader));
    this.#tap.host(HOST_CALL.PEEK_PIPE, args, [0], bytes);
    return bytes;
  }

  write(file: number, bytes: Uint8Array): void {
    const args = hostArguments.write(file, bytes);
    this.#call(HOST_CALL.WRITE, args, () => this.#inner.write(file, bytes));
    this.#tap.host(HOST_CALL.WRITE, args, [0], undefined);
  }

  /** Makes the call and reports its failure. Wrong arguments never reached the host. */
  #call<T>(call: number, args: readonly number[], make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (isReelError(error)) this.#tap.host(call, args, [resultOfCode(error.code)], undefined);
      throw error;
    }
  }
}
