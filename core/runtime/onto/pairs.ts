/**
 * Which connection was accepted as which. Where frames are lost, connections are not accepted in
 * the order in which they were made, and a recording says nothing of addresses. What one side read
 * is what the other has written, though, so the bytes tell.
 */
import type { LoggedEnd, LoggedOperation, OperationLog } from "./log.ts";

/** What went over an end, each direction in its order. */
interface Traffic {
  readonly reads: LoggedOperation[];
  readonly writes: LoggedOperation[];
  readBytes: number;
}

/** What went over each of the ends that have streams. */
export type TrafficOf = (end: LoggedEnd) => Traffic;

export function trafficOf({ operations }: OperationLog): TrafficOf {
  const found = new Map<LoggedEnd, Traffic>();
  const of = (end: LoggedEnd): Traffic => {
    const known = found.get(end);
    if (known !== undefined) return known;
    const made = { reads: [], writes: [], readBytes: 0 };
    found.set(end, made);
    return made;
  };
  for (const operation of operations) {
    const traffic = of(operation.end);
    if (operation.direction === "write") traffic.writes.push(operation);
    else if (operation.comparison === "stream" && operation.result > 0) {
      traffic.reads.push(operation);
      traffic.readBytes += operation.result;
    }
  }
  for (const { reads } of found.values()) reads.sort((a, b) => a.ended - b.ended);
  return of;
}

/**
 * @param connected ends of the connections to one listener, in the order in which they were made
 * @param accepted ends that it accepted, in their order
 * @returns who made each that was accepted
 */
export function pairConnections(
  connected: readonly LoggedEnd[],
  accepted: readonly LoggedEnd[],
  traffic: TrafficOf,
): Map<LoggedEnd, LoggedEnd> {
  const left = new Set(connected);
  const pairs = new Map<LoggedEnd, LoggedEnd>();
  const places = new Map(accepted.map((end, place) => [end, place]));
  // Those of which most is known choose first; those of which nothing is known take what is left.
  const known = (end: LoggedEnd): number => traffic(end).readBytes;
  for (const end of accepted.toSorted((a, b) => known(b) - known(a))) {
    const fits = (other: LoggedEnd): boolean =>
      carries(traffic(other), traffic(end)) && carries(traffic(end), traffic(other));
    // Nearly always the one in its place, so that not every pair is looked at.
    const likely = connected[places.get(end)!];
    const isLikely = likely !== undefined && left.has(likely) && fits(likely);
    const found = isLikely ? likely : left.values().find(fits);
    if (found === undefined) continue;
    left.delete(found);
    pairs.set(end, found);
  }
  for (const end of accepted) {
    const [other] = left;
    if (pairs.has(end) || other === undefined) continue;
    left.delete(other);
    pairs.set(end, other);
  }
  return pairs;
}

/** Whether everything that one side read is what the other wrote. */
function carries({ writes }: Traffic, { reads }: Traffic): boolean {
  let write = 0;
  let at = 0;
  for (const { checksum, result } of reads) {
    // One with queued buffers: what it brought is not known.
    if (checksum === undefined) return true;
    let crc = 0;
    for (let need = result; need > 0;) {
      const payload = writes[write]?.payload;
      if (payload === undefined) return false;
      const piece = payload.subarray(at, at + need);
      crc = Bun.hash.crc32(piece, crc);
      need -= piece.length;
      at += piece.length;
      if (at < payload.length) continue;
      write++;
      at = 0;
    }
    if (crc !== checksum) return false;
  }
  return true;
}
