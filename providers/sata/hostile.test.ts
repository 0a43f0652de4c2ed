/**
 * Hostile software: whatever is written to registers and lies in memory, the HBA throws nothing,
 * hangs nowhere, writes no byte outside what it was told of, and can be reset and used afterwards.
 * `scripts/soak-pokes.ts` does more of it.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Random } from "../../core/random.ts";
import { CLB, DATA, FB, Rig } from "./hba.fixture.ts";
import { COMMANDS, expectUsable, RAM, Vandal } from "./pokes.fixture.ts";

const POKES = 100_000;
const RUNS = 20;

describe("AhciHba against hostile software", () => {
  test(`survives ${POKES} random pokes, in the middle of commands and of resets`, () => {
    const timing = fc.constantFrom("instant" as const, "hdd7200" as const, "ssd" as const);
    const property = fc.property(fc.integer(), timing, (seed, how) => {
      const vandal = new Vandal(seed, how);
      const { rig } = vandal;
      for (let i = 0; i < POKES / RUNS; i++) vandal.poke();
      expect(() => expectUsable(rig)).not.toThrow();
    });
    fc.assert(property, { seed: 4, numRuns: RUNS });
  }, 600_000);

  test("writes nothing but regions, FIS areas and byte counts, whatever the command", () => {
    const property = fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const rig = new Rig().start();
      const command = COMMANDS[random.below(COMMANDS.length)]!;
      const task = { command, lba: random.below(4096), count: random.below(20), features: 1 };
      const bytes = 2 * (1 + random.below(4000));
      rig.build(0, task, [{ address: DATA, bytes }]);
      const before = rig.peek(0, RAM);
      rig.issue(0, true);
      rig.settle();
      const after = rig.peek(0, RAM);
      for (const [at, length] of [
        [CLB + 4, 4],
        [FB, 256],
        [DATA, bytes],
      ] as const) {
        after.fill(0, at, at + length);
        before.fill(0, at, at + length);
      }
      expect(Buffer.compare(before, after)).toBe(0);
    });
    fc.assert(property, { seed: 5, numRuns: 60 });
  });
});
