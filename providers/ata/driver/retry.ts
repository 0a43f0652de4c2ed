/**
 * What every operation does around its commands: take the channel, give the drive its settings back
 * after a reset, and after a failure reset the channel and try again, three times at most.
 */
import {
  ERRNO,
  u8,
  type Layer,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA, ERROR } from "../../disk/drive/bits.ts";
import type { Board } from "./board.ts";
import type { CommandFrame } from "./command-words.ts";
import { resetNow } from "./command.ts";

const TRIES_MAX = 3;

export const attemptShape = { step: u8, tries: u8 } as const;
export type AttemptView = View<typeof attemptShape>;

export const STEP = {
  /** Waits for the channel. */
  LOCK: 0,
  /** A command of the operation's own runs. */
  WORK: 1,
  /** SET MULTIPLE after a reset runs. */
  SETUP: 2,
} as const;

/** A command to run: what is not said is 0. */
export type CommandWords = {
  -readonly [K in Exclude<keyof CommandFrame, "$base">]?: CommandFrame[K];
};

export interface Attempts {
  call(run: LayerContext, words: CommandWords): Move;
  /** Gives the drive its settings back if it lost them. @returns undefined when it has them */
  setUp(frame: AttemptView, run: LayerContext): Move | undefined;
  /**
   * Looks at a command that failed.
   * @returns 0 when it is worth another try, for which the hardware has been made ready; else the
   *   error number that it is to fail with
   */
  judge(frame: AttemptView, run: LayerContext, errorNumber: number): number;
  /** Does so, and fails. @returns undefined when it is worth another try */
  refuse(frame: AttemptView, run: LayerContext, errorNumber: number): Move | undefined;
}

export function attempts(board: Board, command: Layer): Attempts {
  // A frame begins as zeros: MOVE.NONE, PLACE.OPERATION.
  const call = (run: LayerContext, words: CommandWords): Move => run.call(command, words as never);
  return {
    call,
    setUp(frame, run) {
      const disk = board.disks.at(run.resource);
      if (!disk.unset || disk.packet || disk.multiple <= 1) {
        disk.unset = false;
        return undefined;
      }
      frame.step = STEP.SETUP;
      return call(run, { command: ATA.SET_MULTIPLE, count: disk.multiple });
    },
    refuse(frame, run, errorNumber) {
      const final = this.judge(frame, run, errorNumber);
      return final === 0 ? undefined : run.fail(final);
    },
    judge(frame, run, errorNumber) {
      const disk = board.disks.at(run.resource);
      const isCable = errorNumber === ERRNO.EIO && (disk.lastError & ERROR.ICRC) !== 0;
      // UNC, and also what a packet device says with its sense key, is the medium's last word.
      if (errorNumber !== ERRNO.ETIMEDOUT && !isCable) return errorNumber;
      frame.tries += 1;
      if (frame.tries > TRIES_MAX) return isCable ? ERRNO.EIO : ERRNO.ETIMEDOUT;
      disk.retries += 1;
      if (errorNumber === ERRNO.ETIMEDOUT) {
        disk.resets += 1;
        resetNow(board, disk.channel);
      }
      return 0;
    },
  };
}
