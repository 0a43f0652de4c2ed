/**
 * A backend with a tap on its door: it passes everything through to another backend and tells the
 * tap what passed. Recording and verifying differ in the tap alone; the backend behind and the
 * engine in front see no difference.
 */
import { COMPLETE_MORE } from "../backend/contract.ts";
import type {
  Backend,
  BackendCounters,
  HostCalls,
  InputKind,
  Ring,
  Sink,
} from "../backend/contract.ts";
import type { HostImages } from "../backend/emulated/host-images.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import type { Images } from "../backend/images.ts";
import { DoorMemory } from "./door-memory.ts";
import type { TapMemory } from "./memory-use.ts";
import { TapHost, tapOpenGroup } from "./tap-host.ts";
import { TapImages } from "./tap-images.ts";
import { TapRing } from "./tap-ring.ts";
import type { StatePart, Tap } from "./tap.ts";

export interface TapBackendOptions {
  /** Task resumptions so far, by the executor's count. */
  readonly steps: () => number;
  /** The engine's state, between turns; without it a session holds no state. */
  readonly state?: () => readonly StatePart[];
  /** The memory that ring requests name; needed where there is a ring. */
  readonly memory?: TapMemory;
  /** Image files in place of tapped ones of the host. */
  readonly images?: Images | undefined;
}

/** The engine's side of the door, with the tap told before each event is delivered. */
class TapSink implements Sink {
  target: Sink | undefined = undefined;
  /** The clock while the state is taken, which must leave nothing in the session; else -1. */
  heldNs = -1;
  private readonly tap: Tap;
  private readonly door: DoorMemory;
  private readonly steps: () => number;
  private readonly state: (() => readonly StatePart[]) | undefined;
  private stepsBefore = 0;

  constructor(tap: Tap, door: DoorMemory, { state, steps }: TapBackendOptions) {
    this.tap = tap;
    this.door = door;
    this.state = state;
    this.steps = steps;
  }

  turn(nowNs: number): void {
    const steps = this.steps();
    this.tap.turn(steps - this.stepsBefore, nowNs);
    this.stepsBefore = steps;
    if (this.state !== undefined && this.tap.wantsState) this.#takeState(this.state, nowNs);
    this.target!.turn(nowNs);
  }

  #takeState(state: () => readonly StatePart[], nowNs: number): void {
    this.heldNs = nowNs;
    try {
      this.tap.state(state());
    } finally {
      this.heldNs = -1;
    }
  }

  complete(slot: number, generation: number, result: number, flags: number): void {
    const { door, tap } = this;
    const { slots } = door;
    // The engine drops what names a slot's former life, so it is no part of the session.
    if (slots.holds(slot, generation)) {
      // What brings nothing, or nothing that is wanted, shows without a call; flags may say that
      // a buffer of a group is used up all the same.
      const wants = tap.wantsPayload;
      let bytes: Uint8Array | undefined;
      if (flags !== 0 || (wants && result > 0)) bytes = door.arrival(slot, result, flags, wants);
      if ((flags & COMPLETE_MORE) === 0) slots.finish(slot);
      tap.complete(slot, result, flags, bytes);
    }
    this.target!.complete(slot, generation, result, flags);
  }

  interrupt(line: number): void {
    this.tap.interrupt(line);
    this.target!.interrupt(line);
  }

  expire(nowNs: number): void {
    this.tap.expire(nowNs);
    this.target!.expire(nowNs);
  }

  input(kind: InputKind, value: number): void {
    this.tap.input(kind, value);
    this.target!.input(kind, value);
  }
}

function refuse(found: string): never {
  throw new RangeError(`Cannot record the kernel's answer: ${found}`);
}

export class TapBackend implements Backend {
  readonly kind: "uring" | "emulated";
  readonly ring: Ring | undefined;
  readonly host: HostCalls | undefined;
  readonly machine: Machine | undefined;
  readonly images: Images | undefined;
  readonly blocks: boolean;
  readonly #inner: Backend;
  readonly #tap: Tap;
  readonly #sink: TapSink;

  /**
   * @param inner the backend that does the work
   * @param tap is told what passes; an error that it throws passes to the engine
   */
  constructor(inner: Backend, tap: Tap, options: TapBackendOptions) {
    const { ring, host } = inner;
    const door = new DoorMemory(options.memory, refuse);
    this.kind = inner.kind;
    this.ring = ring && new TapRing(ring, tap, door, tapOpenGroup(tap));
    this.host = host && new TapHost(host, tap);
    this.machine = inner.machine;
    const images = inner.images as HostImages | undefined;
    this.images = options.images ?? (images && new TapImages(images, tap));
    this.blocks = inner.blocks;
    this.#inner = inner;
    this.#tap = tap;
    this.#sink = new TapSink(tap, door, options);
  }

  get counters(): BackendCounters {
    return this.#inner.counters;
  }

  /** On io_uring each read is part of the session; virtual time follows from the rest. */
  now(): number {
    if (this.#sink.heldNs >= 0) return this.#sink.heldNs;
    const nowNs = this.#inner.now();
    if (this.kind === "uring") this.#tap.clock(nowNs);
    return nowNs;
  }

  arm(deadlineNs: number): void {
    this.#inner.arm(deadlineNs);
  }

  poll(sink: Sink, wait: boolean): number {
    this.#sink.target = sink;
    return this.#inner.poll(this.#sink, wait);
  }

  pending(): boolean {
    return this.#inner.pending();
  }

  armWake(wake: () => void): void {
    this.#inner.armWake(wake);
  }

  disarmWake(): void {
    this.#inner.disarmWake();
  }

  catchUp(): boolean {
    return this.#inner.catchUp?.() === true;
  }

  listen(heard: (() => void) | undefined): number | undefined {
    return this.#inner.listen?.(heard);
  }

  get listening(): boolean {
    return this.#inner.listening === true;
  }

  /** It becomes part of the session when a poll delivers it. */
  inject(kind: InputKind, value: number): void {
    this.#inner.inject(kind, value);
  }

  close(): void {
    this.#inner.close();
  }
}
