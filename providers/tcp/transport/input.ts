/**
 * What a segment that arrives does: [RFC 9293] section 3.10.7, step by step. Simultaneous opens,
 * urgent data and selective acknowledgements are not modelled.
 */
import { ERRNO } from "../../../core/provider/index.ts";
import { beginWindows, takeAcknowledgement } from "./acknowledge.ts";
import { fail, leaveHandshake, takeFin } from "./closing.ts";
import {
  CLOSED,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
  type Connection,
} from "./layout.ts";
import {
  output,
  refuseSegment,
  segmentBytesBetween,
  sendAcknowledgement,
  sendReset,
} from "./output.ts";
import { takeData } from "./receive.ts";
import { ACK, FIN, RST, SYN, type Segment } from "./segment.ts";
import { beginTimeWait, expire } from "./time-wait.ts";
import { beginEstimates, measureRoundTrip, startKeepAlive, stopTimer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** Takes a frame that lies in memory. */
export function input(t: Transport, frameAt: number, frameBytes: number): void {
  const s = t.segment;
  if (!s.read(t.memory.u8, frameAt, frameBytes)) {
    t.memory.root.malformed += 1;
    return;
  }
  const number = t.connections.find(s.to, s.toPort, s.from, s.fromPort);
  if (number === 0) {
    inputToListener(t, s);
    return;
  }
  const c = t.at(number);
  c.heardNs = t.nowNs;
  c.probes = 0;
  if (c.state === SYN_SENT) inputSynSent(t, c, s);
  else if (c.state === TIME_WAIT && isNewConnection(c, s)) {
    expire(t, c);
    inputToListener(t, s);
  } else inputSynchronized(t, c, s);
}

/** A connection in TIME_WAIT gives way to a SYN that is clearly newer (section 3.6.1). */
function isNewConnection(c: Connection, s: Segment): boolean {
  return (s.flags & (SYN | ACK | RST)) === SYN && ((s.sequence - c.receiveNext) | 0) > 0;
}

/** Section 3.10.7.2: a listener answers a SYN, and nobody anything else. */
function inputToListener(t: Transport, s: Segment): void {
  const isSyn = (s.flags & (SYN | ACK | RST)) === SYN;
  const chance = Math.imul(s.from ^ (s.fromPort << 16), 0x9e3779b1) >>> 16;
  const number = isSyn ? t.connections.findListener(s.to, s.toPort, chance) : 0;
  if (number === 0) {
    refuseSegment(t, s);
    return;
  }
  const listener = t.connections.at(t.listener, number);
  // A full queue answers nothing: the client tries again, as with Linux (listen(2)).
  if (listener.acceptCount + listener.handshakes > listener.backlog) return;
  const taken = t.connections.take();
  if (taken === 0) return;
  const c = t.at(taken);
  c.parent = number;
  listener.handshakes += 1;
  c.local = s.to;
  c.localPort = s.toPort;
  c.remote = s.from;
  c.remotePort = s.fromPort;
  c.receiveLimit = listener.receiveLimit;
  c.sendLimit = listener.sendLimit;
  c.noDelay = listener.noDelay;
  c.keepAlive = listener.keepAlive;
  c.keepAliveDelayNs = listener.keepAliveDelayNs;
  beginConnection(t, c, SYN_RECEIVED);
  takeSyn(c, s);
  t.connections.insert(c);
  t.queues.queueOutput(c);
}

/** Fills in what both sides begin with. */
export function beginConnection(t: Transport, c: Connection, state: number): void {
  const first = t.host.random.uint32();
  c.state = state;
  c.sendFirst = first;
  c.sendNext = first;
  c.sent = first;
  c.sendEnd = (first + 1) >>> 0;
  c.segmentBytesMax = segmentBytesBetween(c.local, c.remote);
  c.receiveScale = Math.max(0, 16 - Math.clz32(c.receiveLimit));
  beginEstimates(c);
}

/** Takes over what the peer's SYN says. */
function takeSyn(c: Connection, s: Segment): void {
  const next = (s.sequence + 1) >>> 0;
  c.receiveNext = next;
  c.readNext = next;
  c.receiveEdge = next;
  c.segmentBytesMax = Math.min(c.segmentBytesMax, s.segmentBytesMax);
  c.sendScale = Math.max(0, s.scale);
  if (s.scale < 0) c.receiveScale = 0;
  beginWindows(c, s);
}

/** Section 3.10.7.3. */
function inputSynSent(t: Transport, c: Connection, s: Segment): void {
  const { flags, acknowledgement } = s;
  if ((flags & ACK) === 0) return;
  if (acknowledgement !== c.sent || c.sent === c.sendFirst) {
    refuseSegment(t, s);
    return;
  }
  if ((flags & RST) !== 0) {
    fail(t, c, ERRNO.ECONNREFUSED);
    return;
  }
  if ((flags & SYN) === 0) return;
  takeSyn(c, s);
  c.receiveEdge = (c.receiveNext + Math.min(c.receiveLimit, 65535)) >>> 0;
  acknowledgeSyn(t, c);
  c.state = ESTABLISHED;
  c.owesAcknowledgement = true;
  t.queues.queueOutput(c);
  startKeepAlive(t, c);
  t.wakeWriter(c);
}

function acknowledgeSyn(t: Transport, c: Connection): void {
  c.sendFirst = c.sent;
  c.sendNext = c.sent;
  if (c.timed) measureRoundTrip(c, t.nowNs - c.timedSinceNs);
  c.timed = false;
  c.retries = 0;
  stopTimer(c);
}

/** Section 3.10.7.4. */
function inputSynchronized(t: Transport, c: Connection, s: Segment): void {
  const { flags, length } = s;
  const hasFin = (flags & FIN) !== 0;
  const known = (c.receiveNext - s.sequence) | 0;
  if ((flags & RST) !== 0) {
    inputReset(t, c, s);
    return;
  }
  if ((flags & SYN) !== 0) {
    inputRepeatedSyn(t, c, s);
    return;
  }
  if ((flags & ACK) === 0) return;
  if (c.state === SYN_RECEIVED && !establish(t, c, s)) return;

  // What was received before is cut off in front, what exceeds the window behind.
  const skip = Math.max(0, known);
  const beyond = (s.sequence + length - c.receiveEdge) | 0;
  const useful = length - skip - Math.max(0, beyond);
  const begins = (s.sequence + skip) >>> 0;
  const isOld = known > length || (known === length && known > 0 && !hasFin);
  const isRepeated = isOld && (length > 0 || hasFin || known === 1);
  if (isRepeated || (length > 0 && useful <= 0)) {
    c.owesAcknowledgement = true;
    if (c.state === TIME_WAIT && hasFin) beginTimeWait(t, c);
  }
  t.queues.queueOutput(c);
  if (!takeAcknowledgement(t, c, s)) return;
  if (isOld || (length > 0 && useful <= 0)) return;
  inputStream(t, c, s, begins, useful, hasFin && beyond <= 0);
}

/** Data, and the end of it. */
function inputStream(
  t: Transport,
  c: Connection,
  s: Segment,
  begins: number,
  useful: number,
  hasFin: boolean,
): void {
  const { state } = c;
  if (state !== ESTABLISHED && state !== FIN_WAIT_1 && state !== FIN_WAIT_2) return;
  if (useful > 0) {
    if (c.holder === 0 && c.parent === 0) {
      // Nobody is left to read: the peer has to know (RFC 2525, section 2.17).
      sendReset(t, c);
      t.destroy(c);
      return;
    }
    c.keepAlives = 0;
    if (c.keepAliveAtNs === 0) startKeepAlive(t, c);
    takeData(t, c, begins, s.dataAt + ((begins - s.sequence) | 0), useful);
  }
  if (hasFin) {
    c.finKnown = true;
    c.finAt = (s.sequence + s.length) >>> 0;
    c.owesAcknowledgement = true;
  }
  if (c.finKnown && c.receiveNext === c.finAt) {
    c.finKnown = false;
    takeFin(t, c);
  }
}

/** Only a reset in exactly the right place is believed at once ([RFC 5961] section 3.2). */
function inputReset(t: Transport, c: Connection, s: Segment): void {
  if (s.sequence === c.receiveNext) {
    if (c.state === TIME_WAIT) expire(t, c);
    else fail(t, c, ERRNO.ECONNRESET);
    return;
  }
  const inWindow = ((s.sequence - c.receiveNext) | 0) > 0 && ((s.sequence - c.receiveEdge) | 0) < 0;
  if (inWindow) sendAcknowledgement(t, c);
}

/** A SYN for a connection that there is: our answer was lost, or somebody is confused. */
function inputRepeatedSyn(t: Transport, c: Connection, s: Segment): void {
  const ours = c.state === SYN_RECEIVED && (s.sequence + 1) >>> 0 === c.receiveNext;
  if (!ours) {
    sendAcknowledgement(t, c);
    return;
  }
  c.sendNext = c.sendFirst;
  c.timed = false;
  output(t, c);
}

/** The handshake is complete. @returns false when the segment does not complete it */
function establish(t: Transport, c: Connection, s: Segment): boolean {
  if (s.acknowledgement !== c.sent || c.sent === c.sendFirst) {
    refuseSegment(t, s);
    return false;
  }
  acknowledgeSyn(t, c);
  const { parent } = c;
  leaveHandshake(t, c);
  c.parent = parent;
  c.state = ESTABLISHED;
  t.queues.queueAccept(t.listener, c);
  startKeepAlive(t, c);
  t.wakeReader(t.listener);
  return c.state !== CLOSED;
}
