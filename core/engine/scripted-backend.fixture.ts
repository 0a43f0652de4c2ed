/**
 * A backend whose ring the test plays: requests lie there until the test completes them, in any
 * order, twice, or late. Its clock moves when the test says so.
 */
import {
  COMPLETE_MORE,
  type Backend,
  type BackendCounters,
  type InputKind,
  type Ring,
  type Sink,
} from "../backend/contract.ts";
import { scriptedGroups, type ScriptedGroup } from "./scripted-groups.fixture.ts";

/** A request that was prepared and is not completed for good. */
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
  cancelled: boolean;
}

export class ScriptedBackend implements Backend {
  readonly kind = "uring";
  readonly machine = undefined;
  readonly host = undefined;
  readonly blocks = false;
  readonly ring: Ring;
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };
  /** In the order in which they were prepared. */
  readonly requests: ScriptedRequest[] = [];
  /** Cancellations that were asked for although no such request is there. */
  strayCancels = 0;
  /** How often a request that was asked to end already was asked again. */
  repeatedCancels = 0;
  readonly groups: ScriptedGroup[] = [];
  nowNs = 0;
  deadlineNs = Infinity;

  constructor() {
    this.ring = {
      prepare: (opcode, slot, generation, file, address, length, offset, opFlags, how = 0) => {
        const words = { opcode, slot, generation, file, address, length, offset, opFlags, how };
        this.requests.push({ ...words, limitNs: Infinity, cancelled: false });
        this.counters.submitted++;
      },
      cancel: (slot, generation) => this.#cancel(slot, generation),
      flush: () => {},
      limit: (slot, _generation, timeoutNs) => {
        this.of(slot).limitNs = timeoutNs;
      },
      ...scriptedGroups(this.groups),
    };
  }

  now(): number {
    return this.nowNs;
  }

  arm(deadlineNs: number): void {
    this.deadlineNs = deadlineNs;
  }

  /** The request of a slot. @throws {Error} when there is none */
  of(slot: number): ScriptedRequest {
    const request = this.requests.find((each) => each.slot === slot);
    if (request === undefined) throw new Error(`No request of slot ${slot} is in the ring`);
    return request;
  }

  /** Completes a request, for good unless `more`. */
  complete(sink: Sink, request: ScriptedRequest, result: number, more = false): void {
    const at = this.requests.indexOf(request);
    if (at === -1) throw new Error("The request was completed already");
    if (!more) this.requests.splice(at, 1);
    this.counters.completed++;
    sink.turn(this.nowNs);
    sink.complete(request.slot, request.generation, result, more ? COMPLETE_MORE : 0);
  }

  /** Lets time pass, and the deadline with it. */
  pass(sink: Sink, toNs: number): void {
    this.nowNs = toNs;
    if (this.deadlineNs > toNs) return;
    this.deadlineNs = Infinity;
    sink.turn(toNs);
    sink.expire(toNs);
  }

  poll(): number {
    return 0;
  }

  pending(): boolean {
    return this.requests.length > 0 || this.deadlineNs !== Infinity;
  }

  armWake(): void {}

  disarmWake(): void {}

  inject(_kind: InputKind, _value: number): void {}

  close(): void {
    this.requests.length = 0;
  }

  #cancel(slot: number, generation: number): void {
    const request = this.requests.find(
      (each) => each.slot === slot && each.generation === generation,
    );
    if (request === undefined) this.strayCancels++;
    else if (request.cancelled) this.repeatedCancels++;
    else request.cancelled = true;
  }
}
