/** Runtimes with io_uring disks, files that vanish, and a loud skip. */
import { afterAll, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { RuntimeOptions } from "../../../core/runtime/options.ts";
import { startRuntime } from "../../../core/runtime/start.ts";
import { assertNothingLeft, whyUnavailable } from "../../../core/testing/harness.ts";
import { disk } from "./provider.fixture.ts";

export const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: disks on io_uring: ${missing}`);
export const uringTest = test.skipIf(missing !== undefined);

/** Makes a folder that vanishes with a test file's tests. @returns the path of a name in it */
export function makeFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-disk-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

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
