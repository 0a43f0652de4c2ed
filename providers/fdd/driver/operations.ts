/** The driver's operations: what a program can do with a floppy, and the motor's going off. */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  u8,
  type Layer,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { SECTOR_BYTES, bytesOf, sectorsOf } from "../geometry.ts";
import { cylinderLayers } from "./cylinders.ts";
import { preparing } from "./media.ts";
import { formatOf, type Shared } from "./steps.ts";
import type { DriveView } from "./state.ts";

/** How long a motor goes on behind the last operation: 2 s, as BIOSes have it. */
export const MOTOR_OFF_NS = 2_000_000_000;

const encoder = new TextEncoder();
const DOING = { LOCK: 0, PREPARE: 1, CYLINDER: 2 } as const;

export function driverLayers(shared: Shared) {
  const { board, drives, lock, ram } = shared;
  const cylinders = cylinderLayers(shared);
  const media = preparing(shared, cylinders);

  function enter(drive: DriveView): void {
    drive.busy += 1;
  }

  function leave(drive: DriveView, run: LayerContext): void {
    drive.busy -= 1;
    shared.motorOff(run.resource).after(MOTOR_OFF_NS);
  }

  /** An operation that needs the drive ready: what it does then, and again behind each cylinder. */
  function operation(
    name: string,
    check: (run: LayerContext) => number,
    act: (frame: { doing: number; done: number }, run: LayerContext, drive: DriveView) => Move,
  ): Layer {
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
          if (frame.entered) leave(drive, run);
          return run.fail(-result);
        }
        if (!frame.entered) {
          frame.entered = true;
          enter(drive);
          frame.doing = DOING.PREPARE;
          return run.call(media.prepare);
        }
        return act(frame, run, drive);
      },
      cancel(frame, run) {
        if (frame.entered) leave(drives.at(run.resource), run);
      },
    }) as unknown as Layer;
  }

  function finish(run: LayerContext, drive: DriveView, errorNumber = 0): Move {
    leave(drive, run);
    return errorNumber === 0 ? run.done(0) : run.fail(errorNumber);
  }

  const isAligned = (run: LayerContext): number => {
    const isWhole = run.offset >= 0 && run.offset % SECTOR_BYTES === 0;
    return isWhole && run.length % SECTOR_BYTES === 0 ? 0 : ERRNO.EINVAL;
  };

  /** Where the next part of a transfer lies: within one cylinder. */
  function partAt(drive: DriveView, run: LayerContext, done: number) {
    const { heads, sectorsPerTrack } = formatOf(drive);
    const perCylinder = heads * sectorsPerTrack;
    const lba = (run.offset + done) / SECTOR_BYTES;
    const first = lba % perCylinder;
    const left = Math.min(run.length, bytesOf(formatOf(drive)) - run.offset) - done;
    const count = Math.min(perCylinder - first, left / SECTOR_BYTES);
    return { cylinder: Math.floor(lba / perCylinder), first, count };
  }

  const read = operation("fdd.read", isAligned, (frame, run, drive) => {
    const size = bytesOf(formatOf(drive));
    for (;;) {
      if (frame.done === run.length || run.offset + frame.done >= size) return finish(run, drive);
      const { cylinder, first, count } = partAt(drive, run, frame.done);
      const missing = drive.valid.indexOf(0, first);
      const isHere = missing < 0 || missing >= first + count;
      if (drive.cachedCylinder !== cylinder || !isHere) {
        frame.doing = DOING.CYLINDER;
        return run.call(cylinders.cylinder, { cylinder, first, count });
      }
      const at = run.memoryAt + frame.done;
      const length = count * SECTOR_BYTES;
      const target = run.memory.subarray(at, at + length);
      ram.readInto(drive.buffer + first * SECTOR_BYTES, target);
      frame.done += length;
      drive.readBytes += length;
      run.progress(length);
    }
  });

  const write = operation("fdd.write", isAligned, (frame, run, drive) => {
    const size = bytesOf(formatOf(drive));
    if (frame.doing === DOING.PREPARE) {
      if (drive.readOnly) return finish(run, drive, ERRNO.EROFS);
      if (run.offset + run.length > size) return finish(run, drive, ERRNO.ENOSPC);
    } else {
      const { count } = partAt(drive, run, frame.done);
      frame.done += count * SECTOR_BYTES;
      drive.writtenBytes += count * SECTOR_BYTES;
      run.progress(count * SECTOR_BYTES);
    }
    if (frame.done === run.length) return finish(run, drive);
    const { cylinder, first, count } = partAt(drive, run, frame.done);
    const at = run.memoryAt + frame.done;
    const source = run.memory.subarray(at, at + count * SECTOR_BYTES);
    ram.write(drive.buffer + first * SECTOR_BYTES, source);
    frame.doing = DOING.CYLINDER;
    return run.call(cylinders.cylinder, { cylinder, first, count, isWrite: true });
  });

  // A sector is on the disk when its write is over: only what stands behind the disk is left.
  const flush = layer({
    name: "fdd.flush",
    frame: struct({}),
    wait: (_frame, run) => run.lock(lock),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      return shared.flush(drives.at(run.resource).drive) ? run.done(0) : run.fail(ERRNO.EIO);
    },
  }) as unknown as Layer;

  const discard = layer({
    name: "fdd.discard",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete: (_frame, run) => run.fail(ERRNO.EOPNOTSUPP),
  }) as unknown as Layer;

  const identify = operation(
    "fdd.identify",
    () => 0,
    (_frame, run, drive) => {
      const text = encoder.encode(identity(drive));
      if (text.length > run.length) return finish(run, drive, ERRNO.EINVAL);
      run.bring(text, 0, text.length);
      return finish(run, drive);
    },
  );

  // An empty drive can be opened: its operations say ENOMEDIUM until a disk comes.
  const opening = layer({
    name: "fdd.open",
    frame: struct({ entered: bool }),
    wait: (frame, run) => (frame.entered ? run.ready() : run.lock(lock)),
    complete(frame, run, result) {
      const drive = drives.at(run.resource);
      if (frame.entered) {
        const isFailure = result < 0 && result !== -ERRNO.ENOMEDIUM;
        return finish(run, drive, isFailure ? -result : 0);
      }
      frame.entered = true;
      enter(drive);
      return run.call(media.prepare);
    },
    cancel(frame, run) {
      if (frame.entered) leave(drives.at(run.resource), run);
    },
  }) as unknown as Layer;

  /** The time that {@link leave} set is over: nobody has wanted the drive since. */
  function turnOff(resource: number): void {
    const drive = drives.at(resource);
    if (!drive.motorOn || drive.busy > 0) return;
    drive.motorOn = false;
    board.setMotor(drive.drive, false);
  }

  const { prepare, probe, spinUp } = media;
  const { cylinder, reset, seek, transfer } = cylinders;
  const steps = [prepare, probe, spinUp, cylinder, reset, seek, transfer];
  return {
    operations: { read, write, flush, discard, identify },
    layers: steps as unknown as Layer[],
    opening,
    turnOff,
  };
}

/** What the drive says of itself and of the disk in it, as one line of JSON. */
function identity(drive: DriveView): string {
  const format = formatOf(drive);
  return JSON.stringify({
    model: `82077AA drive ${"ABCD"[drive.drive]}`,
    serial: "",
    sectors: sectorsOf(format),
    sectorBytes: SECTOR_BYTES,
    features: [format.name, drive.readOnly ? "read-only" : "read-write"],
    format: format.name,
    cylinders: format.cylinders,
    heads: format.heads,
    sectorsPerTrack: format.sectorsPerTrack,
    generation: drive.generation,
  });
}
