/** The driver's operations: what a program can do with a floppy, and the motor's going off. */
import { ERRNO, bool, layer, struct, type Layer } from "../../../core/provider/index.ts";
import { rangeError } from "../../disk/range.ts";
import { SECTOR_BYTES, bytesOf, sectorsOf } from "../geometry.ts";
import {
  DOING,
  checkAligned,
  checkRange,
  engineOf,
  enter,
  finish,
  leave,
  operation,
  partAt,
  type Engine,
} from "./operation.ts";
import { formatOf, type Shared } from "./steps.ts";
import type { DriveView } from "./state.ts";

const encoder = new TextEncoder();

export function driverLayers(shared: Shared) {
  const engine = engineOf(shared);
  const { board, drives } = shared;

  /** The time that {@link leave} set is over: nobody has wanted the drive since. */
  function turnOff(resource: number): void {
    const drive = drives.at(resource);
    if (!drive.motorOn || drive.busy > 0) return;
    drive.motorOn = false;
    board.setMotor(drive.drive, false);
  }

  const { prepare, probe, spinUp } = engine.media;
  const { cylinder, reset, seek, transfer } = engine.cylinders;
  const steps = [prepare, probe, spinUp, cylinder, reset, seek, transfer];
  return {
    operations: {
      read: reading(engine),
      write: writing(engine),
      flush: flushing(engine),
      discard: discarding(engine),
      identify: identifying(engine),
    },
    layers: steps as unknown as Layer[],
    opening: opening(engine),
    turnOff,
  };
}

/** Cylinders come into the buffer as they are wanted, and sectors from there. */
function reading(engine: Engine): Layer {
  const { ram } = engine.shared;
  return operation(engine, "fdd.read", checkAligned, (frame, run, drive) => {
    const size = bytesOf(formatOf(drive));
    if (frame.doing === DOING.PREPARE) {
      const wrong = checkRange(run, drive, false);
      if (wrong !== 0) return finish(engine, run, drive, wrong);
    }
    for (;;) {
      if (frame.done === run.length || run.offset + frame.done >= size)
        return finish(engine, run, drive);
      const { cylinder, first, count } = partAt(drive, run, frame.done);
      const missing = drive.valid.indexOf(0, first);
      const isHere = missing < 0 || missing >= first + count;
      if (drive.cachedCylinder !== cylinder || !isHere) {
        frame.doing = DOING.CYLINDER;
        return run.call(engine.cylinders.cylinder, { cylinder, first, count });
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
}

/** The argument of a write that is to be durable when it is over. */
const DURABLE = 1;

/** Sectors go through the buffer to the disk, a cylinder at a time. */
function writing(engine: Engine): Layer {
  const { flush, ram } = engine.shared;
  return operation(engine, "fdd.write", checkAligned, (frame, run, drive) => {
    if (frame.doing === DOING.PREPARE) {
      const wrong = checkRange(run, drive, true);
      if (wrong !== 0) return finish(engine, run, drive, wrong);
      if (drive.readOnly) return finish(engine, run, drive, ERRNO.EROFS);
    } else {
      const { count } = partAt(drive, run, frame.done);
      frame.done += count * SECTOR_BYTES;
      drive.writtenBytes += count * SECTOR_BYTES;
      run.progress(count * SECTOR_BYTES);
    }
    if (frame.done === run.length) {
      const isKept = run.argument !== DURABLE || flush(drive.drive);
      return finish(engine, run, drive, isKept ? 0 : ERRNO.EIO);
    }
    const { cylinder, first, count } = partAt(drive, run, frame.done);
    const at = run.memoryAt + frame.done;
    const source = run.memory.subarray(at, at + count * SECTOR_BYTES);
    ram.write(drive.buffer + first * SECTOR_BYTES, source);
    frame.doing = DOING.CYLINDER;
    return run.call(engine.cylinders.cylinder, { cylinder, first, count, isWrite: true });
  });
}

/** Makes durable what was written. */
function flushing(engine: Engine): Layer {
  const { drives, lock } = engine.shared;
  // A sector is on the disk when its write is over: only what stands behind the disk is left.
  return layer({
    name: "fdd.flush",
    frame: struct({}),
    wait: (_frame, run) => run.lock(lock),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      return engine.shared.flush(drives.at(run.resource).drive) ? run.done(0) : run.fail(ERRNO.EIO);
    },
  }) as unknown as Layer;
}

/** A floppy cannot forget sectors. */
function discarding(engine: Engine): Layer {
  const { drives } = engine.shared;
  return layer({
    name: "fdd.discard",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      const drive = drives.at(run.resource);
      const size = drive.format === 0 ? Infinity : bytesOf(formatOf(drive));
      const wrong = rangeError(SECTOR_BYTES, size, run.offset, run.argument, true);
      return run.fail(wrong === 0 ? ERRNO.EOPNOTSUPP : wrong);
    },
  }) as unknown as Layer;
}

/** The drive and its disk, as text. */
function identifying(engine: Engine): Layer {
  return operation(
    engine,
    "fdd.identify",
    () => 0,
    (_frame, run, drive) => {
      const text = encoder.encode(identity(drive));
      if (text.length > run.length) return finish(engine, run, drive, ERRNO.EINVAL);
      run.bring(text, 0, text.length);
      return finish(engine, run, drive);
    },
  );
}

/** Makes the drive ready before the program gets it. */
function opening(engine: Engine): Layer {
  const { drives, lock } = engine.shared;
  // An empty drive can be opened: its operations say ENOMEDIUM until a disk comes.
  return layer({
    name: "fdd.open",
    frame: struct({ entered: bool }),
    wait: (frame, run) => (frame.entered ? run.ready() : run.lock(lock)),
    complete(frame, run, result) {
      const drive = drives.at(run.resource);
      if (frame.entered) {
        const isFailure = result < 0 && result !== -ERRNO.ENOMEDIUM;
        return finish(engine, run, drive, isFailure ? -result : 0);
      }
      frame.entered = true;
      enter(drive);
      return run.call(engine.media.prepare);
    },
    cancel(frame, run) {
      if (frame.entered) leave(engine, drives.at(run.resource), run);
    },
  }) as unknown as Layer;
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
