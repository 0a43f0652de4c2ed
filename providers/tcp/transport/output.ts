/**
 * What a connection sends: data as far as both windows allow, its FIN behind the last byte, and an
 * acknowledgement when it owes one that nothing else carries ([RFC 9293] sections 3.7.4, 3.8.6).
 */
import { SCOPE_LOOPBACK, SCOPE_PATH, hostOf, scopeOf } from "../network/frame.ts";
import { FRAME_BYTES_MAX } from "../registers.ts";
import {
  CLOSED,
  FIN_WAIT_2,
  LISTEN,
  SYN_RECEIVED,
  SYN_SENT,
  TIMER_NONE,
  TIMER_PERSIST,
  TIMER_RETRANSMIT,
  TIME_WAIT,
  type Connection,
} from "./layout.ts";
import {
  ACK,
  DATA_AT,
  FIN,
  PSH,
  RST,
  SYN,
  writeHeader,
  writeSynOptions,
  type Segment,
} from "./segment.ts";
import { SEND_RING } from "./streams.ts";
import { WINDOW_PROBES_MAX, armTimer, retransmitDelay } from "./timers.ts";
import type { Transport } from "./transport.ts";

const WINDOW_MAX = 65535;
/** 1,500 bytes of an Ethernet frame without the headers of IP and of the segment. */
const SEGMENT_BYTES_NETWORK = 1460;
/** A host's way to itself has frames of one page. */
const SEGMENT_BYTES_LOOPBACK = FRAME_BYTES_MAX - DATA_AT;

/** The most data that a segment between two addresses carries. */
export function segmentBytesBetween(local: number, remote: number): number {
  const scope = scopeOf(local);
  const inside = scope === SCOPE_LOOPBACK || scope === SCOPE_PATH;
  const same = inside || hostOf(local) === hostOf(remote);
  return same ? SEGMENT_BYTES_LOOPBACK : SEGMENT_BYTES_NETWORK;
}

/**
 * Sends what a connection has to send now.
 * @returns false when the transmit ring is full: call again when there is room
 */
export function output(t: Transport, c: Connection): boolean {
  const { state } = c;
  if (state === CLOSED || state === LISTEN) return true;
  if (state === SYN_SENT || state === SYN_RECEIVED) return outputSyn(t, c);
  if (state !== FIN_WAIT_2 && state !== TIME_WAIT) {
    for (;;) {
      const length = nextLength(c, false);
      const fin = c.finQueued && (c.sendNext + Math.max(0, length)) >>> 0 === c.sendEnd;
      if (length < 0 || (length === 0 && !fin)) break;
      if (!sendData(t, c, length, fin)) return false;
    }
  }
  if (c.owesAcknowledgement && !sendAcknowledgement(t, c)) return false;
  const idle = c.timer === TIMER_NONE && c.sendFirst === c.sendNext;
  // Bytes that may not be sent yet, and nothing on its way whose acknowledgement could let them.
  if (idle && ((c.sendEnd - c.sendNext) | 0) > 0 && c.retries < WINDOW_PROBES_MAX) {
    armTimer(t, c, TIMER_PERSIST, retransmitDelay(c));
  }
  return true;
}

/** Sends what fits the window although it is less than is worth a segment. */
export function forceOutput(t: Transport, c: Connection): boolean {
  const length = nextLength(c, true);
  if (length <= 0) return true;
  return sendData(t, c, length, c.finQueued && (c.sendNext + length) >>> 0 === c.sendEnd);
}

/**
 * Sends the oldest segment again, without changing what comes next. It goes out whatever the window
 * is: the peer may have closed it behind what was sent already.
 */
export function resendFirst(t: Transport, c: Connection): boolean {
  const next = c.sendNext;
  c.sendNext = c.sendFirst;
  const sent = Math.min((c.sent - c.sendFirst) | 0, (c.sendEnd - c.sendFirst) | 0);
  const length = Math.min(c.segmentBytesMax, Math.max(0, sent));
  const fin = c.finSent && (c.sendFirst + length) >>> 0 === c.sendEnd;
  const wasSent = (length === 0 && !fin) || sendData(t, c, length, fin);
  if (((next - c.sendNext) | 0) > 0) c.sendNext = next;
  return wasSent;
}

/**
 * Bytes that the next segment is to carry: 0 when there are none, -1 when those that there are must
 * wait ([RFC 9293] section 3.8.6.2.1, and Nagle's rule of section 3.7.4).
 */
function nextLength(c: Connection, force: boolean): number {
  const left = (c.sendEnd - c.sendNext) | 0;
  if (left <= 0) return left === 0 ? 0 : -1;
  const inFlight = (c.sendNext - c.sendFirst) >>> 0;
  const window = Math.min(c.sendWindow, c.congestionWindow);
  const length = Math.min(left, window - inFlight, c.segmentBytesMax);
  if (length <= 0) return -1;
  if (length === c.segmentBytesMax || force) return length;
  if (length === left && (c.finQueued || (!c.more && (c.noDelay || inFlight === 0)))) return length;
  // What was sent before goes out again in whatever pieces it comes.
  if (c.sendNext !== c.sent) return length;
  return length >= c.sendWindowMax >> 1 && !(c.more && length === left) ? length : -1;
}

function sendData(t: Transport, c: Connection, length: number, fin: boolean): boolean {
  const frame = t.rings.begin();
  if (frame === 0) return false;
  const { sendNext } = c;
  const last = (sendNext + length) >>> 0 === c.sendEnd;
  const flags = ACK | (fin ? FIN : 0) | (last && length > 0 ? PSH : 0);
  writeSegment(t, c, frame, sendNext, flags);
  if (length > 0) t.streams.takeTo(c.$base + SEND_RING, sendNext, frame + DATA_AT, length);
  t.rings.commit(DATA_AT + length);
  if (fin) c.finSent = true;
  const next = (sendNext + length + (fin ? 1 : 0)) >>> 0;
  if (((next - c.sent) | 0) > 0) {
    c.sent = next;
    if (!c.timed) {
      c.timed = true;
      c.timedAt = next;
      c.timedSinceNs = t.nowNs;
    }
  } else {
    t.memory.root.retransmissions += 1;
  }
  c.sendNext = next;
  if (c.timer !== TIMER_RETRANSMIT) armTimer(t, c, TIMER_RETRANSMIT, retransmitDelay(c));
  return true;
}

function outputSyn(t: Transport, c: Connection): boolean {
  if (c.sendNext !== c.sendFirst) return true;
  const frame = t.rings.begin();
  if (frame === 0) return false;
  const answers = c.state === SYN_RECEIVED;
  const window = Math.min(c.receiveLimit, WINDOW_MAX);
  const { memory, rings } = t;
  writeHeader(
    memory.u8,
    frame,
    c.remote,
    c.local,
    c.remotePort,
    c.localPort,
    c.sendFirst,
    answers ? c.receiveNext : 0,
    answers ? SYN | ACK : SYN,
    window,
  );
  const size = segmentBytesBetween(c.local, c.remote);
  rings.commit(DATA_AT + writeSynOptions(memory.u8, frame, size, c.receiveScale));
  if (answers) c.receiveEdge = (c.receiveNext + window) >>> 0;
  c.sendNext = (c.sendFirst + 1) >>> 0;
  c.sent = c.sendNext;
  c.timed = c.retries === 0;
  c.timedAt = c.sendNext;
  c.timedSinceNs = t.nowNs;
  c.owesAcknowledgement = false;
  armTimer(t, c, TIMER_RETRANSMIT, retransmitDelay(c));
  return true;
}

/** Sends an acknowledgement now. @returns false when the transmit ring is full */
export function sendAcknowledgement(t: Transport, c: Connection): boolean {
  return sendEmpty(t, c, c.sendNext, ACK);
}

/**
 * Sends a segment that the peer has to answer by an acknowledgement, because it begins before what
 * is expected ([RFC 9293] section 3.8.4).
 */
export function sendProbe(t: Transport, c: Connection): boolean {
  return sendEmpty(t, c, (c.sendFirst - 1) >>> 0, ACK);
}

/** Resets the peer of a connection. One for which there is no room is lost, as on any network. */
export function sendReset(t: Transport, c: Connection): void {
  sendEmpty(t, c, c.sendNext, RST | ACK);
}

/** Answers a segment that belongs to no connection ([RFC 9293] section 3.10.7.1). */
export function refuseSegment(t: Transport, s: Segment): void {
  if ((s.flags & RST) !== 0) return;
  const frame = t.rings.begin();
  if (frame === 0) return;
  const known = (s.flags & ACK) !== 0;
  const length = s.length + ((s.flags & SYN) === 0 ? 0 : 1) + ((s.flags & FIN) === 0 ? 0 : 1);
  writeHeader(
    t.memory.u8,
    frame,
    s.from,
    s.to,
    s.fromPort,
    s.toPort,
    known ? s.acknowledgement : 0,
    known ? 0 : (s.sequence + length) >>> 0,
    known ? RST : RST | ACK,
    0,
  );
  t.rings.commit(DATA_AT);
}

function sendEmpty(t: Transport, c: Connection, sequence: number, flags: number): boolean {
  const frame = t.rings.begin();
  if (frame === 0) return false;
  writeSegment(t, c, frame, sequence, flags);
  t.rings.commit(DATA_AT);
  return true;
}

function writeSegment(
  t: Transport,
  c: Connection,
  frame: number,
  sequence: number,
  flags: number,
): void {
  const { remote, local, remotePort, localPort, receiveNext } = c;
  const window = offerWindow(c);
  writeHeader(
    t.memory.u8,
    frame,
    remote,
    local,
    remotePort,
    localPort,
    sequence,
    receiveNext,
    flags,
    window,
  );
  c.owesAcknowledgement = false;
}

/**
 * The window to offer, as it goes into a header. It never shrinks, and grows by steps that are
 * worth a segment ([RFC 9293] section 3.8.6.2.2).
 */
function offerWindow(c: Connection): number {
  const { receiveNext, receiveScale } = c;
  const edge = isWindowUpdateDue(c) ? (c.readNext + c.receiveLimit) >>> 0 : c.receiveEdge;
  const window = Math.max(0, (edge - receiveNext) | 0);
  const field = Math.min(window >>> receiveScale, WINDOW_MAX);
  const offered = (receiveNext + field * 2 ** receiveScale) >>> 0;
  if (((offered - c.receiveEdge) | 0) > 0) c.receiveEdge = offered;
  return field;
}

/** Whether the reader has made enough room for the peer to be told. */
export function isWindowUpdateDue(c: Connection): boolean {
  const gain = (c.readNext + c.receiveLimit - c.receiveEdge) | 0;
  return gain >= Math.min(2 * c.segmentBytesMax, c.receiveLimit >> 1);
}
