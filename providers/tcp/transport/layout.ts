/**
 * The transport's state as it lies in the machine's memory: a connection's control block, as
 * [RFC 9293] section 3.3.1 calls it, and the block from which everything else is found. All of it
 * is saved with the machine's memory.
 *
 * Connections are numbered from 1; 0 is none. Sequence numbers are 32 bits wide and wrap around.
 */
import { bool, struct, u16, u32, u53, u8, type View } from "../../../core/provider/index.ts";

/** States of a connection ([RFC 9293] section 3.3.2). CLOSED blocks wait for their holder. */
export const FREE = 0;
export const CLOSED = 1;
export const LISTEN = 2;
export const SYN_SENT = 3;
export const SYN_RECEIVED = 4;
export const ESTABLISHED = 5;
export const CLOSE_WAIT = 6;
export const FIN_WAIT_1 = 7;
export const CLOSING = 8;
export const LAST_ACK = 9;
export const FIN_WAIT_2 = 10;
export const TIME_WAIT = 11;

/** What the one timer of a connection is armed for. */
export const TIMER_NONE = 0;
/** [RFC 6298]: the oldest segment was not acknowledged. */
export const TIMER_RETRANSMIT = 1;
/** [RFC 9293] section 3.8.6.1: the window is closed, or what fits is not worth a segment yet. */
export const TIMER_PERSIST = 2;
/** The peer does not say that it has ended, and nobody is left to wait for it. */
export const TIMER_FIN_WAIT = 3;

/** Ranges of bytes behind a gap that a connection remembers. */
export const RANGES_MAX = 8;

const ranges = Object.fromEntries(
  Array.from({ length: RANGES_MAX * 2 }, (_, i) => [`range${i}`, u32]),
) as { range0: typeof u32 };

const connectionShape = {
  /** One of the states above. */
  state: u8,
  timer: u8,
  /** Retransmissions, or probes of a closed window, since the peer was last heard. */
  retries: u8,
  /** Probes since the peer was last heard. */
  probes: u8,
  /** Error numbers: what reads fail with, and what the next write fails with. */
  failure: u16,
  pendingError: u16,
  /** Keep-alive probes that were answered, and nothing else said. */
  keepAlives: u16,

  local: u32,
  remote: u32,
  localPort: u16,
  remotePort: u16,
  /** Its own number. */
  number: u32,
  /** The driver's resource plus one; 0 for a connection that nobody holds. */
  holder: u32,
  /** The listener that it came to and that has not handed it out. */
  parent: u32,
  /** Neighbours: in the bucket; in the free list, the accept queue or the queue of TIME_WAIT. */
  nextInBucket: u32,
  next: u32,
  previous: u32,
  nextOutput: u32,
  /** Place in the heap of deadlines plus one. */
  heapAt: u32,

  /** A listener's queue of connections that wait to be accepted, and those still in handshake. */
  acceptFirst: u32,
  acceptLast: u32,
  acceptCount: u32,
  handshakes: u32,
  backlog: u32,

  /** Sequence variables ([RFC 9293] section 3.3.1). `sent` is the highest that was ever sent. */
  sendFirst: u32,
  sendNext: u32,
  sent: u32,
  /** Behind the last byte that was handed over for sending. */
  sendEnd: u32,
  sendWindow: u32,
  /** The largest window that the peer ever offered. */
  sendWindowMax: u32,
  windowSequence: u32,
  windowAcknowledgement: u32,
  receiveNext: u32,
  /** The right edge of the window that was offered. */
  receiveEdge: u32,
  /** The first byte that was not read. */
  readNext: u32,
  /** Where the peer's FIN is, once it is known. */
  finAt: u32,
  /** Most bytes that may wait to be read, and to be acknowledged. */
  receiveLimit: u32,
  sendLimit: u32,

  /** Rings of bytes: address, size, and the sequence number at the ring's start. */
  sendBlock: u32,
  sendBlockBytes: u32,
  sendBase: u32,
  receiveBlock: u32,
  receiveBlockBytes: u32,
  receiveBase: u32,
  /** Ranges received behind a gap: begin and end of each, in order. */
  rangeCount: u32,
  ...ranges,

  segmentBytesMax: u16,
  sendScale: u8,
  receiveScale: u8,

  /** Congestion control ([RFC 5681], [RFC 6582]), in bytes. */
  congestionWindow: u32,
  slowStartLimit: u32,
  duplicates: u32,
  recoverAt: u32,

  /** [RFC 6298]: what the timed segment is acknowledged by, and the estimates so far. */
  timedAt: u32,
  timedSinceNs: u53,
  smoothedNs: u53,
  deviationNs: u53,
  timeoutNs: u53,
  /** When the timer and the keep-alive are due; 0 for never. */
  timerAtNs: u53,
  keepAliveAtNs: u53,
  keepAliveDelayNs: u53,
  heardNs: u53,

  /** To be acknowledged with the next output. */
  owesAcknowledgement: bool,
  /** In the list of those that have output to make. */
  queued: bool,
  /** The program has ended its side; its FIN was sent; the peer's FIN was received in its place. */
  finQueued: bool,
  finSent: bool,
  ended: bool,
  finKnown: bool,
  timed: bool,
  recovering: bool,
  noDelay: bool,
  /** The program has said that more will follow at once. */
  more: bool,
  keepAlive: bool,
  reusePort: bool,
  /** Closing resets. */
  abortive: bool,
};

export const connectionLayout = struct(connectionShape);
export type Connection = View<typeof connectionShape>;

const rootShape = {
  /** Free control blocks, and how many there are in all, are in use, wait in TIME_WAIT. */
  freeConnection: u32,
  connectionsMade: u32,
  connectionsUsed: u32,
  timeWaitFirst: u32,
  timeWaitLast: u32,
  timeWaitCount: u32,
  outputFirst: u32,
  outputLast: u32,
  /** Addresses of the table of chunks, of the buckets, of the heap and how many it holds. */
  chunks: u32,
  buckets: u32,
  heap: u32,
  heapCapacity: u32,
  heapSize: u32,
  /** Addresses of the rings' descriptors and of their buffers. */
  transmitRing: u32,
  receiveRing: u32,
  transmitBuffers: u32,
  receiveBuffers: u32,
  /** Next descriptor to fill, oldest one that may not be done yet, next one to be received. */
  transmitNext: u32,
  transmitOldest: u32,
  receiveNext: u32,
  /** What the device's timer is set to; 0 for nothing. */
  armedNs: u53,
  nextPort: u32,
  /** Stream blocks in use, and bytes of those that are kept for later. */
  blocksUsed: u32,
  keptBytes: u32,
  /** Something waits for room in the transmit ring. */
  stalled: bool,
  /** Segments sent again, and frames that were no segments, for reports. */
  retransmissions: u53,
  malformed: u53,
};

export const rootLayout = struct(rootShape);
export type Root = View<typeof rootShape>;

/** Byte offset of a connection's field, for code that goes over raw words. */
export function offsetOf(name: keyof typeof connectionShape): number {
  return connectionLayout.fields.find((field) => field.name === name)!.offset;
}
