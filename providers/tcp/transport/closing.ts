/**
 * How connections end: by agreement, by reset, by a timeout, or with their listener. What a program
 * sees of it is what Linux shows: received data first, then the error.
 */
import { ERRNO, seconds } from "../../../core/provider/index.ts";
import {
  CLOSED,
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  LISTEN,
  SYN_RECEIVED,
  SYN_SENT,
  TIMER_FIN_WAIT,
  TIME_WAIT,
  type Connection,
} from "./layout.ts";
import { sendReset } from "./output.ts";
import { beginTimeWait } from "./time-wait.ts";
import { armTimer, stopTimer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** How long a peer has to end its side when nobody is left to read it (Linux: tcp_fin_timeout). */
const FIN_WAIT_NS = seconds(60);

/**
 * The connection is lost. Its holder finds out by the next read or write; without a holder it is
 * gone.
 */
export function fail(t: Transport, c: Connection, errorNumber: number): void {
  // Whose peer had ended already reads the end of the stream, and learns by writing.
  const { state } = c;
  const reset = errorNumber === ERRNO.ECONNRESET;
  c.pendingError = reset && state === CLOSE_WAIT ? ERRNO.EPIPE : errorNumber;
  if (!c.ended) c.failure = errorNumber;
  if (state === SYN_RECEIVED) leaveHandshake(t, c);
  t.shut(c);
  if (c.holder === 0 && c.parent === 0) {
    t.destroy(c);
    return;
  }
  t.wakeReader(c);
  t.wakeWriter(c);
}

/** Tells the peer, and fails. */
export function resetAndFail(t: Transport, c: Connection, errorNumber: number): void {
  sendReset(t, c);
  fail(t, c, errorNumber);
}

/** A handshake is over, one way or the other. */
export function leaveHandshake(t: Transport, c: Connection): void {
  const listener = t.connections.at(t.listener, c.parent);
  listener.handshakes -= 1;
  c.parent = 0;
}

/** The program sends no more: the FIN goes behind what is still to be sent. */
export function endSending(t: Transport, c: Connection): void {
  if (c.finQueued) return;
  c.finQueued = true;
  c.more = false;
  if (c.state === ESTABLISHED || c.state === SYN_RECEIVED) c.state = FIN_WAIT_1;
  else if (c.state === CLOSE_WAIT) c.state = LAST_ACK;
  t.queues.queueOutput(c);
}

/** The peer's FIN is next in the stream. */
export function takeFin(t: Transport, c: Connection): void {
  c.receiveNext = (c.receiveNext + 1) >>> 0;
  c.ended = true;
  c.owesAcknowledgement = true;
  if (c.state === ESTABLISHED) c.state = CLOSE_WAIT;
  else if (c.state === FIN_WAIT_1) c.state = CLOSING;
  else if (c.state === FIN_WAIT_2) beginTimeWait(t, c);
  t.wakeReader(c);
}

/** The peer has acknowledged our FIN. */
export function finAcknowledged(t: Transport, c: Connection): void {
  if (c.state === FIN_WAIT_1) {
    c.state = FIN_WAIT_2;
    awaitFin(t, c);
  } else if (c.state === CLOSING) {
    beginTimeWait(t, c);
  } else if (c.state === LAST_ACK) {
    if (c.holder === 0) t.destroy(c);
    else t.shut(c);
  }
}

/** Nobody holds the connection any more: it ends by itself, with whatever is still to be sent. */
export function abandon(t: Transport, c: Connection): void {
  const { state } = c;
  if (state === LISTEN) {
    closeListener(t, c);
    return;
  }
  c.holder = 0;
  c.keepAliveAtNs = 0;
  if (state === CLOSED || state === SYN_SENT) {
    t.destroy(c);
    return;
  }
  const unread = c.receiveNext !== (c.readNext + (c.ended ? 1 : 0)) >>> 0;
  if (state !== TIME_WAIT && (unread || c.abortive)) {
    sendReset(t, c);
    t.destroy(c);
    return;
  }
  t.streams.freeReceived(c);
  c.readNext = c.receiveNext;
  endSending(t, c);
  awaitFin(t, c);
}

function awaitFin(t: Transport, c: Connection): void {
  if (c.state === FIN_WAIT_2 && c.holder === 0 && c.parent === 0) {
    armTimer(t, c, TIMER_FIN_WAIT, FIN_WAIT_NS);
  }
}

/** Turns away everybody who was not accepted. */
function closeListener(t: Transport, listener: Connection): void {
  const { number } = listener;
  t.connections.eachComer(number, (comer) => {
    const c = t.at(comer);
    c.parent = 0;
    if (c.state !== CLOSED) sendReset(t, c);
    t.destroy(c);
  });
  const c = t.at(number);
  c.acceptFirst = 0;
  stopTimer(c);
  t.destroy(c);
}
