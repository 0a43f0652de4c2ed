/**
 * Deadlines that have come: retransmission with back-off ([RFC 6298] section 5), probes of closed
 * windows ([RFC 9293] section 3.8.6.1), keep-alives (section 3.8.4), and the ends of waits for a
 * peer that says no more.
 */
import { ERRNO, seconds } from "../../../core/provider/index.ts";
import { fail, resetAndFail } from "./closing.ts";
import {
  CLOSED,
  SYN_RECEIVED,
  SYN_SENT,
  TIMER_FIN_WAIT,
  TIMER_PERSIST,
  TIMER_RETRANSMIT,
  type Connection,
} from "./layout.ts";
import { forceOutput, resendFirst, sendProbe } from "./output.ts";
import { expire } from "./time-wait.ts";
import { armTimer, retransmitDelay, stopTimer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** Times that a SYN, an answer to one, and data are sent again (Linux, tcp(7)). */
const SYN_RETRIES_MAX = 6;
const SYN_ANSWER_RETRIES_MAX = 5;
const RETRIES_MAX = 15;
/** The same for what nobody holds any more (tcp_orphan_retries). */
const ORPHAN_RETRIES_MAX = 8;
/** Keep-alive probes without an answer, and the time between them (tcp(7)). */
const PROBES_MAX = 9;
const PROBE_INTERVAL_NS = seconds(75);
/** Idle times that end with an answered probe, after which an idle peer is left alone. */
const KEEP_ALIVES_MAX = 256;
/** Looks at all connections whose deadlines have come. */
export function fireDeadlines(t: Transport): void {
  const { deadlines, nowNs } = t;
  while (deadlines.earliestNs <= nowNs) {
    const number = deadlines.take();
    const c = t.at(number);
    if (c.timerAtNs !== 0 && c.timerAtNs <= nowNs) fireTimer(t, c);
    if (c.state <= CLOSED) continue;
    if (c.keepAliveAtNs !== 0 && c.keepAliveAtNs <= nowNs) fireKeepAlive(t, c);
    if (c.timerAtNs !== 0) deadlines.want(number, c.timerAtNs);
    if (c.keepAliveAtNs !== 0) deadlines.want(number, c.keepAliveAtNs);
  }
  while (t.queues.timeWaitNs <= nowNs) expire(t, t.at(t.memory.root.timeWaitFirst));
}

function fireTimer(t: Transport, c: Connection): void {
  const { timer } = c;
  stopTimer(c);
  if (timer === TIMER_RETRANSMIT) fireRetransmit(t, c);
  else if (timer === TIMER_PERSIST) firePersist(t, c);
  else if (timer === TIMER_FIN_WAIT) t.destroy(c);
}

/** [RFC 6298] section 5.4: the oldest segment again, and from there on as if nothing was sent. */
function fireRetransmit(t: Transport, c: Connection): void {
  if (c.retries >= retriesMax(c)) {
    fail(t, c, ERRNO.ETIMEDOUT);
    return;
  }
  c.retries += 1;
  const inFlight = (c.sent - c.sendFirst) >>> 0;
  c.slowStartLimit = Math.max(inFlight >>> 1, 2 * c.segmentBytesMax);
  c.congestionWindow = c.segmentBytesMax;
  c.recovering = false;
  c.duplicates = 0;
  // Whether an acknowledgement is of the first or the second sending cannot be told (Karn).
  c.timed = false;
  c.sendNext = c.sendFirst;
  armTimer(t, c, TIMER_RETRANSMIT, retransmitDelay(c));
  if (c.state !== SYN_SENT && c.state !== SYN_RECEIVED) resendFirst(t, c);
  t.queues.queueOutput(c);
}

function firePersist(t: Transport, c: Connection): void {
  if (c.probes >= retriesMax(c)) {
    fail(t, c, ERRNO.ETIMEDOUT);
    return;
  }
  c.more = false;
  if (c.sendWindow > 0) {
    forceOutput(t, c);
  } else {
    c.probes += 1;
    c.retries += 1;
    sendProbe(t, c);
  }
  t.queues.queueOutput(c);
}

function fireKeepAlive(t: Transport, c: Connection): void {
  const quietNs = t.nowNs - c.heardNs;
  const inFlight = c.sent !== c.sendFirst;
  if (inFlight || quietNs < c.keepAliveDelayNs) {
    // What is in flight has a clock of its own.
    c.keepAliveAtNs = (inFlight ? t.nowNs : c.heardNs) + c.keepAliveDelayNs;
  } else if (c.probes >= PROBES_MAX) {
    resetAndFail(t, c, ERRNO.ETIMEDOUT);
  } else if (c.probes === 0 && c.keepAlives >= KEEP_ALIVES_MAX) {
    c.keepAliveAtNs = 0;
  } else {
    c.keepAlives += c.probes === 0 ? 1 : 0;
    c.probes += 1;
    sendProbe(t, c);
    c.keepAliveAtNs = t.nowNs + PROBE_INTERVAL_NS;
  }
}

function retriesMax(c: Connection): number {
  if (c.state === SYN_SENT) return SYN_RETRIES_MAX;
  if (c.state === SYN_RECEIVED) return SYN_ANSWER_RETRIES_MAX;
  return c.holder === 0 && c.parent === 0 ? ORPHAN_RETRIES_MAX : RETRIES_MAX;
}
