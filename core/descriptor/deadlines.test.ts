/** The deadline heap against a sorted array. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DeadlineHeap } from "./deadlines.ts";

test("equal deadlines leave in the order in which they were set", () => {
  const heap = new DeadlineHeap();
  for (const id of [5, 3, 9]) heap.set(id, 100);
  heap.set(3, 100);
  expect([heap.takeDue(100), heap.takeDue(100), heap.takeDue(100)]).toEqual([5, 9, 3]);
  expect(heap.takeDue(100)).toBe(-1);
});

test("nothing is due before its time, and everything at it", () => {
  const heap = new DeadlineHeap();
  heap.set(1, 50);
  expect(heap.takeDue(49.999)).toBe(-1);
  expect(heap.takeDue(50)).toBe(1);
  expect([heap.next(), heap.deadlineOf(1), heap.has(1)]).toEqual([Infinity, Infinity, false]);
});

test("any schedule of sets, removals and looks agrees with a sorted array", () => {
  const command = fc.tuple(
    fc.constantFrom("set", "set", "set", "remove", "take"),
    fc.nat({ max: 100 }),
    fc.nat({ max: 30 }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300, size: "max" }), (commands) => {
      const heap = new DeadlineHeap();
      let model: { id: number; deadlineNs: number }[] = [];
      for (const [what, id, deadlineNs] of commands) {
        const without = model.filter((entry) => entry.id !== id);
        if (what === "set") {
          heap.set(id, deadlineNs);
          const place = without.findIndex((entry) => entry.deadlineNs > deadlineNs);
          without.splice(place === -1 ? without.length : place, 0, { id, deadlineNs });
          model = without;
        } else if (what === "remove") {
          expect(heap.remove(id)).toBe(without.length < model.length);
          model = without;
        } else {
          const due = model[0] !== undefined && model[0].deadlineNs <= deadlineNs;
          expect(heap.takeDue(deadlineNs)).toBe(due ? model.shift()!.id : -1);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.next()).toBe(model[0]?.deadlineNs ?? Infinity);
        expect(heap.entries()).toEqual(model);
      }
    }),
    { seed: 20_250_805, numRuns: 300 },
  );
});
