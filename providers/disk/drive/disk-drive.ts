/**
 * A hard disk or solid-state drive behind its commands: decodes task files, moves sectors between
 * the transport and the medium, keeps features, and fails as its fault list says. It knows no
 * registers and no interrupts; see drive.ts for how a transport uses it.
 */
import type { FaultList } from "../faults.ts";
import type { Medium } from "../medium.ts";
import { decodeState, encodeState } from "../state.ts";
import type { Timing } from "../timing.ts";
import { defaultGeometry, showAddress } from "./address.ts";
import { ATA, ERROR, STATUS } from "./bits.ts";
import { modernOpcode } from "./commands.ts";
import {
  type Drive,
  emptyPlan,
  type Plan,
  PROTOCOL,
  type Signature,
  type TaskFile,
} from "./drive.ts";
import { NO_ERROR_LOG, type ErrorLog } from "./error-log.ts";
import { applyNonData, takeData } from "./effects.ts";
import { acceptCommand, refuse } from "./disk-accept.ts";
import { consume, failAt, produce } from "./disk-sectors.ts";
import { clearPlan } from "./plan-state.ts";
import { POWER, type Settings } from "./settings.ts";
import { WriteCache } from "./write-cache.ts";

const STATE_VERSION = 1;
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
    acceptCommand(this, plan);
  }

  packet(plan: Plan): void {
    refuse(this, plan, ERROR.ABRT);
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
    return produce(this, plan, target, at, length);
  }

  consume(plan: Plan, source: Uint8Array, at: number, length: number): number {
    return consume(this, plan, source, at, length);
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
    if (bad >= 0) failAt(this, plan, ERROR.UNC, bad);
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
