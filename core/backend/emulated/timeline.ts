/**
 * The machine's time: a clock that moves only from event to event, and the named sources of those
 * events. Who schedules something registers a callback under a name once; what waits in the heap is
 * numbers alone, so time with everything that is still to happen can be saved and restored.
 */
import { ReelError } from "../../errors.ts";
import type { DeviceScheduler, DeviceTimer } from "./device-host.ts";
import { EVENTS_MAX, EventHeap } from "./event-heap.ts";
import { decodeEvents, encodeEvents, type EventHeapState } from "./event-state.ts";
import type { StateReader, StateWriter } from "./state-bytes.ts";

/**
 * Events that may be added and run without the clock moving, before the timeline takes it for a
 * device that reschedules itself at a delay of zero for ever. As many as can be pending at all.
 */
const EVENTS_PER_INSTANT_MAX = EVENTS_MAX;
const NAME_LENGTH_MAX = 128;

/** A {@link DeviceTimer} that can also be given up. */
export interface MachineTimer extends DeviceTimer {
  readonly name: string;
  /** Cancels what is pending and gives the name back. The timer is dead afterwards. */
  release(): void;
}

/** A {@link DeviceScheduler} that can also be given up. */
export interface MachineScheduler extends DeviceScheduler {
  readonly name: string;
  release(): void;
}

interface Source {
  readonly name: string;
  /** Its index in the timeline's list, by which events in the heap name it. */
  readonly number: number;
  readonly fire: (argument: number) => void;
  /** Present on timers: takes the token of the one pending event. */
  readonly adopt: ((token: number) => void) | undefined;
}

/** A snapshot's time and events, checked and not yet applied. */
export interface TimelineState {
  nowNs: number;
  heap: EventHeapState;
}

export class Timeline {
  readonly #heap = new EventHeap();
  readonly #sources: (Source | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #sourceByName = new Map<string, Source>();
  readonly #notify: () => void;
  #nowNs = 0;
  #running = false;

  /** @param notify called when an event becomes the earliest one while no event is running */
  constructor(notify: () => void) {
    this.#notify = notify;
  }

  get nowNs(): number {
    return this.#nowNs;
  }

  /** When the next event is due, Infinity when there is none. */
  get nextEventNs(): number {
    return this.#heap.earliest;
  }

  /** Whether an event's callback is on the stack. */
  get running(): boolean {
    return this.#running;
  }

  /** Registers a source of at most one pending event. @throws {RangeError} for a taken name */
  timer(name: string, fire: (argument: number) => void): MachineTimer {
    const heap = this.#heap;
    let token = 0;
    const source = this.#register(name, fire, (adopted) => {
      token = adopted;
    });
    const at = (deadlineNs: number, argument = 0): void => {
      heap.remove(token, source.number);
      token = this.#schedule(source, deadlineNs, argument);
    };
    return {
      name,
      at,
      after: (delayNs, argument) => at(this.#nowNs + delayNs, argument),
      cancel: () => void heap.remove(token, source.number),
      get armed() {
        return heap.holds(token, source.number);
      },
      release: () => this.#unregister(source),
    };
  }

  /** Registers a source of any number of pending events. @throws {RangeError} for a taken name */
  scheduler(name: string, fire: (argument: number) => void): MachineScheduler {
    const heap = this.#heap;
    const source = this.#register(name, fire, undefined);
    return {
      name,
      at: (deadlineNs, argument = 0) => this.#schedule(source, deadlineNs, argument),
      after: (delayNs, argument = 0) => this.#schedule(source, this.#nowNs + delayNs, argument),
      cancel: (token) => heap.remove(token, source.number),
      get pending() {
        return heap.countOf(source.number);
      },
      release: () => this.#unregister(source),
    };
  }

  /**
   * Moves the clock, without running anything.
   * @throws {RangeError} when that would go back or step over an event
   */
  advanceTo(timeNs: number): void {
    if (!(timeNs >= this.#nowNs && timeNs <= this.nextEventNs && timeNs < Infinity)) {
      throw new RangeError(
        `Cannot move the clock to ${timeNs} ns: it stands at ${this.#nowNs} ns ` +
          `and the next event is due at ${this.nextEventNs} ns`,
      );
    }
    this.#nowNs = timeNs;
  }

  /**
   * Runs every event of the current moment in the order of scheduling, with those that these events
   * add for the same moment. An error of a callback passes through; the events behind it stay.
   * @returns how many ran
   * @throws {ReelError} ERR_LIMIT when events keep adding events and time stands still
   */
  runDue(): number {
    const heap = this.#heap;
    if (heap.earliest > this.#nowNs) return 0;
    this.#refuseWhileRunning("run events");
    const added = heap.nextSequence;
    let ran = 0;
    this.#running = true;
    try {
      while (heap.earliest <= this.#nowNs) {
        if (heap.nextSequence - added > EVENTS_PER_INSTANT_MAX) this.#refuseToStandStill();
        heap.pop();
        ran += 1;
        this.#sources[heap.poppedSource]!.fire(heap.poppedArgument);
      }
    } finally {
      this.#running = false;
    }
    return ran;
  }

  encode(writer: StateWriter): void {
    writer.f64(this.#nowNs);
    encodeEvents(writer, this.#heap.capture(), (source) => this.#sources[source]!.name);
  }

  /** @throws {ReelError} ERR_STATE_CORRUPT, naming the timer when one is missing here */
  decode(reader: StateReader): TimelineState {
    const nowNs = reader.whole("the clock", 0, Number.MAX_SAFE_INTEGER);
    const sourceOf = (name: string): number =>
      this.#sourceByName.get(name)?.number ??
      reader.refuse("the machine", `no timer "${name}"`, "put together with every timer it needs");
    const heap = decodeEvents(reader, sourceOf, nowNs);
    if (heap.generations.length > EVENTS_MAX) {
      reader.refuse("the count of event slots", heap.generations.length, `at most ${EVENTS_MAX}`);
    }
    const armed = new Set<number>();
    for (const event of heap.events) {
      const source = this.#sources[event.source]!;
      if (source.adopt === undefined) continue;
      if (armed.has(event.source)) {
        reader.refuse(`timer "${source.name}"`, "two events", "pending once");
      }
      armed.add(event.source);
    }
    return { nowNs, heap };
  }

  apply(state: TimelineState): void {
    this.#nowNs = state.nowNs;
    this.#heap.apply(state.heap);
    // A timer that is idle in the snapshot keeps a token that names no event of its own.
    for (const event of state.heap.events) {
      this.#sources[event.source]!.adopt?.(this.#heap.tokenOf(event.slot));
    }
  }

  /** @throws {ReelError} ERR_OPERATION_BUSY inside an event's callback */
  #refuseWhileRunning(what: string): void {
    if (!this.#running) return;
    throw new ReelError("ERR_OPERATION_BUSY", `Cannot ${what}: an event is running`, {
      mend: "Do it after the event's callback returned",
    });
  }

  #refuseToStandStill(): never {
    this.#heap.pop();
    const name = this.#sources[this.#heap.poppedSource]!.name;
    throw new ReelError(
      "ERR_LIMIT",
      `Cannot move on from ${this.#nowNs} ns: events added ${EVENTS_PER_INSTANT_MAX} more ` +
        `for the same moment, the last one by timer "${name}"`,
      { mend: "Give the device a delay above zero", details: { timer: name, nowNs: this.#nowNs } },
    );
  }

  #schedule(source: Source, deadlineNs: number, argument: number): number {
    // Rounding up keeps the promise that nothing fires early; a past moment becomes the present.
    const wanted = Math.ceil(deadlineNs);
    if (!(wanted <= Number.MAX_SAFE_INTEGER) || this.#sources[source.number] !== source) {
      this.#refuseToSchedule(source, deadlineNs);
    }
    const timeNs = wanted > this.#nowNs ? wanted : this.#nowNs;
    const earliest = this.#heap.earliest;
    const token = this.#heap.push(timeNs, source.number, argument);
    if (timeNs < earliest && !this.#running) this.#notify();
    return token;
  }

  #refuseToSchedule(source: Source, deadlineNs: number): never {
    if (this.#sources[source.number] !== source) {
      throw new ReelError("ERR_CLOSED", `Cannot arm timer "${source.name}": it was released`);
    }
    throw new RangeError(
      `Cannot arm timer "${source.name}": the deadline must be a number of nanoseconds ` +
        `up to ${Number.MAX_SAFE_INTEGER}: found ${deadlineNs}`,
    );
  }

  #register(name: string, fire: Source["fire"], adopt: Source["adopt"]): Source {
    if (name.length < 1 || name.length > NAME_LENGTH_MAX || this.#sourceByName.has(name)) {
      throw new RangeError(
        `Cannot register timer "${name}": the name must be new and 1 to ${NAME_LENGTH_MAX} long`,
      );
    }
    const number = this.#freeNumbers.pop() ?? this.#sources.length;
    const source = { name, number, fire, adopt };
    this.#sources[number] = source;
    this.#sourceByName.set(name, source);
    return source;
  }

  #unregister(source: Source): void {
    if (this.#sources[source.number] !== source) return;
    this.#heap.removeAll(source.number);
    this.#sources[source.number] = undefined;
    this.#sourceByName.delete(source.name);
    this.#freeNumbers.push(source.number);
  }
}
