/**
 * Reading and writing blocks of an image. What the kernel moves only in part is gone on with; what
 * is aligned goes past the page cache where that was asked for, and the rest through it.
 */
import {
  ERRNO,
  OPCODE,
  bool,
  layer,
  struct,
  type Layer,
  type LayerContext,
  type Move,
  type View,
  type Wait,
} from "../../../core/provider/index.ts";
import { isMultiple, rangeError } from "../range.ts";
import { begin, giveUp, leave, passGate, progressShape } from "./state.ts";
import type { DiskRecords, DiskView } from "./state.ts";

/** linux/fs.h, RWF_DSYNC: this write is durable when it is over. */
const WRITE_THROUGH = 2;
/** The argument of a write that is to be durable when it is over (force unit access). */
const FORCE_UNIT_ACCESS = 1;

const transferShape = {
  ...progressShape,
  /** Whether the request that is under way goes past the page cache, and whether none may. */
  direct: bool,
  cached: bool,
} as const;
type TransferView = View<typeof transferShape>;

/**
 * A device that has been handed nothing yet does nothing: so many requests to it, and they are
 * handed over without waiting for the rest of the batch. A power of two.
 */
const HAND_OVER_EVERY = 8;

/** Whether a transfer has a place on the disk: 0, or the error number. */
function misplaced(disk: DiskView, { length, offset }: LayerContext, isWrite: boolean): number {
  return rangeError(disk.blockBytes, disk.sizeBytes, offset, length, isWrite);
}

/** Ends an operation that asked nothing of the disk, or lets it go on behind the gate. */
function withoutBegin(frame: TransferView, run: LayerContext, result: number): Move {
  return result < 0 ? run.fail(-result) : passGate(frame, run);
}

/** Asks for what is left of a transfer. */
function ask(
  opcode: number,
  disk: DiskView,
  frame: TransferView,
  run: LayerContext,
  left: number,
  flags: number,
): Wait {
  const { movedBytes } = frame;
  const from = run.offset + movedBytes;
  const { directFile } = disk;
  let { file } = disk;
  if (directFile >= 0) {
    const { directBytes } = disk;
    // What is left of a block, after a transfer in part, may be no whole one.
    frame.direct = !frame.cached && isMultiple(from, directBytes) && left % directBytes === 0;
    if (frame.direct) file = directFile;
  }
  const commands = disk.commands + 1;
  disk.commands = commands;
  const wait = run.ring.request(opcode, file, run.address + movedBytes, left, from, flags);
  if (file === directFile && isMultiple(commands, HAND_OVER_EVERY)) run.ring.handOver();
  return wait;
}

/**
 * Whether a request past the page cache was refused for what is the memory's alignment: then it is
 * to be asked for again, by way of the cache.
 */
function wasMisaligned(frame: TransferView, result: number): boolean {
  if (result !== -ERRNO.EINVAL || !frame.direct) return false;
  frame.cached = true;
  return true;
}

/** Ends an operation with an error. */
function failWith(disk: DiskView, run: LayerContext, errorNumber: number): Move {
  leave(disk, run);
  return run.fail(errorNumber);
}

/** Ends an operation all of whose bytes are moved. */
function succeed(disk: DiskView, run: LayerContext, result: number): Move {
  leave(disk, run);
  return run.done(result);
}

/** Reading goes up to the end of the disk; behind it there is nothing to read. */
export function reading(kind: string, disks: DiskRecords): Layer {
  const left = (disk: DiskView, frame: TransferView, run: LayerContext): number =>
    Math.min(run.length, disk.sizeBytes - run.offset) - frame.movedBytes;

  return layer({
    name: `${kind}.read`,
    frame: struct(transferShape),
    wait(frame, run) {
      const disk = disks.at(run.resource);
      if (run.length === 0) return run.ready(-misplaced(disk, run, false));
      const gate = begin(disk, frame, run);
      if (gate !== undefined) return gate;
      const wrong = misplaced(disk, run, false);
      if (wrong !== 0) return run.ready(-wrong);
      const count = left(disk, frame, run);
      return count <= 0 ? run.ready() : ask(OPCODE.READ, disk, frame, run, count, 0);
    },
    complete(frame, run, result) {
      if (!frame.begun) return withoutBegin(frame, run, result);
      const disk = disks.at(run.resource);
      // Most often one request moves it all.
      if (result === run.length) {
        disk.readBytes += result;
        return succeed(disk, run, result);
      }
      if (result < 0) {
        if (wasMisaligned(frame, result)) return run.again();
        return failWith(disk, run, -result);
      }
      const wanted = left(disk, frame, run);
      if (result < wanted) {
        if (result === 0) {
          // The disk goes on here, but the image ends: somebody has cut it.
          disk.cut = true;
          return failWith(disk, run, ERRNO.EIO);
        }
        frame.movedBytes += result;
        disk.readBytes += result;
        run.progress(result);
        return run.again();
      }
      disk.readBytes += result;
      return succeed(disk, run, result);
    },
    cancel: (frame, run) => giveUp(disks.at(run.resource), frame, run),
  });
}

/** A write is all there or fails; one that would pass the end of the disk writes nothing. */
export function writing(kind: string, disks: DiskRecords): Layer {
  const refusal = (disk: DiskView, run: LayerContext): number => {
    const wrong = misplaced(disk, run, true);
    if (wrong !== 0) return wrong;
    return disk.readOnly ? ERRNO.EROFS : 0;
  };

  return layer({
    name: `${kind}.write`,
    frame: struct(transferShape),
    wait(frame, run) {
      const disk = disks.at(run.resource);
      if (run.length === 0) return run.ready(-misplaced(disk, run, true));
      const gate = begin(disk, frame, run);
      if (gate !== undefined) return gate;
      const refused = refusal(disk, run);
      if (refused !== 0) return run.ready(-refused);
      const flags = run.argument === FORCE_UNIT_ACCESS ? WRITE_THROUGH : 0;
      return ask(OPCODE.WRITE, disk, frame, run, run.length - frame.movedBytes, flags);
    },
    complete(frame, run, result) {
      if (!frame.begun) return withoutBegin(frame, run, result);
      const disk = disks.at(run.resource);
      // Most often one request moves it all.
      if (result === run.length) {
        disk.writtenBytes += result;
        return succeed(disk, run, result);
      }
      if (result < 0) {
        if (wasMisaligned(frame, result)) return run.again();
        return failWith(disk, run, -result);
      }
      const wanted = run.length - frame.movedBytes;
      if (result < wanted) {
        // A file that takes nothing and gives no reason would be asked for ever.
        if (result === 0) return failWith(disk, run, ERRNO.EIO);
        frame.movedBytes += result;
        disk.writtenBytes += result;
        run.progress(result);
        return run.again();
      }
      disk.writtenBytes += result;
      return succeed(disk, run, result);
    },
    cancel: (frame, run) => giveUp(disks.at(run.resource), frame, run),
  });
}
