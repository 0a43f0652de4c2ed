/** Deadlines, outcomes and arrivals on their way, and buffers in use, in a snapshot. */
import { BUFFER, FREE, HEADER_SHIFT, NEXT, STATE } from "../../descriptor/layout.ts";
import { BLOCK_BYTES_MAX } from "../../buffer/arena.ts";
import { QUEUED_BUFFERS_MAX } from "../../buffer/queue.ts";
import { StateReader } from "../../state/state-reader.ts";
import { StateWriter } from "../../state/state-writer.ts";
import { handedOver } from "../queued.ts";
import type { EngineState } from "../state.ts";
import type { SavedBuffers, SavedDelivery, SavedQueue } from "./saved.ts";

/** Numbers that buffers of a snapshot may have: a hostile one must not make the pool huge. */
const BUFFER_ID_MAX = 1 << 20;
const QUEUES_MAX = 65536;

export function encodeDelivery(e: EngineState): Uint8Array {
  const writer = new StateWriter();
  const deadlines = e.deadlines.entries().filter(({ id }) => id < e.table.slots);
  writer.u32(deadlines.length);
  for (const { id, deadlineNs } of deadlines) {
    writer.u32(id);
    writer.f64(deadlineNs);
  }
  const settled: number[] = [];
  let slot = e.settledHead;
  for (; slot !== -1; slot = e.i32[(slot << HEADER_SHIFT) + NEXT]!) settled.push(slot);
  writer.indices(settled);
  const arrivals = e.arrivals.toArray();
  writer.u32(e.arrivals.size);
  for (const field of arrivals) writer.f64(field);
  const brought = [...e.brought.keys()].filter((each) => e.brought[each] !== undefined);
  writer.u32(brought.length);
  for (const each of brought) {
    writer.u32(each);
    writer.bytes(e.brought[each]!);
  }
  writer.u32(e.services.due.length);
  for (const end of e.services.due) writer.f64(end);
  writer.u32(e.abandoned.length);
  for (const end of e.abandoned) writer.f64(end);
  writer.u32(e.faults.size);
  for (const [faulty, error] of e.faults) {
    writer.u32(faulty);
    writer.text(error instanceof Error ? error.message : String(error));
  }
  return writer.finish();
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeDelivery(e: EngineState, payload: Uint8Array): SavedDelivery {
  const reader = new StateReader(payload, "what is on its way");
  const { slots } = e.table;
  const deadlines = Array.from({ length: reader.count("deadlines", 12, slots) }, () => ({
    slot: reader.u32("a deadline's slot", slots - 1),
    deadlineNs: reader.f64("a deadline"),
  }));
  const settled = reader.indices("a settled slot", slots);
  const arrivals = Array.from({ length: reader.count("arrivals", 24) }, () => ({
    handle: reader.whole("an arrival's operation"),
    buffer: reader.whole("an arrival's buffer"),
    bytes: reader.whole("an arrival's bytes"),
  }));
  const brought = Array.from({ length: reader.count("what was brought", 8, slots) }, () => ({
    slot: reader.u32("a slot that has brought bytes", slots - 1),
    bytes: reader.bytes("what it brought"),
  }));
  const ends = (what: string): number[] =>
    Array.from({ length: reader.count(what, 8, e.ends.capacity) }, () => reader.whole(what));
  const due = ends("services to start");
  const abandoned = ends("ends that were given up");
  const faults = Array.from({ length: reader.count("faults", 8, slots) }, () => ({
    slot: reader.u32("a fault's slot", slots - 1),
    text: reader.text("a fault"),
  }));
  reader.finish();
  return { deadlines, settled, arrivals, brought, due, abandoned, faults };
}

/** The contents of every buffer that something in flight refers to, and the queues of buffers. */
export function encodeBuffers(e: EngineState): Uint8Array {
  const writer = new StateWriter();
  const ids = [...referredBuffers(e)].toSorted((a, b) => a - b);
  writer.u32(ids.length);
  for (const id of ids) {
    writer.u32(id);
    writer.bytes(e.pool.get(id).block.bytes);
  }
  const queues = e.bufferQueues.filter((queue) => queue !== undefined);
  writer.u32(queues.length);
  for (const queue of queues) {
    writer.u32(queue.id);
    writer.u32(queue.waiters);
    writer.f64(queue.stalls);
    writer.indices(queue.ids());
  }
  return writer.finish();
}

function referredBuffers(e: EngineState): Set<number> {
  const ids = new Set<number>();
  for (let slot = 0; slot < e.table.highWater; slot++) {
    const header = slot << HEADER_SHIFT;
    const buffer = e.i32[header + BUFFER]!;
    if (e.i32[header + STATE] !== FREE && e.pool.has(buffer)) ids.add(buffer);
    const handed = handedOver(e, slot);
    if (handed !== 0) ids.add(handed);
  }
  for (const queue of e.bufferQueues) for (const id of queue?.ids() ?? []) ids.add(id);
  const arrivals = e.arrivals.toArray();
  for (let at = 1; at < arrivals.length; at += 3) {
    if (e.pool.has(arrivals[at]!)) ids.add(arrivals[at]!);
  }
  return ids;
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeBuffers(e: EngineState, payload: Uint8Array): SavedBuffers {
  const reader = new StateReader(payload, "the buffers");
  const seen = new Set<number>();
  const buffers = Array.from({ length: reader.count("buffers", 8, BUFFER_ID_MAX) }, () => {
    const id = reader.u32("a buffer", BUFFER_ID_MAX);
    if (id === 0 || seen.has(id)) reader.refuse("a buffer", id, "a number from 1, once");
    seen.add(id);
    const bytes = reader.bytes("a buffer");
    if (bytes.length > BLOCK_BYTES_MAX) reader.refuse("a buffer", bytes.length, "smaller");
    return { id, bytes };
  });
  let last = -1;
  const queues: SavedQueue[] = [];
  for (let left = reader.count("buffer queues", 20, QUEUES_MAX); left > 0; left--) {
    const id = reader.u32("a buffer queue", QUEUES_MAX - 1);
    if (id <= last) reader.refuse("a buffer queue", id, "in order");
    last = id;
    queues.push({
      id,
      waiters: reader.u32("a buffer queue's list", e.table.lists - 1),
      stalls: reader.whole("a count of stalls"),
      ids: reader.indices("a queued buffer", BUFFER_ID_MAX + 1).slice(0, QUEUED_BUFFERS_MAX),
    });
  }
  reader.finish();
  return { buffers, queues };
}
