/**
 * Virtual time for tests of tasks: a timer port whose clock stands still until the test or the
 * driver moves it, and a driver that runs an executor to its end without the host's event loop.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Random } from "../random.ts";
import { Executor } from "./executor.ts";
import type { TimerPort } from "./ports.ts";

interface Entry {
  readonly token: number;
  readonly deadlineNs: number;
  readonly fire: () => void;
}

export class VirtualTimers implements TimerPort {
  #nowNs = 0;
  #nextToken = 1;
  #entries: Entry[] = [];
  /** How much too early every deadline fires, once: for tests of "never early". */
  earlyNs = 0;

  /** How many deadlines are armed. */
  get pending(): number {
    return this.#entries.length;
  }

  now(): number {
    return this.#nowNs;
  }

  set(deadlineNs: number, fire: () => void): number {
    const token = this.#nextToken++;
    const firesAtNs = Math.max(this.#nowNs, deadlineNs - this.earlyNs);
    const place = this.#entries.findIndex((entry) => entry.deadlineNs > firesAtNs);
    const entry = { token, deadlineNs: firesAtNs, fire };
    if (place === -1) this.#entries.push(entry);
    else this.#entries.splice(place, 0, entry);
    return token;
  }

  clear(token: number): void {
    const place = this.#entries.findIndex((entry) => entry.token === token);
    if (place === -1) throw new Error(`Cannot clear timer ${token}: it is not armed`);
    this.#entries.splice(place, 1);
  }

  /** Moves the clock without firing anything: a batch collected late. */
  elapse(durationNs: number): void {
    this.#nowNs += durationNs;
  }

  /** Moves the clock to the next deadline, if it lies ahead, and fires all that are due. */
  advance(): boolean {
    const next = this.#entries[0];
    if (next === undefined) return false;
    this.#nowNs = Math.max(this.#nowNs, next.deadlineNs);
    this.earlyNs = 0;
    const due = this.#entries.filter((entry) => entry.deadlineNs <= this.#nowNs);
    this.#entries = this.#entries.filter((entry) => entry.deadlineNs > this.#nowNs);
    for (const entry of due) entry.fire();
    return true;
  }
}

/** An executor in virtual time, and the driver for it. */
export class World {
  readonly timers = new VirtualTimers();
  readonly executor: Executor;
  /** How often the executor asked to be driven. */
  wakeUps = 0;

  constructor(permute?: Random) {
    const onWork = (): void => void this.wakeUps++;
    this.executor = new Executor({ timers: this.timers, onWork, ...(permute && { permute }) });
  }

  /** Runs everything that can run at this moment, without moving the clock. */
  settle(): void {
    const executor = this.executor;
    do {
      executor.flushHost();
      drainMicrotasks();
      executor.runUntilIdle();
    } while (executor.hasReady() || executor.hasHostReady());
  }

  /** Runs until nothing can happen any more. */
  drive(): void {
    do this.settle();
    while (this.timers.advance());
  }

  /**
   * Runs a body as a task, drives until nothing can happen, and takes its result.
   * @throws what the body threw; an error that lists what everybody waits for, if it hangs
   */
  run<T>(body: () => T | Promise<T>): T {
    const { task } = this.executor.spawn(body, { name: "main" });
    this.drive();
    if (task.status === "completed") return task.outcome as T;
    if (task.status !== "running") {
      this.executor.forgive(task);
      throw task.outcome;
    }
    const waits = Array.from(this.executor.live(), (live) => `${live.name}: ${live.waits()}`);
    throw new Error(`The test hangs: ${waits.join("; ")}`);
  }
}
