/** Operations of one command or a few: flush, discard (TRIM) and identify. */
import {
  ERRNO,
  layer,
  struct,
  u53,
  type Layer,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { rangeError } from "../../disk/range.ts";
import type { Board } from "./board.ts";
import { MOVE, PLACE } from "./command-words.ts";
import { describeIdentify } from "./identify-words.ts";
import { STEP, attemptShape, type Attempts, type AttemptView } from "./retry.ts";

const BLOCK_BYTES = 512;
const RANGE_BYTES = 8;
const RANGE_SECTORS_MAX = 65535;

/** A layer that takes the channel, then asks `work` for one command after another. */
function locked(
  board: Board,
  attempts: Attempts,
  name: string,
  work: (frame: AttemptView & { done: number }, run: LayerContext) => Move,
): Layer {
  return layer({
    name,
    frame: struct({ ...attemptShape, done: u53 }),
    wait: (_frame, run) => run.lock(board.locks[board.disks.at(run.resource).channel & 1]!),
    complete(frame, run, result) {
      if (result < 0) {
        const over = attempts.refuse(frame, run, -result);
        if (over !== undefined) return over;
      } else if (frame.step === STEP.WORK) frame.done += 1;
      if (frame.step === STEP.SETUP && result >= 0) board.disks.at(run.resource).unset = false;
      const missing = attempts.setUp(frame, run);
      if (missing !== undefined) return missing;
      frame.step = STEP.WORK;
      return work(frame, run);
    },
  }) as unknown as Layer;
}

export function flushLayer(board: Board, attempts: Attempts): Layer {
  return locked(board, attempts, "ata.flush", (frame, run) => {
    const { lba48, packet } = board.disks.at(run.resource);
    if (frame.done > 0 || packet) return run.done(0);
    const command = lba48 ? ATA.FLUSH_CACHE_EXT : ATA.FLUSH_CACHE;
    return attempts.call(run, { command, extended: lba48 });
  });
}

/** Each command trims the ranges of one block: 64 times 65,535 sectors ([ACS-3] 7.5). */
export function discardLayer(board: Board, attempts: Attempts): Layer {
  const block = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(block.buffer);
  const PER_COMMAND = (BLOCK_BYTES / RANGE_BYTES) * RANGE_SECTORS_MAX;
  return locked(board, attempts, "ata.discard", (frame, run) => {
    const { sectorBytes, sectors, readOnly, trim, bounce } = board.disks.at(run.resource);
    const size = sectors * sectorBytes;
    const wrong = rangeError(sectorBytes, size, run.offset, run.argument, true);
    if (wrong !== 0) return run.fail(wrong);
    if (readOnly) return run.fail(ERRNO.EROFS);
    if (!trim) return run.fail(ERRNO.EOPNOTSUPP);
    const end = (run.offset + run.argument) / sectorBytes;
    let lba = run.offset / sectorBytes + frame.done * PER_COMMAND;
    if (lba >= end) return run.done(0);
    block.fill(0);
    for (let at = 0; at < BLOCK_BYTES && lba < end; at += RANGE_BYTES) {
      const count = Math.min(RANGE_SECTORS_MAX, end - lba);
      view.setUint32(at, lba % 2 ** 32, true);
      view.setUint16(at + 4, Math.floor(lba / 2 ** 32), true);
      view.setUint16(at + 6, count, true);
      lba += count;
    }
    board.cx.machine.ram.write(bounce, block);
    return attempts.call(run, {
      command: ATA.DATA_SET_MANAGEMENT,
      extended: true,
      features: 1,
      count: 1,
      move: MOVE.DMA_OUT,
      place: PLACE.BOUNCE,
      bytes: BLOCK_BYTES,
    });
  });
}

/** Brings what the drive says of itself, as a line of JSON. */
export function identifyLayer(board: Board, attempts: Attempts): Layer {
  return locked(board, attempts, "ata.identify", (frame, run) => {
    const { packet, bounce, generation, sectors, sectorBytes } = board.disks.at(run.resource);
    if (frame.done === 0) {
      return attempts.call(run, {
        command: packet ? ATA.IDENTIFY_PACKET_DEVICE : ATA.IDENTIFY_DEVICE,
        move: MOVE.PIO_IN,
        place: PLACE.BOUNCE,
        bytes: BLOCK_BYTES,
      });
    }
    const words = board.cx.machine.ram.read(bounce, BLOCK_BYTES)!;
    const disc = packet ? { generation } : {};
    const text = JSON.stringify({ ...describeIdentify(words), sectors, sectorBytes, ...disc });
    const bytes = new TextEncoder().encode(`${text}\n`);
    const count = Math.min(bytes.length, run.length);
    if (count > 0) run.bring(bytes, 0, count);
    return run.done(0);
  });
}
