/**
 * One port of the HBA: its registers, its link, and the interrupts that it asks for. What happens
 * to commands is the business of `PortEngine`, which this class starts, stops and resets.
 *
 * References: [AHCI] 3.3 (registers), 5.3 (state machine), 10.3 to 10.4 (start, stop, reset).
 */
import type { Drive } from "../disk/drive/drive.ts";
import { FaultList } from "../disk/faults.ts";
import type { DeviceTimer } from "../disk/host.ts";
import { PortEngine } from "./engine.ts";
import { type PortBoard, PortState } from "./port-state.ts";
import * as R from "./registers.ts";

const NO_FAULTS = new FaultList();
/** How late a late interrupt is, unless its fault says. */
const LATE_NS = 10e6;

export class Port {
  readonly number: number;
  readonly state = new PortState();
  readonly engine: PortEngine;
  drive: Drive | undefined = undefined;
  readonly #board: PortBoard;
  readonly #link: DeviceTimer;
  readonly #late: DeviceTimer;
  /** A device that was pulled out and will be put in again. */
  readonly #return: DeviceTimer;
  #pulled: Drive | undefined = undefined;

  constructor(board: PortBoard, number: number) {
    this.number = number;
    this.#board = board;
    this.engine = new PortEngine(board, this);
    this.#link = board.host.timer(`port-${number}.link`, () => this.#linkUp());
    this.#late = board.host.timer(`port-${number}.late`, () => board.update(number));
    this.#return = board.host.timer(`port-${number}.return`, () => {
      if (this.#pulled !== undefined && this.drive === undefined) this.plug(this.#pulled);
      this.#pulled = undefined;
    });
  }

  /** PxIS with the bits that mirror PxSERR: 3.3.5. */
  get status(): number {
    const { is, serr } = this.state;
    let value = is;
    if ((serr & R.SERR_F) !== 0) value |= R.IS_UFS;
    if ((serr & R.SERR_X) !== 0) value |= R.IS_PCS;
    if ((serr & R.SERR_N) !== 0) value |= R.IS_PRCS;
    return value;
  }

  get asks(): boolean {
    return (this.status & this.state.ie) !== 0;
  }

  /** What goes wrong between the drive and the interrupt line is in the drive's list. */
  get faults(): FaultList {
    return this.drive?.faults ?? NO_FAULTS;
  }

  get linked(): boolean {
    return (this.state.ssts & R.DET_MASK) === R.DET_PRESENT;
  }

  /** Sets bits of PxIS. */
  raise(bits: number): void {
    this.state.is |= bits;
    if (this.faults.size === 0 || !this.#spoilsInterrupt()) this.#board.update(this.number);
  }

  /** Interrupts get lost or come late: the bits stand there, but nobody is told. */
  #spoilsInterrupt(): boolean {
    if (this.faults.strike("spurious-interrupt") !== undefined) this.#board.startle();
    if (this.faults.strike("lost-interrupt") !== undefined) return true;
    const late = this.faults.strike("late-interrupt");
    if (late !== undefined) this.#late.after(late.delayNs ?? LATE_NS);
    return late !== undefined;
  }

  /** Pulls the device out because a fault says so, and puts it back if the fault says when. */
  failPlug(): boolean {
    const fault = this.faults.size === 0 ? undefined : this.faults.strike("unplug");
    if (fault === undefined) return false;
    this.#pulled = this.unplug();
    if (fault.delayNs !== undefined) this.#return.after(fault.delayNs);
    return true;
  }

  /** The device that is out for a while, if one is: part of the saved state. */
  get pulled(): Drive | undefined {
    return this.#pulled;
  }

  /** Has one device in the port or out for a while, or none, without the link noticing. */
  hold(drive: Drive | undefined, isOut = false): void {
    this.drive = isOut ? undefined : drive;
    this.#pulled = isOut ? drive : undefined;
    if (drive !== undefined) this.engine.fit(drive);
  }

  read(offset: number): number {
    const s = this.state;
    switch (offset) {
      case R.PORT_CLB:
        return s.clb;
      case R.PORT_CLBU:
        return s.clbu;
      case R.PORT_FB:
        return s.fb;
      case R.PORT_FBU:
        return s.fbu;
      case R.PORT_IS:
        return this.status;
      case R.PORT_IE:
        return s.ie;
      case R.PORT_CMD:
        return s.cmd;
      case R.PORT_TFD:
        return s.tfd;
      case R.PORT_SIG:
        return s.sig;
      case R.PORT_SSTS:
        return s.ssts;
      case R.PORT_SCTL:
        return s.sctl;
      case R.PORT_SERR:
        return s.serr;
      case R.PORT_SACT:
        return s.sact;
      case R.PORT_CI:
        return s.ci;
      default:
        return 0;
    }
  }

  write(offset: number, value: number): void {
    const s = this.state;
    switch (offset) {
      case R.PORT_CLB:
        s.clb = value & ~0x3ff;
        break;
      case R.PORT_CLBU:
        s.clbu = value;
        break;
      case R.PORT_FB:
        s.fb = value & ~0xff;
        break;
      case R.PORT_FBU:
        s.fbu = value;
        break;
      case R.PORT_IS:
        s.is &= ~(value & R.IS_CLEARABLE);
        this.#board.update(this.number);
        break;
      case R.PORT_IE:
        s.ie = value & R.IE_WRITABLE;
        this.#board.update(this.number);
        break;
      case R.PORT_CMD:
        this.#command(value);
        break;
      case R.PORT_SCTL:
        this.#control(value);
        break;
      case R.PORT_SERR:
        s.serr &= ~(value & R.SERR_CLEARABLE);
        this.#board.update(this.number);
        break;
      case R.PORT_SACT:
        // 3.3.13: only while the command list runs; ones are added, zeros change nothing.
        if ((s.cmd & R.CMD_ST) !== 0) s.sact |= value;
        break;
      case R.PORT_CI:
        if ((s.cmd & R.CMD_ST) !== 0) s.ci |= value;
        this.engine.kick();
        break;
      default:
        break;
    }
  }

  /** HBA reset: everything but the two base addresses, and a COMRESET: 10.4.3. */
  reset(): void {
    const { clb, clbu, fb, fbu, generation } = this.state;
    this.engine.abort();
    Object.assign(this.state, new PortState(), { clb, clbu, fb, fbu });
    this.state.generation = generation + 1;
    this.#startLink();
  }

  /** A device is put in: the link comes up by itself. */
  plug(drive: Drive): void {
    this.hold(drive);
    this.#startLink();
  }

  /** The device is pulled out, whatever it was doing: 3.3.12 DIAG.N. */
  unplug(): Drive | undefined {
    const { drive } = this;
    this.#return.cancel();
    this.#pulled = undefined;
    if (drive === undefined) return undefined;
    this.engine.abort();
    drive.powerLoss();
    this.drive = undefined;
    this.#link.cancel();
    this.#linkDown();
    this.state.serr |= R.SERR_N;
    this.#board.update(this.number);
    return drive;
  }

  /** The device sends a FIS of a type that is none: 3.3.5 UFS. */
  receiveUnknown(): void {
    if (!this.linked) return;
    this.state.serr |= R.SERR_F;
    this.#board.update(this.number);
  }

  /** The link fails in the middle of a transfer: an error that stops the port, 6.1.2. */
  failInterface(): void {
    if (!this.linked) return;
    this.state.serr |= R.SERR_CRC | R.SERR_T;
    this.engine.stopFor(R.IS_IFS);
  }

  #command(value: number): void {
    const s = this.state;
    const before = s.cmd;
    // The communication control field takes effect at once and reads 0: 3.3.7 ICC.
    let cmd = (before & ~R.CMD_WRITABLE) | (value & R.CMD_WRITABLE);
    if ((value & R.CMD_CLO) !== 0 && (before & R.CMD_ST) === 0) {
      s.tfd &= ~(R.STATUS_BSY | R.STATUS_DRQ);
    }
    if ((value & R.CMD_FRE) !== 0) cmd |= R.CMD_FRE | R.CMD_FR;
    else if ((value & R.CMD_ST) === 0) cmd &= ~(R.CMD_FRE | R.CMD_FR);
    if ((value & R.CMD_ST) !== 0) {
      cmd |= R.CMD_ST;
      if ((cmd & R.CMD_FR) !== 0) cmd |= R.CMD_CR;
    } else {
      cmd &= ~(R.CMD_ST | R.CMD_CR | R.CMD_CCS_MASK);
    }
    s.cmd = cmd;
    if ((before & R.CMD_ST) !== 0 && (cmd & R.CMD_ST) === 0) this.#stop();
    this.engine.kick();
  }

  /** PxCMD.ST went to 0: PxCI and PxSACT are cleared, and the port forgets the error: 3.3.14. */
  #stop(): void {
    const s = this.state;
    this.engine.abort();
    s.ci = 0;
    s.sact = 0;
    s.halted = 0;
  }

  #control(value: number): void {
    const s = this.state;
    const before = s.sctl & R.DET_MASK;
    s.sctl = value & R.SCTL_WRITABLE;
    const det = s.sctl & R.DET_MASK;
    if (det === before) return;
    if (det === R.DET_COMRESET || det === R.DET_OFFLINE) {
      this.engine.abort();
      this.#link.cancel();
      this.#linkDown();
      if (det === R.DET_OFFLINE) s.ssts = R.DET_OFFLINE;
    } else if (det === R.DET_NONE) {
      s.ssts = 0;
      this.#startLink();
    }
  }

  #startLink(): void {
    const { drive } = this;
    if (drive === undefined || (this.state.sctl & R.DET_MASK) !== R.DET_NONE) return;
    this.#link.after(this.#board.linkNs + drive.resetNs);
  }

  #linkDown(): void {
    const s = this.state;
    s.ssts = 0;
    s.failed = 0;
    s.srst = 0;
    s.tfd = R.TFD_NO_DEVICE;
    s.sig = R.SIG_NONE;
  }

  /** COMINIT came, the link is ready and the device sends its signature: 5.3.3. */
  #linkUp(): void {
    const { drive, state: s } = this;
    if (drive === undefined) return;
    s.ssts = R.SSTS_UP;
    s.serr |= R.SERR_X | R.SERR_N;
    drive.reset(true);
    this.engine.sendSignature(drive);
    this.#board.update(this.number);
  }
}
