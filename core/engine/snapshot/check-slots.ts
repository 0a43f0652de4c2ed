/**
 * Whether the slots of a snapshot agree with its lists: each waits where it says, and only there.
 */
import { END_FREE } from "../../descriptor/ends.ts";
import {
  FLAG_BROUGHT,
  FLAG_DEADLINE,
  FLAG_DELIVERED,
  IN_FLIGHT,
  LIST_KIND_INTERRUPT,
  LIST_KIND_LOCK,
  LIST_KIND_QUEUE,
  LIST_KIND_READY,
  PAGE_BYTES,
  TERMINAL,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_NAMES,
  WAIT_NOTHING,
  WAIT_QUEUE,
  WAIT_READY,
  WAIT_RING,
  WAIT_TIMER,
} from "../../descriptor/layout.ts";
import { FIRST_FRAME, PAGES_PER_OPERATION_MAX } from "../../descriptor/stack.ts";
import { ReelError } from "../../errors.ts";
import type { EngineState } from "../state.ts";
import type { SavedSession, SavedSlot } from "./saved.ts";

/** The kind of list that a wait is in. */
const KIND_OF_WAIT: Readonly<Record<number, number>> = {
  [WAIT_READY]: LIST_KIND_READY,
  [WAIT_INTERRUPT]: LIST_KIND_INTERRUPT,
  [WAIT_LOCK]: LIST_KIND_LOCK,
  [WAIT_QUEUE]: LIST_KIND_QUEUE,
};

export function corrupt(what: string): never {
  throw new ReelError("ERR_STATE_CORRUPT", `Cannot restore the session: ${what}`, {
    mend: "Give an undamaged snapshot",
  });
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function checkSlots(e: EngineState, saved: SavedSession): void {
  const bySlot = new Map(saved.table.slots.map((slot) => [slot.slot, slot]));
  checkLists(e, saved, bySlot);
  checkDeadlines(saved, bySlot);
  checkDelivered(saved, bySlot);
  checkFamilies(saved, bySlot);
  let pages = 0;
  for (const slot of saved.table.slots) {
    checkSlot(e, saved, slot);
    pages += overflowPages(slot);
  }
  if (pages > e.table.overflowPages) corrupt(`its stacks need ${pages} overflow pages`);
}

function checkSlot(e: EngineState, saved: SavedSession, slot: SavedSlot): void {
  const { end, frames, slot: number, state, wait } = slot;
  const waits = state === IN_FLIGHT ? wait !== WAIT_NOTHING : wait === WAIT_NOTHING;
  if (!waits) corrupt(`slot ${number} waits for ${WAIT_NAMES[wait]} in state ${state}`);
  if ((state === IN_FLIGHT) !== frames.length > 0) corrupt(`slot ${number} has a stray frame`);
  if (wait === WAIT_RING && e.backend.ring === undefined) corrupt(`slot ${number} has no ring`);
  const row = saved.ends.rows[end];
  if (state === IN_FLIGHT && (row === undefined || row.state === END_FREE)) {
    corrupt(`slot ${number} works on end ${end}, which is not open`);
  }
  if (overflowPages(slot) > PAGES_PER_OPERATION_MAX) corrupt(`slot ${number} is too deep`);
}

/** Pages beyond its own that a slot's frames take up when they are pushed one after the other. */
function overflowPages(slot: SavedSlot): number {
  let pages = 0;
  let used = FIRST_FRAME - 8;
  for (const { bytes } of slot.frames) {
    if (used + 8 + bytes.length > PAGE_BYTES) {
      pages++;
      used = FIRST_FRAME - 8;
    }
    used += 8 + bytes.length;
  }
  return pages;
}

function checkLists(
  e: EngineState,
  { lists }: SavedSession,
  bySlot: ReadonlyMap<number, SavedSlot>,
): void {
  const listed = new Set<number>();
  for (const [list, members] of lists.members.entries()) {
    for (const member of members) {
      const slot = bySlot.get(member);
      const right = slot !== undefined && KIND_OF_WAIT[slot.wait] === lists.kinds[list];
      const named = right && (slot.wait === WAIT_READY ? e.ready : slot.waitOn) === list;
      if (!named || listed.has(member)) corrupt(`slot ${member} waits in list ${list} by mistake`);
      listed.add(member);
    }
  }
  for (const { slot, wait } of bySlot.values()) {
    if (KIND_OF_WAIT[wait] !== undefined && !listed.has(slot))
      corrupt(`slot ${slot} is in no list`);
  }
  const owned = new Set<number>();
  const owners = new Set<number>();
  for (const { slot, locks } of lists.held) {
    if (bySlot.get(slot)?.state !== IN_FLIGHT || owners.has(slot)) corrupt(`slot ${slot} locks`);
    owners.add(slot);
    for (const lock of locks) {
      const free = lists.kinds[lock] === LIST_KIND_LOCK && !owned.has(lock);
      if (!free) corrupt(`slot ${slot} cannot hold lock ${lock}`);
      owned.add(lock);
    }
  }
  for (const [list, members] of lists.members.entries()) {
    const lock = lists.kinds[list] === LIST_KIND_LOCK;
    if (lock && members.length > 0 && !owned.has(list)) corrupt(`nobody holds lock ${list}`);
  }
}

function checkDeadlines(saved: SavedSession, bySlot: ReadonlyMap<number, SavedSlot>): void {
  const timed = new Set<number>();
  for (const { slot } of saved.delivery.deadlines) {
    const flags = bySlot.get(slot)?.flags ?? 0;
    if ((flags & FLAG_DEADLINE) === 0 || timed.has(slot)) corrupt(`slot ${slot} has no deadline`);
    timed.add(slot);
  }
  for (const { flags, slot, wait } of bySlot.values()) {
    const wanted = (flags & FLAG_DEADLINE) !== 0;
    if (wanted !== timed.has(slot)) corrupt(`the deadline of slot ${slot} is missing`);
    if (wait === WAIT_TIMER && !wanted) corrupt(`slot ${slot} waits for a time without one`);
    if (wanted && wait === WAIT_READY) corrupt(`slot ${slot} has a deadline and is ready`);
  }
}

function checkDelivered(saved: SavedSession, bySlot: ReadonlyMap<number, SavedSlot>): void {
  const settled = new Set(saved.delivery.settled);
  for (const slot of bySlot.values()) {
    const wanted = slot.state === TERMINAL && (slot.flags & FLAG_DELIVERED) === 0;
    if (wanted !== settled.has(slot.slot)) corrupt(`the outcome of slot ${slot.slot} is astray`);
  }
  const brought = new Set<number>();
  for (const { bytes, slot } of saved.delivery.brought) {
    const { buffer = 0, flags = 0, moved = 0, parent = 0 } = bySlot.get(slot) ?? {};
    const plain = parent === -1 && buffer === 0 && (flags & FLAG_BROUGHT) !== 0;
    if (!plain || bytes.length > moved || brought.has(slot)) corrupt(`slot ${slot} brought bytes`);
    brought.add(slot);
  }
  for (const { flags, slot } of bySlot.values()) {
    if (((flags & FLAG_BROUGHT) !== 0) !== brought.has(slot)) corrupt(`slot ${slot} brought none`);
  }
  if (saved.delivery.settled.some((slot) => !bySlot.has(slot))) corrupt("an outcome has no slot");
  for (const { slot } of saved.delivery.faults) {
    if (!bySlot.has(slot)) corrupt(`slot ${slot} has failed and is free`);
  }
}

/** Forks: every child has a parent that waits for it, and nobody descends from itself. */
function checkFamilies(saved: SavedSession, bySlot: ReadonlyMap<number, SavedSlot>): void {
  const parents = new Set<number>();
  const rooted = new Set<number>();
  for (const slot of bySlot.values()) {
    const path = new Set<number>();
    let at: SavedSlot | undefined = slot;
    while (at !== undefined && at.parent !== -1 && !rooted.has(at.slot)) {
      if (path.has(at.slot)) corrupt(`slot ${at.slot} descends from itself`);
      path.add(at.slot);
      const parent = bySlot.get(at.parent);
      const waits = parent?.state === IN_FLIGHT && parent.wait === WAIT_CHILDREN;
      if (at.state !== IN_FLIGHT || !waits) corrupt(`slot ${at.slot} has no parent that waits`);
      parents.add(at.parent);
      at = parent;
    }
    for (const each of path) rooted.add(each);
  }
  for (const { slot, wait } of bySlot.values()) {
    if (wait === WAIT_CHILDREN && !parents.has(slot)) corrupt(`slot ${slot} waits for no fork`);
  }
}
