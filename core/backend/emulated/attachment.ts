/**
 * One device on the machine: the {@link DeviceHost} that its model was given, and what the machine
 * keeps for it (the level of its interrupt output, its random source, its timers).
 */
import type { Random } from "../../random.ts";
import type { DeviceHost, DeviceScheduler, DeviceTimer } from "./device-host.ts";
import type { InterruptController } from "./interrupts.ts";
import type { Ram } from "./ram.ts";
import type { StateReader, StateWriter } from "./state-bytes.ts";
import type { MachineScheduler, MachineTimer, Timeline } from "./timeline.ts";

/**
 * How a device's interrupt output works on its line: "level" (PCI, AHCI) is seen for as long as it
 * is high, "edge" (ISA, IDE in legacy mode) once for each rise.
 */
export type Trigger = "level" | "edge";

const RANDOM_WORDS = 4;

/** What an attachment needs of its machine. */
export interface Board {
  readonly timeline: Timeline;
  readonly interrupts: InterruptController;
  readonly ram: Ram;
  /** Devices that hold each line high: a shared line is low when the last one lets go. */
  readonly holders: Uint16Array;
}

/** A snapshot's attachment, checked and not yet applied. */
export interface AttachmentState {
  name: string;
  asserted: boolean;
  randomWords: Uint32Array;
}

export class Attachment implements DeviceHost {
  readonly name: string;
  readonly line: number;
  readonly trigger: Trigger;
  readonly random: Random;

  readonly #board: Board;
  readonly #initialWords: Uint32Array;
  readonly #sources: (MachineTimer | MachineScheduler)[] = [];
  readonly #schedulerByFire = new Map<(argument: number) => void, MachineScheduler>();
  #asserted = false;

  constructor(board: Board, name: string, line: number, trigger: Trigger, random: Random) {
    this.#board = board;
    this.name = name;
    this.line = line;
    this.trigger = trigger;
    this.random = random;
    this.#initialWords = random.snapshot();
  }

  interrupt(asserted: boolean): void {
    if (asserted === this.#asserted) return;
    this.#asserted = asserted;
    if (this.trigger === "edge") {
      if (asserted) this.#board.interrupts.raise(this.line);
      return;
    }
    const holders = this.#board.holders;
    const before = holders[this.line]!;
    holders[this.line] = before + (asserted ? 1 : -1);
    if (holders[this.line] === 0 || before === 0) {
      this.#board.interrupts.setLevel(this.line, asserted);
    }
  }

  readMemory(address: number, target: Uint8Array): boolean {
    return this.#board.ram.readInto(address, target);
  }

  writeMemory(address: number, bytes: Uint8Array): boolean {
    return this.#board.ram.write(address, bytes);
  }

  now(): number {
    return this.#board.timeline.nowNs;
  }

  timer(name: string, fire: (argument: number) => void): DeviceTimer {
    const timer = this.#board.timeline.timer(`${this.name}.${name}`, fire);
    this.#sources.push(timer);
    return timer;
  }

  scheduler(name: string, fire: (argument: number) => void): DeviceScheduler {
    const scheduler = this.#board.timeline.scheduler(`${this.name}.${name}`, fire);
    this.#sources.push(scheduler);
    this.#schedulerByFire.set(fire, scheduler);
    return scheduler;
  }

  after(delayNs: number, fire: (argument: number) => void, argument = 0): number {
    const scheduler = this.#schedulerByFire.get(fire);
    if (scheduler !== undefined) return scheduler.after(delayNs, argument);
    throw new TypeError(
      `Cannot schedule "${fire.name}" for ${this.name}: register the function with scheduler() ` +
        "when the device is built, so that a snapshot can name it",
    );
  }

  /** Lets the line go and gives up every timer. The model must not use its host afterwards. */
  detach(): void {
    this.interrupt(false);
    for (const source of this.#sources) source.release();
    this.#sources.length = 0;
    this.#schedulerByFire.clear();
  }

  encode(writer: StateWriter): void {
    writer.text(this.name);
    writer.u8(this.#asserted ? 1 : 0);
    for (const word of this.random.snapshot()) writer.u32(word);
  }

  /**
   * Takes a state over. The line itself is the interrupt controller's business, which is restored
   * with it; only the count of who holds it is kept here.
   * @param state undefined for a device that the snapshot does not know: it starts afresh
   */
  apply(state: AttachmentState | undefined): void {
    this.#asserted = state?.asserted ?? false;
    this.random.restore(state?.randomWords ?? this.#initialWords);
    if (this.#asserted && this.trigger === "level") {
      this.#board.holders[this.line] = this.#board.holders[this.line]! + 1;
    }
  }
}

/** Reads what {@link Attachment.encode} wrote. @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeAttachment(reader: StateReader): AttachmentState {
  const name = reader.text("a device's name");
  const asserted = reader.u8("a device's interrupt output", 1) === 1;
  const randomWords = new Uint32Array(RANDOM_WORDS);
  for (let i = 0; i < RANDOM_WORDS; i++) randomWords[i] = reader.u32("a device's random state");
  return { name, asserted, randomWords };
}
