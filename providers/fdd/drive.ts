/**
 * The mechanics of one floppy drive: motor, arm, head and the turning disk. It has no events of its
 * own: the controller asks when something will be there, and makes it step.
 */
import type { FloppyFormat } from "./geometry.ts";
import { formatNamed } from "./geometry.ts";
import type { Surface } from "./surface.ts";

/** From motor on to full speed: 300 to 500 ms by drive; the usual time of a 3.5" drive. */
export const SPIN_UP_NS = 300_000_000;
/** From the last step to a head that stands still: the usual 15 ms. */
export const SETTLE_NS = 15_000_000;

/** What a drive remembers; all of it is saved. */
export interface DriveState {
  isReal: number;
  motorOn: number;
  /** When the motor has its speed; index pulses come from then on. */
  spunUpNs: number;
  /** When the head has settled after the last step. */
  settledNs: number;
  /** Where the arm is. */
  cylinder: number;
  /** The disk change line: set by removing the disk, cleared by a step with a disk in the drive. */
  changed: number;
  /** The head stays loaded until then ([82077] 5.2.3, head unload time). */
  loadedUntilNs: number;
  /** The controller's idea of the cylinder: PCN. */
  presentCylinder: number;
  /** Steps that the seek at work still makes. */
  stepsLeft: number;
  /** 1 inwards, 0 outwards. */
  inwards: number;
  /** What the seek at work is: 0 none, else a SEEK_* of the controller. */
  seeking: number;
  /** DRVn BUSY of the main status register: until SENSE INTERRUPT STATUS has told of the seek. */
  busy: number;
  /** An ST0 that SENSE INTERRUPT STATUS is to give, or -1. */
  pendingStatus: number;
}

export const freshDrive = (): DriveState => ({
  isReal: 1,
  motorOn: 0,
  spunUpNs: 0,
  settledNs: 0,
  cylinder: 0,
  changed: 1,
  loadedUntilNs: 0,
  presentCylinder: 0,
  stepsLeft: 0,
  inwards: 0,
  seeking: 0,
  busy: 0,
  pendingStatus: -1,
});

const EMPTY_FORMAT = formatNamed("1.44M");

export class FloppyDrive {
  readonly state = freshDrive();
  surface: Surface | undefined;

  /** Whether a drive is connected at all. */
  readonly #isPresent: boolean;

  constructor(isReal: boolean, isPresent: boolean) {
    this.state.isReal = isReal ? 1 : 0;
    this.#isPresent = isPresent;
  }

  /** Whether its mechanics take the time that they take. */
  get isReal(): boolean {
    return this.state.isReal === 1;
  }

  get isAtTrack0(): boolean {
    return this.#isPresent && this.state.cylinder === 0;
  }

  get format(): FloppyFormat {
    return this.surface?.format ?? EMPTY_FORMAT;
  }

  setMotor(on: boolean, nowNs: number): void {
    if ((this.state.motorOn === 1) === on) return;
    this.state.motorOn = on ? 1 : 0;
    if (on) this.state.spunUpNs = nowNs + (this.isReal ? SPIN_UP_NS : 0);
  }

  /** Whether index pulses come: without them a data command waits for ever. */
  get isTurning(): boolean {
    return this.state.motorOn === 1 && this.surface !== undefined;
  }

  /** Moves the arm by one cylinder; it stops at both ends. */
  step(inwards: boolean, nowNs: number): void {
    const { state } = this;
    if (!this.#isPresent) return;
    const last = this.format.driveCylinders - 1;
    state.cylinder = Math.max(0, Math.min(last, state.cylinder + (inwards ? 1 : -1)));
    state.settledNs = nowNs + (this.isReal ? SETTLE_NS : 0);
    if (this.surface !== undefined) state.changed = 0;
  }

  /** When the head can read at the earliest: at speed and settled. */
  readyNs(nowNs: number): number {
    return Math.max(nowNs, this.state.spunUpNs, this.state.settledNs);
  }

  /**
   * When a place on the track passes the head.
   * @param placeNs nanoseconds after the index pulse
   * @param fromNs not before this moment
   */
  passesNs(placeNs: number, fromNs: number): number {
    if (!this.isReal) return fromNs;
    const { turnNs } = this.format;
    const first = this.state.spunUpNs + placeNs;
    return Math.ceil(first + Math.ceil((fromNs - first) / turnNs) * turnNs);
  }

  /** @throws {RangeError} where there is no drive */
  insert(surface: Surface): void {
    if (!this.#isPresent) throw new RangeError("Cannot insert a disk: there is no such drive");
    this.surface = surface;
    this.state.changed = 1;
  }

  eject(): void {
    this.surface = undefined;
    this.state.changed = 1;
  }
}
