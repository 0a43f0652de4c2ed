/**
 * Reading and writing: an operation of any length as commands of at most 128 KiB each, when its
 * turn has come. By DMA the data pass through a buffer in the machine's memory; by PIO they go
 * straight to the operation's.
 *
 * Operations that adjoin each other may share a command: each has its part of the disk's buffer in
 * the machine's memory, and the last of them to bring its data there runs the command for all.
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
  type Wait,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { handOver, handedShape } from "../../disk/hand-over.ts";
import { rangeError } from "../../disk/range.ts";
import { KIND, TRAIT } from "../../disk/queue/table.ts";
import { turnShape } from "../../disk/queue/turns.ts";
import { COMMAND_BYTES_MAX, type Board } from "./board.ts";
import { MOVE, PLACE } from "./command-words.ts";
import { STEP, attemptShape, type Attempts, type CommandWords } from "./retry.ts";
import { LBA28_END, WIDTH, opcodeOf } from "./transfer-opcodes.ts";
import { ONLY_TAG } from "./turn.ts";

const transferShape = {
  ...attemptShape,
  ...turnShape,
  ...handedShape,
  /** Whether it runs the command, for itself or for all that share it. */
  leads: bool,
  doneBytes: u32,
  /** Bytes of the operation that lie on the disk, and of the command that runs. */
  wantBytes: u32,
  chunkBytes: u32,
  flushed: bool,
} as const;
type TransferView = View<typeof transferShape>;

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
  const { sectorBytes, dma, lba48, multiple } = board.disks.at(run.resource);
  const isShared = board.turns.commands.countOf(run.resource, ONLY_TAG) > 1;
  const own = (run.offset + frame.doneBytes) / sectorBytes;
  const lba = isShared ? board.turns.commands.lbaOf(run.resource, ONLY_TAG) : own;
  const count = frame.chunkBytes / sectorBytes;
  if (dma) made.move = write ? MOVE.DMA_OUT : MOVE.DMA_IN;
  else made.move = write ? MOVE.PIO_OUT : MOVE.PIO_IN;
  made.place = dma || isShared ? PLACE.BOUNCE : PLACE.OPERATION;
  made.bytes = frame.chunkBytes;
  made.skip = frame.doneBytes;
  const isDurable = write && run.argument !== 0 && board.disks.at(run.resource).fua;
  made.extended = lba48 && (isDurable || lba + count > LBA28_END);
  const width = made.extended ? (isDurable ? WIDTH.DURABLE : WIDTH.EXTENDED) : WIDTH.PLAIN;
  made.command = opcodeOf(dma, multiple, write, width);
  made.features = 0;
  made.lba = lba;
  made.count = made.extended ? count : count & 0xff;
  return made;
}

/** Puts a transfer into the queue. @returns what it waits for instead; undefined when it is in */
function enter(way: Way, frame: TransferView, run: LayerContext): Wait | undefined {
  const { board, write } = way;
  const wrong = complaint(way, frame, run);
  if (wrong !== 0 || frame.wantBytes === 0) return run.ready(-wrong);
  const { fua, sectorBytes } = board.disks.at(run.resource);
  const isDurable = write && run.argument !== 0;
  const isLone = frame.wantBytes > COMMAND_BYTES_MAX || (isDurable && !fua);
  const traits = (isDurable ? TRAIT.DURABLE : 0) | (isLone ? TRAIT.UNMERGED : 0);
  const { turns } = board;
  if (!turns.enter(frame, run, write ? KIND.WRITE : KIND.READ, traits)) return turns.outside(run);
  const lba = run.offset / sectorBytes;
  const sectors = frame.wantBytes / sectorBytes;
  turns.want(frame, run.resource, lba, sectors, lba + sectors);
  turns.commands.submit(run.resource, frame.line - 1);
  return undefined;
}

/** Where a part of a shared command is in the machine's memory. */
function partAt(way: Way, frame: TransferView, run: LayerContext): number {
  const { bounce, sectorBytes } = way.board.disks.at(run.resource);
  const { commands } = way.board.turns;
  return bounce + commands.offsetOf(run.resource, frame.line - 1) * sectorBytes;
}

/** Has a part in place; the last one waits for the channel, the others for the command's end. */
function place(way: Way, frame: TransferView, run: LayerContext): Wait {
  const { board, write } = way;
  const { turns } = board;
  const isShared = turns.commands.countOf(run.resource, ONLY_TAG) > 1;
  if (write && isShared) {
    const bytes = run.memory.subarray(run.memoryAt, run.memoryAt + frame.wantBytes);
    board.cx.machine.ram.write(partAt(way, frame, run), bytes);
  }
  if (turns.commands.place(run.resource, frame.line - 1)) {
    frame.leads = true;
    return run.lock(board.locks[board.disks.at(run.resource).channel & 1]!);
  }
  // The command may have come to nothing: then there is a turn to be had.
  turns.commands.dispatch(run.resource);
  return turns.isGranted(frame, run.resource) ? run.ready() : turns.queue(frame, run);
}

/** A command that others share is over, for all of them. */
function share(way: Way, frame: TransferView, run: LayerContext, result: number): Move {
  const { board } = way;
  const { commands } = board.turns;
  run.unlock(board.locks[board.disks.at(run.resource).channel & 1]!);
  commands.finish(run.resource, ONLY_TAG, result);
  return takePart(way, frame, run, result);
}

/** Takes its part of a shared command, or goes again alone when that failed. */
function takePart(way: Way, frame: TransferView, run: LayerContext, result: number): Move {
  const { board, write } = way;
  const { turns } = board;
  if (result < 0) {
    frame.leads = false;
    frame.step = STEP.LOCK;
    frame.tries = 0;
    turns.retryAlone(frame, run.resource);
    return run.again();
  }
  const { memoryAt } = run;
  if (!write) {
    const bytes = run.memory.subarray(memoryAt, memoryAt + frame.wantBytes);
    board.cx.machine.ram.readInto(partAt(way, frame, run), bytes);
  }
  count(way, run, frame.wantBytes);
  return end(way, frame, run);
}

/** Has what it wanted. */
function end(way: Way, frame: TransferView, run: LayerContext): Move {
  way.board.turns.commands.finish(run.resource, ONLY_TAG, 0);
  way.board.turns.depart(frame, run);
  return run.done(0);
}

/** Begins the next command, or ends. */
function next(way: Way, frame: TransferView, run: LayerContext): Move {
  const { board, attempts, write } = way;
  const missing = attempts.setUp(frame, run);
  if (missing !== undefined) return missing;
  const disk = board.disks.at(run.resource);
  const { commands } = board.turns;
  if (commands.countOf(run.resource, ONLY_TAG) > 1) {
    frame.step = STEP.WORK;
    frame.chunkBytes = commands.sectorsOf(run.resource, ONLY_TAG) * disk.sectorBytes;
    return attempts.call(run, words(way, frame, run));
  }
  const left = frame.wantBytes - frame.doneBytes;
  if (left === 0) {
    const isDurable = !write || run.argument === 0 || disk.fua || frame.flushed;
    if (isDurable) return end(way, frame, run);
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
function count(way: Way, run: LayerContext, bytes: number): void {
  const disk = way.board.disks.at(run.resource);
  if (way.write) disk.writtenBytes += bytes;
  else disk.readBytes += bytes;
  run.progress(bytes);
}

/** Takes bytes that a command of its own has moved. */
function take(way: Way, frame: TransferView, run: LayerContext, bytes: number): void {
  const { board, write } = way;
  const { dma, bounce } = board.disks.at(run.resource);
  if (!write && dma) {
    const at = run.memoryAt + frame.doneBytes;
    board.cx.machine.ram.readInto(bounce, run.memory.subarray(at, at + bytes));
  }
  frame.doneBytes += bytes;
  count(way, run, bytes);
}

function failed(way: Way, frame: TransferView, run: LayerContext, errorNumber: number): Move {
  const { board, attempts, write } = way;
  const { lastLba, sectorBytes } = board.disks.at(run.resource);
  const isShared = board.turns.commands.countOf(run.resource, ONLY_TAG) > 1;
  if (errorNumber === ERRNO.EIO && !write && !isShared && frame.step === STEP.WORK) {
    // What lies before the bad sector has come over.
    const first = (run.offset + frame.doneBytes) / sectorBytes;
    const good = (lastLba - first) * sectorBytes;
    if (good > 0 && good < frame.chunkBytes) take(way, frame, run, good);
  }
  const final = attempts.judge(frame, run, errorNumber);
  if (final === 0) return next(way, frame, run);
  if (isShared) return share(way, frame, run, -final);
  board.turns.commands.finish(run.resource, ONLY_TAG, -final);
  board.turns.depart(frame, run);
  return run.fail(final);
}

/** Goes on with its command. */
function lead(way: Way, frame: TransferView, run: LayerContext, result: number): Move {
  const { board } = way;
  if (frame.step === STEP.LOCK) return next(way, frame, run);
  if (result < 0) return failed(way, frame, run, -result);
  if (frame.step === STEP.SETUP) board.disks.at(run.resource).unset = false;
  else if (board.turns.commands.countOf(run.resource, ONLY_TAG) > 1) {
    return share(way, frame, run, 0);
  } else {
    frame.tries = 0;
    take(way, frame, run, frame.chunkBytes);
  }
  return next(way, frame, run);
}

/** @param disc what a packet device does instead */
export function transferLayer(
  board: Board,
  attempts: Attempts,
  disc: Layer,
  write: boolean,
): Layer {
  const way: Way = { board, attempts, write, command: {} };
  const { turns } = board;
  return layer({
    name: write ? "ata.write" : "ata.read",
    frame: struct(transferShape),
    wait(frame, run) {
      if (board.disks.at(run.resource).packet) return run.ready();
      const elsewhere = frame.line === 0 ? enter(way, frame, run) : undefined;
      if (elsewhere !== undefined) return elsewhere;
      const isGranted = turns.isGranted(frame, run.resource);
      return isGranted ? place(way, frame, run) : turns.queue(frame, run);
    },
    complete(frame, run, result) {
      if (board.disks.at(run.resource).packet) return handOver(frame, run, result, disc);
      if (frame.leads) return lead(way, frame, run, result);
      if (frame.line === 0) {
        if (result < 0) return run.fail(-result);
        if (!frame.outside) return run.done(0);
        frame.invited = true;
        return run.again();
      }
      const { commands } = turns;
      if (!commands.isOver(run.resource, frame.line - 1)) return run.again();
      return takePart(way, frame, run, commands.resultOf(run.resource, frame.line - 1));
    },
    cancel(frame, run) {
      // Those that share its command go again; ECANCELED would be the end of them, too.
      if (frame.leads) turns.commands.finish(run.resource, ONLY_TAG, -ERRNO.EAGAIN);
      turns.leave(frame, run);
    },
  }) as unknown as Layer;
}
