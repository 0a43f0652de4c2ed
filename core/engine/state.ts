/**
 * The engine's working state, shared by the files of this folder: the table and its parts, what is
 * registered, and what is to be done next. Nothing outside the folder touches it.
 */
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import { DeadlineHeap } from "../descriptor/deadlines.ts";
import { EndTable } from "../descriptor/ends.ts";
import { LINES_MAX, LIST_KIND_INTERRUPT, LIST_KIND_READY } from "../descriptor/layout.ts";
import { WaitLists } from "../descriptor/lists.ts";
import { FrameStacks } from "../descriptor/stack.ts";
import { DescriptorTable, type TableLimits } from "../descriptor/table.ts";
import type { Driver, Provider } from "../provider/define.ts";
import type { EngineContext } from "./context.ts";
import type { Layer } from "../provider/layer.ts";
import type { Tap } from "../session/tap.ts";
import type { Records } from "../state/records.ts";
import type { View, StructShape } from "../state/struct.ts";

/** Takes an operation's outcome. Called once, after the batch in which it became terminal. */
export interface Settler {
  /**
   * @param result 0 for success, or a negative error number
   * @param bytes what the operation moved in its lifetime, also when it failed
   */
  settled(handle: number, result: number, bytes: number): void;
}

/** A layer with its two views: one to run, one to fill while another layer pushes it. */
export interface LayerEntry {
  readonly layer: Layer;
  readonly view: View<StructShape>;
  readonly pushView: View<StructShape>;
  readonly provider: number;
}

/** A provider at work in this session. */
export interface ProviderEntry {
  readonly provider: Provider;
  readonly driver: Driver;
  /** Layer number of each operation, by operation number. */
  readonly layerOf: readonly number[];
  readonly openingLayer: number;
  readonly closingLayer: number;
  readonly records: readonly Records[];
  /** Which resources are open, and with how many ends. */
  readonly openEnds: Int32Array;
}

export interface EngineLimits {
  table?: TableLimits;
  /** Ends open at once, default 4,096. */
  ends?: number;
}

export interface EngineCounters {
  started: number;
  settled: number;
  /** Calls of a layer's wait or complete. */
  transitions: number;
  /** Completions that came too late or twice. */
  stale: number;
  /** Layers that threw or broke the contract. */
  faults: number;
  /** Starts that had to wait because the table was full. */
  tableFullWaits: number;
}

/** Layer transitions that one operation may make before others get their turn. */
export const TRANSITIONS_PER_TURN = 1024;

export class EngineState {
  readonly backend: Backend;
  readonly pool: BufferPool;
  readonly table: DescriptorTable;
  readonly lists: WaitLists;
  readonly stacks: FrameStacks;
  readonly ends: EndTable;
  readonly deadlines = new DeadlineHeap();
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly layers: LayerEntry[] = [];
  readonly layerNumbers = new Map<Layer, number>();
  readonly providers: ProviderEntry[] = [];
  readonly settlers: (Settler | undefined)[];
  /** Errors of layers that broke the rules, by slot. */
  readonly faults = new Map<number, unknown>();
  /** The context of the running layer: one object, pointed at one slot after the other. */
  context!: EngineContext;
  /** While an outcome is delivered: the error that a layer threw, if one did. */
  deliveredFault: unknown;
  readonly timers = new Map<number, () => void>();
  readonly counters: EngineCounters;
  /** List of slots whose wait is over. */
  readonly ready: number;
  /** Slots that became terminal and are to be delivered, in order: a circular queue. */
  readonly settledQueue: Int32Array;
  settledHead = 0;
  settledTail = 0;
  /** Where operations report to while a session is recorded or checked, on emulated hardware. */
  tap: Tap | undefined;
  /** The error that ends the run: a divergence, a dead backend. */
  halted: unknown;
  armedDeadline = Infinity;
  /** The task that runs now, 0 for host code; set by the runtime. */
  owner = 0;

  constructor(backend: Backend, pool: BufferPool, limits: EngineLimits) {
    this.backend = backend;
    this.pool = pool;
    this.table = new DescriptorTable(limits.table);
    this.lists = new WaitLists(this.table);
    this.stacks = new FrameStacks(this.table);
    this.ends = new EndTable(limits.ends);
    this.i32 = this.table.i32;
    this.f64 = this.table.f64;
    this.settlers = Array.from({ length: this.table.slots }, () => undefined);
    // One more than the slots, so that full and empty differ, rounded up for a mask.
    this.settledQueue = new Int32Array(2 ** Math.ceil(Math.log2(this.table.slots + 1)));
    for (let line = 0; line < LINES_MAX; line++) this.lists.create(LIST_KIND_INTERRUPT);
    this.ready = this.lists.create(LIST_KIND_READY);
    this.counters = {
      started: 0,
      settled: 0,
      transitions: 0,
      stale: 0,
      faults: 0,
      tableFullWaits: 0,
    };
  }
}
