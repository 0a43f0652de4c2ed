/**
 * Reading a disc in a packet device, one packet after the other: READ(12) ([MMC-3] 6.33) with its
 * data by DMA. A packet that ends with CHECK CONDITION stops the port ([AHCI] 6.2.2); when the
 * service has started it again the drive is asked for its sense data ([SPC-3] 6.27), which say
 * whether there is a disc, and whether it is another one than before.
 */
import {
  ERRNO,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { ASC, SENSE } from "../../disk/drive/packet-data.ts";
import { turnShape } from "../../disk/queue/turns.ts";
import { rangeError } from "../../disk/range.ts";
import { endOfWait, enterAlone, ONLY_TAG } from "./alone-turn.ts";
import { CHUNK_BYTES } from "./area.ts";
import type { Disks } from "./disks.ts";

/** Operation codes of packets. */
export const PACKET = { READY: 0x00, SENSE: 0x03, CAPACITY: 0x25, READ_12: 0xa8 } as const;
export const CAPACITY_BYTES = 8;
const SENSE_BYTES = 18;
/** Packets whose data come in PIO blocks: bytes of a block at most, as LBA 23:8 ([ATA-6] 8.23). */
export const PACKET_LIMIT = 0xfffe00;
const FEATURE_DMA = 1;
/** How often a packet goes again: after a unit attention, and after a time that was up. */
const TRIES_MAX = 4;

const STAGE = { WORK: 0, SENSE: 1, CAPACITY: 2 } as const;
const shape = { ...turnShape, stage: u8, tries: u8, doneBytes: u32, chunkBytes: u32 } as const;
type DiscView = View<typeof shape>;

/** READ CAPACITY has answered, at a place in the disk's memory. */
export function learnCapacity(disks: Disks, resource: number, at: number): void {
  const disk = disks.at(resource);
  const { bytes } = disks.area(resource);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CAPACITY_BYTES);
  disk.sectors = view.getUint32(0) + 1;
  disk.sectorBytes = view.getUint32(4);
  disk.generation += 1;
}

/** The number that says what is wrong with the operation's place, or 0. */
function wrong(disks: Disks, run: LayerContext, write: boolean): number {
  const { sectorBytes, sectors } = disks.at(run.resource);
  const misplaced = rangeError(sectorBytes, sectors * sectorBytes, run.offset, run.length, write);
  return misplaced === 0 && write ? ERRNO.EROFS : misplaced;
}

/** Builds the packet of the stage. */
function build(disks: Disks, at: DiscView, run: LayerContext, write: boolean): void {
  const { sectorBytes, sectors } = disks.at(run.resource);
  const { task } = disks;
  const area = disks.area(run.resource);
  task.command = ATA.PACKET;
  task.features = 0;
  task.count = 0;
  task.lba = PACKET_LIMIT;
  task.device = 0;
  if (at.stage !== STAGE.WORK) {
    const isSense = at.stage === STAGE.SENSE;
    const bytes = isSense ? SENSE_BYTES : CAPACITY_BYTES;
    area.build(ONLY_TAG, task, bytes, false);
    // Byte 4 of the packet is how much sense data may come.
    if (isSense) area.putPacket(ONLY_TAG, PACKET.SENSE, SENSE_BYTES << 8, 0);
    else area.putPacket(ONLY_TAG, PACKET.CAPACITY, 0, 0);
    return;
  }
  const from = run.offset + at.doneBytes;
  const end = Math.min(run.offset + run.length, sectors * sectorBytes);
  at.chunkBytes =
    wrong(disks, run, write) === 0 ? Math.max(0, Math.min(CHUNK_BYTES, end - from)) : 0;
  if (at.chunkBytes > 0) task.features = FEATURE_DMA;
  area.build(ONLY_TAG, task, at.chunkBytes, false);
  // What needs no data asks at least whether there is a disc, and the same one as before.
  if (at.chunkBytes === 0) area.putPacket(ONLY_TAG, PACKET.READY, 0, 0);
  else area.putPacket(ONLY_TAG, PACKET.READ_12, from / sectorBytes, at.chunkBytes / sectorBytes);
}

const AGAIN = 1;

/** What the sense data say. @returns {@link AGAIN}, or an error number below 0 */
function judge(disks: Disks, at: DiscView, resource: number): number {
  const { bytes } = disks.area(resource);
  const sense = disks.area(resource).bufferAt(ONLY_TAG);
  const key = bytes[sense + 2]! & 15;
  const code = bytes[sense + 12]! * 256 + bytes[sense + 13]!;
  if (key === SENSE.UNIT_ATTENTION && at.tries++ < TRIES_MAX) {
    at.stage = code === ASC.MEDIUM_CHANGED ? STAGE.CAPACITY : STAGE.WORK;
    return AGAIN;
  }
  const isEmpty = key === SENSE.NOT_READY && code >> 8 === ASC.NO_MEDIUM_TRAY_OPEN >> 8;
  if (!isEmpty) return -ERRNO.EIO;
  disks.at(resource).sectors = 0;
  return -ERRNO.ENOMEDIUM;
}

/** A packet is over. @returns {@link AGAIN}, 0 at the end, or an error number below 0 */
function proceed(
  disks: Disks,
  at: DiscView,
  run: LayerContext,
  result: number,
  write: boolean,
): number {
  const { resource } = run;
  if (result === -ERRNO.ETIMEDOUT) return at.tries++ < TRIES_MAX ? AGAIN : result;
  if (result < 0 && result !== -ERRNO.EIO) return result;
  const area = disks.area(resource);
  if (at.stage === STAGE.SENSE) return result < 0 ? result : judge(disks, at, resource);
  if (at.stage === STAGE.CAPACITY) {
    // The news is told once; the next operation has the new disc.
    if (result < 0) disks.at(resource).sectors = 0;
    else learnCapacity(disks, resource, area.bufferAt(ONLY_TAG));
    return -ERRNO.ENOMEDIUM;
  }
  if (result < 0) {
    at.stage = STAGE.SENSE;
    return AGAIN;
  }
  if (disks.at(resource).sectors === 0) {
    // There is a disc of which nobody knows yet: whoever was to tell of it was cancelled.
    at.stage = STAGE.CAPACITY;
    return AGAIN;
  }
  if (at.chunkBytes === 0) return -wrong(disks, run, write);
  run.bring(area.bytes, area.bufferAt(ONLY_TAG), at.chunkBytes);
  const { sectorBytes, sectors } = disks.at(resource);
  disks.at(resource).readBytes += at.chunkBytes;
  at.doneBytes += at.chunkBytes;
  at.tries = 0;
  const left = Math.min(run.length, sectors * sectorBytes - run.offset) - at.doneBytes;
  return left > 0 ? AGAIN : 0;
}

export function discLayer(disks: Disks, write: boolean) {
  const { turns } = disks;
  const over = (at: DiscView, run: LayerContext, result: number): Move => {
    disks.at(run.resource).alone = false;
    const verdict = proceed(disks, at, run, result, write);
    if (verdict === AGAIN) {
      turns.commands.again(run.resource, at.line - 1);
      return run.again();
    }
    turns.depart(at, run);
    return verdict < 0 ? run.fail(-verdict) : run.done(0);
  };
  return layer({
    name: write ? "sata.disc-write" : "sata.disc-read",
    frame: struct(shape),
    wait(at, run) {
      const { resource } = run;
      if (at.line === 0) {
        const refusal = disks.refusal(resource);
        if (refusal < 0) return run.ready(refusal);
        if (!enterAlone(disks, at, run)) return turns.outside(run);
      }
      if (!turns.isGranted(at, resource)) return disks.waitOn(at, run);
      build(disks, at, run, write);
      turns.commands.place(resource, at.line - 1);
      disks.at(resource).alone = true;
      return disks.issue(at, run, ONLY_TAG, false);
    },
    complete: (at, run, answer) => endOfWait(disks, at, run, answer, over),
    cancel(at, run) {
      // The drive says only once that it has another disc: whoever reads next has to ask.
      if (at.stage !== STAGE.WORK) disks.at(run.resource).sectors = 0;
      disks.leave(at, run);
    },
  });
}
