/**
 * The engine of a strict runtime: whatever it calls that may be a provider's code, it calls as
 * guest code, also when the program's host code asks for it outside all tasks.
 */
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import type { BufferQueue } from "../buffer/queue.ts";
import { Engine, type StartRequest } from "../engine/engine.ts";
import type { EngineLimits, QueuedSettler, Settler } from "../engine/state.ts";
import type { Driver, Provider } from "../provider/define.ts";
import type { Random } from "../random.ts";
import { runAs, type Guest } from "./guest.ts";

export class GuardedEngine extends Engine {
  readonly #guest: Guest;

  constructor(guest: Guest, backend: Backend, pool: BufferPool, limits?: EngineLimits) {
    super(backend, pool, limits);
    this.#guest = guest;
  }

  override register(provider: Provider, random: Random, settings?: unknown): number {
    const number = runAs(this.#guest, () => super.register(provider, random, settings));
    const entry = this.state.providers[number]! as { driver: Driver };
    entry.driver = guardedDriver(this.#guest, entry.driver);
    return number;
  }

  override start(request: StartRequest, settler: Settler | undefined): number {
    return runAs(this.#guest, () => super.start(request, settler));
  }

  override startLayer(request: StartRequest, layer: number, settler: Settler | undefined): number {
    return runAs(this.#guest, () => super.startLayer(request, layer, settler));
  }

  override startQueued(request: StartRequest, queue: BufferQueue, settler: QueuedSettler): number {
    return runAs(this.#guest, () => super.startQueued(request, queue, settler));
  }

  override cancel(slot: number): void {
    runAs(this.#guest, () => super.cancel(slot));
  }

  override cancelEnd(end: number): void {
    runAs(this.#guest, () => super.cancelEnd(end));
  }

  override cancelAll(): void {
    runAs(this.#guest, () => super.cancelAll());
  }

  override cancelOperations(): void {
    runAs(this.#guest, () => super.cancelOperations());
  }

  override work(): boolean {
    return runAs(this.#guest, () => super.work());
  }

  override poll(wait: boolean): number {
    return runAs(this.#guest, () => super.poll(wait));
  }
}

/** What the core calls of a driver beside its layers. */
const CALLS: ReadonlySet<PropertyKey> = new Set<keyof Driver>([
  "open",
  "service",
  "describe",
  "statistics",
  "closeEnd",
  "release",
  "snapshot",
  "restore",
  "close",
]);

/** A driver whose calls are guest code; everything else of it is as it is. */
function guardedDriver(guest: Guest, driver: Driver): Driver {
  return new Proxy(driver, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || !CALLS.has(name)) return value;
      return (...args: unknown[]): unknown => {
        return runAs(guest, () => Reflect.apply(value, target, args));
      };
    },
  });
}
