/**
 * A backend whose ring does what a test says: it keeps the requests, completes those that the test
 * names, with the results that the test gives, and moves its clock when told to.
 */
import {
  type Backend,
  type BackendCounters,
  COMPLETE_MORE,
  type Ring,
  type Sink,
} from "../backend/contract.ts";
import { scriptedGroups, type ScriptedGroup } from "./scripted-groups.fixture.ts";

export interface ScriptedRequest {
  readonly opcode: number;
  readonly slot: number;
  readonly generation: number;
  readonly file: number;
  readonly address: number;
  readonly length: number;
  readonly offset: number;
  readonly opFlags: number;
  readonly how: number;
  /** The kernel's own timeout of it, Infinity for none. */
  limitNs: number;
  /** Whether its cancellation was asked for. */
  cancelled: boolean;
}

export class ScriptedBackend implements Backend {
  readonly kind = "uring";
  readonly machine = undefined;
  readonly host = undefined;
  readonly blocks = false;
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };
  /** Requests that are in flight, oldest first. */
  readonly requests: ScriptedRequest[] = [];
  readonly ring: Ring;
  readonly groups: ScriptedGroup[] = [];
  nowNs = 0;
  /** Whether requests whose cancellation is asked for end with -ECANCELED by themselves. */
  obeysCancel = true;
  /** How often a cancellation was asked for. */
  cancels = 0;
  /** What `prepare` throws, once, if anything. */
  failNextPrepare: Error | undefined = undefined;
  readonly #events: { slot: number; generation: number; result: number; flags: number }[] = [];
  #deadlineNs = Infinity;

  constructor() {
    this.ring = {
      prepare: (opcode, slot, generation, file, address, length, offset, opFlags, how = 0) => {
        const failure = this.failNextPrepare;
        this.failNextPrepare = undefined;
        if (failure !== undefined) throw failure;
        this.counters.submitted++;
        const words = { opcode, slot, generation, file, address, length, offset, opFlags, how };
        this.requests.push({ ...words, limitNs: Infinity, cancelled: false });
      },
      cancel: (slot, generation) => {
        this.cancels++;
        const target = this.requests.find((each) => {
          return each.slot === slot && each.generation === generation;
        });
        if (target === undefined) return;
        target.cancelled = true;
        if (this.obeysCancel) this.complete(target, -125);
      },
      flush() {},
      limit: (slot, _generation, timeoutNs) => {
        if (this.last.slot !== slot) throw new RangeError("Only the last request can be limited");
        this.last.limitNs = timeoutNs;
      },
      ...scriptedGroups(this.groups),
    };
  }

  /** The newest request in flight. @throws {RangeError} when there is none */
  get last(): ScriptedRequest {
    const request = this.requests.at(-1);
    if (request === undefined) throw new RangeError("No request is in flight");
    return request;
  }

  /** Completes a request with the next poll. */
  complete(request: ScriptedRequest, result: number, flags = 0): void {
    const { slot, generation } = request;
    this.#events.push({ slot, generation, result, flags });
    if ((flags & COMPLETE_MORE) !== 0) return;
    const place = this.requests.indexOf(request);
    if (place !== -1) this.requests.splice(place, 1);
  }

  /** Delivers a completion that no request asked for. */
  forge(slot: number, generation: number, result: number): void {
    this.#events.push({ slot, generation, result, flags: 0 });
  }

  now(): number {
    return this.nowNs;
  }

  arm(deadlineNs: number): void {
    this.#deadlineNs = deadlineNs;
  }

  /** The deadline that is armed. */
  get armedNs(): number {
    return this.#deadlineNs;
  }

  poll(sink: Sink): number {
    const events = this.#events.splice(0);
    const due = this.#deadlineNs <= this.nowNs;
    if (events.length === 0 && !due) return 0;
    sink.turn(this.nowNs);
    for (const { slot, generation, result, flags } of events) {
      this.counters.completed++;
      sink.complete(slot, generation, result, flags);
    }
    if (due) {
      this.#deadlineNs = Infinity;
      sink.expire(this.nowNs);
    }
    return events.length + (due ? 1 : 0);
  }

  inject(): void {}

  pending(): boolean {
    return this.requests.length > 0 || this.#events.length > 0 || this.#deadlineNs < Infinity;
  }

  armWake(): void {}

  disarmWake(): void {}

  close(): void {}
}
