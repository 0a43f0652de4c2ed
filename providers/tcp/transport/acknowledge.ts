/**
 * What acknowledgements do: free what was sent, measure the round trip, move the congestion window
 * ([RFC 5681] with appropriate byte counting, [RFC 6582] without selective acknowledgements), and
 * open or close the peer's window.
 */
import { finAcknowledged } from "./closing.ts";
import { CLOSED, TIMER_PERSIST, TIMER_RETRANSMIT, type Connection } from "./layout.ts";
import { resendFirst } from "./output.ts";
import type { Segment } from "./segment.ts";
import { armTimer, measureRoundTrip, retransmitDelay, stopTimer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** [RFC 6928]: segments that a new connection may have in flight. */
const FIRST_SEGMENTS = 10;
/** Duplicates that mean a loss ([RFC 5681] section 3.2). */
const DUPLICATES = 3;
const CONGESTION_WINDOW_MAX = 1 << 30;

/** Begins the windows of a new connection. */
export function beginWindows(c: Connection, s: Segment): void {
  c.congestionWindow = FIRST_SEGMENTS * c.segmentBytesMax;
  c.slowStartLimit = CONGESTION_WINDOW_MAX;
  // The window of a SYN is never scaled ([RFC 7323] section 2.2).
  setWindow(c, s, 0);
}

/**
 * Takes a segment's acknowledgement and window into account.
 * @returns false when the segment is of no further use
 */
export function takeAcknowledgement(t: Transport, c: Connection, s: Segment): boolean {
  const { acknowledgement } = s;
  if (((acknowledgement - c.sent) | 0) > 0) {
    c.owesAcknowledgement = true;
    return false;
  }
  const acknowledged = (acknowledgement - c.sendFirst) | 0;
  if (acknowledged > 0) takeNew(t, c, acknowledgement, acknowledged);
  else if (acknowledged === 0) takeRepeated(t, c, s);
  if (c.state <= CLOSED) return false;
  takeWindow(c, s);
  return true;
}

function takeNew(t: Transport, c: Connection, acknowledgement: number, count: number): void {
  if (c.timed && ((acknowledgement - c.timedAt) | 0) >= 0) {
    measureRoundTrip(c, t.nowNs - c.timedSinceNs);
    c.timed = false;
  }
  c.retries = 0;
  c.sendFirst = acknowledgement;
  if (((acknowledgement - c.sendNext) | 0) > 0) c.sendNext = acknowledgement;
  const stillQueued = (c.sendEnd - acknowledgement) | 0;
  if (stillQueued <= 0) t.streams.freeSent(c);
  if (acknowledgement === c.sent) stopTimer(c);
  else armTimer(t, c, TIMER_RETRANSMIT, retransmitDelay(c));
  moveCongestionWindow(t, c, acknowledgement, count);
  if (c.finSent && stillQueued < 0) finAcknowledged(t, c);
  if (Math.max(0, stillQueued) <= c.sendLimit - (c.sendLimit >> 2)) t.wakeWriter(c);
}

function moveCongestionWindow(
  t: Transport,
  c: Connection,
  acknowledgement: number,
  count: number,
): void {
  const size = c.segmentBytesMax;
  if (c.recovering) {
    if (((acknowledgement - c.recoverAt) | 0) >= 0) {
      c.recovering = false;
      c.duplicates = 0;
      c.congestionWindow = c.slowStartLimit;
      return;
    }
    // A partial one: the next segment is lost too ([RFC 6582] section 3.2, step 3).
    c.congestionWindow = Math.max(size, c.congestionWindow - count + size);
    c.timed = false;
    resendFirst(t, c);
    return;
  }
  c.duplicates = 0;
  const { congestionWindow } = c;
  const growth =
    congestionWindow < c.slowStartLimit
      ? count
      : Math.max(1, Math.floor((size * count) / congestionWindow));
  c.congestionWindow = Math.min(CONGESTION_WINDOW_MAX, congestionWindow + growth);
}

/** The same acknowledgement again: a sign that something behind a gap has arrived. */
function takeRepeated(t: Transport, c: Connection, s: Segment): void {
  const window = s.window * 2 ** c.sendScale;
  if (c.sent === c.sendFirst || s.length > 0 || window !== c.sendWindow) return;
  c.duplicates += 1;
  const size = c.segmentBytesMax;
  if (c.recovering) {
    c.congestionWindow = Math.min(CONGESTION_WINDOW_MAX, c.congestionWindow + size);
    return;
  }
  if (c.duplicates !== DUPLICATES || c.retries > 0) return;
  c.recovering = true;
  c.recoverAt = c.sent;
  c.slowStartLimit = Math.max(((c.sent - c.sendFirst) >>> 0) >>> 1, 2 * size);
  c.congestionWindow = c.slowStartLimit + DUPLICATES * size;
  c.timed = false;
  resendFirst(t, c);
}

/** [RFC 9293] section 3.10.7.4: only a segment that is not older than the last one tells. */
function takeWindow(c: Connection, s: Segment): void {
  const newer = (s.sequence - c.windowSequence) | 0;
  if (newer < 0) return;
  if (newer === 0 && ((s.acknowledgement - c.windowAcknowledgement) | 0) < 0) return;
  setWindow(c, s, c.sendScale);
  if (c.sendWindow > 0 && c.timer === TIMER_PERSIST) {
    c.retries = 0;
    stopTimer(c);
  }
}

function setWindow(c: Connection, s: Segment, scale: number): void {
  c.sendWindow = s.window * 2 ** scale;
  if (c.sendWindow > c.sendWindowMax) c.sendWindowMax = c.sendWindow;
  c.windowSequence = s.sequence;
  c.windowAcknowledgement = s.acknowledgement;
}
