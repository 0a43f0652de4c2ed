/**
 * System calls that answer at once: pipes, opening and closing files, looking into a pipe, and what
 * sockets are told before they are used. They speak of ring files, as requests do.
 */
import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import type { AtHand, FileStatus, HostCalls } from "../contract.ts";
import {
  FD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETPIPE_SZ,
  F_SETFD,
  F_SETFL,
  F_SETPIPE_SZ,
  O_CLOEXEC,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SPLICE_F_NONBLOCK,
} from "./abi.ts";
import { atHand } from "./at-hand.ts";
import { lockWhole, resizeTo, statusOf } from "./file-calls.ts";
import { libc } from "./libc.ts";
import { closeDescriptor } from "./ring-files.ts";
import type { RingFiles } from "./ring-files.ts";
import type { RingQueue } from "./ring-queue.ts";

/** fcntl takes the capacity as a signed 32-bit number. */
const PIPE_BYTES_MAX = 2 ** 31 - 1;
/** struct sockaddr_storage: room for the address of any family. */
const SOCKET_NAME_BYTES = 128;

export class UringHostCalls implements HostCalls {
  readonly #queue: RingQueue;
  readonly #files: RingFiles;

  constructor(queue: RingQueue) {
    this.#queue = queue;
    this.#files = queue.files;
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
    const what = `Cannot open ${JSON.stringify(path)}`;
    const fd = libc().open(terminated(path, what), flags | O_CLOEXEC, mode);
    if (fd < 0) throw callFailed("open", what);
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

  /** See {@link HostCalls.socket}. It is closed on exec(2), like every descriptor of ours. */
  socket(domain: number, type: number, protocol: number): number {
    const fd = libc().socket(domain, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0) return this.#files.add(fd);
    throw callFailed("socket", `Cannot make a socket of domain ${domain} and type ${type}`);
  }

  bind(file: number, address: Uint8Array): void {
    const fd = this.#fdOf(file, "name");
    if (libc().bind(fd, settled(address), address.length) === 0) return;
    throw callFailed("bind", `Cannot name ring file ${file}`);
  }

  listen(file: number, backlog: number): void {
    if (libc().listen(this.#fdOf(file, "listen on"), backlog) === 0) return;
    throw callFailed("listen", `Cannot listen on ring file ${file}`);
  }

  setSocketOption(file: number, level: number, option: number, value: Uint8Array): void {
    const fd = this.#fdOf(file, "set an option of");
    if (libc().setsockopt(fd, level, option, settled(value), value.length) === 0) return;
    throw callFailed("setsockopt", `Cannot set option ${option} of ring file ${file}`);
  }

  socketName(file: number, peer: boolean): Uint8Array {
    const fd = this.#fdOf(file, "ask the name of");
    const name = new Uint8Array(new ArrayBuffer(SOCKET_NAME_BYTES));
    const length = new Int32Array(new ArrayBuffer(4));
    length[0] = SOCKET_NAME_BYTES;
    const [call, result] = peer
      ? (["getpeername", libc().getpeername(fd, name, length)] as const)
      : (["getsockname", libc().getsockname(fd, name, length)] as const);
    if (result === 0) return name.slice(0, length[0]);
    throw callFailed(call, `Cannot ask the name of ring file ${file}`);
  }

  /**
   * See {@link HostCalls.adopt}. From now on the descriptor is closed on exec(2), and with us.
   * @throws {ReelError} EBUSY for a descriptor that is a ring file already
   */
  adopt(descriptor: number): number {
    const what = `Cannot adopt descriptor ${descriptor}`;
    if (!(Number.isInteger(descriptor) && descriptor >= 0 && descriptor <= 2 ** 31 - 1)) {
      throw new ReelError("EBADF", `${what}: it is no descriptor`);
    }
    if (this.#files.has(descriptor)) {
      throw new ReelError("EBUSY", `${what}: it is in use here, wanted one that was inherited`);
    }
    const flags = libc().fcntl(descriptor, F_GETFD, 0);
    if (flags < 0) throw callFailed("fcntl", what);
    if (libc().fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) < 0) throw callFailed("fcntl", what);
    return this.#files.add(descriptor);
  }

  unlink(path: string): void {
    const what = `Cannot remove ${JSON.stringify(path)}`;
    if (libc().unlink(terminated(path, what)) !== 0) throw callFailed("unlink", what);
  }

  fileStatus(file: number): FileStatus {
    return statusOf(this.#fdOf(file, "look at"));
  }

  resize(file: number, sizeBytes: number): void {
    resizeTo(this.#fdOf(file, "resize"), sizeBytes);
  }

  /** See {@link HostCalls.lockFile}. */
  lockFile(file: number, exclusive: boolean): void {
    lockWhole(this.#fdOf(file, "lock"), exclusive);
    this.#files.noteLock(file);
  }

  /** See {@link HostCalls.keepAtHand}. It takes Linux 5.19, and room among what may be locked. */
  keepAtHand(file: number): AtHand {
    const fd = this.#fdOf(file, "keep");
    const { atHand: table, pinned } = this.#queue;
    if (this.#files.atHand[file]! < 0) this.#files.atHand[file] = table.addFile(fd);
    return atHand(this.#files.atHand[file]!, table.beginMemory(pinned.all()));
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

/** A copy in memory that does not move, and that has an address even if it is empty. */
function settled(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(Math.max(1, bytes.length)));
  copy.set(bytes);
  return copy;
}

/** A path as C reads it, in memory that does not move. @throws {TypeError} for one with a NUL */
function terminated(path: string, what: string): Uint8Array {
  if (path.includes("\0")) throw new TypeError(`${what}: a path must not contain NUL`);
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
