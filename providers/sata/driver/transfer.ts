/**
 * Reading and writing: one queued command after the other, each of at most a tag's buffer. Several
 * operations share the disk, up to as many as there are tags.
 *
 * References: [ACS-3] 7.16 and 7.64 (READ and WRITE FPDMA QUEUED), 7.21, 7.60, 7.62 (without NCQ).
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  u53,
  u8,
  type LayerContext,
  type View,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { rangeError } from "../../disk/range.ts";
import { CHUNK_BYTES } from "./area.ts";
import type { Disks } from "./disks.ts";

const SECTOR = 512;
const DEVICE_LBA = 0x40;
const DEVICE_FUA = 0x80;
/** How often a part of a transfer is tried, when what went wrong may go right next time. */
const ATTEMPTS_MAX = 3;

const shape = {
  begun: bool,
  attempts: u8,
  /** The tag that the operation holds, plus one. */
  slot: u8,
  /** Bytes that are wanted in all, that are done, and that the command moves. */
  totalBytes: u53,
  doneBytes: u53,
  chunkBytes: u32,
} as const;
const frame = struct(shape);

/** What a transfer moves. @returns bytes, or an error number below 0 */
function wanted(disks: Disks, run: LayerContext, write: boolean): number {
  const { sectors, readOnly } = disks.at(run.resource);
  const { offset, length } = run;
  const wrong = rangeError(SECTOR, sectors * SECTOR, offset, length, write);
  if (wrong !== 0) return -wrong;
  if (!write) return Math.min(length, sectors * SECTOR - offset);
  return readOnly && length > 0 ? -ERRNO.EROFS : length;
}

/** Fills in the command of a chunk. */
function fillTask(disks: Disks, tag: number, lba: number, sectors: number, how: number): void {
  const { task } = disks;
  const write = (how & WRITE) !== 0;
  const fua = (how & FUA) !== 0;
  task.lba = lba;
  task.device = DEVICE_LBA;
  if ((how & QUEUED) !== 0) {
    task.command = write ? ATA.WRITE_FPDMA_QUEUED : ATA.READ_FPDMA_QUEUED;
    task.features = sectors;
    task.count = tag << 3;
    if (fua) task.device |= DEVICE_FUA;
    return;
  }
  const plain = fua ? ATA.WRITE_DMA_FUA_EXT : ATA.WRITE_DMA_EXT;
  task.command = write ? plain : ATA.READ_DMA_EXT;
  task.features = 0;
  task.count = sectors;
}

const WRITE = 1;
const FUA = 2;
const QUEUED = 4;

/** Builds the command for the next part of a transfer, and brings the data that it writes. */
function buildChunk(disks: Disks, run: LayerContext, at: View<typeof shape>, write: boolean): void {
  const { resource } = run;
  const { queued } = disks.at(resource);
  const tag = at.slot - 1;
  const chunk = Math.min(CHUNK_BYTES, at.totalBytes - at.doneBytes);
  at.chunkBytes = chunk;
  const how = (write ? WRITE : 0) | (run.argument === 1 ? FUA : 0) | (queued ? QUEUED : 0);
  fillTask(disks, tag, (run.offset + at.doneBytes) / SECTOR, chunk / SECTOR, how);
  const area = disks.area(resource);
  area.build(tag, disks.task, chunk, write);
  if (write) area.take(run.memory, run.memoryAt + at.doneBytes, area.bufferAt(tag), chunk);
}

export function transferLayer(disks: Disks, write: boolean) {
  return layer({
    name: write ? "sata.write" : "sata.read",
    frame,
    wait(at, run) {
      const { resource } = run;
      if (at.slot !== 0) {
        // The command is under way or its result on the way: the service wakes the queue.
        return run.queue(disks.tagQueue(resource, at.slot - 1));
      }
      if (!at.begun) {
        const refusal = disks.refusal(resource);
        if (refusal < 0) return run.ready(refusal);
        if (disks.at(resource).phase === "ready") {
          const bytes = wanted(disks, run, write);
          if (bytes <= 0) return run.ready(bytes);
          at.totalBytes = bytes;
          at.begun = true;
        }
      } else if (disks.at(resource).phase === "gone") return run.ready(-ERRNO.ENODEV);
      const tag = disks.takeTag(resource);
      const disk = disks.at(resource);
      if (tag < 0) return run.queue(disk.waiters as WaitQueue);
      at.slot = tag + 1;
      buildChunk(disks, run, at, write);
      return disks.issue(run, tag, disk.queued);
    },
    complete(at, run, answer) {
      let result = answer;
      if (at.slot === 0) {
        if (result < 0) return run.fail(-result);
        const isEmpty = !at.begun && disks.at(run.resource).phase === "ready";
        return isEmpty && wanted(disks, run, write) === 0 ? run.done(0) : run.again();
      }
      const tag = at.slot - 1;
      if (result === -ERRNO.ETIME && disks.isDone(run.resource, tag)) result = 0;
      if (result === -ERRNO.ETIME) {
        disks.reportLate(run.resource, (1 << tag) >>> 0);
        return run.again();
      }
      if (result >= 0) {
        const { bytes } = disks.area(run.resource);
        const from = disks.area(run.resource).bufferAt(tag);
        const disk = disks.at(run.resource);
        if (write) {
          run.progress(at.chunkBytes);
          disk.writtenBytes += at.chunkBytes;
        } else {
          run.bring(bytes, from, at.chunkBytes);
          disk.readBytes += at.chunkBytes;
        }
        at.doneBytes += at.chunkBytes;
        at.attempts = 0;
      } else at.attempts += 1;
      disks.giveTag(run, tag);
      at.slot = 0;
      if (result >= 0) return at.doneBytes === at.totalBytes ? run.done(0) : run.again();
      const again = result === -ERRNO.EAGAIN || result === -ERRNO.ETIMEDOUT;
      if (again && at.attempts < ATTEMPTS_MAX) return run.again();
      return run.fail(result === -ERRNO.EAGAIN ? ERRNO.EIO : -result);
    },
    cancel(at, run) {
      if (at.slot !== 0) disks.leave(run, at.slot - 1);
      else disks.passOn(run);
    },
  });
}
