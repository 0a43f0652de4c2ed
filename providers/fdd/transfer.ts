/**
 * The data commands, [82077] 5.1: finding a sector on the turning disk, moving its bytes by DMA or
 * through the FIFO, going on to the next, and saying how it ended. Nothing happens inside a
 * register write: one timer stands for the moment at which the disk brings what is waited for.
 */
import type { DeviceTimer } from "../disk/host.ts";
import type { FloppyController } from "./device.ts";
import { Fifo } from "./fifo.ts";
import { BYTE_NS, SECTOR_BYTES, SECTOR_CODE } from "./geometry.ts";
import {
  CMD_FORMAT,
  CMD_READ_DELETED,
  CMD_READ_ID,
  CMD_READ_TRACK,
  CMD_SCAN_EQUAL,
  CMD_SCAN_HIGH,
  CMD_SCAN_LOW,
  CMD_VERIFY,
  CMD_WRITE,
  CMD_WRITE_DELETED,
  OPTION_MFM,
  OPTION_SK,
  ST0_ABNORMAL,
  ST0_HEAD,
  ST1_DATA_ERROR,
  ST1_MISSING_MARK,
  ST1_NOT_WRITABLE,
  ST1_NO_DATA,
  ST2_BAD_CYLINDER,
  ST2_CONTROL_MARK,
  ST2_MISSING_DATA_MARK,
  ST2_WRONG_CYLINDER,
} from "./registers.ts";
import { finishSector, loadSector } from "./sectors.ts";
import { INSTANT_NS, RATE_FACTORS } from "./seeks.ts";
import { PHASE, SEEK, STAGE } from "./state.ts";
import { MARK } from "./surface.ts";

const WRITING: readonly number[] = [CMD_WRITE, CMD_WRITE_DELETED, CMD_FORMAT];
const SCANNING: readonly number[] = [CMD_SCAN_EQUAL, CMD_SCAN_LOW, CMD_SCAN_HIGH];
/** Commands whose C, H, R, N name a first sector, and that can begin with an implied seek. */
const WITHOUT_ADDRESS: readonly number[] = [CMD_FORMAT, CMD_READ_ID];

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

  get isWriting(): boolean {
    return WRITING.includes(this.fdc.state.code);
  }

  get isScanning(): boolean {
    return SCANNING.includes(this.fdc.state.code);
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
    const { presentCylinder } = fdc.drives[state.unit]!.state;
    const hasAddress = !WITHOUT_ADDRESS.includes(state.code);
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
    const { host, isReal } = this.fdc;
    this.#timer.at(isReal ? atNs : host.now() + INSTANT_NS);
  }

  /** Ends the command with seven result bytes and an interrupt. @param ending 0 or ST0_ABNORMAL */
  finish(ending: number): void {
    const { state, drives, host } = this.fdc;
    const { faults } = this.fdc;
    if (faults?.strike("hang") !== undefined) {
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

  /** Looks for the sector that the command wants next, not before a moment. */
  search(fromNs: number): void {
    const { state, drives } = this.fdc;
    const drive = drives[state.unit]!;
    const { surface } = drive;
    if (!drive.isTurning || surface === undefined || drive.state.seeking !== SEEK.NONE) {
      state.stage = STAGE.STALLED;
      return;
    }
    let readyNs = drive.readyNs(fromNs);
    if (fromNs > drive.state.loadedUntilNs) readyNs = Math.max(readyNs, fromNs + this.#loadNs());
    // From here on the head stays loaded: until the command ends, and HUT after it.
    drive.state.loadedUntilNs = Number.MAX_SAFE_INTEGER;
    if (!this.#isReadable()) return this.#miss(ST1_MISSING_MARK, 0, readyNs);
    if (state.code === CMD_FORMAT) return this.#searchPlace(readyNs);
    if (state.code === CMD_READ_ID) return this.#searchAnyId(readyNs);
    const isTrack = state.code === CMD_READ_TRACK;
    const record = isTrack ? state.done + 1 : state.record;
    const lba = surface.lbaOf(drive.state.cylinder, state.head, record);
    if (lba < 0) return this.#miss(isTrack ? ST1_MISSING_MARK : ST1_NO_DATA, 0, readyNs);
    const mark = surface.mark(lba);
    if (mark === MARK.MISSING) return this.#miss(ST1_NO_DATA, 0, readyNs);
    if (mark === MARK.BAD_ID) return this.#miss(ST1_DATA_ERROR, 0, readyNs);
    if (!isTrack && !this.#matches(record, readyNs)) return;
    if (isTrack && !this.#isAddressed(record)) state.st1 |= ST1_NO_DATA;
    if (mark === MARK.NO_DATA_MARK && !this.isWriting) {
      return this.#miss(ST1_MISSING_MARK, ST2_MISSING_DATA_MARK, readyNs);
    }
    this.#comesTo(record, lba, readyNs);
  }

  /** Waits for a sector that is on the track: for its end, or for its first byte. */
  #comesTo(record: number, lba: number, readyNs: number): void {
    const { fdc } = this;
    const { state } = fdc;
    const drive = fdc.drives[state.unit]!;
    const { idNs, dataNs, endNs } = drive.surface!.times(record);
    // READ TRACK begins behind the index pulse; everything else with the next ID field that fits.
    const isFirst = state.code === CMD_READ_TRACK && state.done === 0;
    const fromNs = isFirst ? drive.passesNs(0, readyNs) : readyNs;
    const foundNs = drive.passesNs(idNs, fromNs);
    const isSkipped = this.isOtherKind(lba) && this.skips;
    if (!fdc.isNonDma || state.code === CMD_VERIFY || isSkipped) {
      return this.wait(STAGE.SECTOR, foundNs + endNs - idNs);
    }
    if (!this.isWriting) loadSector(this, lba);
    this.fifo.begin(SECTOR_BYTES);
    this.wait(STAGE.BYTES, foundNs + dataNs - idNs + this.byteNs);
  }

  get byteNs(): number {
    return BYTE_NS[this.fdc.state.rate]!;
  }

  /** Whether the data separator makes anything of this track: its rate, MFM, a formatted side. */
  #isReadable(): boolean {
    const { state, drives } = this.fdc;
    const drive = drives[state.unit]!;
    const { format } = drive.surface!;
    if (state.code === CMD_FORMAT) return true;
    if ((state.options & OPTION_MFM) === 0 || state.rate !== format.rate) return false;
    return drive.state.cylinder < format.cylinders && state.head < format.heads;
  }

  /** Whether the ID field on the disk is the one that the command names. */
  #isAddressed(record: number): boolean {
    const { state, drives } = this.fdc;
    const { cylinder } = drives[state.unit]!.state;
    const isSame = state.cylinderId === cylinder && state.headId === state.head;
    return isSame && state.sizeCode === SECTOR_CODE && state.record === record;
  }

  #matches(record: number, readyNs: number): boolean {
    if (this.#isAddressed(record)) return true;
    const { state, drives } = this.fdc;
    const { cylinder } = drives[state.unit]!.state;
    let st2 = 0;
    if (state.cylinderId !== cylinder) {
      // BC speaks of an ID field with cylinder FFh: a track that was marked bad, [82077] 6.3.
      st2 = cylinder === 0xff ? ST2_BAD_CYLINDER | ST2_WRONG_CYLINDER : ST2_WRONG_CYLINDER;
    }
    this.#miss(ST1_NO_DATA, st2, readyNs);
    return false;
  }

  /** Nothing fits: says so at the second index pulse, [82077] 5.1.1. */
  #miss(st1: number, st2: number, readyNs: number): void {
    const { state, drives } = this.fdc;
    const drive = drives[state.unit]!;
    state.st1 |= st1;
    state.st2 |= st2;
    this.wait(STAGE.FAILING, drive.passesNs(0, readyNs) + drive.format.turnNs);
  }

  #searchAnyId(readyNs: number): void {
    const { state, drives, isReal } = this.fdc;
    const drive = drives[state.unit]!;
    const surface = drive.surface!;
    const { sectorsPerTrack } = surface.format;
    let best = 0;
    let bestNs = Infinity;
    for (let i = 0; i < sectorsPerTrack; i++) {
      const record = isReal ? i + 1 : ((state.turned + i) % sectorsPerTrack) + 1;
      const mark = surface.mark(surface.lbaOf(drive.state.cylinder, state.head, record));
      if (mark === MARK.MISSING || mark === MARK.BAD_ID) continue;
      const { idNs, idEndNs } = surface.times(record);
      const endNs = drive.passesNs(idNs, readyNs) + idEndNs - idNs;
      if (endNs >= bestNs) continue;
      best = record;
      bestNs = endNs;
    }
    if (best === 0) return this.#miss(ST1_MISSING_MARK, 0, readyNs);
    state.turned = best;
    state.cylinderId = drive.state.cylinder;
    state.headId = state.head;
    state.record = best;
    state.sizeCode = SECTOR_CODE;
    this.wait(STAGE.IDENTIFY, bestNs);
  }

  /** FORMAT TRACK: from index pulse to index pulse, an ID for each sector's place. */
  #searchPlace(readyNs: number): void {
    const { state, drives } = this.fdc;
    const drive = drives[state.unit]!;
    const surface = drive.surface!;
    const { sectorsPerTrack } = surface.format;
    const indexNs = drive.passesNs(0, readyNs);
    if (state.done >= state.lastRecord) return this.wait(STAGE.FORMAT_END, indexNs);
    if (state.done === 0) this.#eraseTrack();
    const place = Math.min(state.done + 1, sectorsPerTrack);
    const startNs = state.done === 0 ? indexNs : readyNs;
    // A count above what the track holds writes on over its beginning; the IDs still are asked for.
    const isBehind = state.done + 1 > sectorsPerTrack;
    const placeNs = isBehind ? startNs : drive.passesNs(surface.times(place).idNs, startNs);
    if (!this.fdc.isNonDma) return this.wait(STAGE.FORMAT, placeNs);
    this.fifo.begin(4);
    this.wait(STAGE.BYTES, placeNs + this.byteNs);
  }

  #eraseTrack(): void {
    const { state, drives } = this.fdc;
    const drive = drives[state.unit]!;
    const surface = drive.surface!;
    for (let record = 1; record <= surface.format.sectorsPerTrack; record++) {
      const lba = surface.lbaOf(drive.state.cylinder, state.head, record);
      surface.setMark(lba, MARK.MISSING);
    }
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
        return;
    }
  }

  /** SPECIFY's head load time: 2 ms each, 0 for 256 ms, at 500 kbit/s, [82077] 5.2.6. */
  #loadNs(): number {
    const { state } = this.fdc;
    return (state.loadAndMode >> 1 || 128) * 2e6 * RATE_FACTORS[state.rate]!;
  }

  /** SPECIFY's head unload time: 16 ms each, 0 for 256 ms. */
  #unloadNs(): number {
    const { state } = this.fdc;
    return (state.stepAndUnload & 15 || 16) * 16e6 * RATE_FACTORS[state.rate]!;
  }
}
