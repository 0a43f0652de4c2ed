/** Numbers that are taken lowest first, against a plain set of them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LowestFree } from "./lowest-free.ts";

describe("LowestFree", () => {
  test("gives every number once, lowest first, and -1 when none is left", () => {
    for (const size of [1, 31, 32, 33, 1024, 1025, 40_000]) {
      const free = new LowestFree(size);
      for (let number = 0; number < size; number++) expect(free.take()).toBe(number);
      expect([free.take(), free.take()]).toEqual([-1, -1]);
      free.give(size - 1);
      expect([free.take(), free.take()]).toEqual([size - 1, -1]);
      free.reset();
      expect(free.take()).toBe(0);
    }
  });

  test("does what a sorted set does, over any history", () => {
    const step = fc.tuple(fc.constantFrom("take", "claim", "give"), fc.nat({ max: 2099 }));
    fc.assert(
      fc.property(fc.constantFrom(40, 1056, 2100), fc.array(step), (size, steps) => {
        const free = new LowestFree(size);
        const model = new Set(Array.from({ length: size }, (_, number) => number));
        for (const [what, any] of steps) {
          const number = any % size;
          if (what === "take") {
            const lowest = model.size === 0 ? -1 : Math.min(...model);
            expect(free.take()).toBe(lowest);
            model.delete(lowest);
          } else if (what === "claim") {
            free.claim(number);
            model.delete(number);
          } else {
            free.give(number);
            model.add(number);
          }
        }
        expect(free.take()).toBe(model.size === 0 ? -1 : Math.min(...model));
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});
