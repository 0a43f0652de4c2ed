/**
 * The data commands, [82077] 5.1: finding a sector on the turning disk, moving its bytes by DMA or
 * through the FIFO, going on to the next, and saying how it ended. Nothing happens inside a
 * register write: one timer stands for the moment at which the disk brings what is waited for.
 */
import type { FaultList } from "../disk/faults.ts";
import type { DeviceTimer } from "../disk/host.ts";
import type { FloppyController } from "./device.ts";
import type { FloppyDrive } from "./drive.ts";
import { Fifo } from "./fifo.ts";
import { BYTE_NS, SECTOR_BYTES } from "./geometry.ts";
import {
  CMD_FORMAT,
  CMD_READ_DELETED,
  CMD_READ_ID,
  CMD_SCAN_EQUAL,
  CMD_SCAN_HIGH,
  CMD_SCAN_LOW,
  CMD_WRITE,
  CMD_WRITE_DELETED,
  OPTION_SK,
  ST0_ABNORMAL,
  ST0_HEAD,
  ST1_NOT_WRITABLE,
  ST2_CONTROL_MARK,
} from "./registers.ts";
import { follow, search } from "./search.ts";
import { finishSector } from "./sectors.ts";
import { INSTANT_NS, RATE_FACTORS } from "./seeks.ts";
import { PHASE, SEEK, STAGE } from "./state.ts";
import { MARK } from "./surface.ts";

const WRITING: ReadonlySet<number> = new Set([CMD_WRITE, CMD_WRITE_DELETED, CMD_FORMAT]);
const SCANNING: ReadonlySet<number> = new Set([CMD_SCAN_EQUAL, CMD_SCAN_LOW, CMD_SCAN_HIGH]);
/** Commands whose C, H, R, N name a first sector, and that can begin with an implied seek. */
const WITHOUT_ADDRESS: ReadonlySet<number> = new Set([CMD_FORMAT, CMD_READ_ID]);

export class Transfer {
  readonly fdc: FloppyController;
  /** What the host gives to be compared (SCAN), or a sector's ID (FORMAT TRACK). */
  readonly hostBytes = new Uint8Array(SECTOR_BYTES);
  readonly fifo: Fifo;
  readonly #timer: DeviceTimer;

  constructor(fdc: FloppyController) {
    this.fdc = fdc;
    this.fifo = new Fifo(this);
    this.#timer = fdc.host.timer("transfer", () => this.#fire());
  }

  /** The drive that the command is for. */
  get drive(): FloppyDrive {
    return this.fdc.drives[this.fdc.state.unit]!;
  }

  /** What goes wrong with the disk and the drive at work. */
  get faults(): FaultList | undefined {
    return this.drive.surface?.faults;
  }

  get isWriting(): boolean {
    return WRITING.has(this.fdc.state.code);
  }

  get isScanning(): boolean {
    return SCANNING.has(this.fdc.state.code);
  }

  /** Whether bytes go from the disk to the host. */
  get givesBytes(): boolean {
    return !this.isWriting && !this.isScanning;
  }

  /** The command phase is over: begins the execution phase. */
  start(): void {
    const { fdc } = this;
    const { state } = fdc;
    const [, select = 0, c = 0, h = 0, r = 0, n = 0, eot = 0, , length = 0] = state.parameters;
    state.phase = PHASE.EXECUTION;
    state.unit = select & 3;
    state.head = (select >> 2) & 1;
    state.st1 = 0;
    state.st2 = 0;
    state.done = 0;
    if (state.code === CMD_FORMAT) {
      state.sizeCode = c;
      state.lastRecord = h;
    } else if (state.code !== CMD_READ_ID) {
      state.cylinderId = c;
      state.headId = h;
      state.record = r;
      state.sizeCode = n;
      state.lastRecord = eot;
      state.dataLength = length;
    }
    this.fifo.reset();
    const { faults } = this;
    if (faults?.strike("unplug") !== undefined) fdc.eject(state.unit);
    if (faults?.strike("spurious-interrupt") !== undefined) fdc.pulse();
    const { presentCylinder } = fdc.drives[state.unit]!.state;
    const hasAddress = !WITHOUT_ADDRESS.has(state.code);
    if (fdc.hasImpliedSeek && hasAddress && c !== presentCylinder) {
      state.stage = STAGE.SEEKING;
      return fdc.seeks.implied(state.unit, c);
    }
    this.#begin();
  }

  /** Drops the command without a result. */
  abort(): void {
    this.#timer.cancel();
    this.fdc.state.stage = STAGE.NONE;
    this.fdc.state.service = 0;
  }

  /** Something that the command may have waited for is there: the motor, a disk, a seek's end. */
  resume(unit: number): void {
    const { state } = this.fdc;
    if (state.phase !== PHASE.EXECUTION || state.unit !== unit) return;
    if (state.stage === STAGE.SEEKING) {
      if (this.fdc.drives[unit]!.state.seeking === SEEK.NONE) this.#begin();
    } else if (state.stage === STAGE.STALLED) {
      this.search(this.fdc.host.now());
    }
  }

  hostRead(): number {
    return this.fifo.hostRead();
  }

  hostWrite(byte: number): void {
    this.fifo.hostWrite(byte);
  }

  /** Comes back to {@link Transfer} at a moment; at once where time does not pass. */
  wait(stage: number, atNs: number): void {
    this.fdc.state.stage = stage;
    const { host } = this.fdc;
    this.#timer.at(this.drive.isReal ? atNs : host.now() + INSTANT_NS);
  }

  /** Ends the command with seven result bytes and an interrupt. @param ending 0 or ST0_ABNORMAL */
  finish(ending: number): void {
    const { state, drives, host } = this.fdc;
    if (this.faults?.strike("hang") !== undefined) {
      state.stage = STAGE.STALLED;
      return;
    }
    this.abort();
    drives[state.unit]!.state.loadedUntilNs = host.now() + this.#unloadNs();
    state.result[0] = ending | (state.head === 1 ? ST0_HEAD : 0) | state.unit;
    state.result[1] = state.st1;
    state.result[2] = state.st2;
    state.result[3] = state.cylinderId;
    state.result[4] = state.headId;
    state.result[5] = state.record;
    state.result[6] = state.sizeCode;
    this.fdc.giveResult(7);
    this.fdc.raise();
  }

  /** Looks for what the command wants next, not before a moment. */
  search(fromNs: number): void {
    search(this, fromNs);
  }

  /** Goes on with the next sector of the same command. */
  goOn(): void {
    if (!follow(this)) search(this, this.fdc.host.now());
  }

  get byteNs(): number {
    return BYTE_NS[this.fdc.state.rate]!;
  }

  #begin(): void {
    const { fdc } = this;
    const { state } = fdc;
    const { surface } = fdc.drives[state.unit]!;
    if (this.isWriting && surface?.writeProtected === true) {
      state.st1 |= ST1_NOT_WRITABLE;
      return this.wait(STAGE.FAILING, fdc.host.now() + INSTANT_NS);
    }
    this.search(fdc.host.now());
  }

  /** Whether the sector at work has the other kind of data mark; says so in ST2. */
  isOtherKind(lba: number): boolean {
    const { state, drives } = this.fdc;
    if (this.isWriting) return false;
    const isDeleted = drives[state.unit]!.surface!.mark(lba) === MARK.DELETED;
    if (isDeleted === (state.code === CMD_READ_DELETED)) return false;
    state.st2 |= ST2_CONTROL_MARK;
    return true;
  }

  get skips(): boolean {
    return (this.fdc.state.options & OPTION_SK) !== 0;
  }

  #fire(): void {
    const { state, drives } = this.fdc;
    const { stage } = state;
    const drive = drives[state.unit]!;
    const isOnDisk = stage !== STAGE.FAILING || (state.st1 & ST1_NOT_WRITABLE) === 0;
    if (isOnDisk && !drive.isTurning) {
      // The motor went off or the disk left: index pulses stop, and so does the command.
      state.stage = STAGE.STALLED;
      state.service = 0;
      return;
    }
    switch (stage) {
      case STAGE.FAILING:
        return this.finish(ST0_ABNORMAL);
      case STAGE.IDENTIFY:
      case STAGE.FORMAT_END:
        return this.finish(0);
      case STAGE.BYTES:
        return this.fifo.tick();
      case STAGE.SECTOR:
      case STAGE.FORMAT:
        return finishSector(this);
      default:
        break;
    }
  }

  /** SPECIFY's head unload time: 16 ms each, 0 for 256 ms. */
  #unloadNs(): number {
    const { state } = this.fdc;
    return (state.stepAndUnload & 15 || 16) * 16e6 * RATE_FACTORS[state.rate]!;
  }
}
