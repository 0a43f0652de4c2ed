/**
 * A hard disk or solid-state drive behind its commands: decodes task files, moves sectors between
 * the transport and the medium, keeps features, and fails as its fault list says. It knows no
 * registers and no interrupts; see drive.ts for how a transport uses it.
 */
import type { FaultList } from "../faults.ts";
import type { Medium } from "../medium.ts";
import { decodeState, encodeState } from "../state.ts";
import type { Timing } from "../timing.ts";
import { addressOf, defaultGeometry, showAddress } from "./address.ts";
import { ATA, ERROR, STATUS } from "./bits.ts";
import { type CommandShape, modernOpcode, shapeOf } from "./commands.ts";
import {
  type Drive,
  emptyPlan,
  type Plan,
  PROTOCOL,
  type Signature,
  type TaskFile,
} from "./drive.ts";
import { fillErrorLog, NO_ERROR_LOG, type ErrorLog } from "./error-log.ts";
import { applyNonData, smartShape, takeData } from "./effects.ts";
import { fillIdentify, type IdentifyFacts } from "./identify.ts";
import { clearPlan } from "./plan-state.ts";
import { fillSmartData, fillSmartThresholds, POWER, type Settings, SMART } from "./settings.ts";
import { WriteCache } from "./write-cache.ts";

const STATE_VERSION = 1;
const SECTOR = 512;
const READY = STATUS.DRDY | STATUS.DSC;

export interface DiskOptions {
  name: string;
  medium: Medium;
  timing: Timing;
  faults: FaultList;
  now(): number;
  /** Texts of IDENTIFY. */
  model?: string;
  serial?: string;
  firmware?: string;
  /** NCQ: commands in the queue, 1 to 32; 0 for a drive on a parallel cable. */
  queueDepth?: number;
  /** 0 or 1 on a parallel cable; -1, the default, on a serial link. */
  position?: number;
}

export class DiskDrive implements Drive {
  readonly kind = "disk";
  readonly name: string;
  readonly options: DiskOptions;
  readonly settings: Settings;
  readonly cache: WriteCache;
  /** What READ LOG EXT page 10h tells of the last failed queued command. */
  errorLog: ErrorLog = { ...NO_ERROR_LOG };
  /** For SMART and for people. */
  readonly counters = { commands: 0, readBytes: 0, writtenBytes: 0, unreadable: 0 };
  medium: Medium;

  constructor(options: DiskOptions) {
    this.options = options;
    this.name = options.name;
    this.medium = options.medium;
    this.cache = new WriteCache(options.medium);
    this.settings = {
      writeCache: true,
      lookAhead: true,
      keepOverReset: false,
      multiple: 0,
      transferMode: (options.position ?? -1) < 0 ? 0x46 : 0x45,
      power: POWER.ACTIVE,
      smart: true,
      smartAutosave: true,
      ...defaultGeometry(options.medium.sectors),
    };
  }

  get faults(): FaultList {
    return this.options.faults;
  }

  get resetNs(): number {
    return this.options.timing.resetNs;
  }

  get parallel(): number {
    return this.options.timing.parallel;
  }

  get serial(): boolean {
    return (this.options.position ?? -1) < 0;
  }

  get asleep(): boolean {
    return this.settings.power === POWER.SLEEP;
  }

  plan(): Plan {
    return { ...emptyPlan(), task: { command: 0, features: 0, count: 0, lba: 0, device: 0 } };
  }

  accept(task: TaskFile, plan: Plan): void {
    const { task: kept } = plan;
    kept.command = task.command;
    kept.features = task.features;
    kept.count = task.count;
    kept.lba = task.lba;
    kept.device = task.device;
    clearPlan(plan);
    this.counters.commands += 1;
    const shape = shapeOf(task.command);
    if (shape === undefined || this.asleep) return this.#refuse(plan, ERROR.ABRT);
    plan.extended = shape.extended;
    plan.fua = shape.fua;
    plan.protocol = shape.protocol;
    if (shape.queued) this.#acceptQueued(plan);
    if (plan.failed) return;
    if (shape.medium) this.#acceptMedium(shape, plan);
    else this.#acceptOther(plan);
  }

  #refuse(plan: Plan, error: number, lba = plan.task.lba): void {
    plan.failed = true;
    plan.protocol = PROTOCOL.NONE;
    plan.transferBytes = 0;
    plan.sectors = 0;
    plan.error = error;
    plan.status = READY | STATUS.ERR;
    plan.resultLba = lba;
    plan.resultCount = plan.task.count;
    plan.resultDevice = plan.task.device;
  }

  /** NCQ: the count is in the features, the tag in the count's bits 7:3 ([ACS-3] 7.16). */
  #acceptQueued(plan: Plan): void {
    plan.queued = true;
    plan.tag = (plan.task.count >>> 3) & 31;
    const depth = this.options.queueDepth ?? 0;
    plan.fua = (plan.task.device & 0x80) !== 0;
    if (depth === 0 || plan.tag >= depth) {
      plan.queued = depth !== 0;
      this.#refuse(plan, ERROR.ABRT);
      this.#log(plan);
    }
  }

  #acceptMedium(shape: CommandShape, plan: Plan): void {
    const { task } = plan;
    if (shape.multiple && this.settings.multiple === 0) return this.#refuse(plan, ERROR.ABRT);
    const lba = addressOf(task, shape.extended, this.settings);
    const count = shape.queued ? task.features : task.count;
    const sectors = shape.extended ? count & 0xffff || 65536 : count & 0xff || 256;
    if (lba < 0 || lba + sectors > this.medium.sectors) {
      // The first address that does not exist, where it can be said.
      const shown = lba < 0 ? task.lba : Math.max(lba, this.medium.sectors);
      this.#refuse(plan, ERROR.IDNF);
      if (lba >= 0) showAddress(shown, task, shape.extended, this.settings, plan);
      this.#log(plan);
      return;
    }
    plan.firstLba = lba;
    plan.sectors = sectors;
    if (shape.protocol === PROTOCOL.NONE) return;
    plan.transferBytes = sectors * SECTOR;
    plan.blockBytes = (shape.multiple ? this.settings.multiple : 1) * SECTOR;
    if (shape.protocol === PROTOCOL.DMA_OUT || shape.protocol === PROTOCOL.PIO_OUT) {
      if (this.medium.readOnly) return this.#refuse(plan, ERROR.ABRT);
      this.#chooseWriteFaults(plan);
    }
  }

  #chooseWriteFaults(plan: Plan): void {
    const { faults } = this.options;
    if (faults.size === 0) return;
    if (faults.strike("torn", plan.firstLba, plan.sectors)) {
      plan.keepSectors = faults.below(plan.sectors);
    }
    if (faults.strike("misdirected", plan.firstLba, plan.sectors)) {
      const room = this.medium.sectors - plan.sectors;
      plan.shiftSectors = room === 0 ? 0 : faults.below(room + 1) - plan.firstLba;
    }
  }

  /** Commands with data that are not the medium's. */
  #acceptOther(plan: Plan): void {
    const { command, features, count, lba } = plan.task;
    switch (command) {
      case ATA.IDENTIFY_DEVICE:
        fillIdentify(this.#ready(plan, 1), this.#facts());
        break;
      case ATA.READ_LOG_EXT:
      case ATA.READ_LOG_DMA_EXT:
        return this.#acceptLog(plan, lba & 0xff, count & 0xffff);
      case ATA.DATA_SET_MANAGEMENT:
        // Only TRIM; each block holds 64 ranges ([ACS-3] 7.5).
        if ((features & 0xff) !== 1 || (count & 0xffff) < 1 || (count & 0xffff) > 8) {
          return this.#refuse(plan, ERROR.ABRT);
        }
        this.#ready(plan, count & 0xffff);
        break;
      case ATA.SMART:
        return this.#acceptSmart(plan);
      default:
        break;
    }
  }

  #acceptSmart(plan: Plan): void {
    const shape = smartShape(plan.task, this.settings.smart);
    if (shape === "refused") return this.#refuse(plan, ERROR.ABRT);
    if (shape !== "data") return;
    plan.protocol = PROTOCOL.PIO_IN;
    const data = this.#ready(plan, 1);
    if ((plan.task.features & 0xff) === SMART.READ_THRESHOLDS) fillSmartThresholds(data);
    else fillSmartData(data, this.counters.unreadable, this.counters.commands);
  }

  /** READ LOG EXT: the directory (00h) and the NCQ error log (10h) ([ACS-3] 7.23, 9). */
  #acceptLog(plan: Plan, page: number, count: number): void {
    if (count < 1 || count > 16 || (page !== 0x00 && page !== 0x10)) {
      return this.#refuse(plan, ERROR.ABRT);
    }
    const data = this.#ready(plan, count);
    if (page === 0x10) fillErrorLog(data, this.errorLog);
    else {
      data[0] = 1; // Version 1; then one word a page: how many sectors it has.
      data[0x20] = 1;
    }
    if (page === 0x10) this.errorLog = { ...NO_ERROR_LOG };
  }

  /** Makes room for ready-made data; the plan keeps its array when it is big enough. */
  #ready(plan: Plan, sectors: number): Uint8Array {
    const bytes = sectors * SECTOR;
    if (plan.data.length !== bytes) plan.data = new Uint8Array(bytes);
    else plan.data.fill(0);
    plan.transferBytes = bytes;
    plan.blockBytes = SECTOR;
    return plan.data;
  }

  #facts(): IdentifyFacts {
    const { settings, options } = this;
    const geometry = defaultGeometry(this.medium.sectors);
    return {
      model: options.model ?? "IOREEL DISK",
      serial: options.serial ?? `IR-${this.name}`,
      firmware: options.firmware ?? "1.0",
      sectors: this.medium.sectors,
      ...geometry,
      currentCylinders: settings.cylinders,
      currentHeads: settings.heads,
      currentTrackSectors: settings.trackSectors,
      multiple: settings.multiple,
      writeCache: settings.writeCache,
      lookAhead: settings.lookAhead,
      smart: settings.smart,
      transferMode: settings.transferMode,
      queueDepth: options.queueDepth ?? 0,
      rotationRpm: options.timing.name === "hdd7200" ? 7200 : 1,
      position: options.position ?? -1,
    };
  }

  packet(plan: Plan): void {
    this.#refuse(plan, ERROR.ABRT);
  }

  #isWrite(plan: Plan): boolean {
    return plan.protocol === PROTOCOL.DMA_OUT || plan.protocol === PROTOCOL.PIO_OUT;
  }

  distanceNs(plan: Plan): number {
    const { timing, now } = this.options;
    return timing.reachNs(plan.firstLba, now(), this.#isWrite(plan));
  }

  start(plan: Plan): void {
    const { timing, faults, now } = this.options;
    const { settings } = this;
    plan.transferNs = 0;
    plan.delayNs = timing.commandNs;
    if (faults.size > 0 && faults.strike("hang", plan.firstLba, plan.sectors)) {
      plan.delayNs = Infinity;
      return;
    }
    if (plan.failed) return;
    const command = modernOpcode(plan.task.command);
    if (command === ATA.FLUSH_CACHE || command === ATA.FLUSH_CACHE_EXT) {
      plan.delayNs = timing.flushNs(this.cache.dirty);
    }
    if (plan.sectors === 0) return;
    if (settings.power === POWER.STANDBY) plan.delayNs += timing.spinUpNs;
    settings.power = POWER.ACTIVE;
    const write = this.#isWrite(plan);
    if (write && settings.writeCache && !plan.fua) {
      plan.delayNs += timing.cachedNs(plan.sectors) - timing.commandNs;
      return;
    }
    const spun = plan.delayNs - timing.commandNs;
    plan.delayNs = spun + timing.reachNs(plan.firstLba, now() + spun, write);
    plan.transferNs = timing.transferNs(plan.firstLba, plan.sectors, write);
    timing.moved(plan.firstLba, plan.sectors, write);
  }

  produce(plan: Plan, target: Uint8Array, at: number, length: number): number {
    if (plan.failed) return 0;
    const left = Math.min(length, plan.transferBytes - plan.movedBytes, target.length - at);
    if (this.#cableFails(plan)) return 0;
    if (plan.sectors === 0) {
      target.set(plan.data.subarray(plan.movedBytes, plan.movedBytes + left), at);
      plan.movedBytes += left;
      return left;
    }
    const lba = plan.firstLba + plan.movedBytes / SECTOR;
    const moved = this.#readSectors(plan, lba, Math.floor(left / SECTOR), target, at) * SECTOR;
    plan.movedBytes += moved;
    this.counters.readBytes += moved;
    return moved;
  }

  #readSectors(plan: Plan, lba: number, wanted: number, target: Uint8Array, at: number): number {
    const { faults } = this.options;
    const bad = faults.size > 0 ? faults.unreadable(lba, wanted) : -1;
    const good = bad < 0 ? wanted : bad - lba;
    const moved = good === 0 ? 0 : this.medium.read(lba, good, target, at);
    if (moved < wanted) {
      this.counters.unreadable += 1;
      this.failAt(plan, ERROR.UNC, lba + moved);
    }
    return moved;
  }

  consume(plan: Plan, source: Uint8Array, at: number, length: number): number {
    if (plan.failed) return 0;
    const left = Math.min(length, plan.transferBytes - plan.movedBytes, source.length - at);
    if (this.#cableFails(plan)) return 0;
    if (plan.sectors === 0) {
      plan.data.set(source.subarray(at, at + left), plan.movedBytes);
      plan.movedBytes += left;
      return left;
    }
    const lba = plan.firstLba + plan.movedBytes / SECTOR;
    const wanted = Math.floor(left / SECTOR);
    const moved = this.#writeSectors(plan, lba, wanted, source, at);
    plan.movedBytes += moved * SECTOR;
    this.counters.writtenBytes += moved * SECTOR;
    if (moved < wanted) {
      this.failAt(plan, ERROR.IDNF, lba + moved);
      plan.status |= STATUS.DF;
    }
    return moved * SECTOR;
  }

  /** @returns sectors that the drive says it wrote */
  #writeSectors(plan: Plan, lba: number, count: number, source: Uint8Array, at: number): number {
    const { faults } = this.options;
    const through = !this.settings.writeCache || plan.fua;
    const place = lba + plan.shiftSectors;
    const kept = Math.min(count, plan.keepSectors - (lba - plan.firstLba));
    if (kept <= 0) return count;
    if (!through) this.cache.remember(place, kept);
    const moved = this.medium.write(place, kept, source, at);
    if (through) this.cache.forget(place, moved);
    if (faults.size > 0) faults.written(place, moved);
    return kept < count && moved === kept ? count : moved;
  }

  /** A CRC error on the cable, for transfers that have a CRC: Ultra DMA. */
  #cableFails(plan: Plan): boolean {
    const isDma = plan.protocol === PROTOCOL.DMA_IN || plan.protocol === PROTOCOL.DMA_OUT;
    const { faults } = this.options;
    if (!isDma || faults.size === 0 || plan.movedBytes > 0) return false;
    if (faults.strike("crc", plan.firstLba, plan.sectors) === undefined) return false;
    this.failAt(plan, ERROR.ICRC | ERROR.ABRT, plan.firstLba);
    return true;
  }

  /** Fails a command that has begun, at a sector. */
  failAt(plan: Plan, error: number, lba: number): void {
    plan.failed = true;
    plan.error = error;
    plan.status = READY | STATUS.ERR;
    plan.resultCount = Math.max(0, plan.firstLba + plan.sectors - lba);
    showAddress(lba, plan.task, plan.extended, this.settings, plan);
    this.#log(plan);
  }

  #log(plan: Plan): void {
    if (!plan.queued) return;
    const { tag, status, error, resultLba: lba, resultCount: count, task } = plan;
    this.errorLog = { filled: true, tag, status, error, lba, count, device: task.device };
  }

  end(plan: Plan): void {
    if (plan.failed) return;
    plan.status = READY;
    plan.error = 0;
    plan.resultCount = 0;
    plan.resultLba = plan.task.lba;
    plan.resultDevice = plan.task.device;
    if (plan.sectors > 0) {
      if (plan.protocol === PROTOCOL.NONE) this.#verify(plan);
      if (plan.failed) return;
      const last = plan.firstLba + plan.sectors - 1;
      showAddress(last, plan.task, plan.extended, this.settings, plan);
      return;
    }
    const error = this.#isWrite(plan) ? takeData(this, plan) : applyNonData(this, plan);
    if (error !== 0) {
      plan.failed = true;
      plan.error = error;
      plan.status = READY | STATUS.ERR;
    }
  }

  /** READ VERIFY: the sectors are read and go nowhere. */
  #verify(plan: Plan): void {
    const bad = this.options.faults.unreadable(plan.firstLba, plan.sectors);
    if (bad >= 0) this.failAt(plan, ERROR.UNC, bad);
  }

  abort(plan: Plan): void {
    plan.failed = true;
    plan.transferBytes = 0;
  }

  reset(hard: boolean): void {
    const { settings } = this;
    if (settings.power === POWER.SLEEP) settings.power = POWER.STANDBY;
    this.errorLog = { ...NO_ERROR_LOG };
    if (settings.keepOverReset && !hard) return;
    settings.multiple = 0;
    settings.writeCache = true;
    settings.lookAhead = true;
    if (hard) Object.assign(settings, defaultGeometry(this.medium.sectors));
  }

  powerLoss(): void {
    this.cache.lose();
  }

  /** [ATA-6] 9.12: error 01h is a passed diagnostic. */
  signature(): Signature {
    return { error: 0x01, count: 0x01, lba: 0x000001, device: 0, status: READY };
  }

  #fields() {
    const { timing, faults } = this.options;
    return {
      settings: { ...this.settings },
      errorLog: { ...this.errorLog },
      counters: { ...this.counters },
      position: timing.position,
      nextLba: timing.nextLba,
      cache: this.cache.save(),
      faults: faults.save(),
    };
  }

  snapshot(): Uint8Array {
    return encodeState("ata.disk", STATE_VERSION, this.#fields());
  }

  restore(bytes: Uint8Array): void {
    const like = { ...this.#fields(), cache: { lbas: [0], old: new Uint8Array(0) } };
    const fields = decodeState("ata.disk", STATE_VERSION, bytes, like);
    Object.assign(this.settings, fields.settings);
    this.errorLog = { ...fields.errorLog };
    Object.assign(this.counters, fields.counters);
    this.options.timing.position = fields.position;
    this.options.timing.nextLba = fields.nextLba;
    this.cache.load(fields.cache);
    this.options.faults.load(fields.faults);
  }
}
