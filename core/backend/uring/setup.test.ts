/**
 * Opening rings on kernels of every age: the running one, and older ones simulated by the set of
 * flags that they know. A ring that opens is also made to work.
 */
import { expect, test } from "bun:test";

import { ERRNO } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { SETUP_FLAG } from "./abi.ts";
import type { SetupFlagName } from "./abi.ts";
import { settle } from "./options.ts";
import {
  RecordingSink,
  memoryTest,
  openLooping,
  pinned,
  pollOut,
  ringTest,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import { flagNames, rungs } from "./setup.ts";
import type { UringBackend } from "./uring-backend.ts";

const ALL = Object.keys(SETUP_FLAG) as SetupFlagName[];
/** Set-up flags by the kernel that brought them. */
const SINCE: readonly (readonly [kernel: string, flags: readonly SetupFlagName[]])[] = [
  ["5.11", ["CQSIZE"]],
  ["5.18", ["SUBMIT_ALL"]],
  ["5.19", ["COOP_TASKRUN", "TASKRUN_FLAG"]],
  ["6.0", ["SINGLE_ISSUER"]],
  ["6.1", ["DEFER_TASKRUN"]],
  ["6.5", ["NO_MMAP"]],
  ["6.6", ["NO_SQARRAY"]],
];

function maskOf(names: readonly SetupFlagName[]): number {
  return names.reduce((mask, name) => mask | SETUP_FLAG[name], 0);
}

function known(kernel: string): SetupFlagName[] {
  const last = SINCE.findIndex(([name]) => name === kernel);
  return SINCE.slice(0, last + 1).flatMap(([, flags]) => flags);
}

/** Moves a byte through a pipe, and wakes up for it. */
async function works(backend: UringBackend): Promise<void> {
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  backend.ring.flush();
  expect(backend.poll(sink, false)).toBe(0);
  writeNow(backend, writer, new Uint8Array(1));
  pollOut(backend, sink);
  backend.ring.prepare(OPCODE.READ, 1, 2, reader, address, 1, -1, 0);
  const wake = woken(backend);
  await Bun.sleep(3);
  writeNow(backend, writer, new Uint8Array(1));
  await wake;
  backend.poll(sink, false);
  expect(sink.take()).toEqual(["turn", "complete 0.1 1", "turn", "complete 1.2 1"]);
}

test("rungs() drop the newest flag first and never try a set twice", () => {
  const descent = rungs(0).map((flags) => flagNames(flags).join("|"));
  expect(descent).toEqual([
    "CQSIZE|SUBMIT_ALL|TASKRUN_FLAG|SINGLE_ISSUER|DEFER_TASKRUN|NO_SQARRAY",
    "CQSIZE|SUBMIT_ALL|TASKRUN_FLAG|SINGLE_ISSUER|DEFER_TASKRUN",
    "CQSIZE|SUBMIT_ALL|COOP_TASKRUN|TASKRUN_FLAG|SINGLE_ISSUER",
    "CQSIZE|SUBMIT_ALL|COOP_TASKRUN|TASKRUN_FLAG",
    "CQSIZE|SUBMIT_ALL",
    "CQSIZE",
    "",
  ]);
});

test.each(ALL)("rungs() without %s keep to what the kernel accepts together", (avoided) => {
  const all = rungs(SETUP_FLAG[avoided]);
  expect(new Set(all).size).toBe(all.length);
  for (const flags of all) {
    const names = flagNames(flags);
    expect(names).not.toContain(avoided);
    if (names.includes("DEFER_TASKRUN")) expect(names).toContain("SINGLE_ISSUER");
    if (names.includes("TASKRUN_FLAG")) {
      expect(names.includes("DEFER_TASKRUN") || names.includes("COOP_TASKRUN")).toBe(true);
    }
  }
});

ringTest.each(SINCE.map(([kernel]) => kernel))(
  "a ring opens and works with the flags of Linux %s",
  async (kernel) => {
    const flags = known(kernel);
    const backend = await openLooping({ faults: { knownSetupFlags: maskOf(flags) } });
    const { ring } = backend.working;
    const chosen = flagNames(ring.flags);
    expect(flags).toEqual(expect.arrayContaining(chosen));
    expect(chosen).toContain(flags.findLast((name) => name !== "TASKRUN_FLAG")!);
    expect(ring.memory.kind).toBe(flags.includes("NO_MMAP") ? "shared" : "mapped");
    const errnos = ring.refused.map(({ errno }) => errno);
    expect(new Set(errnos)).toEqual(new Set(kernel === "6.6" ? [] : [ERRNO.EINVAL]));
    await works(backend);
  },
);

ringTest.each([
  "SUBMIT_ALL",
  "DEFER_TASKRUN",
  "SINGLE_ISSUER",
  "TASKRUN_FLAG",
  "NO_SQARRAY",
] as const)("a ring works without %s", async (avoided) => {
  const backend = await openLooping({ avoidFlags: [avoided] });
  expect(flagNames(backend.working.ring.flags)).not.toContain(avoided);
  expect(backend.wakeMode).toBe("eventfd");
  await works(backend);
});

memoryTest("a ring is set up in the memory that was asked for", async (memory) => {
  const backend = await openLooping({ memory, entries: 100, completionEntries: 300 });
  const { ring } = backend.working;
  expect(ring.memory.kind).toBe(memory);
  expect((ring.flags & SETUP_FLAG.NO_MMAP) !== 0).toBe(memory === "shared");
  expect(ring.memory.rings.buffer instanceof SharedArrayBuffer).toBe(memory === "shared");
  expect([ring.entries, ring.completionEntries]).toEqual([128, 512]);
  await works(backend);
});

memoryTest("the largest ring opens, or half of it, or half of that", async (memory) => {
  const backend = await openLooping({ memory, entries: 32768, slots: 65536 });
  expect(backend.working.ring.entries).toBeGreaterThanOrEqual(1024);
  await works(backend);
});

test("settle() gives each slot's request and its cancellation room in the completion queue", () => {
  expect(settle({})).toMatchObject({ entries: 256, completionEntries: 2048, slots: 1024 });
  expect(settle({ slots: 65536 })).toMatchObject({ completionEntries: 65536 });
  expect(settle({ entries: 3, slots: 1 })).toMatchObject({ entries: 4, completionEntries: 8 });
  expect(settle({ entries: 64, completionEntries: 2 })).toMatchObject({ completionEntries: 64 });
});

test.each([
  [{ entries: 0 }, "entries must be a whole number from 1 to 32768: found 0"],
  [{ entries: 40_000 }, "entries must be a whole number from 1 to 32768: found 40000"],
  [{ completionEntries: 1e9 }, "completionEntries must be a whole number from 1 to 65536"],
  [{ slots: 1.5 }, "slots must be a whole number from 1 to 1048576: found 1.5"],
  [{ reapLimit: 0 }, "reapLimit must be a whole number from 1"],
  [{ spinLimit: -1 }, "spinLimit must be a whole number from 0"],
  [{ closeTimeoutMs: Number.NaN }, "closeTimeoutMs must be a whole number from 0"],
])("settle() refuses %j", (options, message) => {
  expect(() => settle(options)).toThrow(message);
});

test("settle() refuses a flag that does not exist", () => {
  const avoidFlags = ["SQPOLL" as SetupFlagName];
  expect(() => settle({ avoidFlags })).toThrow('Cannot avoid the set-up flag "SQPOLL"');
});
