/**
 * A connection's own clock: how long an acknowledgement may take, from the round trips so far
 * ([RFC 6298]), and what the connection is to be woken for.
 */
import { NS_PER_SECOND, ms, seconds } from "../../../core/provider/index.ts";
import { TIMER_NONE, type Connection } from "./layout.ts";
import type { Transport } from "./transport.ts";

/** [RFC 6298] sections 2.1 and 2.5; the least is Linux's, and the RFC's is a second. */
const TIMEOUT_NS_FIRST = NS_PER_SECOND;
const TIMEOUT_NS_MIN = ms(200);
const TIMEOUT_NS_MAX = seconds(120);
/**
 * Probes of a window that stays closed although the peer answers. Linux never gives up; here that
 * would keep virtual time running for ever for a program that waits for something else. The peer
 * tells when it opens its window, so all that is lost is the remedy for losing that.
 */
export const WINDOW_PROBES_MAX = 64;
/** Doublings after which the longest timeout is reached from any shorter one. */
const BACK_OFF_MAX = 10;

/** Begins the estimates of a new connection. */
export function beginEstimates(c: Connection): void {
  c.timeoutNs = TIMEOUT_NS_FIRST;
}

/** Takes a round trip into account ([RFC 6298] section 2). */
export function measureRoundTrip(c: Connection, roundTripNs: number): void {
  if (c.smoothedNs === 0) {
    c.smoothedNs = Math.max(1, roundTripNs);
    c.deviationNs = Math.floor(roundTripNs / 2);
  } else {
    const error = Math.abs(c.smoothedNs - roundTripNs);
    c.deviationNs = Math.floor((3 * c.deviationNs + error) / 4);
    c.smoothedNs = Math.max(1, Math.floor((7 * c.smoothedNs + roundTripNs) / 8));
  }
  const timeoutNs = c.smoothedNs + 4 * c.deviationNs;
  c.timeoutNs = Math.min(TIMEOUT_NS_MAX, Math.max(TIMEOUT_NS_MIN, timeoutNs));
}

/** How long to wait for an acknowledgement, after all the retries so far. */
export function retransmitDelay(c: Connection): number {
  return Math.min(TIMEOUT_NS_MAX, c.timeoutNs * 2 ** Math.min(c.retries, BACK_OFF_MAX));
}

/** Arms the connection's timer, in place of what it was armed for. */
export function armTimer(t: Transport, c: Connection, timer: number, delayNs: number): void {
  c.timer = timer;
  c.timerAtNs = t.nowNs + delayNs;
  t.deadlines.want(c.number, c.timerAtNs);
}

/** Withdraws the connection's timer. Its entry in the heap stays until it is looked at. */
export function stopTimer(c: Connection): void {
  c.timer = TIMER_NONE;
  c.timerAtNs = 0;
}

/** Has an idle peer probed from now on. */
export function startKeepAlive(t: Transport, c: Connection): void {
  if (!c.keepAlive) return;
  c.heardNs = t.nowNs;
  c.keepAliveAtNs = t.nowNs + c.keepAliveDelayNs;
  t.deadlines.want(c.number, c.keepAliveAtNs);
}
