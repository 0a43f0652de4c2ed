/**
 * A backend with a tap on its door: it passes everything through to another backend and tells the
 * tap what passed. Recording and verifying differ in the tap alone; the backend behind and the
 * engine in front see no difference.
 */
import { COMPLETE_BUFFER, COMPLETE_MORE } from "../backend/contract.ts";
import type {
  Backend,
  BackendCounters,
  HostCalls,
  InputKind,
  Ring,
  Sink,
} from "../backend/contract.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import { ReelError } from "../errors.ts";
import { TapHost } from "./tap-host.ts";
import { locate, NO_MEMORY, outgoing, USE, useOf } from "./memory-use.ts";
import type { TapMemory } from "./memory-use.ts";
import { SlotMemory } from "./slots.ts";
import type { Tap } from "./tap.ts";

export interface TapBackendOptions {
  /** Task resumptions so far, by the executor's count. */
  readonly steps: () => number;
  /** The memory that ring requests name; needed where there is a ring. */
  readonly memory?: TapMemory;
}

/** The ring, with the tap told after each request was taken. */
class TapRing implements Ring {
  readonly #inner: Ring;
  readonly #tap: Tap;
  readonly #slots: SlotMemory;
  readonly #memory: TapMemory;

  constructor(inner: Ring, tap: Tap, slots: SlotMemory, memory: TapMemory) {
    this.#inner = inner;
    this.#tap = tap;
    this.#slots = slots;
    this.#memory = memory;
  }

  prepare(
    opcode: number,
    slot: number,
    generation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
  ): void {
    const use = useOf(opcode, address);
    const bytes =
      use === USE.NONE || use === USE.READS
        ? undefined
        : outgoing(this.#memory, use, address, length, offset, opFlags);
    this.#inner.prepare(opcode, slot, generation, file, address, length, offset, opFlags);
    this.#slots.prepare(slot, generation, use, address, length);
    this.#tap.submit(slot, opcode, file, length, offset, opFlags, bytes);
  }

  cancel(slot: number, generation: number): void {
    this.#inner.cancel(slot, generation);
    this.#tap.cancel(slot);
  }

  flush(): void {
    this.#inner.flush();
  }
}

/** The engine's side of the door, with the tap told before each event is delivered. */
class TapSink implements Sink {
  target: Sink | undefined = undefined;
  readonly #tap: Tap;
  readonly #slots: SlotMemory;
  readonly #memory: TapMemory;
  readonly #steps: () => number;
  #stepsBefore = 0;

  constructor(tap: Tap, slots: SlotMemory, memory: TapMemory, steps: () => number) {
    this.#tap = tap;
    this.#slots = slots;
    this.#memory = memory;
    this.#steps = steps;
  }

  turn(nowNs: number): void {
    const steps = this.#steps();
    this.#tap.turn(steps - this.#stepsBefore, nowNs);
    this.#stepsBefore = steps;
    this.target!.turn(nowNs);
  }

  complete(slot: number, generation: number, result: number, flags: number): void {
    const slots = this.#slots;
    // The engine drops what names a slot's former life, so it is no part of the session.
    if (slots.holds(slot, generation)) {
      const brings = result > 0 && slots.use[slot] === USE.READS;
      const bytes = brings ? this.#incoming(slot, result, flags) : undefined;
      if ((flags & COMPLETE_MORE) === 0) slots.finish(slot);
      this.#tap.complete(slot, result, flags, bytes);
    }
    this.target!.complete(slot, generation, result, flags);
  }

  interrupt(line: number): void {
    this.#tap.interrupt(line);
    this.target!.interrupt(line);
  }

  expire(nowNs: number): void {
    this.#tap.expire(nowNs);
    this.target!.expire(nowNs);
  }

  input(kind: InputKind, value: number): void {
    this.#tap.input(kind, value);
    this.target!.input(kind, value);
  }

  #incoming(slot: number, result: number, flags: number): Uint8Array {
    return locate(this.#memory, addressOf(this.#slots, this.#memory, slot, flags), result);
  }
}

/**
 * Where a completion's bytes are: in the request's own memory, or in the buffer that it used.
 * @throws {ReelError} ERR_UNSUPPORTED when nobody knows where provided buffers are
 */
export function addressOf(
  slots: SlotMemory,
  memory: TapMemory,
  slot: number,
  flags: number,
): number {
  if ((flags & COMPLETE_BUFFER) === 0) return slots.address[slot]!;
  if (memory.provided !== undefined) return memory.provided(flags);
  throw new ReelError("ERR_UNSUPPORTED", "Cannot record a completion into a provided buffer", {
    mend: "Give the session a memory that locates provided buffers",
  });
}

export class TapBackend implements Backend {
  readonly kind: "uring" | "emulated";
  readonly ring: Ring | undefined;
  readonly host: HostCalls | undefined;
  readonly machine: Machine | undefined;
  readonly blocks: boolean;
  readonly #inner: Backend;
  readonly #tap: Tap;
  readonly #sink: TapSink;

  /**
   * @param inner the backend that does the work
   * @param tap is told what passes; an error that it throws passes to the engine
   */
  constructor(inner: Backend, tap: Tap, options: TapBackendOptions) {
    const memory = options.memory ?? NO_MEMORY;
    const slots = new SlotMemory();
    this.kind = inner.kind;
    this.ring = inner.ring === undefined ? undefined : new TapRing(inner.ring, tap, slots, memory);
    this.host = inner.host === undefined ? undefined : new TapHost(inner.host, tap);
    this.machine = inner.machine;
    this.blocks = inner.blocks;
    this.#inner = inner;
    this.#tap = tap;
    this.#sink = new TapSink(tap, slots, memory, options.steps);
  }

  get counters(): BackendCounters {
    return this.#inner.counters;
  }

  /** On io_uring each read is part of the session; virtual time follows from the rest. */
  now(): number {
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

  /** It becomes part of the session when a poll delivers it. */
  inject(kind: InputKind, value: number): void {
    this.#inner.inject(kind, value);
  }

  close(): void {
    this.#inner.close();
  }
}
