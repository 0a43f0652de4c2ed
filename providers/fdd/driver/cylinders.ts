/**
 * A cylinder between disk and buffer. Reading takes a whole cylinder from whatever sector comes
 * first, so that it costs two turns and no waiting for sector 1: READ ID, then from the next sector
 * to the cylinder's end, then its beginning. Where that fails, the sectors that are wanted are read
 * one by one. Everything is tried again a few times, with the arm recalibrated in between.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u8,
  type Move,
  type LayerContext,
} from "../../../core/provider/index.ts";
import { ACT, formatOf, resetting, seeking, transferring, type Shared } from "./steps.ts";
import type { Board } from "./board.ts";
import { NO_CYLINDER, type DriveView } from "./state.ts";

/** Attempts at one sector, as most drivers make. */
export const TRIES_MAX = 5;

const DOING = {
  NOTHING: 0,
  MOVING: 1,
  IDENTIFY: 2,
  TAIL: 3,
  HEAD: 4,
  SINGLE: 5,
  WRITE: 6,
} as const;
const UNKNOWN = 255;

const frame = struct({
  cylinder: u8,
  /** The sectors that are wanted, by their place in the cylinder. */
  first: u8,
  count: u8,
  isWrite: bool,
  doing: u8,
  /** Whether sectors are read one by one. */
  isSingle: bool,
  /** The place at which reading began; the tail behind it, and the head before it, are there. */
  start: u8,
  single: u8,
  tries: u8,
});
type Frame = {
  cylinder: number;
  first: number;
  count: number;
  isWrite: boolean;
  doing: number;
  isSingle: boolean;
  start: number;
  single: number;
  tries: number;
};

/** What the work on a cylinder is made of. */
interface Work {
  readonly board: Board;
  readonly reset: ReturnType<typeof resetting>;
  readonly seek: ReturnType<typeof seeking>;
  readonly transfer: ReturnType<typeof transferring>;
}

/** Begins what has to be done next. */
function goOn(work: Work, f: Frame, run: LayerContext, drive: DriveView): Move {
  const { board, reset, seek, transfer } = work;
  const { sectorsPerTrack, heads } = formatOf(drive);
  f.doing = DOING.MOVING;
  if (!board.isReady) return run.call(reset);
  if (drive.calibration !== board.epoch) return run.call(seek, { home: true });
  if (drive.cylinder !== f.cylinder) return run.call(seek, { cylinder: f.cylinder });
  const sectors = (act: number, at: number, count: number): Move => {
    const head = Math.floor(at / sectorsPerTrack);
    return run.call(transfer, { act, head, record: (at % sectorsPerTrack) + 1, at, count });
  };
  if (f.isWrite) {
    f.doing = DOING.WRITE;
    return sectors(ACT.WRITE, f.first, f.count);
  }
  if (f.isSingle) {
    const { valid } = drive;
    while (f.single < f.first + f.count && valid[f.single] === 1) f.single += 1;
    if (f.single >= f.first + f.count) return run.done(0);
    f.doing = DOING.SINGLE;
    return sectors(ACT.READ, f.single, 1);
  }
  if (f.start === UNKNOWN) {
    f.doing = DOING.IDENTIFY;
    return run.call(transfer, { act: ACT.IDENTIFY });
  }
  f.doing = DOING.TAIL;
  return sectors(ACT.READ, f.start, sectorsPerTrack * heads - f.start);
}

/** What was begun has succeeded. @returns undefined when there is more to do */
function succeed(work: Work, f: Frame, run: LayerContext, drive: DriveView): Move | undefined {
  const { sectorsPerTrack, heads } = formatOf(drive);
  switch (f.doing) {
    case DOING.WRITE:
      drive.valid.fill(1, f.first, f.first + f.count);
      return run.done(0);
    case DOING.IDENTIFY:
      f.start = drive.resultRecord % sectorsPerTrack;
      return undefined;
    case DOING.TAIL:
      drive.valid.fill(1, f.start, sectorsPerTrack * heads);
      if (f.start === 0) return run.done(0);
      f.doing = DOING.HEAD;
      return run.call(work.transfer, { act: ACT.READ, record: 1, count: f.start });
    case DOING.HEAD:
      drive.valid.fill(1, 0, f.start);
      return run.done(0);
    case DOING.SINGLE:
      drive.valid[f.single] = 1;
      f.tries = 0;
      return undefined;
    default:
      return undefined;
  }
}

/** It has failed. @returns the error number to give up with, or 0 to try again */
function failed(f: Frame, drive: DriveView, result: number): number {
  if (result === -ERRNO.EROFS) return ERRNO.EROFS;
  f.tries += 1;
  if (f.tries >= TRIES_MAX) return -result;
  const { sectorsPerTrack } = formatOf(drive);
  if (f.doing === DOING.TAIL || f.doing === DOING.HEAD) {
    // Up to the sector that failed, all went well.
    const bad = drive.resultHead * sectorsPerTrack + drive.resultRecord - 1;
    const from = f.doing === DOING.TAIL ? f.start : 0;
    if (result === -ERRNO.EIO && bad > from && bad <= 2 * sectorsPerTrack) {
      drive.valid.fill(1, from, bad);
    }
  }
  if (!f.isWrite && f.doing !== DOING.MOVING) f.isSingle = true;
  drive.calibration = 0;
  return 0;
}

export function cylinderLayers(shared: Shared) {
  const { board, drives } = shared;
  const reset = resetting(shared);
  const work = { board, reset, seek: seeking(shared), transfer: transferring(shared) };

  const cylinder = layer({
    name: "fdd.cylinder",
    frame,
    wait: (_frame, run) => run.ready(),
    complete(f, run, result) {
      const drive = drives.at(run.resource);
      // Before each step, which clears the change line if there is another disk: what was read so
      // far is of the one that went, and what is to be written is not for another.
      board.select(drive.drive);
      if (board.isChanged) {
        drive.cachedCylinder = NO_CYLINDER;
        return run.fail(ERRNO.ENOMEDIUM);
      }
      if (f.doing === DOING.NOTHING) {
        f.start = UNKNOWN;
        f.single = f.first;
        if (drive.cachedCylinder !== f.cylinder) drive.valid.fill(0);
        // What is to be written lies in the buffer already; it counts once it is on the disk.
        if (f.isWrite) drive.valid.fill(0, f.first, f.first + f.count);
        drive.cachedCylinder = f.cylinder;
      } else if (result < 0) {
        const errorNumber = failed(f, drive, result);
        if (errorNumber !== 0) return run.fail(errorNumber);
      } else {
        const move = succeed(work, f, run, drive);
        if (move !== undefined) return move;
      }
      return goOn(work, f, run, drive);
    },
    cancel(_frame, run) {
      drives.at(run.resource).cachedCylinder = NO_CYLINDER;
    },
  });
  return { reset: work.reset, seek: work.seek, transfer: work.transfer, cylinder };
}
