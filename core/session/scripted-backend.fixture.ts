/**
 * A backend for the session's tests that stands for a machine: it completes requests in an order,
 * with lengths, bytes and times that come from a seed which the program does not know.
 */
import { COMPLETE_MORE, OPCODE } from "../backend/contract.ts";
import type { Backend, BackendCounters, HostCalls, Ring, Sink } from "../backend/contract.ts";
import { ERRNO, ReelError } from "../errors.ts";
import { Random } from "../random.ts";
import type { TapMemory } from "./memory-use.ts";

/** Memory that requests may name, at an address that differs from run to run. */
export class TestMemory implements TapMemory {
  readonly bytes: Uint8Array;
  readonly base: number;

  constructor(base: number, bytes?: Uint8Array) {
    this.bytes = bytes ?? new Uint8Array(new SharedArrayBuffer(64 * 1024));
    this.base = base;
  }

  resolve(address: number, length: number): Uint8Array | undefined {
    const at = address - this.base;
    if (at < 0 || at + length > this.bytes.length) return undefined;
    return this.bytes.subarray(at, at + length);
  }
}

export interface Request {
  readonly slot: number;
  readonly generation: number;
  readonly opcode: number;
  readonly address: number;
  readonly length: number;
  readonly opFlags: number;
  readonly how: number;
  cancelled: boolean;
  /** Completions so far. */
  answers: number;
}

/** io_uring as far as the tests need it, driven by a seed. */
export class ScriptedBackend implements Backend {
  readonly kind = "uring";
  readonly machine = undefined;
  readonly blocks = true;
  readonly ring: Ring;
  readonly host: HostCalls;
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };
  protected readonly random: Random;
  protected readonly memory: TestMemory;
  readonly #inFlight: Request[] = [];
  readonly #inputs: [kind: 1, value: number][] = [];
  #nowNs = 0;
  #deadlineNs = Infinity;
  #files = 10;

  constructor(seed: number, memory: TestMemory) {
    this.random = new Random(seed);
    this.memory = memory;
    this.ring = {
      prepare: (opcode, slot, generation, _file, address, length, _offset, opFlags, how = 0) => {
        const asked = { slot, generation, opcode, address, length, opFlags, how };
        this.#inFlight.push({ ...asked, cancelled: false, answers: 0 });
        this.counters.submitted++;
      },
      cancel: (slot) => {
        for (const request of this.#inFlight) if (request.slot === slot) request.cancelled = true;
      },
      flush: () => {},
      limit: () => {},
      openGroup: (address, bufferBytes, count) => this.openGroup(address, bufferBytes, count),
      giveBuffer: (group, buffer) => this.giveBuffer(group, buffer),
      closeGroup: () => {},
    };
    this.host = {
      pipe: () => [this.#files++, this.#files++],
      close: () => {},
      open: (path) => {
        if (path === "/missing") throw new ReelError("ENOENT", `Cannot open ${path}: ENOENT`);
        return this.#files++;
      },
      peekPipe: () => this.content(9),
      write: () => {},
      socket: () => this.#files++,
      bind: () => {},
      listen: () => {},
      setSocketOption: () => {},
      socketName: () => this.content(16),
      adopt: () => this.#files++,
      unlink: () => {},
      fileStatus: () => ({ sizeBytes: 4096, kind: "file", directBytes: 512 }),
      resize: () => {},
      lockFile: () => {},
      keepAtHand: () => ({ file: true, memory: true }),
    };
  }

  now(): number {
    this.#nowNs += this.random.below(1000);
    return this.#nowNs;
  }

  arm(deadlineNs: number): void {
    this.#deadlineNs = deadlineNs;
  }

  poll(sink: Sink, wait: boolean): number {
    if (!wait && this.random.chance(0.6)) return 0;
    const count = Math.min(this.#inFlight.length, 1 + this.random.below(3));
    const expires = this.#deadlineNs !== Infinity && (count === 0 || this.random.chance(0.3));
    if (count === 0 && !expires && this.#inputs.length === 0) return 0;
    this.#nowNs += 1 + this.random.below(50_000);
    if (expires) this.#nowNs = Math.max(this.#nowNs, this.#deadlineNs);
    sink.turn(this.#nowNs);
    for (let i = 0; i < count; i++) this.#completeOne(sink);
    const inputs = this.#inputs.splice(0);
    for (const [kind, value] of inputs) sink.input(kind, value);
    if (expires) {
      this.#deadlineNs = Infinity;
      sink.expire(this.#nowNs);
    }
    return count + inputs.length + (expires ? 1 : 0);
  }

  pending(): boolean {
    return this.#inFlight.length > 0 || this.#deadlineNs !== Infinity;
  }

  armWake(wake: () => void): void {
    queueMicrotask(wake);
  }

  disarmWake(): void {}

  inject(kind: 1, value: number): void {
    this.#inputs.push([kind, value]);
  }

  close(): void {
    this.#inFlight.length = 0;
  }

  protected openGroup(_address: number, _bufferBytes: number, _count: number): number {
    throw new ReelError("EINVAL", "Cannot open a group of buffers: EINVAL");
  }

  protected giveBuffer(_group: number, _buffer: number): void {}

  /** What a request comes to, as result and flags; it stays in flight with COMPLETE_MORE. */
  protected answer(request: Request): [result: number, flags: number] {
    const { opcode, address, length } = request;
    if (request.cancelled && this.random.chance(0.7)) return [-ERRNO.ECANCELED, 0];
    if (opcode === OPCODE.READ) {
      const result = this.random.below(length + 1);
      this.memory.resolve(address, result)!.set(this.content(result));
      return [result, 0];
    }
    return [opcode === OPCODE.WRITE ? length - this.random.below(2) : 0, 0];
  }

  #completeOne(sink: Sink): void {
    const at = this.random.below(this.#inFlight.length);
    const request = this.#inFlight[at]!;
    const { slot, generation } = request;
    this.counters.completed++;
    const [result, flags] = this.answer(request);
    request.answers++;
    if ((flags & COMPLETE_MORE) === 0) this.#inFlight.splice(at, 1);
    // A late completion of the slot's former life: the engine drops it.
    if (this.random.chance(0.1)) sink.complete(slot, generation - 1, 77, 0);
    sink.complete(slot, generation, result, flags);
  }

  protected content(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.random.fill(bytes);
    return bytes;
  }
}

/** A sink that notes what it is given. */
export class Notes implements Sink {
  readonly lines: string[] = [];
  turn(nowNs: number): void {
    this.lines.push(`turn ${nowNs}`);
  }
  complete(slot: number, generation: number, result: number, flags: number): void {
    this.lines.push(`complete ${slot}.${generation} ${result} ${flags}`);
  }
  interrupt(line: number): void {
    this.lines.push(`interrupt ${line}`);
  }
  expire(nowNs: number): void {
    this.lines.push(`expire ${nowNs}`);
  }
  input(kind: number, value: number): void {
    this.lines.push(`input ${kind} ${value}`);
  }
}
