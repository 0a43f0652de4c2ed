/**
 * Reading a disc in a packet device: READ(12) packets of at most 128 KiB each ([MMC-3] 6.33). What
 * needs no packet asks the drive at least whether it is ready, so that a disc that was changed is
 * noticed whatever is asked of it.
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
import { ASK_CAPACITY, PACKET_LIMIT, TEST_UNIT_READY, learnCapacity } from "./packet.ts";
import { STEP, attemptShape, type Attempts, type CommandWords } from "./retry.ts";

const READ_12 = 0xa8;
const shape = { ...attemptShape, doneBytes: u32, chunkBytes: u32, asks: bool } as const;

/** @param attempts whose commands are packets */
export function discLayer(board: Board, attempts: Attempts, write: boolean): Layer {
  /** Written anew for each packet, so that none is made. */
  const made: CommandWords = { command: ATA.PACKET, lba: PACKET_LIMIT, packet: READ_12 };
  const wrong = (run: LayerContext): number => {
    const { sectorBytes, sectors } = board.disks.at(run.resource);
    const misplaced = rangeError(sectorBytes, sectors * sectorBytes, run.offset, run.length, write);
    return misplaced === 0 && write ? ERRNO.EROFS : misplaced;
  };
  const next = (at: View<typeof shape>, run: LayerContext): Move => {
    if (at.asks) return attempts.call(run, ASK_CAPACITY);
    const { sectorBytes, sectors, dma } = board.disks.at(run.resource);
    const end = Math.min(run.offset + run.length, sectors * sectorBytes);
    const from = run.offset + at.doneBytes;
    at.step = STEP.WORK;
    at.chunkBytes = wrong(run) === 0 ? Math.max(0, Math.min(COMMAND_BYTES_MAX, end - from)) : 0;
    if (at.chunkBytes === 0) {
      return at.doneBytes > 0 ? run.done(0) : attempts.call(run, TEST_UNIT_READY);
    }
    made.features = dma ? 1 : 0;
    made.move = dma ? MOVE.DMA_IN : MOVE.PIO_IN;
    made.place = dma ? PLACE.BOUNCE : PLACE.OPERATION;
    made.bytes = at.chunkBytes;
    made.skip = at.doneBytes;
    made.packetLba = from / sectorBytes;
    made.packetCount = at.chunkBytes / sectorBytes;
    return attempts.call(run, made);
  };
  const take = (at: View<typeof shape>, run: LayerContext): void => {
    const disk = board.disks.at(run.resource);
    if (disk.dma) {
      const to = run.memoryAt + at.doneBytes;
      const target = run.memory.subarray(to, to + at.chunkBytes);
      board.cx.machine.ram.readInto(disk.bounce, target);
    }
    at.doneBytes += at.chunkBytes;
    at.tries = 0;
    disk.readBytes += at.chunkBytes;
    run.progress(at.chunkBytes);
  };
  return layer({
    name: write ? "ata.disc-write" : "ata.disc-read",
    frame: struct(shape),
    wait: (_at, run) => run.lock(board.locks[board.disks.at(run.resource).channel & 1]!),
    complete(at, run, result) {
      if (at.step === STEP.LOCK) return result < 0 ? run.fail(-result) : next(at, run);
      if (result < 0) return attempts.refuse(at, run, -result) ?? next(at, run);
      if (at.asks) {
        learnCapacity(board, run.resource);
        return run.fail(ERRNO.ENOMEDIUM);
      }
      if (board.disks.at(run.resource).sectors === 0) {
        // There is a disc of which nobody knows yet: whoever was to tell of it was cancelled.
        at.asks = true;
        return attempts.call(run, ASK_CAPACITY);
      }
      if (at.chunkBytes > 0) {
        take(at, run);
        return next(at, run);
      }
      const error = wrong(run);
      return error === 0 ? run.done(0) : run.fail(error);
    },
  }) as unknown as Layer;
}
