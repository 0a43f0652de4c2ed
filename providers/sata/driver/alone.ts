/**
 * Commands that are not queued and so must be alone on the disk: flushing, forgetting, asking who
 * it is. They wait until nothing is in flight and keep others from beginning meanwhile.
 *
 * References: [ACS-3] 7.10 (FLUSH CACHE EXT), 7.5 (DATA SET MANAGEMENT), 7.12 (IDENTIFY DEVICE).
 */
import {
  ERRNO,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Move,
  type View,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import { rangeError } from "../../disk/range.ts";
import { turnShape } from "../../disk/queue/turns.ts";
import { endOfWait, enterAlone, ONLY_TAG } from "./alone-turn.ts";
import type { Disks } from "./disks.ts";
import { readIdentity } from "./identity.ts";

const SECTOR = 512;
const ATTEMPTS_MAX = 3;
/** A TRIM range: 48 bits of address, 16 of count. */
const RANGE_BYTES = 8;
const RANGE_SECTORS_MAX = 0xffff;
const RANGES_MAX = SECTOR / RANGE_BYTES;
const DISCARD_SECTORS_MAX = RANGE_SECTORS_MAX * RANGES_MAX;
const FEATURE_TRIM = 1;

const shape = {
  ...turnShape,
  attempts: u8,
  /** Rounds that are done, for what takes several commands. */
  rounds: u32,
} as const;

interface AloneCommand {
  /** Builds the next command in tag 0. @returns 1; 0 when there is nothing to do, or an error */
  build(run: LayerContext, round: number): number;
  /** The command is done. */
  finish(run: LayerContext, round: number): Move | undefined;
}

function aloneLayer(disks: Disks, name: string, command: AloneCommand) {
  const { turns } = disks;
  const over = (at: View<typeof shape>, run: LayerContext, result: number): Move => {
    const { resource } = run;
    const move = result === 0 ? command.finish(run, at.rounds) : undefined;
    disks.at(resource).alone = false;
    at.attempts = result < 0 ? at.attempts + 1 : 0;
    const isWorthIt = result === -ERRNO.EAGAIN || result === -ERRNO.ETIMEDOUT;
    const isAgain = result < 0 ? isWorthIt && at.attempts < ATTEMPTS_MAX : result === 0;
    if (isAgain && move === undefined) {
      if (result === 0) at.rounds += 1;
      turns.commands.again(resource, at.line - 1);
      return run.again();
    }
    turns.depart(at, run);
    if (result < 0) return run.fail(result === -ERRNO.EAGAIN ? ERRNO.EIO : -result);
    return move ?? run.done(0);
  };
  return layer({
    name,
    frame: struct(shape),
    wait(at, run) {
      const { resource } = run;
      if (at.line === 0) {
        const refusal = disks.refusal(resource);
        if (refusal < 0) return run.ready(refusal);
        if (!enterAlone(disks, at, run)) return turns.outside(run);
      }
      if (!turns.isGranted(at, resource)) return disks.waitOn(at, run);
      const built = command.build(run, at.rounds);
      turns.commands.place(resource, at.line - 1);
      if (built > 0) {
        disks.at(resource).alone = true;
        return disks.issue(at, run, ONLY_TAG, false);
      }
      turns.commands.finish(resource, ONLY_TAG, built === 0 ? NOTHING : built);
      return run.ready();
    },
    complete: (at, run, answer) => endOfWait(disks, at, run, answer, over),
    cancel: (at, run) => disks.leave(at, run),
  });
}

const NOTHING = 1;

function fill(disks: Disks, command: number, features: number, count: number): void {
  const { task } = disks;
  task.command = command;
  task.features = features;
  task.count = count;
  task.lba = 0;
  task.device = 0x40;
}

export function flushLayer(disks: Disks) {
  return aloneLayer(disks, "sata.flush", {
    build(run) {
      if (disks.at(run.resource).readOnly) return 0;
      fill(disks, ATA.FLUSH_CACHE_EXT, 0, 0);
      disks.area(run.resource).build(0, disks.task, 0, false);
      return 1;
    },
    finish: (run) => run.done(0),
  });
}

/** TRIM: as many ranges as a block holds, block after block. */
export function discardLayer(disks: Disks) {
  const sectorsOf = (run: LayerContext): number => run.argument / SECTOR;
  return aloneLayer(disks, "sata.discard", {
    build(run, round) {
      const { sectorBytes, sectors, readOnly } = disks.at(run.resource);
      const { offset, argument } = run;
      const wrong = rangeError(sectorBytes, sectors * sectorBytes, offset, argument, true);
      if (wrong !== 0) return -wrong;
      if (readOnly) return -ERRNO.EROFS;
      const from = round * DISCARD_SECTORS_MAX;
      let left = Math.min(DISCARD_SECTORS_MAX, sectorsOf(run) - from);
      if (left <= 0) return 0;
      fill(disks, ATA.DATA_SET_MANAGEMENT, FEATURE_TRIM, 1);
      const area = disks.area(run.resource);
      area.build(0, disks.task, SECTOR, true);
      let lba = offset / SECTOR + from;
      for (let range = 0; range < RANGES_MAX; range++) {
        const count = Math.min(left, RANGE_SECTORS_MAX);
        putRange(area.bytes, area.bufferAt(0) + range * RANGE_BYTES, lba, count);
        lba += count;
        left -= count;
      }
      return 1;
    },
    finish: (run, round) =>
      (round + 1) * DISCARD_SECTORS_MAX >= sectorsOf(run) ? run.done(0) : undefined,
  });
}

function putRange(bytes: Uint8Array, at: number, lba: number, count: number): void {
  let address = count === 0 ? 0 : lba;
  for (let i = 0; i < 6; i++) {
    bytes[at + i] = address % 256;
    address = Math.floor(address / 256);
  }
  bytes[at + 6] = count & 0xff;
  bytes[at + 7] = count >>> 8;
}

/** Asks the disk who it is, and tells it as one line of JSON. */
export function identifyLayer(disks: Disks) {
  return aloneLayer(disks, "sata.identify", {
    build(run) {
      const { packet } = disks.at(run.resource);
      fill(disks, packet ? ATA.IDENTIFY_PACKET_DEVICE : ATA.IDENTIFY_DEVICE, 0, 0);
      disks.area(run.resource).build(0, disks.task, SECTOR, false);
      return 1;
    },
    finish(run) {
      const { bytes } = disks.area(run.resource);
      const at = disks.area(run.resource).bufferAt(0);
      const { packet, sectors, sectorBytes, generation } = disks.at(run.resource);
      const identity = readIdentity(new Uint8Array(bytes.subarray(at, at + SECTOR)));
      // What is in a drive is not what the drive is: IDENTIFY does not tell.
      const disc = packet ? { sectors, sectorBytes, generation } : {};
      const text = new TextEncoder().encode(`${JSON.stringify({ ...identity, ...disc })}\n`);
      run.bring(text, 0, Math.min(text.length, run.length));
      return run.done(0);
    },
  });
}
