/**
 * Random damage to recordings. Method: a recording is copied, bits are flipped, bytes overwritten,
 * pages swapped or the end cut off, from a seed; then it is opened. Either it is refused, with a
 * ReelError, before the first event, or nothing that means anything has changed: same header, same
 * attachments, same events. SQLite notices almost none of this by itself.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { openRecording } from "./recording.ts";
import type { Recording } from "./recording.ts";
import { randomEvents, recordEvents, temporaryFolder } from "./session.fixture.ts";

/** A bound against hanging, not a measure. */
const TIMEOUT_MS = 120_000;
const PAGE_BYTES = 8192;
const REFUSALS = new Set(["ERR_CORRUPT_RECORDING", "ERR_INCOMPATIBLE_RECORDING", "ERR_STORE"]);

/** Everything in a recording that means something. */
function contents(recording: Recording): string {
  const { info } = recording;
  const attachments = info.attachments.map(({ name }) => recording.attachment(name)!.toHex());
  const hasher = new Bun.CryptoHasher("sha256");
  for (const { sequence, event } of recording.events()) {
    const bytes = "bytes" in event ? (event.bytes?.toHex() ?? "") : "";
    hasher.update(JSON.stringify([sequence, { ...event, bytes }]));
  }
  return JSON.stringify([{ ...info, path: "" }, attachments, hasher.digest("hex")]);
}

interface Outcome {
  refused: number;
  harmless: number;
}

/** Opens damaged copies and judges each. */
function soak(
  sessionSeed: number,
  turns: number,
  rounds: number,
  damage: (bytes: Uint8Array, random: Random) => Uint8Array,
): Outcome {
  using folder = temporaryFolder();
  const path = folder.path("whole.reel");
  const copy = folder.path("damaged.reel");
  recordEvents(path, randomEvents(sessionSeed, turns));
  const whole = new Uint8Array(readFileSync(path));
  const opened = openRecording(path);
  const wanted = contents(opened);
  opened.close();
  const random = new Random(sessionSeed);
  const outcome = { refused: 0, harmless: 0 };
  for (let round = 0; round < rounds; round++) {
    writeFileSync(copy, damage(whole.slice(), random));
    try {
      using recording = openRecording(copy);
      expect(contents(recording)).toBe(wanted);
      outcome.harmless++;
    } catch (error) {
      if (!(error instanceof ReelError) || !REFUSALS.has(error.code)) throw error;
      expect(error.mend).toBeTruthy();
      outcome.refused++;
    }
  }
  return outcome;
}

/** A byte that is not zero: most of a small file is empty space on its pages. */
function somewhere(bytes: Uint8Array, random: Random): number {
  for (;;) {
    const at = random.below(bytes.length);
    if (bytes[at] !== 0) return at;
  }
}

/** Whether a page is in use: the root of an empty table has no cells (file format §1.6). */
function used(bytes: Uint8Array, page: number): boolean {
  const at = page * PAGE_BYTES;
  const leaf = bytes[at] === 0x0d || bytes[at] === 0x0a;
  return page === 0 || !leaf || bytes[at + 3] !== 0 || bytes[at + 4] !== 0;
}

/** One bit, somewhere. */
function flip(bytes: Uint8Array, random: Random): Uint8Array {
  const at = somewhere(bytes, random);
  bytes[at] = bytes[at]! ^ (1 << random.below(8));
  return bytes;
}

describe("a damaged recording is refused, or nothing in it has changed", () => {
  test(
    "after one flipped bit, anywhere, in 2,000 small files",
    () => {
      const { refused, harmless } = soak(1, 60, 2000, flip);
      expect(refused).toBeGreaterThan(1900);
      expect(refused + harmless).toBe(2000);
    },
    TIMEOUT_MS,
  );

  test(
    "after one flipped bit, anywhere, in 300 larger files",
    () => {
      const { refused } = soak(2, 2000, 300, flip);
      expect(refused).toBeGreaterThan(250);
    },
    TIMEOUT_MS,
  );

  test(
    "after one flipped bit in the pages of schema and header, 1,000 times",
    () => {
      const { refused } = soak(3, 60, 1000, (bytes, random) => {
        const at = random.below(600);
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        return bytes;
      });
      expect(refused).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    "after being cut off at any length, 600 times",
    () => {
      const { refused, harmless } = soak(4, 300, 600, (bytes, random) =>
        bytes.slice(0, random.below(bytes.length)),
      );
      expect({ refused, harmless }).toEqual({ refused: 600, harmless: 0 });
    },
    TIMEOUT_MS,
  );

  test(
    "after being cut off at a page, 100 times",
    () => {
      const { harmless } = soak(5, 2000, 100, (bytes, random) =>
        bytes.slice(0, PAGE_BYTES * random.below(bytes.length / PAGE_BYTES)),
      );
      expect(harmless).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "after a run of bytes was overwritten, 500 times",
    () => {
      const { refused } = soak(6, 300, 500, (bytes, random) => {
        const at = somewhere(bytes, random);
        const length = Math.min(1 + random.below(600), bytes.length - at);
        random.fill(bytes.subarray(at, at + length));
        return bytes;
      });
      expect(refused).toBeGreaterThan(300);
    },
    TIMEOUT_MS,
  );

  test(
    "after two pages changed places, 200 times",
    () => {
      const { harmless } = soak(7, 2000, 200, (bytes, random) => {
        const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page);
        const inUse = pages.filter((page) => used(bytes, page));
        const at = random.below(inUse.length - 1);
        const first = inUse[at]!;
        const second = inUse[at + 1 + random.below(inUse.length - at - 1)]!;
        const kept = bytes.slice(first * PAGE_BYTES, (first + 1) * PAGE_BYTES);
        bytes.copyWithin(first * PAGE_BYTES, second * PAGE_BYTES, (second + 1) * PAGE_BYTES);
        bytes.set(kept, second * PAGE_BYTES);
        return bytes;
      });
      expect(harmless).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "after a page was zeroed or came from another recording, 200 times",
    () => {
      using folder = temporaryFolder();
      recordEvents(folder.path("other.reel"), randomEvents(99, 2000));
      const other = new Uint8Array(readFileSync(folder.path("other.reel")));
      const { harmless } = soak(8, 2000, 200, (bytes, random) => {
        const pages = Math.min(bytes.length, other.length) / PAGE_BYTES;
        const at = random.below(pages) * PAGE_BYTES;
        if (random.chance(0.5)) bytes.fill(0, at, at + PAGE_BYTES);
        else bytes.set(other.subarray(at, at + PAGE_BYTES), at);
        return bytes;
      });
      // The first page, the tables' roots and the attachments can be equal in both.
      expect(harmless).toBeLessThan(40);
    },
    TIMEOUT_MS,
  );
});
