/**
 * Reading and writing: an operation of any length as commands of at most 128 KiB each. By DMA the
 * data pass through a buffer in the machine's memory; by PIO they go straight to the operation's.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  type Layer,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { rangeError } from "../../disk/range.ts";
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
  flushed: bool,
} as const;
type TransferView = View<typeof transferShape>;

/** The opcodes of a transfer by how data move: 28 bits, 48 bits, 48 bits with FUA. */
const OPCODES = {
  dma: {
    read: [ATA.READ_DMA, ATA.READ_DMA_EXT, ATA.READ_DMA_EXT],
    write: [ATA.WRITE_DMA, ATA.WRITE_DMA_EXT, ATA.WRITE_DMA_FUA_EXT],
  },
  single: {
    read: [ATA.READ_SECTORS, ATA.READ_SECTORS_EXT, ATA.READ_SECTORS_EXT],
    write: [ATA.WRITE_SECTORS, ATA.WRITE_SECTORS_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
  },
  multiple: {
    read: [ATA.READ_MULTIPLE, ATA.READ_MULTIPLE_EXT, ATA.READ_MULTIPLE_EXT],
    write: [ATA.WRITE_MULTIPLE, ATA.WRITE_MULTIPLE_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
  },
} as const;

/** What all transfers of one direction share. */
interface Way {
  readonly board: Board;
  readonly attempts: Attempts;
  readonly write: boolean;
  /** Written anew for each command, so that none is made. */
  readonly command: CommandWords;
}

/** The number that says what is wrong with the operation's place, or 0. */
function complaint(way: Way, frame: TransferView, run: LayerContext): number {
  const { board, write } = way;
  const { sectorBytes, sectors, readOnly } = board.disks.at(run.resource);
  const end = sectors * sectorBytes;
  const wrong = rangeError(sectorBytes, end, run.offset, run.length, write);
  if (wrong !== 0) return wrong;
  if (write && readOnly) return ERRNO.EROFS;
  frame.wantBytes = Math.min(run.length, end - run.offset);
  return 0;
}

/** Fills in the command for the next part. */
function words(way: Way, frame: TransferView, run: LayerContext): CommandWords {
  const { board, write, command: made } = way;
  const { sectorBytes, dma, lba48, multiple, packet } = board.disks.at(run.resource);
  const lba = (run.offset + frame.doneBytes) / sectorBytes;
  const count = frame.chunkBytes / sectorBytes;
  if (dma) made.move = write ? MOVE.DMA_OUT : MOVE.DMA_IN;
  else made.move = write ? MOVE.PIO_OUT : MOVE.PIO_IN;
  made.place = dma ? PLACE.BOUNCE : PLACE.OPERATION;
  made.bytes = frame.chunkBytes;
  made.skip = frame.doneBytes;
  made.extended = false;
  if (packet) {
    made.command = ATA.PACKET;
    made.features = dma ? 1 : 0;
    made.lba = PACKET_LIMIT;
    made.packet = READ_12;
    made.packetLba = lba;
    made.packetCount = count;
    return made;
  }
  const isDurable = write && run.argument !== 0 && board.disks.at(run.resource).fua;
  made.extended = lba48 && (isDurable || lba + count > LBA28_END);
  const mode = dma ? OPCODES.dma : multiple > 1 ? OPCODES.multiple : OPCODES.single;
  const width = made.extended ? (isDurable ? 2 : 1) : 0;
  made.command = (write ? mode.write : mode.read)[width]!;
  made.features = 0;
  made.lba = lba;
  made.count = made.extended ? count : count & 0xff;
  return made;
}

/** Begins the next command, or ends. */
function next(way: Way, frame: TransferView, run: LayerContext): Move {
  const { board, attempts, write } = way;
  const missing = attempts.setUp(frame, run);
  if (missing !== undefined) return missing;
  const left = frame.wantBytes - frame.doneBytes;
  const disk = board.disks.at(run.resource);
  if (left === 0) {
    const isDurable = !write || run.argument === 0 || disk.fua || frame.flushed;
    if (isDurable || frame.wantBytes === 0) return run.done(0);
    // A drive without FUA has all of its cache written out instead.
    frame.step = STEP.WORK;
    frame.chunkBytes = 0;
    frame.flushed = true;
    return attempts.call(run, { command: ATA.FLUSH_CACHE });
  }
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
  if (write) disk.writtenBytes += bytes;
  else disk.readBytes += bytes;
  run.progress(bytes);
}

function failed(way: Way, frame: TransferView, run: LayerContext, errorNumber: number): Move {
  const { board, attempts, write } = way;
  const disk = board.disks.at(run.resource);
  const { lastLba, sectorBytes, packet } = disk;
  if (errorNumber === ERRNO.EIO && !write && !packet && frame.step === STEP.WORK) {
    // What lies before the bad sector has come over.
    const first = (run.offset + frame.doneBytes) / sectorBytes;
    const good = (lastLba - first) * sectorBytes;
    if (good > 0 && good < frame.chunkBytes) take(way, frame, run, good);
  }
  return attempts.refuse(frame, run, errorNumber) ?? next(way, frame, run);
}

export function transferLayer(board: Board, attempts: Attempts, write: boolean): Layer {
  const way: Way = { board, attempts, write, command: {} };
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
