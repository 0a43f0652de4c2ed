/** Several tasks, of which the first to finish counts. */
import type { Executor } from "./executor.ts";
import { Scope } from "./scope.ts";
import type { Task } from "./task.ts";

/**
 * Runs bodies as child tasks until one finishes, which cancels the others at once, and waits for
 * their clean-up. Of several that finish in one round in spite of that, because an operation's
 * result was on its way to them, the leftmost wins. A message, a lock or the like that was on its
 * way to a loser stays where it was. A loser's result is disposed of if it can be; what a loser
 * threw before it heard of its cancellation is dropped; what its clean-up throws fails the run.
 * @param bodies at least one; they start from left to right
 * @returns the winner's result
 * @throws what the winner threw
 * @throws {ReelError} ERR_CANCELLED when the calling task is cancelled; all children are over then.
 *   If one has a result all the same, that is given, and the task's next wait is cancelled instead
 * @throws {RangeError} when there is no body
 */
export async function race<const Bodies extends readonly (() => unknown)[]>(
  executor: Executor,
  bodies: Bodies,
): Promise<Awaited<ReturnType<Bodies[number]>>> {
  if (bodies.length === 0) {
    throw new RangeError("Cannot race: at least one function must take part: found none");
  }
  const scope = new Scope(executor, "racing tasks");
  scope.firstEndCancels = true;
  let interruption: { readonly error: unknown } | undefined;
  let winner: Task | undefined;
  try {
    for (const body of bodies) scope.spawn(body);
    await scope.until(() => scope.firstEnded !== undefined);
    winner = leftmostUnasked(scope) ?? scope.firstEnded;
  } catch (error) {
    interruption = { error };
  }
  await scope.close("defer");
  if (interruption !== undefined) winner = leftmostCompleted(scope);
  await scope.disposeResults(winner);
  if (interruption !== undefined && winner !== undefined) scope.deferCancel();
  if (winner === undefined) throw interruption?.error;
  if (winner.status !== "completed") throw winner.outcome;
  return winner.outcome as Awaited<ReturnType<Bodies[number]>>;
}

/** The leftmost child that has a result. */
function leftmostCompleted(scope: Scope): Task | undefined {
  for (const child of scope.children) if (child.status === "completed") return child;
  return undefined;
}

/** The leftmost child that ended of its own accord. */
function leftmostUnasked(scope: Scope): Task | undefined {
  for (const child of scope.children) {
    if (child.finished && child.status !== "cancelled" && !child.cancelDelivered) return child;
  }
  return undefined;
}
