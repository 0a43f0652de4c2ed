/**
 * Host calls with a tap: what was asked and what came of it. A path is a fact of the host and stays
 * out of the session, as do the number of an inherited descriptor and the texts of errors.
 */
import type { AtHand, FileStatus, HostCalls } from "../backend/contract.ts";
import { isReelError, resultOfCode } from "../errors.ts";
import { HOST_CALL } from "./event.ts";
import { withoutPath } from "./memory-use.ts";
import type { Tap } from "./tap.ts";
import type { OpenGroup } from "./tap-ring.ts";

type Numbers = readonly number[];

/** Bytes among the arguments: how many, and their checksum. */
const digest = (bytes: Uint8Array): Numbers => [bytes.length, Bun.hash.crc32(bytes)];

/** What is recorded of a host call: its arguments as numbers. */
export const hostArguments = {
  pipe: (capacityBytes: number): Numbers => [capacityBytes],
  close: (file: number): Numbers => [file],
  open: (flags: number, mode: number): Numbers => [flags, mode],
  peekPipe: (reader: number): Numbers => [reader],
  write: (file: number, bytes: Uint8Array): Numbers => [file, ...digest(bytes)],
  socket: (domain: number, type: number, protocol: number): Numbers => [domain, type, protocol],
  bind: (file: number, address: Uint8Array): Numbers => [file, ...digest(withoutPath(address))],
  listen: (file: number, backlog: number): Numbers => [file, backlog],
  setSocketOption: (file: number, level: number, option: number, value: Uint8Array): Numbers => [
    file,
    level,
    option,
    ...digest(value),
  ],
  socketName: (file: number, peer: boolean): Numbers => [file, peer ? 1 : 0],
  adopt: (): Numbers => [],
  unlink: (): Numbers => [],
  openGroup: (bufferBytes: number, count: number): Numbers => [bufferBytes, count],
  fileStatus: (file: number): Numbers => [file],
  resize: (file: number, sizeBytes: number): Numbers => [file, sizeBytes],
  lockFile: (file: number, exclusive: boolean): Numbers => [file, exclusive ? 1 : 0],
  keepAtHand: (file: number): Numbers => [file],
};

const nothing = (): Numbers => [0];
const oneFile = (file: number): Numbers => [0, file];
/** Kinds of files by their numbers in recordings. */
export const FILE_KINDS: readonly FileStatus["kind"][] = ["file", "block device", "other"];
const statusNumbers = ({ sizeBytes, kind, directBytes }: FileStatus): Numbers => [
  0,
  sizeBytes,
  FILE_KINDS.indexOf(kind),
  directBytes,
];
const atHandNumbers = ({ file, memory }: AtHand): Numbers => [0, file ? 1 : 0, memory ? 1 : 0];

/**
 * Makes a call and tells the tap how it came out. Wrong arguments never reached the host.
 * @param results the numbers of an answer, 0 before them
 */
function tapCall<T>(
  tap: Tap,
  call: number,
  args: Numbers,
  make: () => T,
  results: (answer: T) => Numbers,
): T {
  let answer: T;
  try {
    answer = make();
  } catch (error) {
    if (isReelError(error)) tap.host(call, args, [resultOfCode(error.code)], undefined);
    throw error;
  }
  tap.host(call, args, results(answer), answer instanceof Uint8Array ? answer : undefined);
  return answer;
}

/** Has each new group of buffers told to the tap: whether there is one is the host's answer. */
export const tapOpenGroup =
  (tap: Tap): OpenGroup =>
  (bufferBytes, count, open) =>
    tapCall(tap, HOST_CALL.OPEN_GROUP, hostArguments.openGroup(bufferBytes, count), open, oneFile);

export class TapHost implements HostCalls {
  readonly #inner: HostCalls;
  readonly #tap: Tap;

  constructor(inner: HostCalls, tap: Tap) {
    this.#inner = inner;
    this.#tap = tap;
  }

  pipe(capacityBytes: number): [reader: number, writer: number] {
    const args = hostArguments.pipe(capacityBytes);
    const make = (): [number, number] => this.#inner.pipe(capacityBytes);
    return tapCall(this.#tap, HOST_CALL.PIPE, args, make, (files) => [0, ...files]);
  }

  close(file: number): void {
    this.#call(HOST_CALL.CLOSE, hostArguments.close(file), () => this.#inner.close(file));
  }

  open(path: string, flags: number, mode: number): number {
    const args = hostArguments.open(flags, mode);
    return this.#file(HOST_CALL.OPEN, args, () => this.#inner.open(path, flags, mode));
  }

  peekPipe(reader: number): Uint8Array {
    const args = hostArguments.peekPipe(reader);
    return this.#call(HOST_CALL.PEEK_PIPE, args, () => this.#inner.peekPipe(reader));
  }

  write(file: number, bytes: Uint8Array): void {
    const args = hostArguments.write(file, bytes);
    this.#call(HOST_CALL.WRITE, args, () => this.#inner.write(file, bytes));
  }

  socket(domain: number, type: number, protocol: number): number {
    const args = hostArguments.socket(domain, type, protocol);
    return this.#file(HOST_CALL.SOCKET, args, () => this.#inner.socket(domain, type, protocol));
  }

  bind(file: number, address: Uint8Array): void {
    const args = hostArguments.bind(file, address);
    this.#call(HOST_CALL.BIND, args, () => this.#inner.bind(file, address));
  }

  listen(file: number, backlog: number): void {
    const args = hostArguments.listen(file, backlog);
    this.#call(HOST_CALL.LISTEN, args, () => this.#inner.listen(file, backlog));
  }

  setSocketOption(file: number, level: number, option: number, value: Uint8Array): void {
    const args = hostArguments.setSocketOption(file, level, option, value);
    const make = (): void => this.#inner.setSocketOption(file, level, option, value);
    this.#call(HOST_CALL.SET_SOCKET_OPTION, args, make);
  }

  socketName(file: number, peer: boolean): Uint8Array {
    const args = hostArguments.socketName(file, peer);
    return this.#call(HOST_CALL.SOCKET_NAME, args, () => this.#inner.socketName(file, peer));
  }

  adopt(descriptor: number): number {
    const args = hostArguments.adopt();
    return this.#file(HOST_CALL.ADOPT, args, () => this.#inner.adopt(descriptor));
  }

  unlink(path: string): void {
    this.#call(HOST_CALL.UNLINK, hostArguments.unlink(), () => this.#inner.unlink(path));
  }

  fileStatus(file: number): FileStatus {
    const args = hostArguments.fileStatus(file);
    const make = (): FileStatus => this.#inner.fileStatus(file);
    return tapCall(this.#tap, HOST_CALL.FILE_STATUS, args, make, statusNumbers);
  }

  resize(file: number, sizeBytes: number): void {
    const args = hostArguments.resize(file, sizeBytes);
    this.#call(HOST_CALL.RESIZE, args, () => this.#inner.resize(file, sizeBytes));
  }

  lockFile(file: number, exclusive: boolean): void {
    const args = hostArguments.lockFile(file, exclusive);
    this.#call(HOST_CALL.LOCK_FILE, args, () => this.#inner.lockFile(file, exclusive));
  }

  keepAtHand(file: number): AtHand {
    const args = hostArguments.keepAtHand(file);
    const make = (): AtHand => this.#inner.keepAtHand(file);
    return tapCall(this.#tap, HOST_CALL.KEEP_AT_HAND, args, make, atHandNumbers);
  }

  #call<T>(call: number, args: Numbers, make: () => T): T {
    return tapCall(this.#tap, call, args, make, nothing);
  }

  #file(call: number, args: Numbers, make: () => number): number {
    return tapCall(this.#tap, call, args, make, oneFile);
  }
}
