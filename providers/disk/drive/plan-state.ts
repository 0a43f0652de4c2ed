/** A plan as fields of a snapshot, so that a command can be saved in the middle of its data. */
import type { StateFields } from "../state.ts";
import { emptyPlan, PROTOCOL, type Plan } from "./drive.ts";

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

/** Makes a plan ready for the command in its task file. */
export function clearPlan(plan: Plan): void {
  plan.protocol = PROTOCOL.NONE;
  plan.command = plan.task.command;
  plan.queued = false;
  plan.tag = 0;
  plan.fua = false;
  plan.extended = false;
  plan.firstLba = 0;
  plan.sectors = 0;
  plan.transferBytes = 0;
  plan.blockBytes = 512;
  plan.delayNs = 0;
  plan.transferNs = 0;
  plan.movedBytes = 0;
  plan.failed = false;
  plan.keepSectors = Infinity;
  plan.shiftSectors = 0;
  plan.status = 0x50;
  plan.error = 0;
}
