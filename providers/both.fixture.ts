/** Runs a test on both backends; the one that this machine does not have is skipped by name. */
import { test } from "bun:test";
import type { RuntimeOptions } from "../core/runtime/options.ts";
import { startRuntime } from "../core/runtime/start.ts";
import { assertNothingLeft, whyUnavailable } from "../core/testing/harness.ts";
import { pipe } from "./pipe/provider.ts";
import { tcp } from "./tcp/provider.ts";
import { timer } from "./timer/provider.ts";

const providers = [pipe, tcp, timer] as const;

export type BothRuntime = Awaited<ReturnType<typeof start>>;

export function start(options: Partial<RuntimeOptions> = {}) {
  return startRuntime({ seed: 1, backend: "emulated", ...options, providers });
}

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: everything on uring: ${missing}`);

/** Declares the test once for each backend; fails when something is left behind. */
export function onBoth(
  title: string,
  body: (io: BothRuntime) => Promise<void>,
  options: Partial<RuntimeOptions> = {},
): void {
  for (const backend of ["emulated", "uring"] as const) {
    test.skipIf(backend === "uring" && missing !== undefined)(
      `${title} on ${backend}`,
      async () => {
        const io = await start({ ...options, backend });
        try {
          await body(io);
        } finally {
          await io.close();
        }
        assertNothingLeft(io as never);
      },
    );
  }
}
