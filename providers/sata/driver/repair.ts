/**
 * The port's service: sees to errors while operations wait. After a failed queued command it asks
 * the disk which one it was (READ LOG EXT page 10h), tells that command's operation, and issues the
 * others again; after a timeout or a fatal error it resets the port first. A device that is pulled
 * out takes its operations with it; one that is put in is a new generation.
 *
 * References: [AHCI] 6.2.2 (error recovery), 7.3 (hot plug), 10.4.2; [ACS-3] 9.13 (log page 10h).
 */
import {
  ERRNO,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Move,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { ATA, ERROR } from "../../disk/drive/bits.ts";
import * as R from "../registers.ts";
import { COMMAND_TIMEOUT_NS, INTERRUPTS, type Disks } from "./disks.ts";
import type { InternalLayer, openingLayer, PortLayer } from "./opening.ts";

const SECTOR = 512;
const LOG_PAGE = 0x10;
/** A command that suffers so many errors of others is given up, too. */
const REISSUES_MAX = 5;
const NOT_QUEUED = 0x80;

const STEP = { IDLE: 0, RESTARTED: 1, LOGGED: 2, RESET: 3, PLUGGED: 4 } as const;

interface RepairLayers {
  port: PortLayer;
  internal: InternalLayer;
  opening: ReturnType<typeof openingLayer>;
}

/** What the error register means to a program. Errors of the cable may not happen again. */
function errorOf(status: number, error: number): number {
  if ((error & ERROR.ICRC) !== 0) return -ERRNO.EAGAIN;
  if ((error & ERROR.UNC) !== 0) return -ERRNO.EIO;
  if ((error & ERROR.IDNF) !== 0 && (status & 0x20) === 0) return -ERRNO.ENOSPC;
  return -ERRNO.EIO;
}

class Repair {
  readonly #disks: Disks;
  readonly #layers: RepairLayers;

  constructor(disks: Disks, layers: RepairLayers) {
    this.#disks = disks;
    this.#layers = layers;
  }

  /** Issues what is in flight again, up to a limit. */
  reissue(resource: number): void {
    const disk = this.#disks.at(resource);
    const counts = disk.reissues.slice();
    let again = 0;
    for (let left = disk.flying | 0; left !== 0; left &= left - 1) {
      const tag = 31 - Math.clz32(left & -left);
      counts[tag]! += 1;
      if (counts[tag]! > REISSUES_MAX) {
        this.#disks.finishTag(resource, tag, -ERRNO.EIO);
        continue;
      }
      again |= 1 << tag;
      disk.reissued += 1;
    }
    disk.reissues = counts;
    disk.innocents = again >>> 0;
    this.finish(resource);
    if (again === 0) return;
    if (disk.queued && !disk.alone) this.#disks.writePort(disk.port, R.PORT_SACT, again >>> 0);
    this.#disks.writePort(disk.port, R.PORT_CI, again >>> 0);
  }

  /** The port is as good as new. */
  finish(resource: number): void {
    const disk = this.#disks.at(resource);
    this.#disks.writePort(disk.port, R.PORT_IE, INTERRUPTS);
    this.#disks.open(resource);
  }

  /** Tells an operation what its command failed with. */
  #fail(resource: number, tag: number, result: number): void {
    const disk = this.#disks.at(resource);
    if ((disk.flying & (1 << tag)) === 0) return;
    this.#disks.finishTag(resource, tag, result);
  }

  failAll(resource: number, mask: number, result: number): void {
    for (let left = mask | 0; left !== 0; left &= left - 1) {
      this.#fail(resource, 31 - Math.clz32(left & -left), result);
    }
  }

  /** The device is not there any more, or not of any use. */
  lose(run: LayerContext): Move {
    const { resource } = run;
    const disk = this.#disks.at(resource);
    disk.phase = "gone";
    disk.fault = 0;
    this.#disks.writePort(disk.port, R.PORT_CMD, R.CMD_FRE | R.CMD_SUD | R.CMD_POD);
    this.#disks.writePort(disk.port, R.PORT_SERR, 0xffffffff);
    this.#disks.writePort(disk.port, R.PORT_IS, 0xffffffff);
    this.failAll(resource, disk.flying, -ERRNO.ENODEV);
    this.#disks.turns.commands.table.refuse(resource, -ERRNO.ENODEV);
    // From now on only a device that is put in is of interest.
    this.#disks.writePort(disk.port, R.PORT_IE, R.IS_PCS);
    return run.again();
  }

  /** Decides what to do about what was reported. */
  begin(at: { step: number; errorTask: number }, run: LayerContext): Move {
    const disk = this.#disks.at(run.resource);
    const { fault } = disk;
    const isLinked = (this.#disks.readPort(disk.port, R.PORT_SSTS) & R.DET_MASK) === R.DET_PRESENT;
    disk.fault = 0;
    if (disk.phase === "gone") {
      if (!isLinked) return run.again();
      at.step = STEP.PLUGGED;
      return run.call(this.#layers.opening);
    }
    if (!isLinked && (fault & R.IS_PRCS) !== 0) return this.lose(run);
    at.errorTask = disk.faultTask;
    const isTaskError = (fault & R.IS_TFES) !== 0;
    const isWorse = (fault & (R.IS_IFS | R.IS_HBDS | R.IS_HBFS | R.IS_OFS)) !== 0;
    if (!isTaskError || isWorse || disk.late !== 0 || (fault & (R.IS_PCS | R.IS_PRCS)) !== 0) {
      at.step = STEP.RESET;
      return run.call(this.#layers.port, { reset: true });
    }
    if (!disk.queued || disk.alone) {
      const cmd = this.#disks.readPort(disk.port, R.PORT_CMD);
      const slot = (cmd & R.CMD_CCS_MASK) >>> R.CMD_CCS_SHIFT;
      // A packet device has its sense key where disks say what is wrong ([ATA-6] 9.8).
      const { packet } = disk;
      const error = packet ? -ERRNO.EIO : errorOf(at.errorTask & 0xff, at.errorTask >>> 8);
      this.#fail(run.resource, slot, error);
      at.step = STEP.RESET;
      return run.call(this.#layers.port, { reset: false });
    }
    at.step = STEP.RESTARTED;
    return run.call(this.#layers.port, { reset: false });
  }

  /** The log is read: which command was it? */
  judge(resource: number): void {
    const { bytes, internalAt } = this.#disks.area(resource);
    const first = bytes[internalAt]!;
    if ((first & NOT_QUEUED) !== 0) return;
    this.#fail(resource, first & 31, errorOf(bytes[internalAt + 2]!, bytes[internalAt + 3]!));
  }

  resetNow(at: { step: number }, run: LayerContext): Move {
    at.step = STEP.RESET;
    return run.call(this.#layers.port, { reset: true });
  }
}

/** The service of an open disk. */
export function repairLayer(disks: Disks, layers: RepairLayers) {
  const repair = new Repair(disks, layers);
  return layer({
    name: "sata.repair",
    frame: struct({ step: u8, errorTask: u32 }),
    wait(at, run) {
      if (at.step !== STEP.IDLE) return run.ready();
      const disk = disks.at(run.resource);
      if (disk.fault !== 0 || disk.late !== 0) return run.ready();
      const wait = run.queue(disk.repair as WaitQueue);
      // Nobody else looks after commands whose operations have ended.
      return disk.orphans === 0 ? wait : run.within(COMMAND_TIMEOUT_NS, wait);
    },
    complete(at, run, result) {
      const { resource } = run;
      const disk = disks.at(resource);
      switch (at.step) {
        case STEP.IDLE:
          disks.turns.letIn(run);
          if (result === -ERRNO.ETIME && disk.orphans !== 0) {
            disks.reportLate(resource, disk.orphans);
          }
          return disk.fault !== 0 || disk.late !== 0 ? repair.begin(at, run) : run.again();
        case STEP.RESTARTED:
          if (result < 0) return repair.resetNow(at, run);
          at.step = STEP.LOGGED;
          return run.call(layers.internal, {
            command: ATA.READ_LOG_EXT,
            page: LOG_PAGE,
            count: 1,
            sizeBytes: SECTOR,
          });
        case STEP.LOGGED:
          if (result < 0) return repair.resetNow(at, run);
          repair.judge(resource);
          break;
        case STEP.PLUGGED:
          at.step = STEP.IDLE;
          if (result < 0) return repair.lose(run);
          disk.changed = true;
          repair.finish(resource);
          return run.again();
        default:
          at.step = STEP.IDLE;
          if (result < 0) return repair.lose(run);
          repair.failAll(resource, disk.late, -ERRNO.ETIMEDOUT);
      }
      at.step = STEP.IDLE;
      repair.reissue(resource);
      return run.again();
    },
  });
}
