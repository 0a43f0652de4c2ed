/** What a disk does beside moving blocks: flush, discard, identify, and rest for a while. */
import {
  ERRNO,
  OPCODE,
  REEL_ERROR_NUMBERS,
  layer,
  struct,
  type Layer,
  type LayerContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { rangeError } from "../range.ts";
import { begin, giveUp, leave, passGate, progressShape } from "./state.ts";
import type { DiskRecords, DiskView } from "./state.ts";

/** linux/falloc.h: FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE. */
const PUNCH_HOLE = 3;

/** A layer of one request that begins and ends as an operation of the disk. */
function single(
  name: string,
  disks: DiskRecords,
  request: (disk: DiskView, run: LayerContext) => ReturnType<LayerContext["ready"]>,
): Layer {
  return layer({
    name,
    frame: struct(progressShape),
    wait(frame, run) {
      const disk = disks.at(run.resource);
      return begin(disk, frame, run) ?? request(disk, run);
    },
    complete(frame, run, result) {
      if (!frame.begun) return passGate(frame, run);
      leave(disks.at(run.resource), run);
      return result < 0 ? run.fail(-result) : run.done(0);
    },
    cancel: (frame, run) => giveUp(disks.at(run.resource), frame, run),
  });
}

/** Makes all writes durable that were over before. */
export function flushing(kind: string, disks: DiskRecords): Layer {
  return single(`${kind}.flush`, disks, (disk, run) => run.ring.fsync(disk.file, true));
}

/** Gives blocks back to the host's file system: they read as zeros from now on. */
export function discarding(kind: string, disks: DiskRecords): Layer {
  return single(`${kind}.discard`, disks, (disk, run) => {
    const { argument: count, offset } = run;
    const wrong = rangeError(disk.blockBytes, disk.sizeBytes, offset, count, true);
    if (wrong !== 0) return run.ready(-wrong);
    if (disk.readOnly) return run.ready(-ERRNO.EROFS);
    if (disk.device) return run.ready(-REEL_ERROR_NUMBERS.ERR_UNSUPPORTED);
    if (count === 0) return run.ready();
    // The request's length is the mode, and its address the length: io_uring_enter(2).
    return run.ring.request(OPCODE.FALLOCATE, disk.file, count, PUNCH_HOLE, offset, 0);
  });
}

/** Brings what `describe` says of a disk, as text, from the offset on. */
export function identifying(kind: string, describe: (resource: number) => string): Layer {
  const encoder = new TextEncoder();
  return layer({
    name: `${kind}.identify`,
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      const text = encoder.encode(describe(run.resource));
      const from = Math.min(Math.max(run.offset, 0), text.length);
      const count = Math.min(run.length, text.length - from);
      if (count > 0) run.bring(text, from, count);
      return run.done(0);
    },
  });
}

/** Holds back operations that begin from now on, and is over when the others are. */
export function suspending(kind: string, disks: DiskRecords): Layer {
  return layer({
    name: `${kind}.suspend`,
    frame: struct({}),
    wait(_frame, run) {
      const disk = disks.at(run.resource);
      disk.suspended = true;
      return disk.busy === 0 ? run.ready() : run.queue(disk.drained as WaitQueue);
    },
    complete: (_frame, run) => run.done(0),
    cancel: (_frame, run) => letGoOn(disks.at(run.resource), run),
  });
}

function letGoOn(disk: DiskView, run: LayerContext): void {
  disk.suspended = false;
  run.wake(disk.gate as WaitQueue);
  run.wake(disk.drained as WaitQueue);
}

/** Lets everything go on. */
export function resuming(kind: string, disks: DiskRecords): Layer {
  return layer({
    name: `${kind}.resume`,
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      letGoOn(disks.at(run.resource), run);
      return run.done(0);
    },
  });
}
