/** The steps of a scenario as one sequence, each with where it stands. */
import type { Path } from "./issue.ts";
import { blockOf, verbOf, type ResolvedScenario, type ResolvedStep } from "./resolved.ts";

/** A step and where it stands. */
export interface PlacedStep {
  readonly step: ResolvedStep;
  readonly path: Path;
  /** The task in which it is written. */
  readonly task: string;
  /** Who carries it out: the task, or what `accept` starts for each connection. */
  readonly runner: string;
  /** The locks that are held around it, outermost first. */
  readonly held: readonly string[];
  /** How many blocks it stands in. */
  readonly depth: number;
  /** How often one run of the task carries it out. */
  readonly times: number;
}

/** All steps, blocks before what is in them. */
export function* placedSteps(scenario: ResolvedScenario): Generator<PlacedStep> {
  for (const [task, steps] of Object.entries(scenario.tasks)) {
    const outside = { task, runner: task, held: [], depth: 0, times: 1 };
    yield* inBlock(steps, ["tasks", task], outside);
  }
}

type Surroundings = Pick<PlacedStep, "task" | "runner" | "held" | "depth" | "times">;

function* inBlock(
  steps: readonly ResolvedStep[],
  path: Path,
  around: Surroundings,
): Generator<PlacedStep> {
  for (const [position, step] of steps.entries()) {
    const place = [...path, position];
    yield { step, path: place, ...around };
    const block = blockOf(step);
    if (block === undefined) continue;
    yield* inBlock(block, [...place, verbOf(step), "do"], inside(step, around));
  }
}

/** What holds in the block of a step. */
function inside(step: ResolvedStep, around: Surroundings): Surroundings {
  const deeper = { ...around, depth: around.depth + 1 };
  if ("with" in step) return { ...deeper, held: [...around.held, step.with.lock] };
  if ("repeat" in step) return { ...deeper, times: around.times * step.repeat.times };
  // Tasks of their own: they hold no lock, and each does its steps once.
  if ("accept" in step) return { ...deeper, runner: step.accept.as, held: [], times: 1 };
  return deeper;
}
