/**
 * Turns of operations that must be alone: each waits until all that came before it is over, and
 * keeps what comes after it waiting. So a flush finds every write that was waited for before it,
 * and none passes it.
 */
import { ERRNO, bool, layer, struct, type Layer } from "../../../core/provider/index.ts";
import { KIND, TRAIT } from "../../disk/queue/table.ts";
import { turnShape } from "../../disk/queue/turns.ts";
import type { Board } from "./board.ts";

/** Runs a layer when its turn has come. */
export function turnLayer(board: Board, name: string, inner: Layer): Layer {
  const { turns } = board;
  return layer({
    name,
    frame: struct({ ...turnShape, runs: bool }),
    wait(frame, run) {
      if (frame.line === 0) {
        if (!turns.enter(frame, run, KIND.ALONE, TRAIT.UNMERGED)) return turns.outside(run);
        turns.want(frame, run.resource, 0, 0, 0);
        turns.commands.submit(run.resource, frame.line - 1);
      }
      if (!turns.isGranted(frame, run.resource)) return turns.queue(frame, run);
      turns.commands.place(run.resource, frame.line - 1);
      return run.ready();
    },
    complete(frame, run, result) {
      if (frame.runs) {
        turns.commands.finish(run.resource, ONLY_TAG, 0);
        turns.depart(frame, run);
        return result < 0 ? run.fail(-result) : run.done(0);
      }
      if (frame.line === 0) frame.invited = true;
      if (frame.line === 0 || turns.isGranted(frame, run.resource)) return run.again();
      frame.runs = true;
      return run.call(inner);
    },
    cancel(frame, run) {
      if (frame.runs) turns.commands.finish(run.resource, ONLY_TAG, -ERRNO.EAGAIN);
      turns.leave(frame, run);
    },
  }) as unknown as Layer;
}

/** An ATA disk does one command at a time. */
export const ONLY_TAG = 0;
