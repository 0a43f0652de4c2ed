/**
 * Ring files: the small numbers under which the rest of ioreel knows the host's descriptors. They
 * are given out in an order that follows from the calls and results alone (the latest freed first,
 * then the next new one), so that a recording that names them replays on any host.
 */
import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import { unlockWhole } from "./file-calls.ts";
import { libc } from "./libc.ts";

const FIRST_CAPACITY = 64;
const NO_FILE = -1;

export class RingFiles {
  /** By ring file: the host's descriptor, or -1. */
  fds = new Int32Array(FIRST_CAPACITY).fill(NO_FILE);
  /** By ring file: how many requests in flight name it. */
  inFlight = new Int32Array(FIRST_CAPACITY);
  /** By ring file: its number among the registered files, or -1. */
  atHand = new Int32Array(FIRST_CAPACITY).fill(NO_FILE);
  /** Called when a ring file goes that was registered under this number. */
  onRegisteredGone: (number: number) => void = () => {};
  /** Ring files that are locked. */
  readonly #locked = new Set<number>();
  readonly #freed: number[] = [];
  /** Ring files from here on were never given out. */
  #fresh = 0;

  /** How many are open. */
  get count(): number {
    return this.#fresh - this.#freed.length;
  }

  /** Takes charge of a descriptor. @returns its ring file */
  add(fd: number): number {
    const file = this.#freed.pop() ?? this.#fresh++;
    if (file === this.fds.length) this.#grow();
    this.fds[file] = fd;
    this.inFlight[file] = 0;
    return file;
  }

  /** The host's descriptor, or -1 for no such file: the kernel answers that with EBADF. */
  fdOf(file: number): number {
    return file >= 0 && file < this.fds.length ? this.fds[file]! : NO_FILE;
  }

  /** Whether a descriptor of the host's is one of the ring files. */
  has(fd: number): boolean {
    return this.fds.includes(fd);
  }

  /** Notes a request on a file. @returns the file, or -1 if there is no such file */
  hold(file: number): number {
    if (this.fdOf(file) === NO_FILE) return NO_FILE;
    this.inFlight[file]!++;
    return file;
  }

  /** Ends what {@link hold} noted. */
  letGo(file: number): void {
    if (file >= 0) this.inFlight[file]!--;
  }

  /**
   * Forgets a ring file without closing its descriptor.
   * @returns the descriptor
   */
  remove(file: number): number {
    const fd = this.fdOf(file);
    if (fd === NO_FILE) return NO_FILE;
    this.fds[file] = NO_FILE;
    this.#freed.push(file);
    const registered = this.atHand[file]!;
    if (registered !== NO_FILE) {
      this.atHand[file] = NO_FILE;
      this.onRegisteredGone(registered);
    }
    // The kernel may hold on to a registered file, and so to its lock, for a while longer.
    if (this.#locked.delete(file)) unlockWhole(fd);
    return fd;
  }

  /** Notes that a ring file is locked: the lock is to end with it. */
  noteLock(file: number): void {
    this.#locked.add(file);
  }

  /**
   * Refuses to close what requests still use. A closed descriptor does not end its requests, and
   * the number may soon name another file, which a late request would then read from.
   * @throws {ReelError} EBADF for no such file, ERR_OPERATION_BUSY while requests are in flight
   */
  assertClosable(file: number): void {
    if (this.fdOf(file) === NO_FILE) {
      throw new ReelError("EBADF", `Cannot close ring file ${file}: there is no such file`);
    }
    const busy = this.inFlight[file]!;
    if (busy > 0) {
      throw new ReelError(
        "ERR_OPERATION_BUSY",
        `Cannot close ring file ${file}: ${busy} of its requests are in flight, wanted none`,
        { mend: "Cancel the requests on the file and await their ends first" },
      );
    }
  }

  /**
   * Closes a ring file.
   * @throws {ReelError} as {@link assertClosable} does, or the errno's code
   */
  close(file: number): void {
    this.assertClosable(file);
    closeDescriptor(this.remove(file), `ring file ${file}`);
  }

  /** Closes every descriptor. Failures are of no more use to anybody. */
  closeAll(): void {
    // The ring is about to go, and all of its tables with it.
    this.atHand.fill(NO_FILE);
    for (let file = 0; file < this.fds.length; file++) {
      if (this.fds[file] !== NO_FILE) libc().close(this.remove(file));
    }
  }

  #grow(): void {
    const fds = new Int32Array(this.fds.length * 2).fill(NO_FILE);
    fds.set(this.fds);
    this.fds = fds;
    const inFlight = new Int32Array(fds.length);
    inFlight.set(this.inFlight);
    this.inFlight = inFlight;
    const atHand = new Int32Array(fds.length).fill(NO_FILE);
    atHand.set(this.atHand);
    this.atHand = atHand;
  }
}

/** Closes a descriptor. An interrupted close(2) on Linux has closed it: that is success. */
export function closeDescriptor(fd: number, what: string): void {
  if (libc().close(fd) === 0) return;
  const errno = libc().errno();
  if (errno === ERRNO.EINTR) return;
  const code = codeOfResult(-errno);
  throw new ReelError(code, `Cannot close ${what}: close gave ${code}`);
}
