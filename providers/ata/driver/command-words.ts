/**
 * A command as a frame: what goes into the task file, where its data are, and the part of its
 * work that is register accesses alone: the task file, a command packet, a DRQ block.
 */
import {
  bool,
  u16,
  u32,
  u53,
  u8,
  type LayerContext,
  type View,
} from "../../../core/provider/index.ts";
import { ATA, DEVICE } from "../../disk/drive/bits.ts";
import { REG } from "../registers.ts";
import type { Board } from "./board.ts";

const PACKET_BYTES = 12;
/** How data move. */
export const MOVE = { NONE: 0, PIO_IN: 1, PIO_OUT: 2, DMA_IN: 3, DMA_OUT: 4 } as const;
/** Where they move: the operation's buffer, or the disk's buffer in the machine's memory. */
export const PLACE = { OPERATION: 0, BOUNCE: 1 } as const;

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
export const isOut = (frame: CommandFrame): boolean =>
  frame.move === MOVE.PIO_OUT && frame.command !== ATA.PACKET;
export const isDma = (frame: CommandFrame): boolean => frame.move >= MOVE.DMA_IN;

/** Writes the task file and the command ([ATA-6] 6.2: 48-bit registers take two writes). */
export function issue(board: Board, frame: CommandFrame, run: LayerContext): void {
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

export function writePacket(board: Board, frame: CommandFrame, run: LayerContext): void {
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
function place(
  board: Board,
  frame: CommandFrame,
  run: LayerContext,
): [bytes: Uint8Array, at: number] {
  if (frame.place === PLACE.OPERATION) return [run.memory, run.memoryAt + frame.skip];
  const { bounce } = board.disks.at(run.resource);
  return [board.cx.machine.ram.read(bounce, frame.bytes)!, 0];
}

/** Moves a DRQ block through the data register, four bytes at a time where they are. */
export function moveBlock(
  board: Board,
  frame: CommandFrame,
  run: LayerContext,
  out: boolean,
  length: number,
): void {
  const { channel } = board.disks.at(run.resource);
  const [bytes, start] = place(board, frame, run);
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

export function blockBytes(board: Board, frame: CommandFrame, run: LayerContext): number {
  const { channel, multiple } = board.disks.at(run.resource);
  if (frame.command === ATA.PACKET) {
    return board.read(channel, REG.LBA_MID) + board.read(channel, REG.LBA_HIGH) * 256;
  }
  const isMultiple = MULTIPLES.has(frame.command);
  return Math.min(isMultiple ? multiple * 512 : 512, frame.bytes - frame.moved);
}

const MULTIPLES: ReadonlySet<number> = new Set([
  ATA.READ_MULTIPLE,
  ATA.READ_MULTIPLE_EXT,
  ATA.WRITE_MULTIPLE,
  ATA.WRITE_MULTIPLE_EXT,
  ATA.WRITE_MULTIPLE_FUA_EXT,
]);
