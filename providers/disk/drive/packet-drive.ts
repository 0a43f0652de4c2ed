/**
 * A CD drive behind the PACKET command ([ATA-6] 8.23, [SFF-8020i], [MMC-3]): command packets,
 * sense data, unit attention, a tray. Its medium has sectors of 2,048 bytes and is only read.
 */
import type { FaultList } from "../faults.ts";
import type { Medium } from "../medium.ts";
import { decodeState, encodeState } from "../state.ts";
import { ATA, ERROR, REASON, STATUS } from "./bits.ts";
import type { DiskOptions } from "./disk-drive.ts";
import {
  type Drive,
  emptyPlan,
  type Plan,
  PROTOCOL,
  type Signature,
  type TaskFile,
} from "./drive.ts";
import { check, clearSense, runPacket } from "./packet-commands.ts";
import { ASC, fillPacketIdentify, SENSE } from "./packet-data.ts";
import { clearPlan } from "./plan-state.ts";

const STATE_VERSION = 1;
const READY = STATUS.DRDY | STATUS.DSC;
const SIGNATURE_LBA = 0xeb1401;

/** ATA commands that a packet device takes without data ([ATA-6] table 5). */
const PLAIN: ReadonlySet<number> = new Set([
  ATA.SET_FEATURES,
  ATA.IDLE_IMMEDIATE,
  ATA.STANDBY_IMMEDIATE,
  ATA.CHECK_POWER_MODE,
  ATA.FLUSH_CACHE,
]);

export class PacketDrive implements Drive {
  readonly kind = "packet";
  readonly name: string;
  readonly parallel = 1;
  readonly asleep = false;
  readonly options: DiskOptions;
  medium: Medium | undefined;
  readonly #block: Uint8Array;
  readonly state = {
    senseKey: 0,
    senseCode: 0,
    senseLba: -1,
    /** A unit attention that the next command is told, or 0. */
    attention: ASC.RESET as number,
    mediaEvent: 0,
    open: false,
    locked: false,
    transferMode: 0x42,
  };

  constructor(options: DiskOptions) {
    this.options = options;
    this.name = options.name;
    this.medium = options.medium;
    this.#block = new Uint8Array(options.medium.sectorBytes);
  }

  get faults(): FaultList {
    return this.options.faults;
  }

  get resetNs(): number {
    return this.options.timing.resetNs;
  }

  /** The medium goes, or another comes: the next command is told. Undefined opens the tray. */
  changeMedium(medium: Medium | undefined): void {
    this.medium = medium;
    this.state.open = medium === undefined;
    this.state.mediaEvent = medium === undefined ? 3 : 2;
    if (medium !== undefined) this.state.attention = ASC.MEDIUM_CHANGED;
  }

  plan(): Plan {
    return { ...emptyPlan(), task: { command: 0, features: 0, count: 0, lba: 0, device: 0 } };
  }

  accept(task: TaskFile, plan: Plan): void {
    Object.assign(plan.task, task);
    clearPlan(plan);
    plan.resultDevice = task.device;
    switch (task.command) {
      case ATA.PACKET:
        plan.protocol = PROTOCOL.PACKET;
        return;
      case ATA.IDENTIFY_PACKET_DEVICE: {
        plan.protocol = PROTOCOL.PIO_IN;
        const { model = "IOREEL CD", serial = `IR-${this.name}`, firmware = "1.0" } = this.options;
        const texts = { model, serial, firmware };
        const data = new Uint8Array(512);
        const isSerial = (this.options.position ?? -1) < 0;
        fillPacketIdentify(data, texts, this.state.transferMode, isSerial);
        return this.#answer(plan, data, 512);
      }
      case ATA.EXECUTE_DEVICE_DIAGNOSTIC:
      case ATA.DEVICE_RESET:
        plan.protocol = PROTOCOL.RESET;
        return;
      default:
        if (PLAIN.has(task.command)) return;
        // A disk's command: abort, and show what this is instead ([ATA-6] 8.15.5.2, 8.27.5.2).
        plan.failed = true;
        plan.error = ERROR.ABRT;
        plan.status = READY | STATUS.ERR;
        plan.resultCount = 1;
        plan.resultLba = SIGNATURE_LBA;
    }
  }

  #answer(plan: Plan, data: Uint8Array, limit: number): void {
    plan.data = data;
    plan.transferBytes = Math.min(data.length, limit);
    plan.blockBytes = plan.protocol === PROTOCOL.PIO_IN ? 512 : plan.blockBytes;
  }

  packet(plan: Plan, bytes: Uint8Array, at: number): void {
    runPacket(this, plan, bytes, at);
  }

  distanceNs(): number {
    return 0;
  }

  start(plan: Plan): void {
    const { timing, faults, now } = this.options;
    plan.delayNs = timing.commandNs;
    plan.transferNs = 0;
    if (plan.protocol === PROTOCOL.PACKET || plan.failed) return;
    if (faults.size > 0 && faults.strike("hang", plan.firstLba, plan.sectors)) {
      plan.delayNs = Infinity;
      return;
    }
    if (plan.sectors === 0) return;
    // Timing counts sectors of 512 bytes.
    const scale = this.#block.length / 512;
    plan.delayNs = timing.reachNs(plan.firstLba * scale, now(), false);
    plan.transferNs = timing.transferNs(plan.firstLba * scale, plan.sectors * scale, false);
    timing.moved(plan.firstLba * scale, plan.sectors * scale, false);
  }

  produce(plan: Plan, target: Uint8Array, at: number, length: number): number {
    if (plan.failed) return 0;
    const wanted = Math.min(length, plan.transferBytes - plan.movedBytes, target.length - at);
    if (plan.sectors === 0) {
      target.set(plan.data.subarray(plan.movedBytes, plan.movedBytes + wanted), at);
      plan.movedBytes += wanted;
      return wanted;
    }
    let done = 0;
    while (done < wanted && !plan.failed)
      done += this.#part(plan, target, at + done, wanted - done);
    return done;
  }

  /** Whole sectors where it can, else a part of one: blocks need not end where sectors do. */
  #part(plan: Plan, target: Uint8Array, at: number, wanted: number): number {
    const size = this.#block.length;
    const inside = plan.movedBytes % size;
    const lba = plan.firstLba + (plan.movedBytes - inside) / size;
    const whole = inside === 0 ? Math.floor(wanted / size) : 0;
    const into = whole > 0 ? target : this.#block;
    const sectors = this.#sectors(plan, lba, Math.max(1, whole), into, whole > 0 ? at : 0);
    if (whole > 0) {
      plan.movedBytes += sectors * size;
      return sectors * size;
    }
    if (sectors === 0) return 0;
    const count = Math.min(wanted, size - inside);
    target.set(this.#block.subarray(inside, inside + count), at);
    plan.movedBytes += count;
    return count;
  }

  #sectors(plan: Plan, lba: number, wanted: number, target: Uint8Array, at: number): number {
    const { faults } = this.options;
    if (this.medium === undefined) {
      check(this, plan, SENSE.NOT_READY, ASC.NO_MEDIUM_TRAY_OPEN);
      return 0;
    }
    const bad = faults.size > 0 ? faults.unreadable(lba, wanted) : -1;
    const good = bad < 0 ? wanted : bad - lba;
    const moved = good === 0 ? 0 : this.medium.read(lba, good, target, at);
    if (moved < wanted) {
      check(this, plan, SENSE.MEDIUM_ERROR, ASC.UNRECOVERED_READ, lba + moved);
    }
    return moved;
  }

  consume(): number {
    return 0;
  }

  end(plan: Plan): void {
    if (plan.failed) return;
    const { command, features, count, device } = plan.task;
    plan.status = READY;
    plan.error = 0;
    plan.resultDevice = device;
    plan.resultLba = plan.task.lba;
    plan.resultCount = command === ATA.PACKET ? REASON.COMMAND | REASON.TO_HOST : count;
    if (command === ATA.SET_FEATURES && (features & 0xff) === 3) {
      this.state.transferMode = count & 0xff;
    }
    if (command === ATA.CHECK_POWER_MODE) plan.resultCount = 0xff;
  }

  abort(plan: Plan): void {
    const { state } = this;
    // A unit attention of which the host has not heard stays pending.
    if (state.senseKey === SENSE.UNIT_ATTENTION) state.attention = state.senseCode;
    plan.failed = true;
    plan.transferBytes = 0;
  }

  reset(hard: boolean): void {
    clearSense(this);
    if (hard) this.state.attention = ASC.RESET;
  }

  powerLoss(): void {}

  signature(): Signature {
    return { error: 0x01, count: 0x01, lba: SIGNATURE_LBA, device: 0, status: 0 };
  }

  #fields() {
    const { timing, faults } = this.options;
    const { position, nextLba } = timing;
    const hasMedium = this.medium !== undefined;
    return { ...this.state, position, nextLba, hasMedium, faults: faults.save() };
  }

  snapshot(): Uint8Array {
    return encodeState("ata.packet", STATE_VERSION, this.#fields());
  }

  restore(bytes: Uint8Array): void {
    const fields = decodeState("ata.packet", STATE_VERSION, bytes, this.#fields());
    const { position, nextLba, hasMedium, faults, ...state } = fields;
    Object.assign(this.state, state);
    this.options.timing.position = position;
    this.options.timing.nextLba = nextLba;
    this.options.faults.load(faults);
    this.medium = hasMedium ? (this.medium ?? this.options.medium) : undefined;
  }
}
