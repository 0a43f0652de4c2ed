/**
 * What the layers of the io_uring driver share: a record for each socket, the group of buffers into
 * which the kernel receives, and the inbox of each connection, a list of buffers through that group.
 *
 * Sockets are the kernel's, so they cannot be restored from a snapshot; see `capabilities`.
 */
import {
  bool,
  i32,
  struct,
  u32,
  u53,
  u8,
  type BufferGroup,
  type DriverContext,
  type LayerContext,
  type Records,
  type View,
  type WaitQueue,
} from "../../../core/provider/index.ts";

export const KIND_CONNECTION = 1;
export const KIND_LISTENER = 2;

/** Received buffers that one connection may hold while the others are short of them. */
const HELD_WHEN_SCARCE = 1;
/** The group is scarce when fewer than one in so many buffers is free. */
const SCARCE_PART = 4;

const socketShape = {
  kind: u8,
  /** Ring file plus one; 0 for none. */
  file: u32,
  /** Readers of a connection; those who accept, of a listener. */
  readable: u32,
  /** Writers that wait for their turn. */
  writable: u32,
  /** The service that rests until there is room again. */
  resume: u32,
  /** A negative error number with which receiving (or accepting) ended. */
  failure: i32,
  /** Received and not yet read: first and last buffer plus one, how many, and the place in the
   * first one. Of a listener: the connections that nobody accepted yet, as resources plus one. */
  first: u32,
  last: u32,
  held: u32,
  at: u32,
  /** The next connection in its listener's list, plus one. */
  next: u32,
  /** The peer has said that it sends no more. */
  ended: bool,
  /** A write has its turn. */
  sending: bool,
  /** We have said that we send no more. */
  shut: bool,
  readTimeoutNs: u53,
  writeTimeoutNs: u53,
  zeroCopyFromBytes: u32,
  /** Buffers that may be held before receiving pauses. */
  heldMax: u32,
};
const socket = struct(socketShape);
export type SocketView = View<typeof socketShape>;

/** What a connection takes over from the options, or from its listener. */
export interface SocketSettings {
  readonly readTimeoutNs: number;
  readonly writeTimeoutNs: number;
  readonly zeroCopyFromBytes: number;
  readonly heldMax: number;
}

export interface ReceiveSettings {
  readonly receiveBuffers: number;
  readonly receiveBufferBytes: number;
}

export class Sockets {
  readonly cx: DriverContext;
  readonly records: Records<typeof socketShape>;
  /** Services that found no free buffer, and acceptors that found no free descriptor. */
  readonly starved: WaitQueue;
  readonly descriptors: WaitQueue;
  readonly bufferBytes: number;
  readonly #settings: ReceiveSettings;
  #group: BufferGroup | undefined;
  /** By buffer: bytes in it, and the next one of its inbox plus one. */
  readonly #lengths: Uint32Array;
  readonly #nexts: Uint32Array;
  /** Buffers that the kernel has. */
  #free: number;

  constructor(cx: DriverContext, settings: ReceiveSettings) {
    this.cx = cx;
    this.records = cx.records("socket", socket);
    this.starved = cx.queue();
    this.descriptors = cx.queue();
    this.bufferBytes = settings.receiveBufferBytes;
    this.#settings = settings;
    this.#lengths = new Uint32Array(settings.receiveBuffers);
    this.#nexts = new Uint32Array(settings.receiveBuffers);
    this.#free = settings.receiveBuffers;
  }

  /** The buffers are registered when the first connection needs them. */
  get group(): BufferGroup {
    const { receiveBufferBytes, receiveBuffers } = this.#settings;
    this.#group ??= this.cx.bufferGroup(receiveBuffers, receiveBufferBytes);
    return this.#group;
  }

  get hasFree(): boolean {
    return this.#free > 0;
  }

  /** Makes a socket's record ready; its bytes are zero. */
  begin(resource: number, kind: number, file: number, settings: SocketSettings): void {
    const { cx } = this;
    const record = this.records.at(resource);
    record.kind = kind;
    record.file = file + 1;
    record.readable = cx.queue();
    record.writable = cx.queue();
    record.resume = cx.queue();
    record.readTimeoutNs = settings.readTimeoutNs;
    record.writeTimeoutNs = settings.writeTimeoutNs;
    record.zeroCopyFromBytes = settings.zeroCopyFromBytes;
    record.heldMax = settings.heldMax;
  }

  /** Whether a connection holds as much as it may, so that receiving rests. */
  isFull(record: SocketView): boolean {
    const scarce = this.#free * SCARCE_PART < this.#settings.receiveBuffers;
    return record.held >= (scarce ? HELD_WHEN_SCARCE : record.heldMax);
  }

  /** Puts a buffer that the kernel filled behind what a connection has received. */
  append(record: SocketView, buffer: number, count: number): void {
    this.#free--;
    const { last } = record;
    if (last !== 0 && this.#joins(last - 1, buffer, count)) return;
    this.#lengths[buffer] = count;
    this.#nexts[buffer] = 0;
    if (last === 0) {
      record.first = buffer + 1;
      record.at = 0;
    } else {
      this.#nexts[last - 1] = buffer + 1;
    }
    record.last = buffer + 1;
    record.held++;
  }

  /**
   * Moves bytes of the inbox into the running operation.
   * @param most bytes at most
   * @param whole whether to go on into further buffers; else it ends with the first
   */
  take(record: SocketView, run: LayerContext, most: number, whole: boolean): void {
    const { group, bufferBytes } = this;
    let left = most;
    do {
      const buffer = record.first - 1;
      const count = Math.min(left, this.#lengths[buffer]! - record.at);
      run.bring(group.bytes, buffer * bufferBytes + record.at, count);
      left -= count;
      record.at += count;
      if (record.at === this.#lengths[buffer]) this.#shift(record, buffer);
    } while (whole && left > 0 && record.first !== 0);
  }

  /** Gives a buffer back that nobody reads. */
  drop(buffer: number): void {
    this.#free--;
    this.#giveBack(buffer);
  }

  /** Gives back all that a connection has received. */
  empty(record: SocketView): void {
    while (record.first !== 0) this.#shift(record, record.first - 1);
  }

  #shift(record: SocketView, buffer: number): void {
    record.first = this.#nexts[buffer]!;
    record.at = 0;
    record.held--;
    if (record.first === 0) record.last = 0;
    this.#giveBack(buffer);
  }

  #giveBack(buffer: number): void {
    this.#free++;
    this.group.give(buffer);
    if (this.#free === 1 || this.#free * SCARCE_PART === this.#settings.receiveBuffers) {
      this.cx.wake(this.starved);
    }
  }

  /** Moves a small arrival into the room of the buffer before it. @returns whether it fitted */
  #joins(last: number, buffer: number, count: number): boolean {
    const length = this.#lengths[last]!;
    if (count > this.bufferBytes - length) return false;
    const { bytes } = this.group;
    const from = buffer * this.bufferBytes;
    bytes.copyWithin(last * this.bufferBytes + length, from, from + count);
    this.#lengths[last] = length + count;
    this.#giveBack(buffer);
    return true;
  }
}

/** The error number with which a timeout of ours is told: what the kernel says of its own. */
export function timedOut(result: number, etime: number, etimedout: number): number {
  return -result === etime ? etimedout : -result;
}
