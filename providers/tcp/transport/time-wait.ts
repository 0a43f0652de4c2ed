/**
 * TIME_WAIT: an ended connection answers for a while to segments that come late or again
 * ([RFC 9293] section 3.4.2). All wait equally long, so they stand in one queue.
 */
import { seconds } from "../../../core/provider/index.ts";
import { TIME_WAIT, type Connection } from "./layout.ts";
import { stopTimer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** Twice the life of a segment; 4 minutes in [RFC 9293], which no simulation needs. */
const TIME_WAIT_NS = seconds(1);

/** Begins TIME_WAIT, or begins it anew. */
export function beginTimeWait(t: Transport, c: Connection): void {
  endTimeWait(t, c);
  c.state = TIME_WAIT;
  stopTimer(c);
  t.deadlines.remove(c.number);
  c.keepAliveAtNs = 0;
  c.timerAtNs = t.nowNs + TIME_WAIT_NS;
  const { number } = c;
  const oldest = t.queues.enterTimeWait(c);
  if (oldest === 0) return;
  expire(t, t.at(oldest));
  t.at(number);
}

/** Takes a connection out of the queue of TIME_WAIT, if it is there. */
export function endTimeWait(t: Transport, c: Connection): void {
  if (c.state === TIME_WAIT) t.queues.leaveTimeWait(c);
}

/** TIME_WAIT is over, or has to give way. */
export function expire(t: Transport, c: Connection): void {
  if (c.holder === 0) t.destroy(c);
  else t.shut(c);
}
