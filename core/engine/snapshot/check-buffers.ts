/**
 * Whether what a snapshot says about buffers can be true: every operation's bytes lie inside a
 * buffer of the snapshot, and no two uses of one conflict. The kernel will write there.
 */
import { END_FREE } from "../../descriptor/ends.ts";
import {
  ENDS_MAX,
  FLAG_READ,
  IN_FLIGHT,
  LIST_KIND_QUEUE,
  WAIT_READY,
} from "../../descriptor/layout.ts";
import { SLOTS_MAX } from "../../descriptor/table.ts";
import { readRound } from "../queued.ts";
import type { EngineState } from "../state.ts";
import { corrupt } from "./check-slots.ts";
import type { SavedSession, SavedSlot } from "./saved.ts";

/** How each lent buffer is lent. */
export interface Loan {
  write: boolean;
  readers: number;
}

/** What a restored session has to note about its buffers. */
export interface BufferUse {
  readonly loans: ReadonlyMap<number, Loan>;
  /** Operations that take their buffers from each queue. */
  readonly users: ReadonlyMap<number, number>;
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function checkBuffers(e: EngineState, saved: SavedSession): BufferUse {
  const sizes = new Map(saved.buffers.buffers.map(({ id, bytes }) => [id, bytes.length]));
  const bySlot = new Map(saved.table.slots.map((slot) => [slot.slot, slot]));
  const loans = new Map<number, Loan>();
  const users = new Map(saved.buffers.queues.map(({ id }) => [id, 0]));
  const lend = (id: number, write: boolean): void => {
    if (!sizes.has(id)) corrupt(`buffer ${id} is missing`);
    const loan = loans.get(id) ?? { write: false, readers: 0 };
    if (loan.write || (write && loan.readers > 0)) corrupt(`buffer ${id} is lent twice`);
    loans.set(id, write ? { write, readers: 0 } : { write, readers: loan.readers + 1 });
  };
  for (const slot of saved.table.slots) {
    checkPlace(slot, bySlot.get(slot.parent), sizes);
    if (slot.state !== IN_FLIGHT || slot.parent !== -1) continue;
    if (slot.frames[0]!.layer === e.queuedLayer) lendQueued(slot, users, lend);
    else if (slot.buffer !== 0) lend(slot.buffer, (slot.flags & FLAG_READ) !== 0);
    if (slot.frames.slice(1).some((frame) => frame.layer === e.queuedLayer)) {
      corrupt(`slot ${slot.slot} queues buffers above its bottom frame`);
    }
  }
  for (const { id, ids, waiters } of saved.buffers.queues) {
    if (saved.lists.kinds[waiters] !== LIST_KIND_QUEUE) corrupt(`queue ${id} has no wait list`);
    for (const buffer of ids) lend(buffer, true);
  }
  for (const { handle, buffer } of saved.delivery.arrivals) {
    const slot = bySlot.get(handle % SLOTS_MAX);
    const generation = saved.table.generations[handle % SLOTS_MAX];
    const known = slot !== undefined && Math.floor(handle / SLOTS_MAX) === generation;
    if (!known || !sizes.has(buffer)) corrupt(`buffer ${buffer} arrived out of nowhere`);
  }
  for (const id of sizes.keys()) if (e.pool.has(id)) corrupt(`buffer ${id} is in use already`);
  return { loans, users };
}

/** The bytes of an operation lie in its buffer, and a fork's are its parent's. */
function checkPlace(
  slot: SavedSlot,
  parent: SavedSlot | undefined,
  sizes: ReadonlyMap<number, number>,
): void {
  const { buffer, bufferAt, length } = slot;
  if (buffer === 0) return;
  const size = sizes.get(buffer);
  if (size === undefined) corrupt(`buffer ${buffer} is missing`);
  if (bufferAt + length > size) corrupt(`slot ${slot.slot} reaches beyond buffer ${buffer}`);
  if (parent !== undefined && parent.buffer !== buffer) corrupt(`slot ${slot.slot} strays`);
}

function lendQueued(
  slot: SavedSlot,
  users: Map<number, number>,
  lend: (id: number, write: boolean) => void,
): void {
  const { buffer, queue } = readRound(slot.frames[0]!.bytes);
  if (buffer !== slot.buffer || (buffer !== 0 && queue === 0)) {
    corrupt(`slot ${slot.slot} and its frame disagree about its buffer`);
  }
  if (queue !== 0) {
    const count = users.get(queue - 1);
    if (count === undefined) corrupt(`slot ${slot.slot} has no buffer queue`);
    users.set(queue - 1, count + 1);
  }
  if (buffer !== 0) lend(buffer, true);
  else if (queue !== 0 && slot.wait === WAIT_READY && slot.result > 0) lend(slot.result, true);
}

/** Ends to do something about are, or were, ends of the session. @throws {ReelError} as below */
function checkDue({ delivery, ends }: SavedSession): void {
  for (const handle of [...delivery.due, ...delivery.abandoned]) {
    const row = ends.rows[handle % ENDS_MAX];
    const known = row !== undefined && Math.floor(handle / ENDS_MAX) <= row.generation;
    if (!known) corrupt(`something is to be done about end ${handle}, which never was`);
  }
}

/** Every open resource has as many ends as it says. @throws {ReelError} ERR_STATE_CORRUPT */
export function checkEnds(saved: SavedSession): void {
  checkDue(saved);
  const counts = saved.providers.map(() => new Map<number, number>());
  for (const { provider, resource, state } of saved.ends.rows) {
    if (state === END_FREE) continue;
    const count = counts[provider]!;
    count.set(resource, (count.get(resource) ?? 0) + 1);
  }
  for (const [provider, { resources }] of saved.providers.entries()) {
    for (const { ends, resource } of resources) {
      const found = counts[provider]!.get(resource) ?? 0;
      if (found !== ends) corrupt(`a resource has ${found} open ends instead of ${ends}`);
      counts[provider]!.delete(resource);
    }
    if (counts[provider]!.size > 0) corrupt("an end is open on a resource that is not");
  }
}
