/** The deadline heap against a sorted array: what is due leaves in order, ties as they were set. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DeadlineHeap } from "./deadlines.ts";

interface Entry {
  id: number;
  deadlineNs: number;
  order: number;
}

const step = fc.record({
  what: fc.constantFrom("set", "set", "set", "remove", "take"),
  // More ids than the heap has room for at first, and few deadlines, so that many are equal.
  id: fc.nat(150),
  deadlineNs: fc.oneof(fc.nat(12), fc.constant(2 ** 52), fc.constant(Infinity)),
});

class SortedDeadlines {
  entries: Entry[] = [];
  #order = 0;

  set(id: number, deadlineNs: number): void {
    this.remove(id);
    this.entries.push({ id, deadlineNs, order: this.#order++ });
    this.entries.sort((a, b) =>
      a.deadlineNs === b.deadlineNs ? a.order - b.order : a.deadlineNs - b.deadlineNs,
    );
  }

  remove(id: number): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.id !== id);
    return this.entries.length < before;
  }

  takeDue(nowNs: number): number {
    const first = this.entries[0];
    if (first === undefined || first.deadlineNs > nowNs) return -1;
    this.entries.shift();
    return first.id;
  }
}

test("DeadlineHeap does what a sorted array does, over any history", () => {
  const property = fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
    const heap = new DeadlineHeap();
    const model = new SortedDeadlines();
    for (const { what, id, deadlineNs } of steps) {
      if (what === "set") {
        heap.set(id, deadlineNs);
        model.set(id, deadlineNs);
      } else if (what === "remove") {
        expect(heap.remove(id)).toBe(model.remove(id));
        expect(heap.deadlineOf(id)).toBe(Infinity);
      } else {
        expect(heap.takeDue(deadlineNs)).toBe(model.takeDue(deadlineNs));
      }
      expect(heap.size).toBe(model.entries.length);
      expect(heap.next()).toBe(model.entries[0]?.deadlineNs ?? Infinity);
    }
    for (const { id, deadlineNs } of model.entries) {
      expect(heap.has(id)).toBe(true);
      expect(heap.deadlineOf(id)).toBe(deadlineNs);
    }
    const left = model.entries.map(({ id }) => id);
    expect(left.map(() => heap.takeDue(Infinity))).toEqual(left);
    expect(heap.takeDue(Infinity)).toBe(-1);
  });
  fc.assert(property, { seed: 31, numRuns: 200 });
});

test("takeDue() is not early by a single nanosecond, and on time to it", () => {
  const heap = new DeadlineHeap();
  heap.set(3, 1_000_000_000_000_001);
  expect(heap.takeDue(1_000_000_000_000_000)).toBe(-1);
  expect(heap.takeDue(1_000_000_000_000_001)).toBe(3);
});
