/** Several tasks, of which the first to finish counts. */
import type { Executor } from "./executor.ts";
import { Scope } from "./scope.ts";
import type { Task } from "./task.ts";

/**
 * Runs bodies as child tasks until one finishes, then cancels the others and waits for their
 * clean-up. Of several that finished, the leftmost wins. A loser's result is disposed of if it can
 * be; what a loser threw before it was cancelled is dropped; what its clean-up throws fails the run.
 * @param bodies at least one; they start from left to right
 * @returns the winner's result
 * @throws what the winner threw
 * @throws {ReelError} ERR_CANCELLED when the calling task is cancelled; all children are over then
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
  let winner: Task | undefined;
  try {
    for (const body of bodies) scope.spawn(body);
    for (;;) {
      winner = leftmostFinished(scope);
      if (winner !== undefined) break;
      await scope.change();
    }
    await scope.close();
  } catch (error) {
    winner = undefined;
    throw error;
  } finally {
    await scope.close();
    await scope.disposeResults(winner);
  }
  if (winner.status !== "completed") throw winner.outcome;
  return winner.outcome as Awaited<ReturnType<Bodies[number]>>;
}

function leftmostFinished(scope: Scope): Task | undefined {
  for (const child of scope.children) if (child.finished) return child;
  return undefined;
}
