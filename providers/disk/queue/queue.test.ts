/**
 * The queue of the disk drivers against a model that knows no queue: operations of all kinds start
 * at once, on a disk so small that they overlap all the time, and every answer must be that of
 * carrying them out one after the other, whatever the elevator, the merging and the faults.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { startRuntime } from "../../../core/runtime/start.ts";
import { BUILT_IN_PROVIDERS } from "../../index.ts";
import { ELEVATOR_NAMES } from "./elevator.ts";

const SECTOR = 512;
const SECTORS = 512;
const BAD = 300;
/** Longer than any command, so that operations of several commands are among them. */
const LENGTHS = [1, 1, 2, 8, 8, 8, 130, 300];

const operation = fc.record({
  kind: fc.constantFrom("read", "read", "write", "write", "durable", "flush", "discard", "cancel"),
  lba: fc.integer({ min: 0, max: 31 }).map((place) => place * 8),
  shift: fc.constantFrom(0, 0, 0, 3),
  sectors: fc.constantFrom(...LENGTHS),
  value: fc.integer({ min: 1, max: 255 }),
});
type Step = { kind: string; lba: number; shift: number; sectors: number; value: number };

const options = fc.record({
  elevator: fc.constantFrom(...ELEVATOR_NAMES),
  timing: fc.constantFrom("instant" as const, "ssd" as const, "hdd7200" as const),
  faults: fc.subarray([
    // With the hang, two faults that may hit one command: the third attempt is the last.
    "crc when=7",
    "lost-interrupt when=9..60+11",
    "hang when=20",
    `unreadable lba=${BAD}`,
  ]),
});

const start = () => startRuntime({ backend: "emulated", seed: 1, providers: BUILT_IN_PROVIDERS });

/** What each sector is full of, in short. */
function valuesOf(bytes: Uint8Array | string): string {
  if (typeof bytes === "string") return bytes;
  const values = Array.from({ length: bytes.length / SECTOR }, (_, i) => {
    const sector = bytes.subarray(i * SECTOR, (i + 1) * SECTOR);
    return sector.every((byte) => byte === sector[0]) ? sector[0] : "mixed";
  });
  return values.join(" ");
}

async function run(kind: "ata" | "sata", steps: Step[], opened: object): Promise<void> {
  const isBad = JSON.stringify(opened).includes("unreadable");
  await using io = await start();
  const disk = await io.open(kind, { sizeBytes: SECTORS * SECTOR, ...opened });
  const model = new Uint8Array(SECTORS * SECTOR);
  const checks = steps.map(async ({ kind: what, lba, shift, sectors, value }) => {
    const first = Math.min(lba + shift, SECTORS - sectors);
    const offset = first * SECTOR;
    const length = sectors * SECTOR;
    const touchesBad = isBad && first <= BAD && BAD < first + sectors;
    if (what === "read" || what === "cancel") {
      const expected = model.slice(offset, offset + length);
      const abort = new AbortController();
      const read = disk.read(length, { offset, signal: abort.signal });
      if (what === "cancel") {
        void io.sleep(value * 1000).then(() => abort.abort());
        return await read.catch(() => undefined);
      }
      const found = await read.catch((error: { code: string }) => error.code);
      // What the drive's cache still has can be read even where the medium cannot.
      if (touchesBad && found === "EIO") return undefined;
      return expect(valuesOf(found)).toBe(valuesOf(expected));
    }
    if (what === "flush") return await disk.perform("flush");
    if (what === "discard") {
      model.fill(0, offset, offset + length);
      return await disk.perform("discard", undefined, { offset, argument: length });
    }
    model.fill(value, offset, offset + length);
    const bytes = new Uint8Array(length).fill(value);
    return await disk.write(bytes, { offset, argument: what === "durable" ? 1 : 0 });
  });
  await Promise.all(checks);
  if (isBad) return;
  expect(valuesOf(await disk.read(model.length, { offset: 0 }))).toBe(valuesOf(model));
}

describe("disk queue", () => {
  for (const [kind, more] of [
    ["ata", fc.record({ dma: fc.constantFrom("auto", "pio") })],
    ["sata", fc.record({ queueDepth: fc.constantFrom(0, 1, 4, 32) })],
  ] as const) {
    test(`gives ${kind} disks the answers of one operation after the other`, async () => {
      const steps = fc.array(operation, { minLength: 2, maxLength: 110, size: "max" });
      await fc.assert(
        fc.asyncProperty(steps, options, more as fc.Arbitrary<object>, (list, base, extra) =>
          run(kind, list, { ...base, ...extra }),
        ),
        { seed: 20261121, numRuns: 30, endOnFailure: true },
      );
    });
  }

  for (const kind of ["ata", "sata"] as const) {
    test(`merges ${kind} reads that adjoin, and fails none but the guilty`, async () => {
      await using io = await start();
      const faults = [`unreadable lba=${BAD}`];

      const where = { sizeBytes: SECTORS * SECTOR, elevator: "scan" as const, faults };
      const disk =
        kind === "ata"
          ? await io.open(kind, where)
          : await io.open(kind, { ...where, queueDepth: 1 });
      const places = [0, ...Array.from({ length: 8 }, (_, i) => BAD - 4 + i)];
      const abort = new AbortController();
      const reads = places.map(async (lba, i) => {
        const signal = i === 2 ? abort.signal : new AbortController().signal;
        const read = disk.read(SECTOR, { offset: lba * SECTOR, signal });
        return await read.then(
          (bytes) => bytes.length,
          (error: { code?: string }) => (error.code === "EIO" ? "EIO" : "cancelled"),
        );
      });
      abort.abort();
      const found: (number | string)[] = await Promise.all(reads);
      expect(found).toEqual(places.map((lba, i) => (i === 2 ? "cancelled" : okOrBad(lba))));
      expect(disk.statistics()!["merged"]).toBeGreaterThan(3);
    });
  }

  for (const kind of ["ata", "sata"] as const) {
    for (const write of [false, true]) {
      const what = write ? "writes" : "reads";
      test(`ends merged ${kind} ${what} as nobody's cancellation but their own`, async () => {
        // Whichever of them it is that runs the command for all: that one is cancelled, too.
        for (const victim of [1, 2, 3, 4]) {
          await using io = await start();
          const where = { sizeBytes: SECTORS * SECTOR, timing: "hdd7200" as const };
          const disk =
            kind === "ata"
              ? await io.open(kind, where)
              : await io.open(kind, { ...where, queueDepth: 1 });
          const abort = new AbortController();
          const before = disk.statistics()!["commands"]!;
          const found = Promise.all(
            // The first keeps the others waiting, which makes one command of them.
            [0, 101, 102, 103, 104].map((lba, i) => {
              const more = { offset: lba * SECTOR, ...(i === victim && { signal: abort.signal }) };
              const bytes = new Uint8Array(SECTOR).fill(lba);
              const moved = write ? disk.write(bytes, more) : disk.read(SECTOR, more);
              return moved.then(
                () => "done",
                ({ name }: Error) => name,
              );
            }),
          );
          while (disk.statistics()!["commands"]! < before + 2) await io.sleep(10_000);
          abort.abort();
          const ends = await found;
          expect(ends.filter((_, i) => i !== victim)).toEqual(Array(4).fill("done"));
          expect(disk.statistics()!["merged"]).toBe(3);
        }
      });
    }
  }
});

const okOrBad = (lba: number): number | string => (lba === BAD ? "EIO" : SECTOR);
