/**
 * Opening a disk: IDENTIFY says what it is (a packet device aborts it and shows its signature,
 * [ATA-6] 9.1), then the transfer mode and the DRQ block are set; a packet device is asked for its
 * capacity.
 */
import {
  ERRNO,
  layer,
  struct,
  u8,
  type Layer,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { REG } from "../registers.ts";
import type { Board } from "./board.ts";
import { MOVE, PLACE } from "./command-words.ts";
import { readIdentify } from "./identify-words.ts";
import { ASK_CAPACITY, TEST_UNIT_READY, learnCapacity } from "./packet.ts";
import { STEP, attemptShape, type Attempts, type CommandWords } from "./retry.ts";

const STAGE = { DISK: 0, PACKET: 1, MODE: 2, MULTIPLE: 3, READY: 4, CAPACITY: 5 } as const;

const IDENTIFY_BYTES = 512;
const PACKET_SIGNATURE = 0xeb14;
/** SET FEATURES 03h: PIO mode 4 with flow control, Ultra DMA. */
const PIO_4 = 0x0c;
const ULTRA_DMA = 0x40;
const READY_TRIES_MAX = 4;

const identify: CommandWords = { move: MOVE.PIO_IN, place: PLACE.BOUNCE, bytes: IDENTIFY_BYTES };

function bytesOf(board: Board, resource: number, length: number): Uint8Array {
  return board.cx.machine.ram.read(board.disks.at(resource).bounce, length)!;
}

/** The command of a stage. */
function words(board: Board, stage: number, run: LayerContext): CommandWords {
  const { dma, multiple } = board.disks.at(run.resource);
  switch (stage) {
    case STAGE.DISK:
      return { ...identify, command: ATA.IDENTIFY_DEVICE };
    case STAGE.PACKET:
      return { ...identify, command: ATA.IDENTIFY_PACKET_DEVICE };
    case STAGE.MODE: {
      const modes = readIdentify(bytesOf(board, run.resource, IDENTIFY_BYTES)).ultraModes;
      // The bus master of this controller's time goes up to mode 5.
      const best = Math.min(5, 31 - Math.clz32(modes));
      const count = dma && modes !== 0 ? ULTRA_DMA | best : PIO_4;
      return { command: ATA.SET_FEATURES, features: 0x03, count };
    }
    case STAGE.MULTIPLE:
      return { command: ATA.SET_MULTIPLE, count: multiple };
    case STAGE.READY:
      return TEST_UNIT_READY;
    default:
      return ASK_CAPACITY;
  }
}

function learn(board: Board, run: LayerContext, packet: boolean): void {
  const found = readIdentify(bytesOf(board, run.resource, IDENTIFY_BYTES));
  const disk = board.disks.at(run.resource);
  disk.packet = packet;
  disk.dma = disk.dma && found.dma;
  if (packet) {
    disk.readOnly = true;
    return;
  }
  disk.sectors = found.sectors;
  disk.lba48 = found.lba48;
  disk.fua = found.fua;
  // TRIM moves its ranges by DMA.
  disk.trim = found.trim && found.dma;
  disk.multiple = Math.min(16, found.multiple);
}

/** A stage is done. @returns the next, or -1 at the end */
function after(board: Board, stage: number, run: LayerContext): number {
  const { packet, multiple } = board.disks.at(run.resource);
  switch (stage) {
    case STAGE.MODE:
      if (packet) return STAGE.READY;
      return multiple > 1 ? STAGE.MULTIPLE : -1;
    case STAGE.DISK:
    case STAGE.PACKET:
      learn(board, run, stage === STAGE.PACKET);
      return STAGE.MODE;
    case STAGE.READY:
      return STAGE.CAPACITY;
    case STAGE.CAPACITY:
      learnCapacity(board, run.resource);
      return -1;
    default:
      board.disks.at(run.resource).unset = false;
      return -1;
  }
}

const openingShape = { ...attemptShape, stage: u8, waits: u8 } as const;

/** A stage's command failed. @returns undefined when another is to be tried */
function failed(
  board: Board,
  attempts: Attempts,
  frame: View<typeof openingShape>,
  run: LayerContext,
  errorNumber: number,
): Move | undefined {
  const { channel } = board.disks.at(run.resource);
  const signature = board.read(channel, REG.LBA_MID) + board.read(channel, REG.LBA_HIGH) * 256;
  const isRefused = errorNumber === ERRNO.EIO;
  if (frame.stage === STAGE.DISK && isRefused && signature === PACKET_SIGNATURE) {
    frame.stage = STAGE.PACKET;
    return undefined;
  }
  if (frame.stage === STAGE.READY && isRefused && frame.waits < READY_TRIES_MAX) {
    // Unit attention: the first command after power-on says that there was one.
    frame.waits += 1;
    return undefined;
  }
  if (frame.stage >= STAGE.READY && isRefused) return run.fail(ERRNO.ENOMEDIUM);
  return attempts.refuse(frame, run, errorNumber);
}

export function openingLayer(board: Board, attempts: Attempts): Layer {
  return layer({
    name: "ata.opening",
    frame: struct(openingShape),
    wait: (_frame, run) => run.lock(board.locks[board.disks.at(run.resource).channel & 1]!),
    complete(frame, run, result) {
      if (result < 0) {
        const over = failed(board, attempts, frame, run, -result);
        if (over !== undefined) return over;
      } else if (frame.step === STEP.WORK) {
        const next = after(board, frame.stage, run);
        if (next < 0) return run.done(0);
        frame.stage = next;
      }
      frame.step = STEP.WORK;
      return attempts.call(run, words(board, frame.stage, run));
    },
  }) as unknown as Layer;
}
