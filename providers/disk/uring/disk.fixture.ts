/** A provider that is nothing but the io_uring disk, folders that vanish, and a loud skip. */
import { afterAll, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RuntimeOptions } from "../../../core/runtime/options.ts";
import { startRuntime } from "../../../core/runtime/start.ts";
import { assertNothingLeft, whyUnavailable } from "../../../core/testing/harness.ts";
import { OPCODE, defineProvider, t } from "../../../core/provider/index.ts";
import { uringDisk } from "./disk.ts";

export const disk = defineProvider({
  kind: "disk",
  version: "0.0.1",
  stateVersion: 1,
  summary: "An image on io_uring",
  options: t.Object(
    {
      image: t.String({ default: "" }),
      sizeBytes: t.Integer({ default: 0, minimum: 0 }),
      blockBytes: t.Integer({ default: 512 }),
      readOnly: t.Boolean({ default: false }),
      exclusive: t.Boolean({ default: false }),
      direct: t.Boolean({ default: false }),
    },
    { additionalProperties: false },
  ),
  operations: {
    read: { direction: "read", summary: "Reads", positioned: true },
    write: { direction: "write", summary: "Writes", positioned: true, argument: "1: durable" },
    flush: { direction: "none", summary: "Makes durable" },
    discard: { direction: "none", summary: "Forgets", argument: "bytes" },
    identify: { direction: "read", summary: "Tells" },
    suspend: { direction: "none", summary: "Holds back" },
    resume: { direction: "none", summary: "Lets go on" },
  },
  ends: {
    main: {
      operations: ["read", "write", "flush", "discard", "identify", "suspend", "resume"],
    },
  },
  capabilities: { shortTransfers: true, cancel: true, restore: ["uring"] },
  opcodes: [OPCODE.READ, OPCODE.WRITE, OPCODE.FSYNC, OPCODE.FALLOCATE],
  uring: (cx) =>
    uringDisk(cx, {
      kind: "disk",
      blockBytes: ({ blockBytes }) => blockBytes,
      identity: () => ({ model: "IOREEL TEST", serial: "T-1" }),
    }),
});

export const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: disks on io_uring: ${missing}`);
export const uringTest = test.skipIf(missing !== undefined);

const folder = mkdtempSync(join(tmpdir(), "ioreel-disk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A path in a folder that vanishes with the tests. */
export const pathOf = (name: string): string => join(folder, name);

export function startDisks(options: Partial<RuntimeOptions> = {}) {
  return startRuntime({ seed: 1, backend: "uring", ...options, providers: [disk] as const });
}
export type DiskRuntime = Awaited<ReturnType<typeof startDisks>>;

/** Runs a program with disks; fails when something is left behind. */
export async function withDisks<T>(
  body: (io: DiskRuntime) => Promise<T>,
  options: Partial<RuntimeOptions> = {},
): Promise<T> {
  const io = await startDisks(options);
  let result: T;
  try {
    result = await io.run(() => body(io));
  } finally {
    await io.close();
  }
  assertNothingLeft(io as never);
  return result;
}

/** Bytes that differ from place to place. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 9) * 7 + seed) & 0xff);
}

/** The code of what an action throws: "none" when it does not. */
export async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "none";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
