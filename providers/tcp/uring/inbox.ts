/**
 * What connections have received and nobody has read: a list of pieces for each. A piece is a
 * buffer of the group into which the kernel receives or, when those are getting short, a copy of
 * what was in one, so that connections which are not read cannot take the buffers from those that
 * are.
 */
import type { BufferGroup, DriverContext, LayerContext } from "../../../core/provider/index.ts";

export interface ReceiveSettings {
  readonly receiveBuffers: number;
  readonly receiveBufferBytes: number;
}

/** Where an inbox is kept: fields of a connection's record. */
export interface InboxFields {
  /** First and last piece plus one; 0 for none. */
  first: number;
  last: number;
  /** Bytes that the pieces hold and nobody has read. */
  heldBytes: number;
  /** What was read of the first piece already. */
  at: number;
}

/** Buffers are getting short when fewer than one in so many is free. */
const SCARCE_PART = 4;
/** Larger arrivals are worth a piece of their own. */
const JOINED_BYTES_MAX = 2048;
/** Copies have room for what comes behind them. */
const COPY_BYTES_MIN = 2048;

export class Inboxes {
  readonly #cx: DriverContext;
  readonly #settings: ReceiveSettings;
  #group: BufferGroup | undefined;
  /** Buffers that the kernel has, or that are on their way from it. */
  #free: number;
  /**
   * By piece: bytes in it, and the next one plus one. Pieces from the group's count on are copies.
   */
  readonly #lengths: number[];
  readonly #nexts: number[];
  readonly #copies: Uint8Array[] = [];
  readonly #spare: number[] = [];

  constructor(cx: DriverContext, settings: ReceiveSettings) {
    this.#cx = cx;
    this.#settings = settings;
    this.#free = settings.receiveBuffers;
    this.#lengths = Array.from({ length: settings.receiveBuffers }, () => 0);
    this.#nexts = Array.from({ length: settings.receiveBuffers }, () => 0);
  }

  /** The buffers are registered when the first connection needs them. */
  get group(): BufferGroup {
    const { receiveBufferBytes, receiveBuffers } = this.#settings;
    this.#group ??= this.#cx.bufferGroup(receiveBuffers, receiveBufferBytes);
    return this.#group;
  }

  /** Puts a buffer that the kernel filled behind what a connection has received. */
  append(inbox: InboxFields, buffer: number, count: number): void {
    const { last } = inbox;
    this.#free--;
    if (last !== 0 && this.#joins(inbox, buffer, count)) return;
    const scarce = this.#free * SCARCE_PART < this.#settings.receiveBuffers;
    const piece = scarce ? this.#copy(buffer, count) : buffer;
    this.#lengths[piece] = count;
    this.#nexts[piece] = 0;
    if (last === 0) {
      inbox.first = piece + 1;
      inbox.at = 0;
    } else {
      this.#nexts[last - 1] = piece + 1;
    }
    inbox.last = piece + 1;
    inbox.heldBytes += count;
  }

  /**
   * Moves bytes of an inbox into the running operation.
   * @param most bytes at most
   * @param whole whether to go on into further pieces; else it ends with the first
   */
  take(inbox: InboxFields, run: LayerContext, most: number, whole: boolean): void {
    let left = most;
    do {
      const piece = inbox.first - 1;
      const length = this.#lengths[piece]!;
      const count = Math.min(left, length - inbox.at);
      run.bring(this.#bytes(piece), this.#start(piece) + inbox.at, count);
      left -= count;
      inbox.heldBytes -= count;
      if (inbox.at + count === length) this.#shift(inbox, piece);
      else inbox.at += count;
    } while (whole && left > 0 && inbox.first !== 0);
  }

  /** Gives a buffer back that nobody will read. */
  drop(buffer: number): void {
    this.group.give(buffer);
  }

  /** Gives back all that a connection has received. */
  empty(inbox: InboxFields): void {
    while (inbox.first !== 0) this.#shift(inbox, inbox.first - 1);
    inbox.heldBytes = 0;
  }

  #shift(inbox: InboxFields, piece: number): void {
    const next = this.#nexts[piece]!;
    inbox.first = next;
    inbox.at = 0;
    if (next === 0) inbox.last = 0;
    if (this.#isCopy(piece)) {
      this.#copies[piece - this.#settings.receiveBuffers] = NOTHING;
      this.#spare.push(piece);
    } else {
      this.#giveBack(piece);
    }
  }

  #giveBack(buffer: number): void {
    this.#free++;
    this.group.give(buffer);
  }

  /** Moves a small arrival into the room of the piece before it. @returns whether it fitted */
  #joins(inbox: InboxFields, buffer: number, count: number): boolean {
    const last = inbox.last - 1;
    const length = this.#lengths[last]!;
    if (count > JOINED_BYTES_MAX || count > this.#room(last) - length) return false;
    const { bytes } = this.group;
    const from = buffer * this.#settings.receiveBufferBytes;
    const to = this.#start(last) + length;
    if (this.#isCopy(last)) this.#bytes(last).set(bytes.subarray(from, from + count), to);
    else bytes.copyWithin(to, from, from + count);
    this.#lengths[last] = length + count;
    inbox.heldBytes += count;
    this.#giveBack(buffer);
    return true;
  }

  /** Makes a piece of its own of what is in a buffer, which goes back. @returns the piece */
  #copy(buffer: number, count: number): number {
    const { receiveBufferBytes, receiveBuffers } = this.#settings;
    const room = Math.max(count, Math.min(COPY_BYTES_MIN, receiveBufferBytes));
    const copy = new Uint8Array(new ArrayBuffer(room));
    const from = buffer * receiveBufferBytes;
    copy.set(this.group.bytes.subarray(from, from + count));
    this.#giveBack(buffer);
    const piece = this.#spare.pop() ?? receiveBuffers + this.#copies.length;
    this.#copies[piece - receiveBuffers] = copy;
    return piece;
  }

  #isCopy(piece: number): boolean {
    return piece >= this.#settings.receiveBuffers;
  }

  #bytes(piece: number): Uint8Array {
    const { receiveBuffers } = this.#settings;
    return piece < receiveBuffers ? this.group.bytes : this.#copies[piece - receiveBuffers]!;
  }

  #start(piece: number): number {
    return this.#isCopy(piece) ? 0 : piece * this.#settings.receiveBufferBytes;
  }

  #room(piece: number): number {
    return this.#isCopy(piece) ? this.#bytes(piece).length : this.#settings.receiveBufferBytes;
  }
}

const NOTHING = new Uint8Array(0);
