/**
 * System calls that answer at once: pipes, opening and closing files, and looking into a pipe. They
 * speak of ring files, as requests do.
 */
import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import type { HostCalls } from "../contract.ts";
import {
  F_GETFL,
  F_GETPIPE_SZ,
  F_SETFL,
  F_SETPIPE_SZ,
  O_CLOEXEC,
  O_NONBLOCK,
  SPLICE_F_NONBLOCK,
} from "./abi.ts";
import { libc } from "./libc.ts";
import { closeDescriptor } from "./ring-files.ts";
import type { RingFiles } from "./ring-files.ts";

/** fcntl takes the capacity as a signed 32-bit number. */
const PIPE_BYTES_MAX = 2 ** 31 - 1;

export class UringHostCalls implements HostCalls {
  readonly #files: RingFiles;

  constructor(files: RingFiles) {
    this.#files = files;
  }

  /**
   * See {@link HostCalls.pipe}. The kernel rounds the capacity up to a power of two of pages.
   * @throws {RangeError} for a capacity that is not a positive 32-bit number
   * @throws {ReelError} EPERM above /proc/sys/fs/pipe-max-size, EMFILE and ENFILE for want of
   *   descriptors
   */
  pipe(capacityBytes: number): [reader: number, writer: number] {
    if (!(
      Number.isInteger(capacityBytes) &&
      capacityBytes > 0 &&
      capacityBytes <= PIPE_BYTES_MAX
    )) {
      throw new RangeError(
        `Cannot open the pipe: capacityBytes must be from 1 to ${PIPE_BYTES_MAX}: ` +
          `found ${capacityBytes}`,
      );
    }
    const [reader, writer] = makePipe(capacityBytes);
    return [this.#files.add(reader), this.#files.add(writer)];
  }

  close(file: number): void {
    this.#files.close(file);
  }

  /** See {@link HostCalls.open}. Opening a named pipe or a device may block the thread. */
  open(path: string, flags: number, mode: number): number {
    if (path.includes("\0")) {
      throw new TypeError(`Cannot open ${JSON.stringify(path)}: a path must not contain NUL`);
    }
    const fd = libc().open(terminated(path), flags | O_CLOEXEC, mode);
    if (fd < 0) throw callFailed("open", `Cannot open ${JSON.stringify(path)}`);
    return this.#files.add(fd);
  }

  /**
   * See {@link HostCalls.write}. The file is written without waiting even if it was opened to wait;
   * on a pipe that other requests write to meanwhile, the two get mixed up.
   */
  write(file: number, bytes: Uint8Array): void {
    const fd = this.#fdOf(file, "write to");
    const flags = libc().fcntl(fd, F_GETFL, 0);
    if (flags < 0) throw callFailed("fcntl", `Cannot write to ring file ${file}`);
    libc().fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    try {
      for (let written = 0; written < bytes.length;) {
        const rest = bytes.subarray(written);
        const count = libc().write(fd, rest, rest.length);
        if (count > 0) written += count;
        else if (count === 0 || libc().errno() !== ERRNO.EINTR) {
          throw callFailed(
            "write",
            `Cannot write to ring file ${file}: ${written} of ${bytes.length}`,
          );
        }
      }
    } finally {
      libc().fcntl(fd, F_SETFL, flags);
    }
  }

  peekPipe(reader: number): Uint8Array {
    const fd = this.#fdOf(reader, "look into");
    const capacity = libc().fcntl(fd, F_GETPIPE_SZ, 0);
    if (capacity < 0) throw callFailed("fcntl", `Cannot look into ring file ${reader}`);
    // As large as the original, so that it has a place for each of its pieces, however small.
    const [from, to] = makePipe(capacity);
    try {
      const length = libc().tee(fd, to, capacity, SPLICE_F_NONBLOCK);
      if (length < 0 && libc().errno() !== ERRNO.EAGAIN) {
        throw callFailed("tee", `Cannot look into ring file ${reader}`);
      }
      // Nothing to copy is EAGAIN, or 0 when nobody holds the writing end.
      if (length <= 0) return new Uint8Array(0);
      const bytes = new Uint8Array(new ArrayBuffer(length));
      const got = libc().read(from, bytes, length);
      if (got === length) return bytes;
      throw callFailed("read", `Cannot look into ring file ${reader}: got ${got} of ${length}`);
    } finally {
      libc().close(from);
      libc().close(to);
    }
  }

  #fdOf(file: number, verb: string): number {
    const fd = this.#files.fdOf(file);
    if (fd >= 0) return fd;
    throw new ReelError("EBADF", `Cannot ${verb} ring file ${file}: there is no such file`);
  }
}

/** Two descriptors, reader and writer, of a pipe that holds at least so much. */
function makePipe(capacityBytes: number): [reader: number, writer: number] {
  const pair = new Int32Array(new ArrayBuffer(8));
  if (libc().pipe2(pair, O_CLOEXEC) < 0) throw callFailed("pipe2", "Cannot open the pipe");
  const [reader, writer] = [pair[0]!, pair[1]!];
  if (libc().fcntl(writer, F_SETPIPE_SZ, capacityBytes) < 0) {
    const error = callFailed("fcntl", `Cannot give the pipe a capacity of ${capacityBytes} bytes`);
    closeDescriptor(reader, "the pipe's reader");
    closeDescriptor(writer, "the pipe's writer");
    throw error;
  }
  return [reader, writer];
}

/** A path as C reads it, in memory that does not move. */
function terminated(path: string): Uint8Array {
  const text = new TextEncoder().encode(path);
  const bytes = new Uint8Array(new ArrayBuffer(text.length + 1));
  bytes.set(text);
  return bytes;
}

/** The error of the call that just returned -1. */
function callFailed(call: string, what: string): ReelError {
  const code = codeOfResult(-libc().errno());
  return new ReelError(code, `${what}: ${call} gave ${code}`);
}
