/** Wait lists, locks and open ends in a snapshot: who waits where, in which order. */
import { END_CLOSING, END_FREE } from "../../descriptor/ends.ts";
import {
  HEADER_SHIFT,
  HELD,
  LINES_MAX,
  LIST_KIND_FREE,
  LIST_KIND_INTERRUPT,
  LIST_KIND_READY,
} from "../../descriptor/layout.ts";
import { GENERATION_MAX } from "../../descriptor/table.ts";
import { StateReader } from "../../state/state-reader.ts";
import { StateWriter } from "../../state/state-writer.ts";
import type { EngineState } from "../state.ts";
import type { SavedEnds, SavedLists } from "./saved.ts";

const END_BYTES = 20;

export function encodeLists(e: EngineState): Uint8Array {
  const { i32, lists, table } = e;
  const writer = new StateWriter();
  writer.u32(lists.fresh);
  for (let list = 0; list < lists.fresh; list++) writer.u32(lists.kind(list));
  writer.indices(lists.freeOrder());
  for (let list = 0; list < lists.fresh; list++) {
    const members: number[] = [];
    // A free record's head and tail mean nothing.
    const first = lists.kind(list) === LIST_KIND_FREE ? -1 : lists.first(list);
    for (let slot = first; slot !== -1; slot = lists.after(slot)) members.push(slot);
    writer.indices(members);
  }
  for (let slot = 0; slot < table.highWater; slot++) {
    const locks: number[] = [];
    let lock = i32[(slot << HEADER_SHIFT) + HELD]!;
    for (; lock !== -1; lock = lists.heldBefore(lock)) locks.push(lock);
    if (locks.length === 0) continue;
    writer.i32(slot);
    writer.indices(locks);
  }
  writer.i32(-1);
  return writer.finish();
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeLists(e: EngineState, payload: Uint8Array): SavedLists {
  const reader = new StateReader(payload, "the wait lists");
  const count = reader.count("lists", 4, e.table.lists);
  const kinds = Array.from({ length: count }, () => reader.u32("a list's kind", LIST_KIND_READY));
  for (let list = 0; list <= e.ready; list++) {
    const wanted = list < LINES_MAX ? LIST_KIND_INTERRUPT : LIST_KIND_READY;
    if (kinds[list] !== wanted) reader.refuse(`the kind of list ${list}`, kinds[list], `${wanted}`);
  }
  for (let list = e.ready + 1; list < count; list++) {
    if (kinds[list] === LIST_KIND_INTERRUPT || kinds[list] === LIST_KIND_READY) {
      reader.refuse(`the kind of list ${list}`, kinds[list], "a queue, a lock or free");
    }
  }
  const freeOrder = reader.indices("a free list", Math.max(1, count));
  const free = kinds.filter((kind) => kind === LIST_KIND_FREE).length;
  if (freeOrder.length !== free || freeOrder.some((list) => kinds[list] !== LIST_KIND_FREE)) {
    reader.refuse("the free lists", freeOrder.join(), "those whose kind is free");
  }
  const members = kinds.map(() => reader.indices("a waiting slot", e.table.slots));
  const held: { slot: number; locks: number[] }[] = [];
  for (;;) {
    const slot = reader.i32("a lock's owner", -1, e.table.slots - 1);
    if (slot === -1) break;
    held.push({ slot, locks: reader.indices("a lock", Math.max(1, count)) });
  }
  reader.finish();
  return { kinds, freeOrder, members, held };
}

export function encodeEnds(e: EngineState): Uint8Array {
  const writer = new StateWriter();
  const rows = e.ends.rows();
  writer.u32(rows.length);
  for (const { state, generation, provider, resource, kind } of rows) {
    for (const word of [state, generation, provider, resource, kind]) writer.u32(word);
  }
  writer.indices(e.ends.freeOrder());
  return writer.finish();
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeEnds(e: EngineState, payload: Uint8Array): SavedEnds {
  const reader = new StateReader(payload, "the open ends");
  const rows = Array.from({ length: reader.count("ends", END_BYTES, e.ends.capacity) }, () => {
    const state = reader.u32("an end's state", END_CLOSING);
    const generation = reader.i32("an end's generation", 1, GENERATION_MAX);
    const provider = reader.u32("an end's provider", e.providers.length - 1);
    const entry = e.providers[provider]!;
    return {
      state,
      generation,
      provider,
      resource: reader.u32("an end's resource", entry.openEnds.length - 1),
      kind: reader.u32("an end's kind", entry.provider.endNames.length - 1),
    };
  });
  const freeOrder = reader.indices("a free end", Math.max(1, rows.length));
  const free = rows.filter((row) => row.state === END_FREE).length;
  if (freeOrder.length !== free || freeOrder.some((end) => rows[end]!.state !== END_FREE)) {
    reader.refuse("the free ends", freeOrder.join(), "those whose state is free");
  }
  reader.finish();
  return { rows, freeOrder };
}
