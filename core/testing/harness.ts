/** Opens a provider in a fresh runtime for one test, and sees to it that nothing is left behind. */
import type { UringOptions } from "../backend/uring/options.ts";
import type { RuntimeOptions } from "../runtime/options.ts";
import type { OpenEnd } from "../runtime/open-end.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { startRuntime } from "../runtime/start.ts";
import type { ContractSubject, OpenedEnds } from "./subject.ts";

export type BackendName = "uring" | "emulated";

/** Why a backend cannot be had on this machine, or undefined when it can. */
export async function whyUnavailable(
  backend: BackendName,
  uring: UringOptions = {},
): Promise<string | undefined> {
  if (backend === "emulated") return undefined;
  try {
    const io = await startRuntime({ backend, providers: [], uring });
    await io.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A runtime with the subject's provider and no other. */
export async function startWith(
  subject: ContractSubject,
  backend: BackendName,
  options: Partial<RuntimeOptions> = {},
): Promise<Runtime> {
  const runtime = await startRuntime({
    seed: 1,
    ...(subject.uring === undefined ? {} : { uring: subject.uring }),
    ...options,
    backend,
    providers: [subject.provider],
  });
  return runtime as unknown as Runtime;
}

/** Opens the subject; a single end goes by the name `main`. */
export async function openSubject(io: Runtime, subject: ContractSubject): Promise<OpenedEnds> {
  if (subject.open !== undefined) return subject.open(io);
  const opened: unknown = await io.open(subject.provider.kind, subject.options ?? {});
  const names = subject.provider.endNames;
  if (names.length === 1) return { [names[0]!]: opened } as OpenedEnds;
  const ends = opened as OpenedEnds;
  return Object.fromEntries(names.map((name) => [name, ends[name]!]));
}

/** The ends that the provider's definition names, without those that help. */
export function ownEnds(subject: ContractSubject, ends: OpenedEnds): [string, OpenEnd][] {
  return subject.provider.endNames.map((name) => [name, ends[name]!]);
}

/** Closes every end, the last first. */
export async function closeAll(ends: OpenedEnds): Promise<void> {
  for (const end of Object.values(ends).toReversed()) await end.close();
}

/** Throws when a runtime still holds something that a finished program should have given back. */
export function assertNothingLeft(io: Runtime): void {
  const { table, ends, stacks, pool } = io.engine.state;
  const left = {
    operations: table.used,
    ends: ends.used,
    overflowPages: stacks.pagesUsed,
    buffers: pool.live,
  };
  for (const [what, count] of Object.entries(left)) {
    if (count !== 0) throw new Error(`Left behind: ${count} ${what}`);
  }
}

/** Runs a test's body in a runtime of its own, closes it, and looks for what is left behind. */
export async function inRuntime(
  subject: ContractSubject,
  backend: BackendName,
  options: Partial<RuntimeOptions>,
  body: (io: Runtime, ends: OpenedEnds) => Promise<void>,
): Promise<void> {
  const io = await startWith(subject, backend, options);
  try {
    const ends = await openSubject(io, subject);
    await body(io, ends);
    await closeAll(ends);
    assertNothingLeft(io);
  } finally {
    await io.close();
  }
}
