/**
 * The 82077AA floppy disk controller in AT mode with its four drives: registers, resets and the
 * interrupt. Commands are in `phases.ts`, `control.ts`, `seeks.ts` and `transfer.ts`.
 *
 * References: [82077] Intel 82077AA data sheet 290166; [82078] data sheet 290475.
 */
import type { DeviceHost, DeviceTimer } from "../disk/host.ts";
import type { DmaChannel } from "./dma.ts";
import { FloppyDrive } from "./drive.ts";
import {
  CONFIG_DEFAULT,
  CONFIG_IMPLIED_SEEK,
  CONFIG_NO_FIFO,
  CONFIG_THRESHOLD,
  DIR_CHANGED,
  DOR_DMA_GATE,
  DOR_MOTOR_0,
  DOR_NOT_RESET,
  DOR_SELECT,
  DSR_POWER_DOWN,
  DSR_RATE,
  DSR_RESET,
  REG_CCR,
  REG_DIR,
  REG_DOR,
  REG_DSR,
  REG_FIFO,
  REG_MSR,
  REG_TDR,
} from "./registers.ts";
import { mainStatus, readData, writeData } from "./phases.ts";
import { restoreController, snapshotController } from "./saving.ts";
import { Seeks } from "./seeks.ts";
import { FIFO_BYTES, PHASE, freshState, type ControllerState } from "./state.ts";
import type { Surface } from "./surface.ts";
import { Transfer } from "./transfer.ts";

export const DRIVES = 4;
/** From the end of a reset until the controller takes commands: at most 250 us, [82077] 4.0. */
const RESET_NS = 4_000;

/** What the controller sees of the world: a machine, and its DMA channel. */
export interface FloppyHost extends Pick<DeviceHost, "interrupt" | "now" | "timer"> {
  readonly dma: DmaChannel;
}

export interface FloppyControllerOptions {
  /** How all drives begin: "real" (default) or "instant", see `setTiming`. */
  timing?: "real" | "instant";
  /** Which chip PART ID and the like see; default "82077AA". */
  chip?: "82077AA" | "82078";
  /** How many drives are there, from A on; default 4. */
  drives?: number;
}

/** What a late interrupt waits when its fault does not say: 10 ms. */
const LATE_NS = 10_000_000;

export class FloppyController {
  readonly name = "82077AA";
  readonly state: ControllerState = freshState();
  readonly drives: readonly FloppyDrive[];
  readonly host: FloppyHost;
  readonly chip: "82077AA" | "82078";
  readonly seeks: Seeks;
  readonly transfer: Transfer;
  readonly #ready: DeviceTimer;
  readonly #late: DeviceTimer;

  constructor(host: FloppyHost, options: FloppyControllerOptions = {}) {
    this.host = host;
    this.chip = options.chip ?? "82077AA";
    const present = options.drives ?? DRIVES;
    this.drives = Array.from(
      { length: DRIVES },
      (_, i) => new FloppyDrive(options.timing !== "instant", i < present),
    );
    this.seeks = new Seeks(this);
    this.transfer = new Transfer(this);
    this.#ready = host.timer("ready", () => this.#becomeReady());
    this.#late = host.timer("late", () => this.#drive());
  }

  /** Puts a disk into a drive. The transfer that stalled for want of one goes on. */
  insert(drive: number, surface: Surface): void {
    this.drives[drive]!.insert(surface);
    this.transfer.resume(drive);
  }

  /** Makes a drive's mechanics take their time, or a microsecond each. */
  setTiming(drive: number, timing: "real" | "instant"): void {
    this.drives[drive]!.state.isReal = timing === "real" ? 1 : 0;
  }

  /** Takes the disk out of a drive, also in the middle of a transfer. */
  eject(drive: number): void {
    this.drives[drive]!.eject();
  }

  readRegister(_block: string, offset: number): number {
    const { state } = this;
    switch (offset) {
      case REG_DOR:
        return state.dor;
      case REG_TDR:
        return state.tdr;
      case REG_MSR:
        return mainStatus(this);
      case REG_FIFO:
        return readData(this);
      case REG_DIR: {
        // The change line is the selected drive's; it is selected together with its motor.
        const drive = this.drives[state.dor & DOR_SELECT]!;
        return drive.state.motorOn === 1 && drive.state.changed === 1 ? DIR_CHANGED : 0;
      }
      default:
        // Status registers A and B are not driven in AT mode, [82077] 2.1.1.
        return 0xff;
    }
  }

  writeRegister(_block: string, offset: number, _width: number, value: number): void {
    const byte = value & 0xff;
    switch (offset) {
      case REG_DOR:
        this.#writeOutput(byte);
        break;
      case REG_TDR:
        this.state.tdr = byte & 3;
        break;
      case REG_DSR:
        this.state.rate = byte & DSR_RATE;
        if ((byte & DSR_RESET) !== 0) {
          this.#softReset();
          this.#release();
        } else if ((byte & DSR_POWER_DOWN) !== 0) {
          // Only a reset wakes it up again, [82077] 4.3, and it has forgotten where the arms are,
          // 5.2.3.
          this.#softReset();
          this.#forgetCylinders();
        }
        break;
      case REG_FIFO:
        writeData(this, byte);
        break;
      case REG_CCR:
        this.state.rate = byte & DSR_RATE;
        break;
      default:
        break;
    }
  }

  /** The RESET pin: power-on. Disks stay where they are. */
  reset(): void {
    this.#softReset();
    const { state } = this;
    state.dor = 0;
    state.tdr = 0;
    state.rate = 2;
    state.locked = 0;
    state.config = CONFIG_DEFAULT;
    state.precompensationTrack = 0;
    state.perpendicular = 0;
    state.stepAndUnload = 0;
    state.loadAndMode = 0;
    for (const drive of this.drives) drive.setMotor(false, this.host.now());
    this.#forgetCylinders();
  }

  #forgetCylinders(): void {
    for (const { state } of this.drives) state.presentCylinder = 0;
  }

  snapshot(): Uint8Array {
    return snapshotController(this);
  }

  /**
   * Takes a snapshot over. The same kinds of disks must be in the same drives.
   * @throws {RangeError} for bytes that are not its own; nothing changes then
   */
  restore(bytes: Uint8Array): void {
    restoreController(this, bytes);
  }

  /** An interrupt for nothing: the pin rises and falls. */
  pulse(): void {
    this.host.interrupt(true);
    this.#drive();
  }

  /** Raises the interrupt pin. @param unit the drive that it speaks of */
  raise(unit = this.state.unit): void {
    this.state.line = 1;
    const faults = this.drives[unit]!.surface?.faults;
    if (faults !== undefined) {
      if (faults.strike("lost-interrupt") !== undefined) return;
      const late = faults.strike("late-interrupt");
      if (late !== undefined) return this.#late.after(late.delayNs ?? LATE_NS);
    }
    this.#drive();
  }

  /** Lowers the interrupt pin. */
  lower(): void {
    this.state.line = 0;
    this.#drive();
  }

  /** Ends the command with result bytes that were put into `state.result`. */
  giveResult(length: number): void {
    this.state.phase = PHASE.RESULT;
    this.state.resultAt = 0;
    this.state.resultLength = length;
  }

  /** The command has neither execution nor result. */
  becomeIdle(): void {
    this.state.phase = PHASE.IDLE;
  }

  get hasImpliedSeek(): boolean {
    return (this.state.config & CONFIG_IMPLIED_SEEK) !== 0;
  }

  /** Bytes that the FIFO holds: 1 when it is off. */
  get fifoCapacity(): number {
    return (this.state.config & CONFIG_NO_FIFO) !== 0 ? 1 : FIFO_BYTES;
  }

  /** FIFOTHR: 1 to 16 bytes, [82077] 5.2.7. */
  get fifoThreshold(): number {
    return (this.state.config & CONFIG_THRESHOLD) + 1;
  }

  /** Whether sectors go byte by byte through the FIFO: SPECIFY's ND bit. */
  get isNonDma(): boolean {
    return (this.state.loadAndMode & 1) !== 0;
  }

  /** The line as it leaves the chip: gated by the DOR in AT mode, [82077] 2.1.3. */
  #drive(): void {
    const { line, dor } = this.state;
    this.host.interrupt(line === 1 && (dor & DOR_DMA_GATE) !== 0);
  }

  #writeOutput(byte: number): void {
    const { state } = this;
    const before = state.dor;
    state.dor = byte;
    for (let i = 0; i < DRIVES; i++) {
      this.drives[i]!.setMotor((byte & (DOR_MOTOR_0 << i)) !== 0, this.host.now());
    }
    if ((byte & DOR_NOT_RESET) === 0) this.#softReset();
    else if ((before & DOR_NOT_RESET) === 0) this.#release();
    else this.transfer.resume(state.unit);
    if (((before ^ byte) & DOR_DMA_GATE) !== 0) this.#drive();
  }

  /** Forgets every command; what SPECIFY said stays, and what LOCK protects, [82077] 4.2. */
  #softReset(): void {
    const { state } = this;
    this.#ready.cancel();
    this.#late.cancel();
    this.transfer.abort();
    this.seeks.abort();
    state.phase = PHASE.HELD;
    state.resetSenses = 0;
    state.parameterAt = 0;
    state.resultLength = 0;
    if (state.locked === 0) {
      state.config = CONFIG_DEFAULT;
      state.precompensationTrack = 0;
    } else {
      state.config &= CONFIG_NO_FIFO | CONFIG_THRESHOLD;
    }
    // GAP and WGATE are cleared, the drives' bits are not: [82077] 5.2.11.
    state.perpendicular &= 0x3c;
    this.lower();
  }

  #release(): void {
    this.#ready.after(RESET_NS);
  }

  /** Polling finds all four drives changed: one interrupt, four answers, [82077] 7.4. */
  #becomeReady(): void {
    this.state.phase = PHASE.IDLE;
    this.state.resetSenses = DRIVES;
    this.raise();
  }
}
