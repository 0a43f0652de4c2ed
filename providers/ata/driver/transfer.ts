/**
 * Reading and writing: an operation of any length as commands of at most 128 KiB each. By DMA the
 * data pass through a buffer in the machine's memory; by PIO they go straight to the operation's.
 */
import {
  ERRNO,
  layer,
  struct,
  u32,
  type Layer,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { COMMAND_BYTES_MAX, type Board } from "./board.ts";
import { MOVE, PLACE } from "./command-words.ts";
import { STEP, attemptShape, type Attempts, type CommandWords } from "./retry.ts";

const LBA28_END = 2 ** 28;
const READ_12 = 0xa8;
/** Packet devices: bytes a DRQ block at most, as LBA mid and high ([ATA-6] 8.23). */
const PACKET_LIMIT = 0xf800 * 256;

const transferShape = {
  ...attemptShape,
  doneBytes: u32,
  /** Bytes of the operation that lie on the disk, and of the command that runs. */
  wantBytes: u32,
  chunkBytes: u32,
} as const;
type TransferView = View<typeof transferShape>;

/** The opcodes of a transfer by how data move: 28 bits, 48 bits, 48 bits with FUA. */
const OPCODES = {
  dmaIn: [ATA.READ_DMA, ATA.READ_DMA_EXT, ATA.READ_DMA_EXT],
  dmaOut: [ATA.WRITE_DMA, ATA.WRITE_DMA_EXT, ATA.WRITE_DMA_FUA_EXT],
  pioIn: [ATA.READ_SECTORS, ATA.READ_SECTORS_EXT, ATA.READ_SECTORS_EXT],
  pioOut: [ATA.WRITE_SECTORS, ATA.WRITE_SECTORS_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
  multipleIn: [ATA.READ_MULTIPLE, ATA.READ_MULTIPLE_EXT, ATA.READ_MULTIPLE_EXT],
  multipleOut: [ATA.WRITE_MULTIPLE, ATA.WRITE_MULTIPLE_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
} as const;

/** What all transfers of one direction share. */
interface Way {
  readonly board: Board;
  readonly attempts: Attempts;
  readonly write: boolean;
}

/** The number that says what is wrong with the operation's place, or 0. */
function complaint(way: Way, frame: TransferView, run: LayerContext): number {
  const { board, write } = way;
  const { sectorBytes, sectors, readOnly } = board.disks.at(run.resource);
  if (run.offset % sectorBytes !== 0 || run.length % sectorBytes !== 0) return ERRNO.EINVAL;
  const end = sectors * sectorBytes;
  if (write && readOnly) return ERRNO.EROFS;
  if (write && run.offset + run.length > end) return ERRNO.ENOSPC;
  frame.wantBytes = Math.max(0, Math.min(run.length, end - run.offset));
  return 0;
}

function words(way: Way, frame: TransferView, run: LayerContext): CommandWords {
  const { board, write } = way;
  const { sectorBytes, dma, lba48, multiple, packet } = board.disks.at(run.resource);
  const lba = (run.offset + frame.doneBytes) / sectorBytes;
  const count = frame.chunkBytes / sectorBytes;
  const move = dma ? (write ? MOVE.DMA_OUT : MOVE.DMA_IN) : write ? MOVE.PIO_OUT : MOVE.PIO_IN;
  const data = { move, place: dma ? PLACE.BOUNCE : PLACE.OPERATION, bytes: frame.chunkBytes };
  const where = { ...data, skip: frame.doneBytes };
  if (packet) {
    const features = dma ? 1 : 0;
    const read = { packet: READ_12, packetLba: lba, packetCount: count };
    return { ...where, ...read, command: ATA.PACKET, features, lba: PACKET_LIMIT };
  }
  const fua = write && run.argument !== 0;
  const extended = lba48 && (fua || lba + count > LBA28_END);
  const way = dma ? "dma" : multiple > 1 ? "multiple" : "pio";
  const command = OPCODES[`${way}${write ? "Out" : "In"}`][extended ? (fua ? 2 : 1) : 0];
  return { ...where, command, lba, count: extended ? count : count & 0xff, extended };
}

/** Begins the next command, or ends. */
function next(way: Way, frame: TransferView, run: LayerContext): Move {
  const { board, attempts, write } = way;
  const missing = attempts.setUp(frame, run);
  if (missing !== undefined) return missing;
  const left = frame.wantBytes - frame.doneBytes;
  if (left === 0) return run.done(0);
  const disk = board.disks.at(run.resource);
  frame.step = STEP.WORK;
  frame.chunkBytes = Math.min(left, COMMAND_BYTES_MAX);
  if (write && disk.dma) {
    const at = run.memoryAt + frame.doneBytes;
    board.cx.machine.ram.write(disk.bounce, run.memory.subarray(at, at + frame.chunkBytes));
  }
  return attempts.call(run, words(way, frame, run));
}

/** Counts bytes that a command has moved. */
function take(way: Way, frame: TransferView, run: LayerContext, bytes: number): void {
  const { board, write } = way;
  const disk = board.disks.at(run.resource);
  if (!write && disk.dma) {
    const at = run.memoryAt + frame.doneBytes;
    board.cx.machine.ram.readInto(disk.bounce, run.memory.subarray(at, at + bytes));
  }
  frame.doneBytes += bytes;
  run.progress(bytes);
}

function failed(way: Way, frame: TransferView, run: LayerContext, errorNumber: number): Move {
  const { board, attempts, write } = way;
  const disk = board.disks.at(run.resource);
  const { lastLba, sectorBytes, packet } = disk;
  if (errorNumber === ERRNO.EIO && !write && !packet) {
    // What lies before the bad sector has come over.
    const first = (run.offset + frame.doneBytes) / sectorBytes;
    const good = (lastLba - first) * sectorBytes;
    if (good > 0 && good < frame.chunkBytes) take(way, frame, run, good);
  }
  return attempts.refuse(frame, run, errorNumber) ?? next(way, frame, run);
}

export function transferLayer(board: Board, attempts: Attempts, write: boolean): Layer {
  const way: Way = { board, attempts, write };
  return layer({
    name: write ? "ata.write" : "ata.read",
    frame: struct(transferShape),
    wait(frame, run) {
      const wrong = complaint(way, frame, run);
      if (wrong !== 0) return run.ready(-wrong);
      return run.lock(board.locks[board.disks.at(run.resource).channel & 1]!);
    },
    complete(frame, run, result) {
      if (frame.step === STEP.LOCK) return result < 0 ? run.fail(-result) : next(way, frame, run);
      if (result < 0) return failed(way, frame, run, -result);
      if (frame.step === STEP.SETUP) board.disks.at(run.resource).unset = false;
      else {
        frame.tries = 0;
        take(way, frame, run, frame.chunkBytes);
      }
      return next(way, frame, run);
    },
  }) as unknown as Layer;
}
