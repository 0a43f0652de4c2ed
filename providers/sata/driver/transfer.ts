/**
 * Reading and writing: one queued command after the other, each of at most a tag's buffer. Several
 * operations share the disk, up to as many as there are tags; small ones that adjoin each other may
 * share a command, each with its own part of the buffer.
 *
 * References: [ACS-3] 7.16 and 7.64 (READ and WRITE FPDMA QUEUED), 7.21, 7.60, 7.62 (without NCQ).
 */
import {
  ERRNO,
  layer,
  struct,
  u32,
  u53,
  u8,
  type Layer,
  type LayerContext,
  type Move,
  type View,
  type Wait,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { handOver, handedShape } from "../../disk/hand-over.ts";
import { rangeError } from "../../disk/range.ts";
import { KIND, TRAIT } from "../../disk/queue/table.ts";
import { refuseAtDoor, turnShape } from "../../disk/queue/turns.ts";
import { CHUNK_BYTES } from "./area.ts";
import type { Disks } from "./disks.ts";

const SECTOR = 512;
const DEVICE_LBA = 0x40;
const DEVICE_FUA = 0x80;
/** How often a part of a transfer is tried, when what went wrong may go right next time. */
const ATTEMPTS_MAX = 3;

const shape = {
  attempts: u8,
  ...turnShape,
  ...handedShape,
  /** Bytes that are wanted in all, that are done, and that the command moves. */
  totalBytes: u53,
  doneBytes: u53,
  chunkBytes: u32,
} as const;
const frame = struct(shape);
type TransferView = View<typeof shape>;

/** What a transfer moves. @returns bytes, or an error number below 0 */
function wanted(disks: Disks, run: LayerContext, write: boolean): number {
  const { sectors, readOnly } = disks.at(run.resource);
  const { offset, length } = run;
  const wrong = rangeError(SECTOR, sectors * SECTOR, offset, length, write);
  if (wrong !== 0) return -wrong;
  if (!write) return Math.min(length, sectors * SECTOR - offset);
  return readOnly && length > 0 ? -ERRNO.EROFS : length;
}

/** What a command is like. */
const WRITE = 1;
const FUA = 2;
const QUEUED = 4;

/** Fills in a command. */
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

/** Puts a transfer into the queue. @returns what it waits for instead; undefined when it is in */
function begin(
  disks: Disks,
  at: TransferView,
  run: LayerContext,
  write: boolean,
): Wait | undefined {
  const { turns } = disks;
  const refusal = disks.refusal(run.resource);
  if (refusal < 0) return run.ready(refusal);
  const bytes = wanted(disks, run, write);
  if (bytes <= 0) return run.ready(bytes);
  const isDurable = write && run.argument === 1;
  const traits = (isDurable ? TRAIT.DURABLE : 0) | (bytes > CHUNK_BYTES ? TRAIT.UNMERGED : 0);
  if (!turns.enter(at, run, write ? KIND.WRITE : KIND.READ, traits)) return turns.outside(run);
  at.totalBytes = bytes;
  wantChunk(disks, at, run);
  turns.commands.submit(run.resource, at.line - 1);
  return undefined;
}

/** Says what the next part of a transfer is. */
function wantChunk(disks: Disks, at: TransferView, run: LayerContext): void {
  at.chunkBytes = Math.min(CHUNK_BYTES, at.totalBytes - at.doneBytes);
  const lba = (run.offset + at.doneBytes) / SECTOR;
  const end = (run.offset + at.totalBytes) / SECTOR;
  disks.turns.want(at, run.resource, lba, at.chunkBytes / SECTOR, end);
}

/** Brings the data of a request to the buffer of its command; the last one builds and issues it. */
function place(disks: Disks, at: TransferView, run: LayerContext, write: boolean): Wait {
  const { resource } = run;
  const { commands } = disks.turns;
  const slot = at.line - 1;
  const tag = commands.tagOf(resource, slot);
  const area = disks.area(resource);
  if (write) {
    const to = area.bufferAt(tag) + commands.offsetOf(resource, slot) * SECTOR;
    area.take(run.memory, run.memoryAt + at.doneBytes, to, at.chunkBytes);
  }
  if (!commands.place(resource, slot)) {
    if (!disks.turns.isWaiting(at, resource)) return disks.waitLimited(at, run);
    // The command came to nothing: there is a tag to be had.
    commands.dispatch(resource);
    return disks.turns.isWaiting(at, resource) ? disks.turns.queue(at, run) : run.ready();
  }
  const { queued } = disks.at(resource);
  const sectors = commands.sectorsOf(resource, tag);
  const how = (write ? WRITE : 0) | (run.argument === 1 ? FUA : 0) | (queued ? QUEUED : 0);
  fillTask(disks, tag, commands.lbaOf(resource, tag), sectors, how);
  area.build(tag, disks.task, sectors * SECTOR, write);
  return disks.issue(at, run, tag, queued);
}

/** Takes what a request's command has moved for it. */
function take(disks: Disks, at: TransferView, run: LayerContext, write: boolean): void {
  const disk = disks.at(run.resource);
  if (write) {
    run.progress(at.chunkBytes);
    disk.writtenBytes += at.chunkBytes;
  } else {
    const { commands } = disks.turns;
    const area = disks.area(run.resource);
    const tag = commands.tagOf(run.resource, at.line - 1);
    const from = area.bufferAt(tag) + commands.offsetOf(run.resource, at.line - 1) * SECTOR;
    run.bring(area.bytes, from, at.chunkBytes);
    disk.readBytes += at.chunkBytes;
  }
  at.doneBytes += at.chunkBytes;
  at.attempts = 0;
}

/** A request's command failed: it goes again, or is over. */
function refuse(disks: Disks, at: TransferView, run: LayerContext, result: number): Move {
  const { resource } = run;
  const { turns } = disks;
  if (turns.isWaiting(at, resource)) {
    turns.leave(at, run);
    return run.fail(-result);
  }
  const tag = turns.commands.tagOf(resource, at.line - 1);
  const wasMerged = turns.commands.countOf(resource, tag) > 1;
  if (wasMerged && result !== -ERRNO.ENODEV) {
    turns.retryAlone(at, resource);
    return run.again();
  }
  at.attempts += 1;
  const isWorthIt = result === -ERRNO.EAGAIN || result === -ERRNO.ETIMEDOUT;
  if (isWorthIt && at.attempts < ATTEMPTS_MAX) {
    turns.commands.again(resource, at.line - 1);
    return run.again();
  }
  turns.depart(at, run);
  return run.fail(result === -ERRNO.EAGAIN ? ERRNO.EIO : -result);
}

/** @param disc what a packet device does instead */
export function transferLayer(disks: Disks, disc: Layer, write: boolean) {
  return layer({
    name: write ? "sata.write" : "sata.read",
    frame,
    wait(at, run) {
      if (disks.at(run.resource).packet) return run.ready();
      if (at.line === 0) {
        const elsewhere = begin(disks, at, run, write);
        if (elsewhere !== undefined) return elsewhere;
      }
      if (disks.turns.isGranted(at, run.resource)) return place(disks, at, run, write);
      return disks.waitOn(at, run);
    },
    complete(at, run, answer) {
      if (disks.at(run.resource).packet) return handOver(at, run, answer, disc);
      if (at.line === 0) {
        if (answer < 0) return refuseAtDoor(disks.turns, at, run, answer);
        if (!at.outside) return run.done(0);
        at.invited = true;
        return run.again();
      }
      const result = disks.outcome(at, run, answer);
      if (result === undefined) return run.again();
      if (result < 0) return refuse(disks, at, run, result);
      take(disks, at, run, write);
      if (at.doneBytes === at.totalBytes) {
        disks.turns.depart(at, run);
        return run.done(0);
      }
      // The next part has its own place in the order, but keeps that of the operation.
      const { commands } = disks.turns;
      commands.part(run.resource, at.line - 1);
      wantChunk(disks, at, run);
      commands.submit(run.resource, at.line - 1);
      return run.again();
    },
    cancel: (at, run) => disks.leave(at, run),
  });
}
