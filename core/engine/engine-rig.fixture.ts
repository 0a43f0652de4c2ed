/**
 * An engine with one provider that the test writes, on emulated hardware or on a scripted ring:
 * operations are started by name, and every outcome is noted in the order of its delivery.
 */
import type { Backend } from "../backend/contract.ts";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import type { IoBuffer } from "../buffer/buffer.ts";
import { BufferPool } from "../buffer/pool.ts";
import {
  FLAGS,
  FLAG_DEADLINE,
  FREE,
  HEADER_SHIFT,
  HELD,
  LINES_MAX,
  LIST,
  STATE,
} from "../descriptor/layout.ts";
import { codeOfResult } from "../errors.ts";
import {
  NO_OPTIONS,
  defineProvider,
  type Driver,
  type DriverContext,
  type Layer,
  type Provider,
} from "../provider/index.ts";
import { Random } from "../random.ts";
import { Engine } from "./engine.ts";
import type { EngineLimits, Settler } from "./state.ts";
import { ScriptedBackend } from "./scripted-backend.fixture.ts";

export interface Outcome {
  readonly handle: number;
  /** "ok" or the error's code. */
  readonly code: string;
  readonly bytes: number;
  /** Whether the operation's buffer was still lent when the outcome came. */
  readonly lent: boolean | undefined;
  readonly fault: unknown;
}

/** What an operation is started with beside its name. */
export interface StartWords {
  buffer?: IoBuffer;
  at?: number;
  length?: number;
  offset?: number;
  argument?: number;
  autoRelease?: boolean;
}

/** The layers of a test's provider. An operation's name begins with its direction, if any. */
export interface RigParts {
  operations: Readonly<Record<string, Layer>>;
  layers?: readonly Layer[];
}

export class EngineRig<B extends Backend = Backend> implements Settler {
  readonly engine: Engine;
  readonly backend: B;
  readonly pool = new BufferPool(() => 0);
  readonly outcomes: Outcome[] = [];
  readonly provider: Provider;
  readonly end: number;
  readonly #buffers = new Map<number, IoBuffer>();

  constructor(
    backend: B,
    names: readonly string[],
    make: (cx: DriverContext) => RigParts,
    limits: EngineLimits = {},
  ) {
    this.backend = backend;
    this.engine = new Engine(backend, this.pool, limits);
    this.provider = testProvider(names, make);
    const number = this.engine.register(this.provider, new Random(1));
    this.end = this.engine.state.ends.open(number, 0, 0);
  }

  /** Starts an operation. @returns its slot */
  start(name: string, words: StartWords = {}): number {
    const { buffer, at = 0, offset = 0, argument = 0, autoRelease = true } = words;
    const slot = this.engine.start(
      {
        end: this.end,
        operation: this.provider.operationNames.indexOf(name),
        buffer,
        at,
        length: words.length ?? (buffer === undefined ? 0 : buffer.sizeBytes - at),
        offset,
        argument,
        autoRelease,
      },
      this,
    );
    if (slot !== -1 && buffer !== undefined) {
      this.#buffers.set(this.engine.state.table.handleOf(slot), buffer);
    }
    return slot;
  }

  settled(handle: number, result: number, bytes: number): void {
    this.outcomes.push({
      handle,
      code: result < 0 ? codeOfResult(result) : "ok",
      bytes,
      lent: this.#buffers.get(handle)?.isBorrowed,
      fault: this.engine.state.deliveredFault,
    });
  }

  /** Works, and waits for what the backend has, until nothing is left to come. */
  finish(): void {
    for (;;) {
      while (this.engine.work());
      if (this.engine.poll(true) === 0 && !this.engine.hasWork()) return;
    }
  }

  get codes(): string[] {
    return this.outcomes.map(({ code }) => code);
  }

  /** What operations have left behind: nothing, when all are over and released. */
  leftovers(): string[] {
    const { i32, table, lists, deadlines, backend, stacks, faults, ends } = this.engine.state;
    const found: string[] = [];
    for (let slot = 0; slot < table.highWater; slot++) {
      const header = slot << HEADER_SHIFT;
      if (i32[header + LIST] !== -1) found.push(`slot ${slot} is in list ${i32[header + LIST]}`);
      if (i32[header + HELD] !== -1) found.push(`slot ${slot} holds lock ${i32[header + HELD]}`);
      if (i32[header + STATE] !== FREE) found.push(`slot ${slot} is not free`);
      else if (i32[header + FLAGS]! & FLAG_DEADLINE) found.push(`slot ${slot} has a deadline`);
    }
    for (let list = 0; list < lists.fresh; list++) {
      if (lists.count(list) !== 0) found.push(`list ${list} has ${lists.count(list)}`);
      if (lists.owner(list) !== -1) found.push(`list ${list} is owned`);
    }
    for (let line = 0; line < LINES_MAX; line++) {
      if (backend.machine?.interrupts.isEnabled(line)) found.push(`line ${line} is enabled`);
    }
    if (deadlines.size > 0) found.push(`${deadlines.size} deadlines`);
    if (stacks.pagesUsed > 0) found.push(`${stacks.pagesUsed} overflow pages`);
    if (faults.size > 0) found.push(`${faults.size} kept faults`);
    if (ends.inFlight(this.end) !== 0) found.push(`${ends.inFlight(this.end)} in flight`);
    return found;
  }
}

/** A provider with one end, `main`. */
export function testProvider(
  names: readonly string[],
  make: (cx: DriverContext) => RigParts,
  kind = "test",
): Provider {
  const driver = (cx: DriverContext): Driver => ({ open() {}, release() {}, ...make(cx) });
  const direction = (name: string) =>
    name.startsWith("read") ? "read" : name.startsWith("write") ? "write" : "none";
  return defineProvider({
    kind,
    version: "1.0.0",
    stateVersion: 1,
    summary: "The provider of a test",
    options: NO_OPTIONS,
    operations: Object.fromEntries(
      names.map((name) => [name, { direction: direction(name), summary: name } as const]),
    ),
    ends: { main: { operations: names } },
    capabilities: { shortTransfers: true, cancel: true, restore: [] },
    uring: driver,
    emulated: driver,
  }) as unknown as Provider;
}

/** A rig on an emulated machine with virtual time. */
export function emulatedRig(
  names: readonly string[],
  make: (cx: DriverContext) => RigParts,
  limits?: EngineLimits,
): EngineRig<EmulatedBackend> {
  const machine = new Machine({ seed: 1, ramBytes: 1 << 16 });
  return new EngineRig(new EmulatedBackend(machine), names, make, limits);
}

/** A rig on a ring that the test plays. */
export function scriptedRig(
  names: readonly string[],
  make: (cx: DriverContext) => RigParts,
  limits?: EngineLimits,
): EngineRig<ScriptedBackend> {
  return new EngineRig(new ScriptedBackend(), names, make, limits);
}
