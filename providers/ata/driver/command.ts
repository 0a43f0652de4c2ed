/**
 * One command from start to end, as a layer that others call while they hold the channel's lock:
 * waits until the drive is ready, writes the task file, then waits for interrupts and moves the
 * blocks ([ATA-6] clause 9). Its result is 0, or the error: ETIMEDOUT when no interrupt came (the
 * caller resets), ENODEV when nobody is there, EIO when the drive refused.
 */
import {
  ERRNO,
  layer,
  struct,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { ATA, REASON, STATUS } from "../../disk/drive/bits.ts";
import { BM_STATUS, CONTROL, REG } from "../registers.ts";
import type { Board } from "./board.ts";
import {
  blockBytes,
  commandShape,
  isDma,
  isOut,
  issue,
  moveBlock,
  writePacket,
  type CommandFrame,
} from "./command-words.ts";

const PHASE = { READY: 0, ISSUE: 1, DRQ: 2, BLOCK: 3, INTERRUPT: 4 } as const;

const TIMEOUT_NS = 10e9;
const POLL_NS = 1_000;
const POLLS_FAST = 100;
const POLL_SLOW_NS = 1e6;
const POLLS_MAX = 10_000;
const RESET_READS = 13;

function fail(board: Board, frame: CommandFrame, run: LayerContext, status: number): Move {
  board.noteFailure(run.resource, status, frame.extended);
  return run.fail(ERRNO.EIO);
}

/** Looks whether the drive is ready for the next phase. */
function poll(board: Board, frame: CommandFrame, run: LayerContext): Move {
  const { channel, position } = board.disks.at(run.resource);
  // While the other drive is busy with a reset, the selection may not have been taken.
  if (frame.phase === PHASE.READY) board.write(channel, REG.DEVICE, 0xa0 | (position << 4));
  const status = board.peek(channel);
  if (status === 0x7f || status === 0xff) return run.fail(ERRNO.ENODEV);
  frame.polls += 1;
  if ((status & STATUS.BSY) !== 0) {
    return frame.polls > POLLS_MAX ? run.fail(ERRNO.ETIMEDOUT) : run.again();
  }
  frame.polls = 0;
  if (frame.phase === PHASE.READY) {
    if (status === 0) {
      // Nobody, unless it is a packet device, which shows no DRDY before its first command.
      const { packet } = board.disks.at(run.resource);
      const isProbe = frame.command === ATA.IDENTIFY_DEVICE || packet;
      const nothing = board.read(channel, REG.LBA_MID) === 0 && !packet;
      if (!isProbe || nothing) return run.fail(ERRNO.ENODEV);
    }
    frame.phase = PHASE.ISSUE;
    return run.again();
  }
  if ((status & STATUS.DRQ) === 0) {
    board.read(channel, REG.STATUS);
    return fail(board, frame, run, status);
  }
  frame.phase = PHASE.BLOCK;
  return run.again();
}

/** An interrupt came, or should have. */
function onInterrupt(board: Board, frame: CommandFrame, run: LayerContext, result: number): Move {
  const disk = board.disks.at(run.resource);
  const { channel } = disk;
  if (result < 0) {
    const bus = board.busMasterStatus(channel);
    const stuck = (board.peek(channel) & STATUS.BSY) !== 0;
    if (stuck || (isDma(frame) && (bus & BM_STATUS.ACTIVE) !== 0)) {
      return run.fail(ERRNO.ETIMEDOUT);
    }
    // The work is done; only its interrupt was lost.
    disk.lostInterrupts += 1;
  } else {
    disk.interrupts += 1;
  }
  const status = board.read(channel, REG.STATUS);
  if ((status & STATUS.BSY) !== 0) return run.again();
  if ((status & STATUS.ERR) !== 0 || (status & STATUS.DF) !== 0) {
    if (isDma(frame)) board.stopDma(channel);
    return fail(board, frame, run, status);
  }
  if (isDma(frame)) return dmaEnd(board, frame, run, status);
  if ((status & STATUS.DRQ) === 0) {
    const isWhole = frame.moved >= frame.bytes || frame.command === ATA.PACKET;
    return isWhole ? run.done(frame.moved) : fail(board, frame, run, status);
  }
  if (frame.command === ATA.PACKET) {
    const toHost = (board.read(channel, REG.COUNT) & REASON.TO_HOST) !== 0;
    if (!toHost) return fail(board, frame, run, status);
  }
  if (isOut(frame)) {
    frame.phase = PHASE.BLOCK;
    return run.again();
  }
  moveBlock(board, frame, run, false, blockBytes(board, frame, run));
  const isOver = frame.moved >= frame.bytes && frame.command !== ATA.PACKET;
  // A drive that met a bad sector in the last block gave less than that, and says so afterwards.
  const isTroubled = isOver && (board.peek(channel) & (STATUS.BSY | STATUS.ERR)) !== 0;
  return isOver && !isTroubled ? run.done(frame.moved) : run.again();
}

function dmaEnd(board: Board, frame: CommandFrame, run: LayerContext, status: number): Move {
  const { channel } = board.disks.at(run.resource);
  const bus = board.busMasterStatus(channel);
  // An interrupt that is not the drive's at the end of its work: wait for that one.
  if ((status & STATUS.DRQ) !== 0 && (bus & BM_STATUS.ERROR) === 0) return run.again();
  board.stopDma(channel);
  if ((bus & BM_STATUS.ERROR) !== 0) return run.fail(ERRNO.ETIMEDOUT);
  frame.moved = frame.bytes;
  return run.done(frame.bytes);
}

export function commandLayer(board: Board) {
  return layer({
    name: "ata.command",
    frame: struct(commandShape),
    wait(frame, run) {
      const line = board.line(board.disks.at(run.resource).channel);
      switch (frame.phase) {
        case PHASE.READY:
          if (frame.polls === 0) return run.ready();
          return run.after(frame.polls < POLLS_FAST ? POLL_NS : POLL_SLOW_NS);
        case PHASE.DRQ:
          return run.after(frame.polls < POLLS_FAST ? POLL_NS : POLL_SLOW_NS);
        case PHASE.ISSUE: {
          if (isOut(frame) || frame.command === ATA.PACKET) {
            issue(board, frame, run);
            return run.ready();
          }
          // First the ear, then the shout.
          const wait = run.within(TIMEOUT_NS, run.interrupt(line));
          issue(board, frame, run);
          return wait;
        }
        case PHASE.BLOCK: {
          const wait = run.within(TIMEOUT_NS, run.interrupt(line));
          if (frame.command === ATA.PACKET) writePacket(board, frame, run);
          else moveBlock(board, frame, run, true, blockBytes(board, frame, run));
          return wait;
        }
        default:
          return run.within(TIMEOUT_NS, run.interrupt(line));
      }
    },
    complete(frame, run, result) {
      switch (frame.phase) {
        case PHASE.READY:
        case PHASE.DRQ:
          return poll(board, frame, run);
        case PHASE.ISSUE:
          if (isOut(frame) || frame.command === ATA.PACKET) {
            frame.phase = PHASE.DRQ;
            return run.again();
          }
          frame.phase = PHASE.INTERRUPT;
          return onInterrupt(board, frame, run, result);
        case PHASE.BLOCK:
          frame.phase = PHASE.INTERRUPT;
          return onInterrupt(board, frame, run, result);
        default:
          return onInterrupt(board, frame, run, result);
      }
    },
    cancel(frame, run) {
      // The drive may be in the middle of it: only a reset makes it let go.
      if (frame.phase <= PHASE.ISSUE && frame.polls === 0 && frame.moved === 0) {
        if (frame.phase === PHASE.READY) return;
      }
      const disk = board.disks.at(run.resource);
      const { channel, packet } = disk;
      // Nobody asks what was the matter, which may be another disc: its size is not known any more.
      if (packet && (board.peek(channel) & (STATUS.BSY | STATUS.ERR)) === STATUS.ERR) {
        disk.sectors = 0;
      }
      resetNow(board, channel);
    },
  });
}

/** Resets a channel without waiting for its drives: whoever comes next waits for them. */
export function resetNow(board: Board, channel: number): void {
  board.stopDma(channel);
  board.control(channel, CONTROL.SRST);
  // SRST stays for 5 µs ([ATA-6] 9.2): a port read takes no less than 0.4.
  for (let i = 0; i < RESET_READS; i++) board.peek(channel);
  board.control(channel, 0x00);
  board.forgetSettings(channel);
}
