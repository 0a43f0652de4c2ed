/**
 * What every operation on a drive has in common: it waits for the controller, has the drive made
 * ready, and lets the motor run on for a while when it is over.
 */
import {
  bool,
  layer,
  struct,
  u32,
  u8,
  type Layer,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { rangeError } from "../../disk/range.ts";
import { SECTOR_BYTES, bytesOf } from "../geometry.ts";
import { cylinderLayers } from "./cylinders.ts";
import { preparing } from "./media.ts";
import { formatOf, type Shared } from "./steps.ts";
import type { DriveView } from "./state.ts";

/** How long a motor goes on behind the last operation: 2 s, as BIOSes have it. */
export const MOTOR_OFF_NS = 2_000_000_000;

export const DOING = { LOCK: 0, PREPARE: 1, CYLINDER: 2 } as const;

/** The driver's layers below its operations, and what they share. */
export interface Engine {
  readonly shared: Shared;
  readonly cylinders: ReturnType<typeof cylinderLayers>;
  readonly media: ReturnType<typeof preparing>;
}

export function engineOf(shared: Shared): Engine {
  const cylinders = cylinderLayers(shared);
  return { shared, cylinders, media: preparing(shared, cylinders) };
}

export function enter(drive: DriveView): void {
  drive.busy += 1;
}

export function leave({ shared }: Engine, drive: DriveView, run: LayerContext): void {
  drive.busy -= 1;
  shared.motorOff(run.resource).after(MOTOR_OFF_NS);
}

/** Ends an operation that had entered. @param errorNumber 0 for success */
export function finish(engine: Engine, run: LayerContext, drive: DriveView, errorNumber = 0): Move {
  leave(engine, drive, run);
  return errorNumber === 0 ? run.done(0) : run.fail(errorNumber);
}

/**
 * An operation that needs the drive ready.
 * @param check the error number of an operation that cannot be, or 0
 * @param act what it does then, and again behind each cylinder
 */
export function operation(
  engine: Engine,
  name: string,
  check: (run: LayerContext) => number,
  act: (frame: { doing: number; done: number }, run: LayerContext, drive: DriveView) => Move,
): Layer {
  const { drives, lock } = engine.shared;
  return layer({
    name,
    frame: struct({ doing: u8, entered: bool, done: u32 }),
    wait(frame, run) {
      if (frame.entered) return run.ready();
      const errorNumber = check(run);
      return errorNumber === 0 ? run.lock(lock) : run.ready(-errorNumber);
    },
    complete(frame, run, result) {
      const drive = drives.at(run.resource);
      if (result < 0) {
        if (frame.entered) leave(engine, drive, run);
        return run.fail(-result);
      }
      if (!frame.entered) {
        frame.entered = true;
        enter(drive);
        frame.doing = DOING.PREPARE;
        return run.call(engine.media.prepare);
      }
      return act(frame, run, drive);
    },
    cancel(frame, run) {
      if (frame.entered) leave(engine, drives.at(run.resource), run);
    },
  }) as unknown as Layer;
}

/** The check of a transfer that needs no disk: whole sectors. */
export function checkAligned(run: LayerContext): number {
  return rangeError(SECTOR_BYTES, Infinity, run.offset, run.length, false);
}

/** The check of a transfer on the disk in the drive. */
export function checkRange(run: LayerContext, drive: DriveView, isWrite: boolean): number {
  return rangeError(SECTOR_BYTES, bytesOf(formatOf(drive)), run.offset, run.length, isWrite);
}

/** Where the next part of a transfer lies: within one cylinder. */
export function partAt(drive: DriveView, run: LayerContext, done: number) {
  const { heads, sectorsPerTrack } = formatOf(drive);
  const perCylinder = heads * sectorsPerTrack;
  const lba = (run.offset + done) / SECTOR_BYTES;
  const first = lba % perCylinder;
  const left = Math.min(run.length, bytesOf(formatOf(drive)) - run.offset) - done;
  const count = Math.min(perCylinder - first, left / SECTOR_BYTES);
  return { cylinder: Math.floor(lba / perCylinder), first, count };
}
