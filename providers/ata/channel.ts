/**
 * One IDE channel: command and control block, two slots of which one is selected, the interrupt
 * line, resets. The command itself runs in command-run.ts.
 *
 * Decisions: without any drive the bus floats with the pull-down on bit 7 that [ATA-6] A.2 wants,
 * so every register reads 7Fh and the data register all ones. A selected absent drive beside a
 * present one reads status 0 ([ATA-6] 9.16.1: device 0 answers for device 1). Registers written
 * while BSY or DRQ is set are not taken, other than device control and DEVICE RESET.
 */
import { ATA, DEVICE, ERROR, STATUS } from "../disk/drive/bits.ts";
import type { Drive, TaskFile } from "../disk/drive/drive.ts";
import type { AccessWidth, DeviceHost, DeviceTimer } from "../disk/host.ts";
import { BusMaster } from "./bus-master.ts";
import { CommandRun, type ChannelWires } from "./command-run.ts";
import { InterruptLine } from "./interrupt-line.ts";
import { CONTROL, REG } from "./registers.ts";
import { Slot } from "./slot.ts";

const FLOATING = 0x7f;
const DEVICE_ALWAYS = 0xa0;

export interface ChannelOptions {
  host: DeviceHost;
  /** Drives 0 and 1. */
  drives: readonly (Drive | undefined)[];
  mayMaster(): boolean;
}

export class Channel implements ChannelWires {
  readonly host: DeviceHost;
  readonly busMaster: BusMaster;
  readonly slots: readonly [Slot, Slot] = [new Slot(), new Slot()];
  readonly #options: ChannelOptions;
  readonly #run: CommandRun;
  /** It also knows which slot is selected: the device register's bit 4. */
  readonly #line: InterruptLine;
  readonly #resetTimer: DeviceTimer;
  /** A started engine moves data in an event of its own, not inside the register write. */
  readonly #kick: DeviceTimer;
  readonly #task: TaskFile = { command: 0, features: 0, count: 0, lba: 0, device: 0 };
  #control = 0;
  /** 1 while a diagnostic runs, which ends with an interrupt; a reset ends without. */
  #diagnosing = false;
  /** For people: what went on here. */
  readonly counters = { commands: 0, interrupts: 0 };

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.host = options.host;
    this.busMaster = new BusMaster(options.host, () => this.kick());
    this.#run = new CommandRun(this);
    this.#resetTimer = this.host.timer("reset", () => this.#resetDone());
    this.#line = new InterruptLine(this.host, this.slots, () => {
      this.busMaster.interrupted();
      this.counters.interrupts += 1;
    });
    this.#kick = this.host.timer("bus-master", () => this.#run.pump());
    for (const [i, drive] of options.drives.slice(0, 2).entries()) this.slots[i]!.drive = drive;
    this.reset();
  }

  /** Looks in an event of its own whether data can move now. */
  kick(): void {
    this.#kick.after(0);
  }

  mayMaster(): boolean {
    return this.#options.mayMaster();
  }

  get #slot(): Slot {
    return this.slots[this.#line.selected]!;
  }

  get #isEmpty(): boolean {
    return this.slots[0].drive === undefined && this.slots[1].drive === undefined;
  }

  /** Power-on: no interrupt is disabled, and the drives show their signatures. */
  reset(): void {
    this.#run.abort();
    this.#resetTimer.cancel();
    this.#line.forget();
    this.#kick.cancel();
    this.#control = 0;
    this.#line.enabled = true;
    this.busMaster.reset();
    for (const { drive } of this.slots) drive?.reset(true);
    this.#sign();
  }

  #sign(): void {
    this.#line.selected = 0;
    for (const slot of this.slots) {
      if (slot.drive === undefined) {
        slot.sign({ error: 0, count: 0, lba: 0, device: 0, status: 0 });
      } else slot.sign(slot.drive.signature());
    }
    this.#line.drive();
  }

  /**
   * Puts a drive into a slot, or takes it out: undefined. A command in progress there is lost; one
   * of the other drive goes on.
   */
  plug(position: 0 | 1, drive: Drive | undefined): void {
    this.#run.abortAt(position);
    const slot = this.slots[position];
    slot.drive = drive;
    slot.sign(drive?.signature() ?? { error: 0, count: 0, lba: 0, device: 0, status: 0 });
    // A reset that the channel is in is the new drive's too: it is ready when that is over.
    const isInReset = (this.#control & CONTROL.SRST) !== 0 || this.#resetTimer.armed;
    if (drive !== undefined && isInReset) slot.status = STATUS.BSY;
    this.#line.drive();
  }

  raise(slot: Slot): void {
    this.#line.raise(slot);
  }

  // Registers.

  readCommandBlock(offset: number, width: AccessWidth): number {
    if (offset === REG.DATA) {
      if (this.#isEmpty) return 2 ** (8 * width) - 1;
      return this.#run.readData(width);
    }
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#readByte(offset + i);
    return value;
  }

  #readByte(register: number): number {
    if (register > REG.STATUS) return 0xff;
    if (register === REG.STATUS) {
      const status = this.#status();
      this.#line.acknowledge();
      return status;
    }
    if (this.#isEmpty) return FLOATING;
    const slot = this.#slot;
    if (register === REG.DEVICE) {
      return (
        (slot.now[register]! & ~DEVICE.SELECT) |
        (this.#line.selected * DEVICE.SELECT) |
        DEVICE_ALWAYS
      );
    }
    if (register === REG.ERROR) return slot.error;
    return (this.#control & CONTROL.HOB) !== 0 ? slot.before[register]! : slot.now[register]!;
  }

  #status(): number {
    if (this.#isEmpty) return FLOATING;
    return this.#slot.drive === undefined ? 0 : this.#slot.status;
  }

  /** The control block: alternate status, and the drive address register that is no more. */
  readControlBlock(offset: number, width: AccessWidth): number {
    const value = offset === 0 ? this.#status() : 0xff;
    return width === 1 ? value : value + (2 ** (8 * width) - 256);
  }

  writeControlBlock(offset: number, value: number): void {
    if (offset !== 0) return;
    const was = this.#control;
    this.#control = value & (CONTROL.NIEN | CONTROL.SRST | CONTROL.HOB);
    this.#line.enabled = (value & CONTROL.NIEN) === 0;
    const isReset = (value & CONTROL.SRST) !== 0;
    if (isReset && (was & CONTROL.SRST) === 0) this.#holdReset(false);
    if (!isReset && (was & CONTROL.SRST) !== 0) this.#resetTimer.after(this.#resetNs);
    this.#line.drive();
  }

  get #resetNs(): number {
    return Math.max(0, ...this.slots.map(({ drive }) => drive?.resetNs ?? 0));
  }

  /** Both drives are busy from now on ([ATA-6] 9.2, 9.10). */
  #holdReset(diagnosing: boolean): void {
    this.#run.abort();
    this.#resetTimer.cancel();
    this.#line.forget();
    this.#diagnosing = diagnosing;
    for (const slot of this.slots) {
      slot.pending = false;
      if (slot.drive !== undefined) slot.status = STATUS.BSY;
    }
    this.#line.drive();
  }

  #resetDone(): void {
    if ((this.#control & CONTROL.SRST) !== 0) return;
    for (const { drive } of this.slots) drive?.reset(false);
    this.#sign();
    if (this.#diagnosing && this.slots[0].drive !== undefined) this.raise(this.slots[0]);
    this.#diagnosing = false;
  }

  writeCommandBlock(offset: number, width: AccessWidth, value: number): void {
    if (offset === REG.DATA) return this.#run.writeData(width, value);
    for (let i = 0; i < width; i++) this.#writeByte(offset + i, (value >>> (8 * i)) & 0xff);
  }

  #writeByte(register: number, value: number): void {
    if (register > REG.COMMAND || (this.#control & CONTROL.SRST) !== 0) return;
    this.#control &= ~CONTROL.HOB;
    const isTaken = this.#slot.drive !== undefined;
    if (register === REG.COMMAND) return this.#command(value);
    if (isTaken && (this.#slot.status & (STATUS.BSY | STATUS.DRQ)) !== 0) return;
    for (const slot of this.slots) slot.write(register, value);
    if (register !== REG.DEVICE) return;
    this.#line.selected = (value & DEVICE.SELECT) === 0 ? 0 : 1;
    this.#line.drive();
  }

  #command(command: number): void {
    const slot = this.#slot;
    if (slot.drive === undefined) {
      if (command === ATA.EXECUTE_DEVICE_DIAGNOSTIC && !this.#isBusy()) this.#diagnose();
      return;
    }
    const isReset = command === ATA.DEVICE_RESET && slot.drive.kind === "packet";
    if (isReset) return this.#resetDevice(slot);
    if ((slot.status & (STATUS.BSY | STATUS.DRQ)) !== 0) return;
    this.#line.acknowledge();
    this.counters.commands += 1;
    const { faults } = slot.drive;
    if (faults.size > 0) {
      if (faults.strike("unplug")) return this.plug(this.#line.selected as 0 | 1, undefined);
      if (faults.strike("spurious-interrupt")) this.#line.assert(slot);
    }
    if (command === ATA.EXECUTE_DEVICE_DIAGNOSTIC) return this.#diagnose();
    slot.fill(this.#task, command);
    this.#run.begin(slot, this.#line.selected, this.#accept);
  }

  readonly #accept = (drive: Drive, plan: Parameters<Drive["accept"]>[1]): void => {
    drive.accept(this.#task, plan);
  };

  #isBusy(): boolean {
    return this.slots.some((slot) => slot.drive !== undefined && slot.busy);
  }

  /** Runs on both devices, whichever is selected, and ends with device 0 ([ATA-6] 9.9). */
  #diagnose(): void {
    this.#holdReset(true);
    this.#resetTimer.after(this.#resetNs);
  }

  /** DEVICE RESET, for packet devices, also while busy ([ATA-6] 8.10). No interrupt. */
  #resetDevice(slot: Slot): void {
    this.#run.abort();
    slot.drive!.reset(false);
    const device = slot.now[REG.DEVICE]! & DEVICE.SELECT;
    slot.sign(slot.drive!.signature());
    slot.now[REG.DEVICE] = device;
    slot.error &= ~ERROR.ABRT;
    this.#line.drive();
  }

  // State.

  save() {
    return {
      control: this.#control,
      line: this.#line.save(),
      diagnosing: this.#diagnosing,
      counters: { ...this.counters },
      slots: this.slots.map((slot) => slot.save()),
      run: this.#run.save(),
      busMaster: this.busMaster.save(),
    };
  }

  load(saved: ReturnType<Channel["save"]>): void {
    this.#control = saved.control;
    this.#line.load(saved.line);
    this.#diagnosing = saved.diagnosing;
    Object.assign(this.counters, saved.counters);
    for (const [i, slot] of this.slots.entries()) slot.load(saved.slots[i]!);
    this.#run.load(saved.run, this.slots);
    this.busMaster.load(saved.busMaster);
  }
}
