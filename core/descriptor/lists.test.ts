/** Wait lists against an array model: order, removal anywhere, one list a slot. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  HEADER_SHIFT,
  LIST,
  LIST_KIND_INTERRUPT,
  LIST_KIND_LOCK,
  LIST_KIND_QUEUE,
} from "./layout.ts";
import { WaitLists } from "./lists.ts";
import { DescriptorTable } from "./table.ts";

const SLOTS = 12;

function fresh() {
  const table = new DescriptorTable({ slots: SLOTS, lists: 128 });
  table.extend(SLOTS);
  return { table, lists: new WaitLists(table) };
}

function membersOf(lists: WaitLists, list: number): number[] {
  const members: number[] = [];
  for (let slot = lists.first(list); slot !== -1; slot = lists.after(slot)) members.push(slot);
  return members;
}

describe("WaitLists", () => {
  test("serves first in, first out [C3]", () => {
    const { lists } = fresh();
    const queue = lists.create(LIST_KIND_QUEUE);
    for (const slot of [3, 1, 2]) lists.append(queue, slot);
    expect([0, 0, 0, 0].map(() => lists.shift(queue))).toEqual([3, 1, 2, -1]);
  });

  test("unlinks the head, the middle, the tail and the only one [C4]", () => {
    const { lists, table } = fresh();
    const queue = lists.create(LIST_KIND_QUEUE);
    for (const slot of [0, 1, 2, 3]) lists.append(queue, slot);
    expect(lists.unlink(0)).toBe(queue);
    expect(membersOf(lists, queue)).toEqual([1, 2, 3]);
    lists.unlink(2);
    expect(membersOf(lists, queue)).toEqual([1, 3]);
    lists.unlink(3);
    expect(membersOf(lists, queue)).toEqual([1]);
    lists.unlink(1);
    expect([membersOf(lists, queue), lists.count(queue), lists.first(queue)]).toEqual([[], 0, -1]);
    expect(lists.unlink(1)).toBe(-1);
    expect(table.i32[(1 << HEADER_SHIFT) + LIST]).toBe(-1);
  });

  test("refuses a slot that waits already: one registration a slot [W4, C3]", () => {
    const { lists } = fresh();
    const [one, two] = [lists.create(LIST_KIND_QUEUE), lists.create(LIST_KIND_QUEUE)];
    lists.append(one, 5);
    expect(() => lists.append(two, 5)).toThrow(
      `Cannot queue slot 5: it already waits in list ${one}`,
    );
    expect(() => lists.append(one, 5)).toThrow(RangeError);
    expect(membersOf(lists, one)).toEqual([5]);
  });

  test("destroy() gives a record back, and refuses one in use, twice or of another kind", () => {
    const { lists } = fresh();
    const line = lists.create(LIST_KIND_INTERRUPT);
    const queue = lists.create(LIST_KIND_QUEUE);
    const lock = lists.create(LIST_KIND_LOCK);
    lists.append(queue, 1);
    lists.own(lock, 2);
    expect(() => lists.destroy(queue)).toThrow("operations still wait in it");
    expect(() => lists.destroy(lock)).toThrow("or hold it");
    expect(() => lists.destroy(line)).toThrow("no such queue or lock");
    for (const odd of [-1, 99, 1.5, Number.NaN])
      expect(() => lists.destroy(odd)).toThrow(RangeError);
    lists.shift(queue);
    lists.destroy(queue);
    expect(() => lists.destroy(queue)).toThrow("no such queue or lock");
    expect(lists.create(LIST_KIND_LOCK)).toBe(queue);
  });

  test("refuses another list when every record is in use", () => {
    const { lists } = fresh();
    for (let i = 0; i < 128; i++) lists.create(LIST_KIND_QUEUE);
    expect(() => lists.create(LIST_KIND_QUEUE)).toThrow("all 128 of the table are in use");
  });

  test("disown() finds a lock among several held, whichever was taken when", () => {
    const { lists } = fresh();
    const locks = [0, 1, 2].map(() => lists.create(LIST_KIND_LOCK));
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      for (const lock of locks) lists.own(lock, 4);
      for (const [given, i] of order.entries()) {
        lists.disown(locks[i]!);
        expect(locks.filter((lock) => lists.owner(lock) === 4).length).toBe(2 - given);
      }
    }
  });

  test("any schedule of links and unlinks agrees with arrays [C3, C4]", () => {
    const command = fc.tuple(
      fc.constantFrom("append", "unlink", "shift"),
      fc.nat({ max: 2 }),
      fc.nat({ max: SLOTS - 1 }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120, size: "max" }), (commands) => {
        const { lists } = fresh();
        const numbers = [0, 1, 2].map(() => lists.create(LIST_KIND_QUEUE));
        const model: number[][] = [[], [], []];
        for (const [what, list, slot] of commands) {
          const holder = model.findIndex((each) => each.includes(slot));
          if (what === "append") {
            if (holder === -1) {
              lists.append(numbers[list]!, slot);
              model[list]!.push(slot);
            } else expect(() => lists.append(numbers[list]!, slot)).toThrow(RangeError);
          } else if (what === "unlink") {
            expect(lists.unlink(slot)).toBe(holder === -1 ? -1 : numbers[holder]!);
            if (holder !== -1) model[holder] = model[holder]!.filter((each) => each !== slot);
          } else expect(lists.shift(numbers[list]!)).toBe(model[list]!.shift() ?? -1);
          for (const [i, members] of model.entries()) {
            expect(membersOf(lists, numbers[i]!)).toEqual(members);
            expect(lists.count(numbers[i]!)).toBe(members.length);
          }
        }
      }),
      { seed: 20_250_803, numRuns: 200 },
    );
  });
});
