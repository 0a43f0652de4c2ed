/**
 * One command packet, as a layer around the command's: where the drive answers with CHECK CONDITION
 * it is asked for its sense data ([ATA-6] 9.8, [SPC-3] 6.27), which say whether there is a disc,
 * whether it is another one than before, or whether the packet is to be sent again.
 */
import {
  ERRNO,
  layer,
  struct,
  u8,
  type Layer,
  type LayerContext,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { ASC, SENSE } from "../../disk/drive/packet-data.ts";
import type { Board } from "./board.ts";
import { MOVE, PLACE, commandShape } from "./command-words.ts";
import type { CommandWords } from "./retry.ts";

const STAGE = { BEGIN: 0, WORK: 1, SENSE: 2, CAPACITY: 3 } as const;

const REQUEST_SENSE = 0x03;
const SENSE_BYTES = 18;
const READ_CAPACITY = 0x25;
const CAPACITY_BYTES = 8;
/** Bytes a DRQ block at most, as LBA mid and high ([ATA-6] 8.23). */
export const PACKET_LIMIT = 0xf800 * 256;
/** How often a packet meets a unit attention that says nothing of the disc. */
const TRIES_MAX = 4;

const shape = { ...commandShape, stage: u8, tries: u8 } as const;

/** TEST UNIT READY: nothing but zeros. */
export const TEST_UNIT_READY: CommandWords = { command: ATA.PACKET, lba: PACKET_LIMIT };

/** A packet whose few bytes come into the disk's buffer. */
function asking(packet: number, bytes: number): CommandWords {
  // The allocation length is byte 4; READ CAPACITY has none and ignores it.
  const packetLba = bytes << 8;
  const move = { move: MOVE.PIO_IN, place: PLACE.BOUNCE, bytes };
  return { command: ATA.PACKET, lba: PACKET_LIMIT, packet, packetLba, ...move };
}

export const ASK_CAPACITY = { ...asking(READ_CAPACITY, CAPACITY_BYTES), packetLba: 0 };
const ASK_SENSE = asking(REQUEST_SENSE, SENSE_BYTES);

/** READ CAPACITY has answered. */
export function learnCapacity(board: Board, resource: number): void {
  const disk = board.disks.at(resource);
  const bytes = board.cx.machine.ram.read(disk.bounce, CAPACITY_BYTES)!;
  const view = new DataView(bytes.slice().buffer);
  disk.sectors = view.getUint32(0) + 1;
  disk.sectorBytes = view.getUint32(4);
  disk.generation += 1;
}

export function packetLayer(board: Board, command: Layer): Layer {
  /** Written anew for each packet, so that none is made. */
  const made: CommandWords = { command: ATA.PACKET };
  const send = (at: View<typeof shape>, run: LayerContext) => {
    at.stage = STAGE.WORK;
    made.features = at.features;
    made.lba = at.lba;
    made.move = at.move;
    made.place = at.place;
    made.bytes = at.bytes;
    made.skip = at.skip;
    made.packet = at.packet;
    made.packetLba = at.packetLba;
    made.packetCount = at.packetCount;
    return run.call(command, made as never);
  };
  const judge = (at: View<typeof shape>, run: LayerContext) => {
    const disk = board.disks.at(run.resource);
    const sense = board.cx.machine.ram.read(disk.bounce, SENSE_BYTES)!;
    const key = sense[2]! & 15;
    const code = sense[12]! * 256 + sense[13]!;
    if (key === SENSE.UNIT_ATTENTION && code === ASC.MEDIUM_CHANGED) {
      at.stage = STAGE.CAPACITY;
      return run.call(command, ASK_CAPACITY as never);
    }
    if (key === SENSE.UNIT_ATTENTION && at.tries < TRIES_MAX) {
      at.tries += 1;
      return send(at, run);
    }
    const isEmpty = key === SENSE.NOT_READY && sense[12] === ASC.NO_MEDIUM_TRAY_OPEN >> 8;
    if (isEmpty) disk.sectors = 0;
    return run.fail(isEmpty ? ERRNO.ENOMEDIUM : ERRNO.EIO);
  };
  return layer({
    name: "ata.packet",
    frame: struct(shape),
    wait: (_at, run) => run.ready(),
    complete(at, run, result) {
      switch (at.stage) {
        case STAGE.BEGIN:
          return send(at, run);
        case STAGE.WORK:
          if (result >= 0) return run.done(result);
          if (result !== -ERRNO.EIO) return run.fail(-result);
          at.stage = STAGE.SENSE;
          return run.call(command, ASK_SENSE as never);
        case STAGE.SENSE:
          return result < 0 ? run.fail(-result) : judge(at, run);
        default:
          if (result < 0 && result !== -ERRNO.EIO) return run.fail(-result);
          // The news is told once; the next operation has the new disc.
          if (result < 0) board.disks.at(run.resource).sectors = 0;
          else learnCapacity(board, run.resource);
          return run.fail(ERRNO.ENOMEDIUM);
      }
    },
    cancel(at, run) {
      // The drive says only once that it has another disc: whoever reads next has to ask.
      if (at.stage > STAGE.WORK) board.disks.at(run.resource).sectors = 0;
    },
  }) as unknown as Layer;
}
