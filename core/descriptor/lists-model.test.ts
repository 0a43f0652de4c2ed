/**
 * Wait lists: first in first out, unlinking from any place, one list a slot, nothing allocated.
 * A model of plain arrays is held against them over random histories.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LIST_KIND_LOCK, LIST_KIND_QUEUE } from "./layout.ts";
import { WaitLists } from "./lists.ts";
import { DescriptorTable } from "./table.ts";

const SLOTS = 12;
const LISTS = 3;

function rig(): { table: DescriptorTable; lists: WaitLists; queues: number[]; slots: number[] } {
  const table = new DescriptorTable({ slots: SLOTS, lists: 128, overflowPages: 0, ends: 1 });
  const lists = new WaitLists(table);
  const queues = Array.from({ length: LISTS }, () => lists.create(LIST_KIND_QUEUE));
  const slots = Array.from({ length: SLOTS }, () => table.acquire());
  return { table, lists, queues, slots };
}

function contents(lists: WaitLists, list: number): number[] {
  const found: number[] = [];
  for (let slot = lists.first(list); slot !== -1; slot = lists.after(slot)) found.push(slot);
  return found;
}

describe("WaitLists", () => {
  test("append() links at the end: shift() takes in the order of arrival [C3]", () => {
    const { lists, queues, slots } = rig();
    for (const slot of slots) lists.append(queues[0]!, slot);
    expect(slots.map(() => lists.shift(queues[0]!))).toEqual(slots);
    expect(lists.shift(queues[0]!)).toBe(-1);
    expect(lists.count(queues[0]!)).toBe(0);
  });

  test("unlink() takes out head, middle, tail and only entry; the others keep order [C3]", () => {
    for (const [waiting, gone] of [
      [[0, 1, 2], 0],
      [[0, 1, 2], 1],
      [[0, 1, 2], 2],
      [[0], 0],
    ] as const) {
      const { lists, queues } = rig();
      for (const slot of waiting) lists.append(queues[1]!, slot);
      expect(lists.unlink(gone)).toBe(queues[1]!);
      const left = waiting.filter((slot) => slot !== gone);
      expect(contents(lists, queues[1]!)).toEqual(left);
      // The end is still the end: whoever comes now stands behind the others.
      lists.append(queues[1]!, 7);
      expect(contents(lists, queues[1]!)).toEqual([...left, 7]);
      expect(lists.unlink(gone)).toBe(-1);
    }
  });

  test("append() refuses a slot that waits already, here or elsewhere [W4, C3]", () => {
    const { lists, queues } = rig();
    lists.append(queues[0]!, 5);
    expect(() => lists.append(queues[0]!, 5)).toThrow(/already waits in list/);
    expect(() => lists.append(queues[1]!, 5)).toThrow(/already waits in list/);
    expect(contents(lists, queues[0]!)).toEqual([5]);
    expect(contents(lists, queues[1]!)).toEqual([]);
    lists.unlink(5);
    lists.append(queues[1]!, 5);
    expect(contents(lists, queues[1]!)).toEqual([5]);
  });

  test("a pass over a list stands the removal of the entry that would be next [C4]", () => {
    const { lists, queues } = rig();
    for (const slot of [1, 2, 3, 4]) lists.append(queues[0]!, slot);
    const seen: number[] = [];
    for (let slot = lists.shift(queues[0]!); slot !== -1; slot = lists.shift(queues[0]!)) {
      seen.push(slot);
      if (slot === 1) lists.unlink(2);
      if (slot === 3) lists.append(queues[0]!, 2);
    }
    expect(seen).toEqual([1, 3, 4, 2]);
  });

  test("create() gives records from a fixed array and says when it is used up [C1]", () => {
    const table = new DescriptorTable({ slots: 1, lists: 128, overflowPages: 0, ends: 1 });
    const lists = new WaitLists(table);
    const before = table.slab.buffer.byteLength;
    const made = Array.from({ length: 128 }, () => lists.create(LIST_KIND_QUEUE));
    expect(made.every((list) => lists.first(list) === -1 && lists.count(list) === 0)).toBe(true);
    expect(() => lists.create(LIST_KIND_QUEUE)).toThrow(
      expect.objectContaining({ code: "ERR_LIMIT" }),
    );
    lists.destroy(made[9]!);
    expect(lists.create(LIST_KIND_LOCK)).toBe(made[9]!);
    expect(table.slab.buffer.byteLength).toBe(before);
  });

  test("destroy() refuses a list in which somebody waits, a held lock, and no list", () => {
    const { lists, queues } = rig();
    const lock = lists.create(LIST_KIND_LOCK);
    lists.append(queues[0]!, 3);
    lists.own(lock, 4);
    expect(() => lists.destroy(queues[0]!)).toThrow(RangeError);
    expect(() => lists.destroy(lock)).toThrow(RangeError);
    expect(() => lists.destroy(99)).toThrow(RangeError);
    expect(() => lists.destroy(-1)).toThrow(RangeError);
    lists.unlink(3);
    lists.disown(lock);
    lists.destroy(queues[0]!);
    lists.destroy(lock);
    expect(() => lists.destroy(lock)).toThrow(RangeError);
  });
});

const step = fc.record({
  what: fc.constantFrom("append", "unlink", "shift"),
  slot: fc.nat(SLOTS - 1),
  list: fc.nat(LISTS - 1),
});

describe("WaitLists against arrays", () => {
  test("every history leaves lists and arrays the same, each slot in at most one [W4, C3]", () => {
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { lists, queues } = rig();
      const model: number[][] = queues.map(() => []);
      for (const { what, slot, list } of steps) {
        const home = model.findIndex((each) => each.includes(slot));
        if (what === "append" && home !== -1) {
          expect(() => lists.append(queues[list]!, slot)).toThrow(RangeError);
        } else if (what === "append") {
          lists.append(queues[list]!, slot);
          model[list]!.push(slot);
        } else if (what === "unlink") {
          expect(lists.unlink(slot)).toBe(home === -1 ? -1 : queues[home]!);
          if (home !== -1) model[home] = model[home]!.filter((each) => each !== slot);
        } else {
          expect(lists.shift(queues[list]!)).toBe(model[list]!.shift() ?? -1);
        }
        expect(queues.map((queue) => contents(lists, queue))).toEqual(model);
        expect(queues.map((queue) => lists.count(queue))).toEqual(model.map((l) => l.length));
      }
    });
    fc.assert(property, { seed: 11, numRuns: 200 });
  });

  test("locks held by a slot come off in any order, and the rest stay its own", () => {
    const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 });
    const property = fc.property(order, (released) => {
      const { lists } = rig();
      const locks = Array.from({ length: 5 }, () => lists.create(LIST_KIND_LOCK));
      for (const lock of locks) lists.own(lock, 2);
      for (const each of released) lists.disown(locks[each]!);
      const owners = locks.map((_, i) => (released.includes(i) ? -1 : 2));
      expect(locks.map((lock) => lists.owner(lock))).toEqual(owners);
      const chain: number[] = [];
      const last = locks.findLast((_, i) => !released.includes(i)) ?? -1;
      for (let lock = last; lock !== -1; lock = lists.heldBefore(lock)) chain.push(lock);
      expect(chain).toEqual(locks.filter((_, i) => !released.includes(i)).toReversed());
    });
    fc.assert(property, { seed: 12, numRuns: 100 });
  });
});
