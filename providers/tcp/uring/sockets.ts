/**
 * What the layers of the io_uring driver share: a record for each socket, and the inboxes.
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
  type DriverContext,
  type Records,
  type View,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { Inboxes, type ReceiveSettings } from "./inbox.ts";

export const KIND_CONNECTION = 1;
export const KIND_LISTENER = 2;

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
  /** The inbox of a connection. Of a listener: the connections that nobody accepted yet, as
   * resources plus one. */
  first: u32,
  last: u32,
  heldBytes: u32,
  at: u32,
  /** Connections in a listener's list. */
  waiting: u32,
  /** The next connection in its listener's list, plus one. */
  next: u32,
  /** The peer has said that it sends no more. */
  ended: bool,
  /** A write has its turn. */
  sending: bool,
  /** Bytes of the writes that wait for theirs. */
  waitingBytes: u32,
  /** We have said that we send no more. */
  shut: bool,
  readTimeoutNs: u53,
  writeTimeoutNs: u53,
  zeroCopyFromBytes: u32,
  /** What the inbox may hold before receiving pauses. */
  inboxBytes: u32,
};
const socket = struct(socketShape);
export type SocketView = View<typeof socketShape>;

/** What a connection takes over from the options, or from its listener. */
export interface SocketSettings {
  readonly readTimeoutNs: number;
  readonly writeTimeoutNs: number;
  readonly zeroCopyFromBytes: number;
  readonly inboxBytes: number;
}

export class Sockets {
  readonly cx: DriverContext;
  readonly records: Records<typeof socketShape>;
  readonly inboxes: Inboxes;
  /** Acceptors that found no free descriptor. */
  readonly descriptors: WaitQueue;

  constructor(cx: DriverContext, settings: ReceiveSettings) {
    this.cx = cx;
    this.records = cx.records("socket", socket);
    this.inboxes = new Inboxes(cx, settings);
    this.descriptors = cx.queue();
  }

  /**
   * Makes a socket's record ready; its bytes are zero.
   * @throws {ReelError} ERR_LIMIT when there are no wait lists for it; the record stays as it is
   */
  begin(resource: number, kind: number, file: number, settings: SocketSettings): void {
    const [readable, writable, resume] = this.#queues();
    const record = this.records.at(resource);
    record.kind = kind;
    record.file = file + 1;
    record.readable = readable;
    record.writable = writable;
    record.resume = resume;
    record.readTimeoutNs = settings.readTimeoutNs;
    record.writeTimeoutNs = settings.writeTimeoutNs;
    record.zeroCopyFromBytes = settings.zeroCopyFromBytes;
    record.inboxBytes = settings.inboxBytes;
  }

  /** All three or none. */
  #queues(): [readable: WaitQueue, writable: WaitQueue, resume: WaitQueue] {
    const made: WaitQueue[] = [];
    try {
      while (made.length < 3) made.push(this.cx.queue());
      return made as [WaitQueue, WaitQueue, WaitQueue];
    } catch (error) {
      for (const queue of made) this.cx.dispose(queue);
      throw error;
    }
  }
}
