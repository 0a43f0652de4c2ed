/**
 * Receiving data: what comes in order is for the reader at once, what comes behind a gap is kept
 * until the gap is filled ([RFC 9293] section 3.10.7.4, seventh step).
 */
import { RANGES_MAX, offsetOf, type Connection } from "./layout.ts";
import { isWindowUpdateDue, sendAcknowledgement } from "./output.ts";
import { RECEIVE_RING } from "./streams.ts";
import type { Transport } from "./transport.ts";

const RANGES_AT = offsetOf("range0");

/** Bytes that a reader can take. */
export function readableBytes(c: Connection): number {
  return (c.receiveNext - c.readNext - (c.ended ? 1 : 0)) >>> 0;
}

/** A reader has taken bytes. */
export function consume(t: Transport, c: Connection, count: number): void {
  c.readNext = (c.readNext + count) >>> 0;
  if (c.rangeCount === 0 && readableBytes(c) === 0) t.streams.freeReceived(c);
  if (c.ended || !isWindowUpdateDue(c)) return;
  c.owesAcknowledgement = true;
  t.queues.queueOutput(c);
}

/** Takes a segment's data, which lies within the window. */
export function takeData(
  t: Transport,
  c: Connection,
  sequence: number,
  address: number,
  length: number,
): void {
  const ring = c.$base + RECEIVE_RING;
  const { readNext } = c;
  const used = (lastByte(t, c) - readNext) >>> 0;
  const end = (sequence + length) >>> 0;
  const inOrder = sequence === c.receiveNext;
  const needed = Math.max(used, (end - readNext) >>> 0);
  // Without memory, or with too many gaps, the data is dropped; the peer will send it again.
  const kept =
    t.streams.fit(ring, readNext, used, needed) && (inOrder || keepRange(t, c, sequence, end));
  if (kept) t.streams.putFrom(ring, sequence, address, length);
  c.owesAcknowledgement = true;
  if (!inOrder) {
    // Each of these tells the peer that something is missing, so they are not joined into one.
    sendAcknowledgement(t, c);
  } else if (kept) {
    c.receiveNext = end;
    if (c.rangeCount > 0) joinRanges(t, c);
    t.wakeReader(c);
  }
}

/** Behind the last byte that was received, with or without gaps before it. */
function lastByte(t: Transport, c: Connection): number {
  const { rangeCount } = c;
  if (rangeCount === 0) return c.receiveNext;
  return t.memory.u32[((c.$base + RANGES_AT) >> 2) + rangeCount * 2 - 1]!;
}

/**
 * Remembers a range behind a gap, joined with those that it meets.
 * @returns false when there are too many
 */
function keepRange(t: Transport, c: Connection, begin: number, end: number): boolean {
  const { u32 } = t.memory;
  const at = (c.$base + RANGES_AT) >> 2;
  const { rangeCount } = c;
  let first = 0;
  while (first < rangeCount && ((u32[at + first * 2 + 1]! - begin) | 0) < 0) first++;
  let behind = first;
  let from = begin;
  let to = end;
  while (behind < rangeCount && ((u32[at + behind * 2]! - end) | 0) <= 0) {
    if (((u32[at + behind * 2]! - from) | 0) < 0) from = u32[at + behind * 2]!;
    if (((u32[at + behind * 2 + 1]! - to) | 0) > 0) to = u32[at + behind * 2 + 1]!;
    behind++;
  }
  const count = rangeCount - (behind - first) + 1;
  if (count > RANGES_MAX) return false;
  u32.copyWithin(at + first * 2 + 2, at + behind * 2, at + rangeCount * 2);
  u32[at + first * 2] = from;
  u32[at + first * 2 + 1] = to;
  c.rangeCount = count;
  return true;
}

/** Moves on over ranges whose gap was filled. */
function joinRanges(t: Transport, c: Connection): void {
  const { u32 } = t.memory;
  const at = (c.$base + RANGES_AT) >> 2;
  const { rangeCount } = c;
  let joined = 0;
  while (joined < rangeCount && ((u32[at + joined * 2]! - c.receiveNext) | 0) <= 0) {
    const end = u32[at + joined * 2 + 1]!;
    if (((end - c.receiveNext) | 0) > 0) c.receiveNext = end;
    joined++;
  }
  if (joined === 0) return;
  u32.copyWithin(at, at + joined * 2, at + rangeCount * 2);
  c.rangeCount = rangeCount - joined;
}
