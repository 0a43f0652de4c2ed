/**
 * The emulated machine: a virtual clock with its events, interrupt lines, ports and memory-mapped
 * I/O, memory with DMA, and one seeded random source. It holds no reference to anything outside, so
 * the same seed and the same accesses give the same run, and all of it can be copied out as bytes
 * between any two events and put back.
 *
 * Example: a device that interrupts every millisecond.
 *
 *     const machine = new Machine({ seed: 7 });
 *     const host = machine.attach("tick", 3, { trigger: "edge" });
 *     const tick = host.timer("tick", () => {
 *       host.interrupt(true);
 *       host.interrupt(false);
 *       tick.after(1e6);
 *     });
 *     tick.after(1e6);
 *     machine.interrupts.enable(3);
 *     machine.runUntil(5e6);
 */
import { ReelError } from "../../errors.ts";
import { Random } from "../../random.ts";
import { decodeBlob, encodeBlob } from "../../state/blob.ts";
import { AddressSpace } from "./address-space.ts";
import { Attachment, type AttachmentState, decodeAttachment, type Trigger } from "./attachment.ts";
import type { DeviceHost } from "./device-host.ts";
import { decodeInterrupts, encodeInterrupts } from "./interrupt-state.ts";
import { InterruptController } from "./interrupts.ts";
import { decodeRam, encodeRam } from "./ram-state.ts";
import { Ram } from "./ram.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";
import { type MachineScheduler, type MachineTimer, Timeline } from "./timeline.ts";

export type { MachineScheduler, MachineTimer };

const BLOB_KIND = "machine";
const STATE_VERSION = 1;
const LINES_DEFAULT = 64;
const RAM_BYTES_DEFAULT = 16 * 1024 * 1024;
/** The port space of the machines that these devices come from: 16 address bits. */
const PORTS_SIZE = 1 << 16;
/** Memory-mapped I/O has the 48 physical address bits that x86-64 processors commonly have. */
const MEMORY_MAPPED_SIZE = 2 ** 48;
const RANDOM_WORDS = 4;
/** Bytes of the shortest attachment record: name length, output, random words. */
const ATTACHMENT_RECORD_BYTES = 21;

/** How idle time passes: skipped, or waited for by the backend. Events are the same either way. */
export type ClockMode = "virtual" | "paced";

export interface MachineOptions {
  /** Any safe integer. */
  seed: number;
  /** Default "virtual". */
  clock?: ClockMode;
  /** A multiple of 4096, up to 512 MiB; default 16 MiB. */
  ramBytes?: number;
  /** Interrupt lines, 1 to 4096; default 64. */
  lines?: number;
}

export class Machine {
  readonly seed: number;
  readonly clock: ClockMode;
  /** The machine's own random source. Devices have forks of it, by name. */
  readonly random: Random;
  readonly interrupts: InterruptController;
  /** Port I/O: 65,536 ports. */
  readonly ports: AddressSpace;
  /** Memory-mapped I/O: registers only, apart from {@link ram}. */
  readonly memory: AddressSpace;
  readonly ram: Ram;
  /**
   * Called when there is new work and nothing is being run: an earlier event than before, or a
   * deliverable interrupt. The backend waits on it.
   */
  onWork: (() => void) | undefined = undefined;

  readonly #timeline: Timeline;
  readonly #holders: Uint16Array;
  readonly #attachments = new Map<string, Attachment>();
  #restores = 0;

  /** @throws {RangeError} for an option outside its limits */
  constructor(options: MachineOptions) {
    const notify = (): void => this.onWork?.();
    this.clock = options.clock ?? "virtual";
    if (this.clock !== "virtual" && this.clock !== "paced") {
      throw new RangeError(`Cannot build a machine: clock must be virtual or paced: ${this.clock}`);
    }
    this.seed = options.seed;
    this.random = new Random(options.seed);
    this.interrupts = new InterruptController(options.lines ?? LINES_DEFAULT, notify);
    this.ports = new AddressSpace("ports", PORTS_SIZE);
    this.memory = new AddressSpace("memory-mapped I/O", MEMORY_MAPPED_SIZE);
    this.ram = new Ram(options.ramBytes ?? RAM_BYTES_DEFAULT);
    this.#timeline = new Timeline(notify);
    this.#holders = new Uint16Array(this.interrupts.lines);
  }

  /** Whole nanoseconds since the machine was switched on. Moves only from event to event. */
  now(): number {
    return this.#timeline.nowNs;
  }

  /** When the next event is due; Infinity when none is pending. */
  get nextEventNs(): number {
    return this.#timeline.nextEventNs;
  }

  /** How often a snapshot was restored, so that whoever follows the clock sees it jump. */
  get restores(): number {
    return this.#restores;
  }

  /**
   * Registers a timer: a source of at most one pending event, found again by name in a snapshot.
   * @param name 1 to 128 characters, unique on the machine
   * @throws {RangeError} for a taken name
   */
  timer(name: string, fire: (argument: number) => void): MachineTimer {
    return this.#timeline.timer(name, fire);
  }

  /** Registers a source of any number of pending events. @throws {RangeError} for a taken name */
  scheduler(name: string, fire: (argument: number) => void): MachineScheduler {
    return this.#timeline.scheduler(name, fire);
  }

  /**
   * Mounts a device: gives it a view of the machine. Several level-triggered devices may share a
   * line, which is then high while any of them holds it.
   * @param name unique on the machine; prefix of the device's timers, label of its random source
   * @param line the interrupt line that the device's output is wired to
   * @throws {RangeError} for a taken name or an unknown line
   */
  attach(name: string, line: number, options: { trigger?: Trigger } = {}): DeviceHost {
    if (name.length === 0 || this.#attachments.has(name)) {
      throw new RangeError(`Cannot attach device "${name}": the name must be new and not empty`);
    }
    // Asking the controller is the check that the line exists.
    this.interrupts.isEnabled(line);
    const board = {
      timeline: this.#timeline,
      interrupts: this.interrupts,
      ram: this.ram,
      holders: this.#holders,
    };
    const random = this.random.fork(`device.${name}`);
    const attachment = new Attachment(board, name, line, options.trigger ?? "level", random);
    this.#attachments.set(name, attachment);
    return attachment;
  }

  /** Unmounts a device: its line is let go, its timers are gone. Unknown names are no error. */
  detach(name: string): void {
    this.#attachments.get(name)?.detach();
    this.#attachments.delete(name);
  }

  /** Moves the clock. @throws {RangeError} when that would go back or step over an event */
  advanceTo(timeNs: number): void {
    this.#timeline.advanceTo(timeNs);
  }

  /**
   * Runs every event of the current moment, in the order in which they were scheduled.
   * @returns how many ran
   * @throws {ReelError} ERR_LIMIT when events keep adding events and time stands still
   */
  runDue(): number {
    return this.#timeline.runDue();
  }

  /**
   * Runs all events up to a moment and leaves the clock there: for tests of device models and for
   * programs that drive a machine without a backend.
   * @param timeNs nanoseconds, not before {@link now}
   * @returns how many events ran
   */
  runUntil(timeNs: number): number {
    let ran = this.runDue();
    while (this.nextEventNs <= timeNs) {
      this.advanceTo(this.nextEventNs);
      ran += this.runDue();
    }
    this.advanceTo(timeNs);
    return ran;
  }

  /**
   * The whole machine as a framed blob: clock, pending events, interrupt lines, device outputs,
   * random sources, used memory. What the device models hold themselves is theirs to save. Equal
   * states give equal bytes.
   * @throws {ReelError} ERR_OPERATION_BUSY inside an event's callback
   */
  snapshot(): Uint8Array {
    this.#refuseWhileRunning("take a snapshot");
    const writer = new StateWriter();
    writer.f64(this.seed);
    for (const word of this.random.snapshot()) writer.u32(word);
    writer.f64(this.ports.unmappedReads);
    writer.f64(this.ports.unmappedWrites);
    writer.f64(this.memory.unmappedReads);
    writer.f64(this.memory.unmappedWrites);
    encodeInterrupts(writer, this.interrupts.capture());
    this.#timeline.encode(writer);
    const names = [...this.#attachments.keys()].sort();
    writer.u32(names.length);
    for (const name of names) this.#attachments.get(name)!.encode(writer);
    encodeRam(writer, this.ram.sizeBytes, this.ram.capture());
    return encodeBlob(BLOB_KIND, STATE_VERSION, writer.finish());
  }

  /**
   * Takes a snapshot over. The machine must have been put together alike: the same seed, lines and
   * memory, and every device and timer that the snapshot names. Devices and timers that it does not
   * name stay, idle. All of the snapshot is checked before anything changes.
   * @throws {ReelError} ERR_STATE_CORRUPT, ERR_STATE_VERSION, or ERR_OPERATION_BUSY inside an event
   */
  restore(bytes: Uint8Array): void {
    this.#refuseWhileRunning("restore a snapshot");
    const { version, payload } = decodeBlob(bytes, BLOB_KIND);
    if (version !== STATE_VERSION) {
      throw new ReelError(
        "ERR_STATE_VERSION",
        `Cannot restore the machine: state version must be ${STATE_VERSION}: found ${version}`,
        { mend: "Restore it with the ioreel version that took the snapshot" },
      );
    }
    const reader = new StateReader(payload);
    const seed = reader.f64("the seed");
    if (seed !== this.seed) reader.refuse("the seed", seed, `${this.seed}`);
    const randomWords = new Uint32Array(RANDOM_WORDS);
    for (let i = 0; i < RANDOM_WORDS; i++) randomWords[i] = reader.u32("the random state");
    const unmapped: number[] = [];
    for (let i = 0; i < 4; i++) {
      unmapped.push(reader.whole("the count of unmapped accesses", 0, Number.MAX_SAFE_INTEGER));
    }
    const interrupts = decodeInterrupts(reader, this.interrupts.lines);
    const timeline = this.#timeline.decode(reader);
    const attachments = this.#decodeAttachments(reader);
    const ram = decodeRam(reader, this.ram.sizeBytes);
    reader.finish();

    // Nothing below can fail.
    this.random.restore(randomWords);
    this.ports.unmappedReads = unmapped[0]!;
    this.ports.unmappedWrites = unmapped[1]!;
    this.memory.unmappedReads = unmapped[2]!;
    this.memory.unmappedWrites = unmapped[3]!;
    this.interrupts.apply(interrupts);
    this.#timeline.apply(timeline);
    this.#holders.fill(0);
    for (const [name, attachment] of this.#attachments) attachment.apply(attachments.get(name));
    this.ram.apply(ram);
    this.#restores += 1;
    this.onWork?.();
  }

  #decodeAttachments(reader: StateReader): Map<string, AttachmentState> {
    const states = new Map<string, AttachmentState>();
    const count = reader.count("the count of devices", ATTACHMENT_RECORD_BYTES);
    for (let i = 0; i < count; i++) {
      const state = decodeAttachment(reader);
      if (!this.#attachments.has(state.name) || states.has(state.name)) {
        reader.refuse("the machine", `no device "${state.name}"`, "put together with each once");
      }
      states.set(state.name, state);
    }
    return states;
  }

  #refuseWhileRunning(what: string): void {
    if (!this.#timeline.running) return;
    throw new ReelError("ERR_OPERATION_BUSY", `Cannot ${what}: an event is running`, {
      mend: "Do it between events: outside every timer's callback",
    });
  }
}
