/**
 * What lies outside a disk is one `RangeError`, the same words for all disk providers on both
 * backends, and nothing is moved; a scenario sees it by its code.
 */
import { describe, expect, test } from "bun:test";
import { runScenario } from "../../cli/scenario/run-scenario.ts";
import { loadText, temporaryFolder } from "../../cli/scenario/scenario.fixture.ts";
import { whyUnavailable } from "../../core/testing/harness.ts";
import { OutOfRangeError, Runtime, type OpenEnd } from "../../index.ts";

const BLOCK = 512;
/** 160 KiB, which is a floppy's size, too. */
const SIZE = 320 * BLOCK;

type Action = "read" | "write" | "discard";
type Case = [action: Action, offset: number, count: number, found: string, mend: string];

const CASES: Case[] = [
  ["read", 1, BLOCK, "found offset 1, wanted a multiple of 512 bytes", "Give offset 0 or 512"],
  ["read", 700, BLOCK, "found offset 700,", "Give offset 512 or 1024: a block has 512 bytes"],
  ["read", 0, 100, "found length 100, wanted a multiple of 512", "Give length 0 or 512"],
  ["read", -BLOCK, BLOCK, "found offset -512, wanted", "Give offset 0 or more"],
  ["read", 0.5, BLOCK, "found offset 0.5, wanted", "Give an offset in whole bytes"],
  ["read", 0, 1.5, "found 1.5 bytes, wanted", "Give a whole number of bytes"],
  ["read", 0, -1, "found -1 bytes, wanted", "Give a whole number of bytes"],
  [
    "read",
    SIZE + BLOCK,
    BLOCK,
    `found offset ${SIZE + BLOCK}, wanted at most ${SIZE}`,
    "320 blocks",
  ],
  ["read", SIZE + BLOCK, 0, `found offset ${SIZE + BLOCK}, wanted at most ${SIZE}`, "320 blocks"],
  ["write", 3, BLOCK, "found offset 3, wanted a multiple of 512 bytes", "Give offset 0 or 512"],
  ["write", 0, 700, "found length 700, wanted a multiple of 512", "Give length 512 or 1024"],
  ["write", -BLOCK, BLOCK, "found offset -512, wanted", "0 or more"],
  ["write", SIZE, BLOCK, `found length 512 at offset ${SIZE}, wanted at most 0`, "within the disk"],
  ["write", SIZE - BLOCK, 2 * BLOCK, "found length 1024 at offset", "has 320 blocks of 512 bytes"],
  ["write", 2 ** 50, BLOCK, "found offset 1125899906842624, wanted", "within the disk"],
  ["discard", 5, BLOCK, "found offset 5, wanted", "Give offset 0 or 512"],
  ["discard", 0, 5, "found argument 5, wanted", "Give argument 0 or 512"],
  ["discard", 0, -BLOCK, "found argument -512, wanted", "0 or more"],
  ["discard", 0, SIZE + BLOCK, `found argument ${SIZE + BLOCK} at offset 0`, "within the disk"],
];

function perform(disk: OpenEnd, action: Action, offset: number, count: number): Promise<unknown> {
  if (action === "read") return disk.read(count, { offset });
  if (action === "write") return disk.write(new Uint8Array(count), { offset });
  return disk.perform("discard", undefined, { offset, argument: count });
}

/** What a promise fails with. */
function refusal(promise: Promise<unknown>): Promise<OutOfRangeError> {
  return promise.then(
    () => undefined as never,
    (reason: OutOfRangeError) => reason,
  );
}

for (const backend of ["emulated", "uring"] as const) {
  const missing = await whyUnavailable(backend);
  if (missing !== undefined) console.warn(`SKIPPED: disks on ${backend}: ${missing}`);
  describe.skipIf(missing !== undefined)(`places that a disk on ${backend} does not have`, () => {
    for (const kind of ["ata", "sata", "fdd"] as const) {
      test(`${kind} on ${backend} refuses them by a RangeError that says what fits`, async () => {
        await using io = await Runtime.start({ backend, seed: 2 });
        const timing = { timing: "instant" } as const;
        await using disk = await io.open(kind, { sizeBytes: SIZE, ...timing });
        await disk.write(new Uint8Array(SIZE).fill(7), { offset: 0 });
        for (const [action, offset, count, found, mend] of CASES) {
          const error = await refusal(perform(disk, action, offset, count));
          const what = `${action} ${count} at ${offset}`;
          expect([what, error instanceof OutOfRangeError]).toEqual([what, true]);
          expect(error).toBeInstanceOf(RangeError);
          expect(error.code).toBe("ERR_OUT_OF_RANGE");
          expect(error.message).toStartWith(`Cannot ${action} ${kind}`);
          expect(error.message).toContain(found);
          expect(error.mend).toContain(mend);
        }
        // Just at the end there is nothing to read, and a read may reach beyond it.
        expect((await disk.read(BLOCK, { offset: SIZE })).length).toBe(0);
        expect((await disk.read(4 * BLOCK, { offset: SIZE - BLOCK })).length).toBe(BLOCK);
        expect(await disk.write(new Uint8Array(0), { offset: SIZE })).toBe(0);
        expect(new Set(await disk.read(SIZE, { offset: 0 }))).toEqual(new Set([7]));
      });
    }
  });
}

const folder = temporaryFolder();

test("a scenario expects the code of a place that its disk does not have", async () => {
  const text = `version: 1
name: range
devices: { disk: { kind: sata, sizeBytes: 1MiB } }
tasks:
  beyond:
    - write: { to: disk, pattern: zeros, sizeBytes: 1KiB, at: 1MiB }
expect:
  tasks: { beyond: { outcome: failed, error: ERR_OUT_OF_RANGE } }
`;
  const { scenario } = await loadText(folder, text);
  await using io = await Runtime.start({ backend: "emulated", seed: 1 });
  const { outcome, expectations, tasks } = await runScenario(io as never, scenario, {
    inputs: new Map(),
  });
  expect([outcome, expectations.every(({ holds }) => holds)]).toEqual(["completed", true]);
  expect(tasks[0]!.error).toMatchObject({ code: "ERR_OUT_OF_RANGE" });
  expect(tasks[0]!.error!.mend).toContain("Stay within the disk");
});
