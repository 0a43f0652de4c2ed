/**
 * Commands that are not queued and so must be alone on the disk: flushing, forgetting, asking who
 * it is. They wait until nothing is in flight and keep others from beginning meanwhile.
 *
 * References: [ACS-3] 7.10 (FLUSH CACHE EXT), 7.5 (DATA SET MANAGEMENT), 7.12 (IDENTIFY DEVICE).
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Move,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { rangeError } from "../../disk/range.ts";
import type { Disks } from "./disks.ts";
import { describeIdentity } from "./identity.ts";

const SECTOR = 512;
const ATTEMPTS_MAX = 3;
/** A TRIM range: 48 bits of address, 16 of count. */
const RANGE_BYTES = 8;
const RANGE_SECTORS_MAX = 0xffff;
const RANGES_MAX = SECTOR / RANGE_BYTES;
const DISCARD_SECTORS_MAX = RANGE_SECTORS_MAX * RANGES_MAX;
const FEATURE_TRIM = 1;

const frame = struct({
  /** Whether it counts among those that wait to be alone. */
  waiting: bool,
  slot: u8,
  attempts: u8,
  /** Rounds that are done, for what takes several commands. */
  rounds: u32,
});

interface AloneCommand {
  /** Builds the next command in tag 0. @returns 1; 0 when there is nothing to do, or an error */
  build(run: LayerContext, round: number): number;
  /** The command is done. */
  finish(run: LayerContext, round: number): Move | undefined;
}

function aloneLayer(disks: Disks, name: string, command: AloneCommand) {
  const stopWaiting = (at: { waiting: boolean }, resource: number): void => {
    if (!at.waiting) return;
    at.waiting = false;
    const disk = disks.at(resource);
    disk.aloneWaiting -= 1;
    // Those behind the last one that wanted to be alone may go on when it has finished.
    if (disk.aloneWaiting === 0 && !disk.alone) disks.cx.wake(disk.waiters as WaitQueue);
  };
  return layer({
    name,
    frame,
    wait(at, run) {
      const { resource } = run;
      if (at.slot !== 0) return run.queue(disks.tagQueue(resource, 0));
      const refusal = disks.refusal(resource);
      if (refusal < 0) return run.ready(refusal);
      const disk = disks.at(resource);
      if (!disks.takeAlone(resource)) {
        if (!at.waiting) disk.aloneWaiting += 1;
        at.waiting = true;
        return run.queue(disk.alones as WaitQueue);
      }
      stopWaiting(at, resource);
      at.slot = 1;
      const built = command.build(run, at.rounds);
      return built > 0 ? disks.issue(run, 0, false) : run.ready(built === 0 ? NOTHING : built);
    },
    complete(at, run, answer) {
      let result = answer;
      if (at.slot === 0) {
        if (result < 0) {
          stopWaiting(at, run.resource);
          return run.fail(-result);
        }
        return run.again();
      }
      if (result === -ERRNO.ETIME && disks.isDone(run.resource, 0)) result = 0;
      if (result === -ERRNO.ETIME) {
        disks.reportLate(run.resource, 1);
        return run.again();
      }
      const move = result === 0 ? command.finish(run, at.rounds) : undefined;
      at.attempts = result < 0 ? at.attempts + 1 : 0;
      disks.giveTag(run, 0);
      at.slot = 0;
      if (result === NOTHING) return run.done(0);
      if (result < 0) {
        const again = result === -ERRNO.EAGAIN || result === -ERRNO.ETIMEDOUT;
        if (again && at.attempts < ATTEMPTS_MAX) return run.again();
        return run.fail(result === -ERRNO.EAGAIN ? ERRNO.EIO : -result);
      }
      at.rounds += 1;
      return move ?? run.again();
    },
    cancel(at, run) {
      if (at.slot !== 0) disks.leave(run, 0);
      stopWaiting(at, run.resource);
      disks.passOn(run);
    },
  });
}

const NOTHING = 1;

function fill(disks: Disks, command: number, features: number, count: number): void {
  const { task } = disks;
  task.command = command;
  task.features = features;
  task.count = count;
  task.lba = 0;
  task.device = 0x40;
}

export function flushLayer(disks: Disks) {
  return aloneLayer(disks, "sata.flush", {
    build(run) {
      if (disks.at(run.resource).readOnly) return 0;
      fill(disks, ATA.FLUSH_CACHE_EXT, 0, 0);
      disks.area(run.resource).build(0, disks.task, 0, false);
      return 1;
    },
    finish: (run) => run.done(0),
  });
}

/** TRIM: as many ranges as a block holds, block after block. */
export function discardLayer(disks: Disks) {
  const sectorsOf = (run: LayerContext): number => run.argument / SECTOR;
  return aloneLayer(disks, "sata.discard", {
    build(run, round) {
      const { sectors, readOnly } = disks.at(run.resource);
      const { offset, argument } = run;
      const wrong = rangeError(SECTOR, sectors * SECTOR, offset, argument, true);
      if (wrong !== 0) return -wrong;
      if (readOnly) return -ERRNO.EROFS;
      const from = round * DISCARD_SECTORS_MAX;
      let left = Math.min(DISCARD_SECTORS_MAX, sectorsOf(run) - from);
      if (left <= 0) return 0;
      fill(disks, ATA.DATA_SET_MANAGEMENT, FEATURE_TRIM, 1);
      const area = disks.area(run.resource);
      area.build(0, disks.task, SECTOR, true);
      let lba = offset / SECTOR + from;
      for (let range = 0; range < RANGES_MAX; range++) {
        const count = Math.min(left, RANGE_SECTORS_MAX);
        putRange(area.bytes, area.bufferAt(0) + range * RANGE_BYTES, lba, count);
        lba += count;
        left -= count;
      }
      return 1;
    },
    finish: (run, round) =>
      (round + 1) * DISCARD_SECTORS_MAX >= sectorsOf(run) ? run.done(0) : undefined,
  });
}

function putRange(bytes: Uint8Array, at: number, lba: number, count: number): void {
  let address = count === 0 ? 0 : lba;
  for (let i = 0; i < 6; i++) {
    bytes[at + i] = address % 256;
    address = Math.floor(address / 256);
  }
  bytes[at + 6] = count & 0xff;
  bytes[at + 7] = count >>> 8;
}

/** Asks the disk who it is, and tells it as one line of JSON. */
export function identifyLayer(disks: Disks) {
  return aloneLayer(disks, "sata.identify", {
    build(run) {
      fill(disks, ATA.IDENTIFY_DEVICE, 0, 0);
      disks.area(run.resource).build(0, disks.task, SECTOR, false);
      return 1;
    },
    finish(run) {
      const { bytes } = disks.area(run.resource);
      const at = disks.area(run.resource).bufferAt(0);
      const text = new TextEncoder().encode(
        describeIdentity(new Uint8Array(bytes.subarray(at, at + SECTOR))),
      );
      run.bring(text, 0, Math.min(text.length, run.length));
      return run.done(0);
    },
  });
}
