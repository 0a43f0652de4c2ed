/**
 * Random damage to recordings: each of the kinds of `damage.fixture.ts`, a few thousand times in
 * all. `scripts/soak-corruption.ts` does as many as one likes.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Random } from "../random.ts";
import {
  cutAtPage,
  cutOff,
  damageRows,
  flip,
  flipHead,
  foreignPage,
  judgeDamage,
  overwrite,
  recordAllTables,
  swapPages,
} from "./damage.fixture.ts";
import type { Damage, Outcome } from "./damage.fixture.ts";
import { randomEvents, recordEvents, temporaryFolder } from "./session.fixture.ts";

/** A bound against hanging, not a measure. */
const TIMEOUT_MS = 120_000;

function soak(seed: number, turns: number, rounds: number, damage: Damage): Outcome {
  using folder = temporaryFolder();
  const path = folder.path("whole.reel");
  recordEvents(path, randomEvents(seed, turns));
  return judgeDamage(path, folder.path("damaged.reel"), rounds, new Random(seed), damage);
}

describe("a damaged recording is refused, or nothing in it has changed", () => {
  /** Turns, rounds, the damage, and how many are refused at least: the rest is in unused space. */
  const cases: Record<string, [number, number, Damage, number]> = {
    "one flipped bit, anywhere, in 1,500 small files": [60, 1500, flip, 1400],
    "one flipped bit, anywhere, in 300 larger files": [2000, 300, flip, 240],
    "one flipped bit in the pages of schema and header, 1,000 times": [60, 1000, flipHead, 1],
    "being cut off at any length, 600 times": [300, 600, cutOff, 600],
    "being cut off at a page, 100 times": [2000, 100, cutAtPage, 100],
    "a run of bytes was overwritten, 500 times": [300, 500, overwrite, 300],
    "two pages changed places, 200 times": [2000, 200, swapPages, 200],
    "a segment was dropped or changed places, 200 times": [2000, 200, damageRows, 200],
  };
  for (const [index, [name, [turns, rounds, damage, least]]] of Object.entries(cases).entries()) {
    test(
      `openRecording() gives nothing else after ${name}`,
      () => {
        const { refused } = soak(index + 1, turns, rounds, damage);
        expect(refused).toBeGreaterThanOrEqual(least);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "openRecording() gives nothing else after a page was zeroed or exchanged, 200 times",
    () => {
      using folder = temporaryFolder();
      recordEvents(folder.path("other.reel"), randomEvents(99, 2000));
      const other = new Uint8Array(readFileSync(folder.path("other.reel")));
      const { harmless } = soak(8, 2000, 200, foreignPage(other));
      // The first page, the tables' roots and the attachments can be equal in both.
      expect(harmless).toBeLessThan(60);
    },
    TIMEOUT_MS,
  );

  test(
    "openRecording() gives nothing else after a flipped bit with all tables in use, 150 times",
    () => {
      using folder = temporaryFolder();
      const path = folder.path("whole.reel");
      recordAllTables(path, 5, 5000);
      const copy = folder.path("damaged.reel");
      const { refused } = judgeDamage(path, copy, 150, new Random(6), flip);
      expect(refused).toBeGreaterThan(90);
    },
    TIMEOUT_MS,
  );
});
