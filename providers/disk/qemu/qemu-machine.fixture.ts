/**
 * A machine whose devices are QEMU's: the emulated machine with its ports, memory-mapped registers,
 * memory and interrupt lines wired to a {@link Qtest} and its clock to real time, a backend around
 * it, and a runtime on that. A provider that runs here has its driver unchanged and nothing of our
 * device models.
 */
import { EmulatedBackend } from "../../../core/backend/emulated/emulated-backend.ts";
import { Machine } from "../../../core/backend/emulated/machine.ts";
import { Ram } from "../../../core/backend/emulated/ram.ts";
import type { Backend, InputKind, Sink } from "../../../core/backend/contract.ts";
import { BufferPool } from "../../../core/buffer/pool.ts";
import { hostMonotonicNs, hostSoon } from "../../../core/clock.ts";
import type { Provider } from "../../../core/provider/define.ts";
import { fillLimits } from "../../../core/runtime/options.ts";
import { Runtime } from "../../../core/runtime/runtime.ts";
import { checkSettings } from "../../../core/runtime/settings.ts";
import type { Qtest } from "./qtest.fixture.ts";

const MEBIBYTE = 1 << 20;
const WAIT_MS_MAX = 20;

/** Memory that QEMU has mapped too. What lies below 1 MiB is firmware's and video's. */
class SharedRam extends Ram {
  readonly #shared: Uint8Array;

  constructor(shared: Uint8Array) {
    super(shared.length);
    this.#shared = shared;
    super.allocate(MEBIBYTE - 4096);
  }

  override read(address: number, length: number): Uint8Array | undefined {
    if (super.read(address, length) === undefined) return undefined;
    return this.#shared.subarray(address, address + length);
  }

  override readInto(address: number, target: Uint8Array): boolean {
    const found = this.read(address, target.length);
    if (found !== undefined) target.set(found);
    return found !== undefined;
  }

  override write(address: number, bytes: Uint8Array): boolean {
    this.read(address, bytes.length)?.set(bytes);
    return super.write(address, bytes);
  }

  override allocate(sizeBytes: number, alignBytes?: number, boundaryBytes?: number): number {
    const address = super.allocate(sizeBytes, alignBytes, boundaryBytes);
    this.#shared.fill(0, address, address + sizeBytes);
    return address;
  }
}

/** What of QEMU's machine is to be seen, and where its interrupts go. */
export interface Wiring {
  /** Ranges of ports and of memory-mapped registers: first address and length. */
  ports?: readonly (readonly [number, number])[];
  memory?: readonly (readonly [number, number])[];
  /** QEMU's interrupt line → ours; an edge is latched, a level is followed. */
  lines: Readonly<Record<number, { line: number; trigger: "edge" | "level" }>>;
}

export class QemuMachine extends Machine {
  override readonly ram: Ram;
  readonly qtest: Qtest;
  readonly #beganNs = hostMonotonicNs();

  constructor(qtest: Qtest, wiring: Wiring) {
    super({ seed: 1, ramBytes: qtest.ram.length });
    this.qtest = qtest;
    this.ram = new SharedRam(qtest.ram);
    for (const [base, length] of wiring.ports ?? []) {
      const read = (offset: number, width: number): number => qtest.in(base + offset, width);
      const write = (offset: number, width: number, value: number): void =>
        qtest.out(base + offset, width, value);
      this.ports.register(base, length, { read, write }, `qemu ${base}`);
    }
    for (const [base, length] of wiring.memory ?? []) {
      const read = (offset: number, width: number): number => qtest.read(base + offset, width);
      const write = (offset: number, width: number, value: number): void =>
        qtest.write(base + offset, width, value);
      this.memory.register(base, length, { read, write }, `qemu ${base}`);
    }
    qtest.onLine = (number, high) => {
      const ours = wiring.lines[number];
      if (ours?.trigger === "level") this.interrupts.setLevel(ours.line, high);
      else if (ours !== undefined && high) this.interrupts.raise(ours.line);
    };
  }

  /** Brings the clock to real time, and takes what interrupt lines have done. */
  catchUp(waitMs = 0): void {
    this.qtest.listen(waitMs);
    const realNs = hostMonotonicNs() - this.#beganNs;
    if (realNs > this.now()) this.runUntil(realNs);
  }
}

class QemuBackend implements Backend {
  readonly kind = "emulated";
  readonly ring = undefined;
  readonly host = undefined;
  readonly blocks = true;
  readonly machine: QemuMachine;
  readonly images;
  readonly counters;
  readonly #inner: EmulatedBackend;
  #deadlineNs = Infinity;
  #wake: (() => void) | undefined;

  constructor(machine: QemuMachine) {
    this.machine = machine;
    this.#inner = new EmulatedBackend(machine);
    this.images = this.#inner.images;
    this.counters = this.#inner.counters;
  }

  now(): number {
    return this.machine.now();
  }

  arm(deadlineNs: number): void {
    this.#deadlineNs = deadlineNs;
    this.#inner.arm(deadlineNs);
  }

  poll(sink: Sink, wait: boolean): number {
    this.machine.catchUp();
    const delivered = this.#inner.poll(sink, false);
    if (delivered > 0 || !wait) return delivered;
    this.#idle(WAIT_MS_MAX);
    return this.#inner.poll(sink, false);
  }

  pending(): boolean {
    return this.#inner.pending();
  }

  armWake(wake: () => void): void {
    this.#wake = wake;
    hostSoon(() => {
      if (this.#wake === undefined) return;
      this.#idle(1);
      this.disarmWake();
      wake();
    });
  }

  disarmWake(): void {
    this.#wake = undefined;
  }

  inject(kind: InputKind, value: number): void {
    this.#inner.inject(kind, value);
  }

  close(): void {
    this.disarmWake();
    this.#inner.close();
  }

  /** Waits for an interrupt line or for the next moment. */
  #idle(mostMs: number): void {
    const nextNs = Math.min(this.#deadlineNs, this.machine.nextEventNs);
    const waitMs = Math.ceil((nextNs - this.machine.now()) / 1e6);
    this.machine.catchUp(Math.max(0, Math.min(mostMs, waitMs)));
  }
}

/** Starts a runtime whose providers' drivers find QEMU's devices. */
export function startOnQemu<P extends Provider>(machine: QemuMachine, provider: P): Runtime<P> {
  const providers = [provider];
  const parts = {
    backend: new QemuBackend(machine),
    seed: 1,
    permute: false,
    limits: fillLimits(undefined),
    providers,
    settings: checkSettings(providers, undefined),
    session: undefined,
    rejected: [],
  };
  return new Runtime(parts, new BufferPool(() => 0)) as Runtime<P>;
}
