/**
 * The turn of a command that has the disk for itself: how it gets in line, and what every end of
 * its waits has in common. What it does with its command's result is its own.
 */
import type { LayerContext, Move } from "../../../core/provider/index.ts";
import { KIND, TRAIT } from "../../disk/queue/table.ts";
import { refuseAtDoor } from "../../disk/queue/turns.ts";
import type { Disks } from "./disks.ts";
import type { TurnView } from "./record.ts";

/** Nothing else is in flight. */
export const ONLY_TAG = 0;

/** Gets in line. @returns whether there was a place; otherwise the operation waits outside */
export function enterAlone(disks: Disks, at: TurnView, run: LayerContext): boolean {
  const { turns } = disks;
  if (!turns.enter(at, run, KIND.ALONE, TRAIT.UNMERGED)) return false;
  turns.want(at, run.resource, 0, 0, 0);
  turns.commands.submit(run.resource, at.line - 1);
  return true;
}

/**
 * Goes on at the end of a wait: at the door, in line, or for the command.
 * @param over takes the command's result, when it is that which has ended
 */
export function endOfWait<V extends TurnView>(
  disks: Disks,
  at: V,
  run: LayerContext,
  answer: number,
  over: (at: V, run: LayerContext, result: number) => Move,
): Move {
  const { turns } = disks;
  if (at.line === 0) {
    if (answer < 0) return refuseAtDoor(turns, at, run, answer);
    at.invited = true;
    return run.again();
  }
  const result = disks.outcome(at, run, answer);
  if (result === undefined) return run.again();
  if (turns.isWaiting(at, run.resource)) {
    turns.leave(at, run);
    return run.fail(-result);
  }
  return over(at, run, result);
}
