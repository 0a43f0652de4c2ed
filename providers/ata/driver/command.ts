/**
 * One command from start to end, as a layer that others call while they hold the channel's lock:
 * waits until the drive is ready, writes the task file, then waits for interrupts and moves the
 * blocks ([ATA-6] clause 9). Its result is 0, or the error: ETIMEDOUT when no interrupt came (the
 * caller resets), ENODEV when nobody is there, EIO when the drive refused.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u16,
  u32,
  u53,
  u8,
  type LayerContext,
  type View,
} from "../../../core/provider/index.ts";
import { ATA, DEVICE, REASON, STATUS } from "../../disk/drive/bits.ts";
import { BM_STATUS, REG } from "../registers.ts";
import type { Board } from "./board.ts";

/** How data move. */
export const MOVE = { NONE: 0, PIO_IN: 1, PIO_OUT: 2, DMA_IN: 3, DMA_OUT: 4 } as const;
/** Where they move: the operation's buffer, or the disk's buffer in the machine's memory. */
export const PLACE = { OPERATION: 0, BOUNCE: 1 } as const;

const PHASE = { READY: 0, ISSUE: 1, DRQ: 2, BLOCK: 3, INTERRUPT: 4 } as const;

const TIMEOUT_NS = 10e9;
const POLL_NS = 1_000;
const POLLS_FAST = 100;
const POLL_SLOW_NS = 1e6;
const POLLS_MAX = 10_000;
const PACKET_BYTES = 12;

export const commandShape = {
  phase: u8,
  command: u8,
  features: u16,
  count: u16,
  lba: u53,
  extended: bool,
  /** The device register's low bits: heads of INITIALIZE DEVICE PARAMETERS. */
  head: u8,
  move: u8,
  place: u8,
  /** Bytes of the data, where they begin in the buffer, and how many have moved. */
  bytes: u32,
  skip: u32,
  moved: u32,
  polls: u32,
  /** A command packet's bytes 0 to 11, of the kind that reads blocks: opcode, address, count. */
  packet: u8,
  packetLba: u32,
  packetCount: u32,
} as const;
export type CommandFrame = View<typeof commandShape>;

/** Whether a PIO transfer has another block to come. */
const isOut = (frame: CommandFrame): boolean =>
  frame.move === MOVE.PIO_OUT && frame.command !== ATA.PACKET;
const isDma = (frame: CommandFrame): boolean => frame.move >= MOVE.DMA_IN;

export function commandLayer(board: Board) {
  /** Writes the task file and the command ([ATA-6] 6.2: 48-bit registers take two writes). */
  function issue(frame: CommandFrame, run: LayerContext): void {
    const disk = board.disks.at(run.resource);
    const { channel, position } = disk;
    disk.commands += 1;
    const put = (register: number, value: number): void => board.write(channel, register, value);
    const { lba, extended } = frame;
    const select = DEVICE.LBA | 0xa0 | (position * DEVICE.SELECT);
    const top = extended ? 0 : (Math.floor(lba / 2 ** 24) & 15) | frame.head;
    put(REG.DEVICE, select | top);
    if (extended) {
      put(REG.FEATURES, frame.features >>> 8);
      put(REG.COUNT, frame.count >>> 8);
      for (let i = 0; i < 3; i++) put(REG.LBA_LOW + i, Math.floor(lba / 2 ** (24 + 8 * i)) & 0xff);
    }
    put(REG.FEATURES, frame.features & 0xff);
    put(REG.COUNT, frame.count & 0xff);
    for (let i = 0; i < 3; i++) put(REG.LBA_LOW + i, Math.floor(lba / 2 ** (8 * i)) & 0xff);
    put(REG.COMMAND, frame.command);
    if (isDma(frame) && frame.command !== ATA.PACKET) {
      board.startDma(run.resource, frame.bytes, frame.move === MOVE.DMA_IN);
    }
  }

  function writePacket(frame: CommandFrame, run: LayerContext): void {
    const { channel } = board.disks.at(run.resource);
    const bytes = [frame.packet, 0];
    for (let shift = 24; shift >= 0; shift -= 8) bytes.push((frame.packetLba >>> shift) & 0xff);
    // READ(12) has a count of four bytes; the others that we send have none or ignore it.
    for (let shift = 24; shift >= 0; shift -= 8) bytes.push((frame.packetCount >>> shift) & 0xff);
    bytes.push(0, 0);
    for (let i = 0; i < PACKET_BYTES; i += 2) {
      board.write(channel, REG.DATA, bytes[i]! + bytes[i + 1]! * 256, 2);
    }
    if (isDma(frame)) board.startDma(run.resource, frame.bytes, frame.move === MOVE.DMA_IN);
  }

  /** Where the data are: the operation's memory, or a window on the machine's. */
  function place(frame: CommandFrame, run: LayerContext): [bytes: Uint8Array, at: number] {
    if (frame.place === PLACE.OPERATION) return [run.memory, run.memoryAt + frame.skip];
    const { bounce } = board.disks.at(run.resource);
    return [board.cx.machine.ram.read(bounce, frame.bytes)!, 0];
  }

  /** Moves a DRQ block through the data register, four bytes at a time where they are. */
  function moveBlock(frame: CommandFrame, run: LayerContext, out: boolean, length: number): void {
    const { channel } = board.disks.at(run.resource);
    const [bytes, start] = place(frame, run);
    const count = Math.min(length, frame.bytes - frame.moved);
    let at = start + frame.moved;
    const end = at + count;
    const whole = end - (count % 4);
    if (out) {
      for (; at < whole; at += 4) {
        const word =
          bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        board.write(channel, REG.DATA, word >>> 0, 4);
      }
    } else {
      for (; at < whole; at += 4) {
        const word = board.read(channel, REG.DATA, 4);
        bytes[at] = word;
        bytes[at + 1] = word >>> 8;
        bytes[at + 2] = word >>> 16;
        bytes[at + 3] = word >>> 24;
      }
      for (; at < end; at += 2) {
        const word = board.read(channel, REG.DATA, 2);
        bytes[at] = word;
        if (at + 1 < end) bytes[at + 1] = word >>> 8;
      }
      // A device may offer more than was asked for; it wants to be rid of it.
      for (let left = count; left < length; left += 2) board.read(channel, REG.DATA, 2);
    }
    frame.moved += count;
  }

  function blockBytes(frame: CommandFrame, run: LayerContext): number {
    const { channel, multiple } = board.disks.at(run.resource);
    if (frame.command === ATA.PACKET) {
      return board.read(channel, REG.LBA_MID) + board.read(channel, REG.LBA_HIGH) * 256;
    }
    const isMultiple = MULTIPLES.has(frame.command);
    return Math.min(isMultiple ? multiple * 512 : 512, frame.bytes - frame.moved);
  }

  function fail(run: LayerContext, status: number) {
    board.noteFailure(run.resource, status);
    return run.fail(ERRNO.EIO);
  }

  /** Looks whether the drive is ready for the next phase. */
  function poll(frame: CommandFrame, run: LayerContext) {
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
      return fail(run, status);
    }
    frame.phase = PHASE.BLOCK;
    return run.again();
  }

  /** An interrupt came, or should have. */
  function onInterrupt(frame: CommandFrame, run: LayerContext, result: number) {
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
    }
    const status = board.read(channel, REG.STATUS);
    if ((status & STATUS.BSY) !== 0) return run.again();
    if ((status & STATUS.ERR) !== 0 || (status & STATUS.DF) !== 0) {
      if (isDma(frame)) board.stopDma(channel);
      return fail(run, status);
    }
    if (isDma(frame)) return dmaEnd(frame, run, status);
    if ((status & STATUS.DRQ) === 0) {
      const isWhole = frame.moved >= frame.bytes || frame.command === ATA.PACKET;
      return isWhole ? run.done(frame.moved) : fail(run, status);
    }
    if (frame.command === ATA.PACKET) {
      const toHost = (board.read(channel, REG.COUNT) & REASON.TO_HOST) !== 0;
      if (!toHost) return fail(run, status);
    }
    if (isOut(frame)) {
      frame.phase = PHASE.BLOCK;
      return run.again();
    }
    moveBlock(frame, run, false, blockBytes(frame, run));
    const isOver = frame.moved >= frame.bytes && frame.command !== ATA.PACKET;
    return isOver ? run.done(frame.moved) : run.again();
  }

  function dmaEnd(frame: CommandFrame, run: LayerContext, status: number) {
    const { channel } = board.disks.at(run.resource);
    const bus = board.busMasterStatus(channel);
    // An interrupt that is not the drive's at the end of its work: wait for that one.
    if ((status & STATUS.DRQ) !== 0 && (bus & BM_STATUS.ERROR) === 0) return run.again();
    board.stopDma(channel);
    if ((bus & BM_STATUS.ERROR) !== 0) return run.fail(ERRNO.ETIMEDOUT);
    frame.moved = frame.bytes;
    return run.done(frame.bytes);
  }

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
            issue(frame, run);
            return run.ready();
          }
          // First the ear, then the shout.
          const wait = run.within(TIMEOUT_NS, run.interrupt(line));
          issue(frame, run);
          return wait;
        }
        case PHASE.BLOCK: {
          const wait = run.within(TIMEOUT_NS, run.interrupt(line));
          if (frame.command === ATA.PACKET) writePacket(frame, run);
          else moveBlock(frame, run, true, blockBytes(frame, run));
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
          return poll(frame, run);
        case PHASE.ISSUE:
          if (isOut(frame) || frame.command === ATA.PACKET) {
            frame.phase = PHASE.DRQ;
            return run.again();
          }
          frame.phase = PHASE.INTERRUPT;
          return onInterrupt(frame, run, result);
        case PHASE.BLOCK:
          frame.phase = PHASE.INTERRUPT;
          return onInterrupt(frame, run, result);
        default:
          return onInterrupt(frame, run, result);
      }
    },
    cancel(frame, run) {
      // The drive may be in the middle of it: only a reset makes it let go.
      if (frame.phase <= PHASE.ISSUE && frame.polls === 0 && frame.moved === 0) {
        if (frame.phase === PHASE.READY) return;
      }
      resetNow(board, board.disks.at(run.resource).channel);
    },
  });
}

const MULTIPLES: ReadonlySet<number> = new Set([
  ATA.READ_MULTIPLE,
  ATA.READ_MULTIPLE_EXT,
  ATA.WRITE_MULTIPLE,
  ATA.WRITE_MULTIPLE_EXT,
  ATA.WRITE_MULTIPLE_FUA_EXT,
]);

/** Resets a channel without waiting for its drives: whoever comes next waits for them. */
export function resetNow(board: Board, channel: number): void {
  board.stopDma(channel);
  board.control(channel, 0x04);
  board.control(channel, 0x00);
  board.forgetSettings(channel);
}
