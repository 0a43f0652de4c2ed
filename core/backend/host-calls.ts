/**
 * System calls of drivers: what is asked of the host beside requests to a ring. Files are ring
 * files, as in requests, so that recordings carry no descriptors.
 */

/** System calls that cannot wait, for drivers: they answer at once, and the answer is recorded. */
export interface HostCalls {
  /** Makes a pipe of two ring files. @throws {ReelError} the errno's code */
  pipe(capacityBytes: number): [reader: number, writer: number];
  /** Closes a ring file at once. No request may be in flight on it. */
  close(file: number): void;
  /**
   * Opens a file.
   * @param flags the host's open(2) flags; O_CLOEXEC is added
   * @throws {ReelError} the errno's code
   */
  open(path: string, flags: number, mode: number): number;
  /** Copies what a pipe holds, without consuming it. */
  peekPipe(reader: number): Uint8Array;
  /**
   * Writes at once, for restoring what a pipe held.
   * @throws {ReelError} EAGAIN when it would have to wait; whatever fitted is written
   */
  write(file: number, bytes: Uint8Array): void;
  /** Makes a socket. @throws {ReelError} the errno's code, here and below */
  socket(domain: number, type: number, protocol: number): number;
  /** Names a socket. @param address a sockaddr */
  bind(file: number, address: Uint8Array): void;
  listen(file: number, backlog: number): void;
  /** Sets an option whose value is bytes: an int of the host's byte order, or a structure. */
  setSocketOption(file: number, level: number, option: number, value: Uint8Array): void;
  /** The sockaddr of a socket, or of its peer. */
  socketName(file: number, peer: boolean): Uint8Array;
  /**
   * Takes charge of a descriptor that the process inherited.
   * @returns its ring file
   * @throws {ReelError} EBADF when it is none
   */
  adopt(descriptor: number): number;
  /** Removes a name from the file system: a Unix-domain socket's. */
  unlink(path: string): void;
  /** What a file is, for reading and writing blocks of it. */
  fileStatus(file: number): FileStatus;
  /** Gives a regular file a size; what it grows by reads as zeros and takes no room. */
  resize(file: number, sizeBytes: number): void;
  /**
   * Locks the whole of a file against other openings of it, in any process (an OFD lock). It ends
   * when the file is closed.
   * @throws {ReelError} EBUSY when another opening has a lock that this one conflicts with
   */
  lockFile(file: number, exclusive: boolean): void;
  /**
   * Has the kernel keep a file, and the memory of its requests, at hand for as long as it is open.
   * Requests are the same and have the same results; they only cost less.
   * @returns which of the two the kernel took: the rest costs what it did
   */
  keepAtHand(file: number): AtHand;
}

export interface FileStatus {
  readonly sizeBytes: number;
  readonly kind: "file" | "block device" | "other";
  /** The smallest piece that can be read and written without the page cache; 0 for none. */
  readonly directBytes: number;
}

export interface AtHand {
  readonly file: boolean;
  readonly memory: boolean;
}
