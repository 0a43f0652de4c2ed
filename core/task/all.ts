/** Several tasks, of which all results count. */
import type { Executor } from "./executor.ts";
import { TaskGroup } from "./group.ts";

/** The results of functions, in order. */
export type Results<Bodies extends readonly (() => unknown)[]> = {
  -readonly [Index in keyof Bodies]: Awaited<ReturnType<Bodies[Index]>>;
};

/**
 * Runs bodies as child tasks and waits for all. The first error cancels the rest and is thrown when
 * they have cleaned up.
 * @returns the results in the order of the bodies; an empty list for none
 * @throws {ReelError} ERR_CANCELLED when the calling task or a child is cancelled
 */
export async function all<const Bodies extends readonly (() => unknown)[]>(
  executor: Executor,
  bodies: Bodies,
): Promise<Results<Bodies>> {
  await using group = new TaskGroup(executor, { name: "all" });
  const handles = bodies.map((body) => group.spawn(body));
  const results = await group.join();
  // undefined may also stand for a child that was cancelled from elsewhere: its handle says so
  for (const handle of handles) if (handle.cancelled) await handle.join();
  return results as Results<Bodies>;
}
