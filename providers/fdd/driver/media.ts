/**
 * Getting a drive ready for an operation: a controller that was reset, a motor at speed, the arm at
 * a known place, the disk that was there before, and its format. Another disk than before ends the
 * operation once with ENOMEDIUM; the next one has the new disk.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u8,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { FORMATS } from "../geometry.ts";
import type { cylinderLayers } from "./cylinders.ts";
import { ACT, spinningUp, type Shared } from "./steps.ts";
import { NO_CYLINDER, type DriveView } from "./state.ts";

const TRIES_MAX = 3;
const DOING = { NOTHING: 0, RESET: 1, MOTOR: 2, HOME: 3, IN: 4, OUT: 5, PROBE: 6 } as const;

type Cylinders = ReturnType<typeof cylinderLayers>;

/** Finds out which format the disk has: the largest whose last sector can be read. */
function probing({ board, drives }: Shared, { seek, transfer }: Cylinders) {
  const PROBE = { NOTHING: 0, HOME: 1, SEEK: 2, READ: 3 } as const;
  return layer({
    name: "fdd.probe",
    // The number of the format that is tried, from 1 as in the drive's record.
    frame: struct({ doing: u8, format: u8 }),
    wait: (_frame, run) => run.ready(),
    complete(frame, run, result) {
      const drive = drives.at(run.resource);
      const isFound = frame.doing === PROBE.READ && result >= 0;
      if (isFound) return run.done(0);
      if (result === -ERRNO.ETIMEDOUT || (frame.doing === PROBE.HOME && result < 0)) {
        // What was tried last is not known to be the format.
        drive.format = 0;
        return run.fail(-result);
      }
      const isOver = frame.doing === PROBE.READ || result < 0;
      if (frame.doing === PROBE.NOTHING) frame.format = FORMATS.length;
      else if (isOver) frame.format -= 1;
      if (frame.format === 0) {
        drive.format = 0;
        return run.fail(ERRNO.EIO);
      }
      drive.format = frame.format;
      const format = FORMATS[frame.format - 1]!;
      if (isOver || drive.calibration !== board.epoch) {
        // A seek beyond the drive's last cylinder leaves the arm where nobody knows.
        drive.calibration = 0;
        frame.doing = PROBE.HOME;
        return run.call(seek, { home: true });
      }
      if (drive.cylinder !== format.cylinders - 1) {
        frame.doing = PROBE.SEEK;
        return run.call(seek, { cylinder: format.cylinders - 1 });
      }
      frame.doing = PROBE.READ;
      const record = format.sectorsPerTrack;
      return run.call(transfer, { act: ACT.READ, head: format.heads - 1, record, count: 1 });
    },
    cancel(_frame, run) {
      drives.at(run.resource).format = 0;
    },
  });
}

export function preparing(shared: Shared, cylinders: Cylinders) {
  const { board, drives } = shared;
  const { reset, seek } = cylinders;
  const spinUp = spinningUp(shared);
  const probe = probing(shared, cylinders);

  /** The arm has stepped: the change line tells whether there is a disk. */
  function lookAgain(
    frame: { news: boolean },
    run: LayerContext,
    drive: DriveView,
  ): Move | undefined {
    drive.cachedCylinder = NO_CYLINDER;
    frame.news ||= drive.lookedInto;
    if (!drive.isFormatGiven) drive.format = 0;
    drive.lookedInto = true;
    if (board.isChanged) return run.fail(ERRNO.ENOMEDIUM);
    drive.generation += 1;
    return undefined;
  }

  const prepare = layer({
    name: "fdd.prepare",
    frame: struct({ doing: u8, tries: u8, news: bool, changed: bool }),
    wait: (_frame, run) => run.ready(),
    complete(frame, run, result) {
      const drive = drives.at(run.resource);
      if (result < 0) {
        frame.tries += 1;
        // A disk whose format is none stays so; a controller that hung is worth another try.
        const isFinal = frame.doing === DOING.PROBE && result !== -ERRNO.ETIMEDOUT;
        if (frame.tries >= TRIES_MAX || isFinal) return run.fail(-result);
        drive.calibration = 0;
      } else if (frame.doing === DOING.OUT) {
        const move = lookAgain(frame, run, drive);
        if (move !== undefined) return move;
        frame.changed = false;
      }
      const had = result < 0 ? DOING.NOTHING : frame.doing;
      frame.doing = DOING.RESET;
      if (!board.isReady) return run.call(reset);
      frame.doing = DOING.MOTOR;
      if (!drive.motorOn) return run.call(spinUp);
      board.select(drive.drive);
      // Seen before the arm goes home, which clears the line if there is another disk.
      frame.changed ||= board.isChanged;
      frame.doing = DOING.HOME;
      if (drive.calibration !== board.epoch) return run.call(seek, { home: true });
      if (had === DOING.IN) {
        frame.doing = DOING.OUT;
        return run.call(seek, { cylinder: 0 });
      }
      if (frame.changed || drive.generation === 0) {
        // Only steps with a disk in the drive clear the change line.
        frame.doing = DOING.IN;
        return run.call(seek, { cylinder: drive.cylinder === 1 ? 2 : 1 });
      }
      frame.doing = DOING.PROBE;
      if (drive.format === 0) return run.call(probe);
      return frame.news ? run.fail(ERRNO.ENOMEDIUM) : run.done(0);
    },
  });
  return { spinUp, probe, prepare };
}
