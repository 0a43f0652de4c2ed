/**
 * Hostile guests: any registers written with anything, in any order, events in between or not. The
 * controller must never throw, hang, write outside its medium or move data outside memory, and
 * must work after a reset. `scripts/soak-pokes.ts` does more of it.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ideAccess, IdeVictim } from "./pokes.fixture.ts";

const POKES = 100_000;
const RUNS = 100;

describe("IdeController under hostile writes", () => {
  test("never throws, hangs or reaches outside, and works after a reset", () => {
    fc.assert(
      fc.property(
        fc.array(ideAccess, { minLength: POKES / RUNS, maxLength: POKES / RUNS }),
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        fc.constantFrom("instant" as const, "hdd7200" as const),
        (accesses, pattern, timing) => {
          const victim = new IdeVictim(pattern, timing);
          for (const access of accesses) victim.suffer(access);
          expect(() => victim.recover()).not.toThrow();
        },
      ),
      { seed: 4, numRuns: RUNS, endOnFailure: true },
    );
  }, 120_000);
});
