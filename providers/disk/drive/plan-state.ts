/** A plan as fields of a snapshot, so that a command can be saved in the middle of its data. */
import type { StateFields } from "../state.ts";
import { emptyPlan, type Plan } from "./drive.ts";

/** JSON has no Infinity; no plan has a negative number of its own accord. */
const INFINITE = -1;

/** @returns fields of the same names whatever the plan; of an empty one when there is none */
export function savePlan(plan: Plan = emptyPlan()): StateFields {
  const { keepSectors, delayNs, task, ...rest } = plan;
  return {
    ...rest,
    task: { ...task },
    keepSectors: keepSectors === Infinity ? INFINITE : keepSectors,
    delayNs: delayNs === Infinity ? INFINITE : delayNs,
  };
}

/** @param saved fields that {@link savePlan} gave, checked against its shape */
export function loadPlan(plan: Plan, saved: StateFields): void {
  const { task, ...rest } = saved as unknown as Plan;
  Object.assign(plan.task, task);
  Object.assign(plan, rest);
  if (plan.keepSectors === INFINITE) plan.keepSectors = Infinity;
  if (plan.delayNs === INFINITE) plan.delayNs = Infinity;
}
