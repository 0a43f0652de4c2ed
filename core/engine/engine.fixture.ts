/** Engines with providers made of a few layers, for tests of the engine alone. */
import type { Backend } from "../backend/contract.ts";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import type { IoBuffer } from "../buffer/buffer.ts";
import { BufferPool } from "../buffer/pool.ts";
import {
  NO_OPTIONS,
  defineProvider,
  type Direction,
  type Driver,
  type DriverContext,
  type Provider,
} from "../provider/define.ts";
import { layer, type Layer, type LayerContext, type Move, type Wait } from "../provider/layer.ts";
import { Random } from "../random.ts";
import { struct } from "../state/struct.ts";
import { Engine } from "./engine.ts";
import { firstEnd, openEnds } from "./resources.ts";
import { ScriptedBackend } from "./scripted-door.fixture.ts";
import type { EngineLimits, QueuedSettler } from "./state.ts";

/** What a test provider is made of: its operations' layers, and the rest of its driver. */
export interface TestDriver extends Partial<Driver> {
  operations: Readonly<Record<string, Layer>>;
}

export const EMPTY = struct({});

/** A layer without a frame. */
export function plainLayer(
  name: string,
  wait: (cx: LayerContext) => Wait,
  complete: (cx: LayerContext, result: number) => Move,
  cancel?: (cx: LayerContext) => void,
): Layer {
  return layer({
    name,
    frame: EMPTY,
    wait: (_frame, cx) => wait(cx),
    complete: (_frame, cx, result) => complete(cx, result),
    ...(cancel === undefined ? {} : { cancel: (_frame: unknown, cx: LayerContext) => cancel(cx) }),
  }) as unknown as Layer;
}

/** A provider whose one end has every operation. Operations called `write…` send, others read. */
export function providerOf(
  kind: string,
  operations: readonly string[],
  driver: (cx: DriverContext) => TestDriver,
  options: {
    stateVersion?: number;
    positioned?: readonly string[];
    unbuffered?: readonly string[];
    resourcesMax?: number;
  } = {},
): Provider {
  const make = (cx: DriverContext): Driver => ({ open() {}, release() {}, ...driver(cx) });
  const directionOf = (name: string): Direction =>
    name.startsWith("write") ? "write" : name.startsWith("plain") ? "none" : "read";
  return defineProvider({
    kind,
    version: "1.0.0",
    stateVersion: options.stateVersion ?? 1,
    summary: "For a test",
    options: NO_OPTIONS,
    operations: Object.fromEntries(
      operations.map((name) => [
        name,
        {
          direction: directionOf(name),
          summary: "For a test",
          positioned: options.positioned?.includes(name) ?? false,
          unbuffered: options.unbuffered?.includes(name) ?? false,
        },
      ]),
    ),
    ends: { main: { operations } },
    capabilities: { shortTransfers: true, cancel: true, restore: ["uring", "emulated"] },
    resourcesMax: options.resourcesMax ?? 8,
    uring: make,
    emulated: make,
  }) as unknown as Provider;
}

/** A provider with one layer for its one operation. */
export const one = (name: string, made: Layer, layers: readonly Layer[] = []) =>
  providerOf("one", [name], () => ({ operations: { [name]: made }, layers }));

/** An outcome as a settler got it. */
export interface Settled {
  readonly handle: number;
  readonly result: number;
  readonly bytes: number;
  /** What an operation without a buffer brought. */
  readonly brought: Uint8Array | undefined;
}

/** Keeps every outcome and arrival, in order. */
export class Outcomes implements QueuedSettler {
  readonly settledAll: Settled[] = [];
  readonly arrivedAll: { handle: number; buffer: number; bytes: number }[] = [];
  /** Shows what came along with an outcome; set by the engine's owner. */
  brought: () => Uint8Array | undefined = () => undefined;
  /** Called with each outcome. */
  onSettled: (outcome: Settled) => void = () => {};
  onArrived: (buffer: number, bytes: number) => void = () => {};

  settled(handle: number, result: number, bytes: number): void {
    const outcome = { handle, result, bytes, brought: this.brought() };
    this.settledAll.push(outcome);
    this.onSettled(outcome);
  }

  arrived(handle: number, buffer: number, bytes: number): void {
    this.arrivedAll.push({ handle, buffer, bytes });
    this.onArrived(buffer, bytes);
  }

  get results(): number[] {
    return this.settledAll.map((outcome) => outcome.result);
  }
}

/** An engine with one resource of each provider open. */
export class TestEngine<B extends Backend = Backend> {
  readonly engine: Engine;
  readonly backend: B;
  readonly pool: BufferPool;
  readonly outcomes = new Outcomes();

  constructor(backend: B, providers: readonly Provider[], limits: EngineLimits = {}, open = true) {
    this.backend = backend;
    // Addresses that tell a test which byte of which chunk a request names.
    this.pool = new BufferPool(() => 0x10000);
    this.engine = new Engine(backend, this.pool, limits);
    this.outcomes.brought = () => this.engine.state.deliveredBytes;
    for (const provider of providers) this.engine.register(provider, new Random(7));
    if (open) for (const number of providers.keys()) this.open(number, 0);
  }

  /** Opens a resource of a provider with its one end. @returns the end */
  open(provider: number, resource: number): number {
    const entry = this.engine.state.providers[provider]!;
    entry.free.claim(resource);
    for (const records of entry.records) records.clear(resource);
    entry.driver.open(resource, {});
    openEnds(this.engine.state, provider, resource);
    return firstEnd(entry, resource);
  }

  /** Starts an operation. @returns its slot, or -1 when the table is full */
  start(
    operation = 0,
    options: {
      end?: number;
      buffer?: IoBuffer;
      at?: number;
      length?: number;
      offset?: number;
      argument?: number;
      autoRelease?: boolean;
    } = {},
  ): number {
    const { end = 0, buffer, at = 0, offset = 0, argument = 0, autoRelease = false } = options;
    const length = options.length ?? (buffer === undefined ? 0 : buffer.sizeBytes - at);
    return this.engine.start(
      { end, operation, buffer, at, length, offset, argument, autoRelease },
      this.outcomes,
    );
  }

  /** Runs everything that can run without time passing. */
  settle(): void {
    for (let round = 0; round < 1000; round++) {
      const worked = this.engine.work();
      if (this.engine.poll(false) === 0 && !worked) return;
    }
    throw new Error("The engine does not come to rest");
  }

  /** Runs until nothing can happen any more, letting time pass. */
  runOut(): void {
    for (let round = 0; round < 100_000; round++) {
      this.settle();
      this.engine.armNext();
      if (!this.backend.pending()) return;
      this.engine.poll(true);
    }
    throw new Error("The engine does not come to an end");
  }

  /** What is held now: all zero when nothing is left behind. */
  held(): Record<string, number> {
    const { deadlines, faults, lists, stacks, table } = this.engine.state;
    let waiting = 0;
    for (let list = 0; list < lists.fresh; list++) waiting += lists.count(list);
    let lent = 0;
    for (const buffer of this.pool.all()) if (buffer.isBorrowed) lent++;
    return {
      slots: table.used,
      pages: stacks.pagesUsed,
      waiting,
      deadlines: deadlines.size,
      faults: faults.size,
      lent,
    };
  }
}

export const NOTHING_HELD = { slots: 0, pages: 0, waiting: 0, deadlines: 0, faults: 0, lent: 0 };

/** An engine on a scripted ring. */
export function onRing(
  providers: readonly Provider[],
  limits?: EngineLimits,
): TestEngine<ScriptedBackend> {
  return new TestEngine(new ScriptedBackend(), providers, limits);
}

/** An engine on an emulated machine. */
export function onMachine(
  providers: readonly Provider[],
  limits?: EngineLimits,
): TestEngine<EmulatedBackend> {
  return new TestEngine(new EmulatedBackend(new Machine({ seed: 7 })), providers, limits);
}
