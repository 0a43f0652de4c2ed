/** How a thread of a pool comes by the function that a job names. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { packError, type CarriedError } from "./carried-error.ts";
import type { Job } from "./messages.ts";

export type JobFunction = (io: unknown, ...args: readonly unknown[]) => unknown;

/** The function, or why it cannot be had. */
export type Loaded = { readonly run: JobFunction } | { readonly error: CarriedError };

/** Loads what a job names: at once, or when the event loop has brought it. */
export type Load = (job: Job) => Loaded | Promise<Loaded>;

/** For a thread with an event loop. */
export const loadSoon: Load = async (job) => {
  try {
    return { run: exported((await import(job.module)) as object, job) };
  } catch (error) {
    return { error: packError(error) };
  }
};

const require = createRequire(import.meta.url);

/**
 * For a thread that waits in the kernel: its event loop stands still, so that a module that awaits
 * something while it is evaluated cannot be had.
 */
export const loadNow: Load = (job) => {
  try {
    const path = job.module.startsWith("file:") ? fileURLToPath(job.module) : job.module;
    return { run: exported(require(path) as object, job) };
  } catch (error) {
    return { error: packError(error) };
  }
};

function exported(module: object, { module: address, exportName }: Job): JobFunction {
  const found = (module as Record<string, unknown>)[exportName];
  if (typeof found === "function") return found as JobFunction;
  throw new TypeError(
    `Cannot run ${exportName} of ${address}: it must export a function of that name: ` +
      `found ${found === undefined ? "no such export" : typeof found}`,
  );
}
