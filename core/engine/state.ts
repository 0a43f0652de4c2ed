/**
 * The engine's working state, shared by the files of this folder: the table and its parts, what is
 * registered, and what is to be done next. Nothing outside the folder writes to it.
 */
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import type { BufferQueue } from "../buffer/queue.ts";
import { DeadlineHeap } from "../descriptor/deadlines.ts";
import { EndTable } from "../descriptor/ends.ts";
import {
  COUNT_FAULTS,
  COUNT_QUEUE_STALLS,
  COUNT_SETTLED,
  COUNT_STALE,
  COUNT_TABLE_FULL_WAITS,
  COUNT_TRANSITIONS,
  FLAGS,
  FLAG_DELIVERED,
  FREE,
  HEADER_SHIFT,
  LINES_MAX,
  LIST_KIND_INTERRUPT,
  LIST_KIND_READY,
  PARENT,
  STATE,
} from "../descriptor/layout.ts";
import { WaitLists } from "../descriptor/lists.ts";
import { FrameStacks } from "../descriptor/stack.ts";
import { DescriptorTable, type TableLimits } from "../descriptor/table.ts";
import type { Driver, Provider } from "../provider/define.ts";
import type { Layer, LayerContext, Wait } from "../provider/layer.ts";
import type { Random } from "../random.ts";
import type { Tap } from "../session/tap.ts";
import type { Records } from "../state/records.ts";
import type { StructShape, View } from "../state/struct.ts";
import { ArrivalQueue } from "./arrivals.ts";
import type { LowestFree } from "./lowest-free.ts";
import { SpinWatch } from "./spin-watch.ts";

/** Takes an operation's outcome. Called once, after the batch in which it became terminal. */
export interface Settler {
  /**
   * @param result 0 for success, or a negative error number
   * @param bytes what the operation moved in its lifetime, also when it failed
   */
  settled(handle: number, result: number, bytes: number): void;
}

/** Takes what an operation with queued buffers brings, round by round, and its outcome. */
export interface QueuedSettler extends Settler {
  /**
   * A buffer came back, filled from its first byte. It is nobody's loan any more.
   * @param buffer its number in the pool
   */
  arrived(handle: number, buffer: number, bytes: number): void;
}

/** Calls one of a layer's functions on the frame at a byte offset of the slab. */
export type FrameCall = (base: number, cx: LayerContext, result: number) => number;

/** A layer at work in this session. */
export interface LayerEntry {
  readonly number: number;
  readonly layer: Layer;
  readonly wait: FrameCall;
  readonly complete: FrameCall;
  readonly frameBytes: number;
  readonly fieldNames: ReadonlySet<string>;
  /** One view to run with, one to fill while another layer pushes the frame. */
  readonly view: View<StructShape>;
  readonly pushView: View<StructShape>;
  /** Which provider brought it, -1 for the core's own. */
  readonly provider: number;
}

/** A provider at work in this session. */
export interface ProviderEntry {
  readonly provider: Provider;
  readonly driver: Driver;
  /** FLAG_READ, FLAG_WRITE or 0 of each operation that has a buffer, by operation number. */
  readonly bufferFlags: Int32Array;
  /** 1 for each operation whose offset is a position, by operation number. */
  readonly positioned: Uint8Array;
  readonly openingLayer: number;
  readonly closingLayer: number;
  readonly records: readonly Records[];
  /** 1 for each operation that may be started without its buffer, by operation number. */
  readonly unbuffered: Uint8Array;
  /** Which resources are open, and with how many ends. */
  readonly openEnds: Int32Array;
  /** Which resource numbers are taken. */
  readonly free: LowestFree;
  /** The ends of each resource in the order of the definition, -1 for one that is not open. */
  readonly ends: Int32Array;
  /** The slot of each resource's service; it may be over, and serve another operation. */
  readonly services: Int32Array;
  /** What the runtime was started with for it. */
  readonly settings: unknown;
  readonly random: Random;
  /** Wait lists that existed when its driver was made, before and after. */
  readonly listsBefore: number;
  readonly listsAfter: number;
}

export interface EngineLimits {
  table?: TableLimits;
  /** Ends open at once, default 4,096. */
  ends?: number;
}

export interface EngineCounters {
  /** Operations that were started, forks not counted. */
  readonly started: number;
  /** Outcomes that were delivered. */
  readonly settled: number;
  /** Calls of a layer's wait or complete. */
  readonly transitions: number;
  /** Completions that came too late or twice. */
  readonly stale: number;
  /** Layers that threw or broke the contract. */
  readonly faults: number;
  /** Starts that had to wait because the table was full. */
  readonly tableFullWaits: number;
  /** Times that an operation found its buffer queue empty. */
  readonly queueStalls: number;
}

/** The context of the running layer, as the engine sees it: see `EngineContext`. */
export interface RunningContext extends LayerContext {
  slot: number;
  /** The slot's generation, for what names it to the kernel. */
  generation: number;
  /** The wait or move that the layer asked for last, or a PHASE number. */
  token: number;
  /** The number that goes with the token: a result, a count, an error, a ring file. */
  value: number;
  flags: number;
  more: boolean;
  /** Notes what the layer waits for. Called before anything is done about it. */
  waits(token: number, on: number): Wait;
}

/** Services at work, as the engine's files see them: see `Services`. */
export interface ServiceBook {
  readonly due: number[];
  live: number;
  adopt(slot: number): void;
}

/** Layer transitions that one operation may make before others get their turn. */
export const TRANSITIONS_PER_TURN = 1024;
/** log2 of more operations than a provider may have. */
export const OPERATION_SHIFT = 8;
/** Numbers of what a driver runs beside the operations of its definition: opening, closing ... */
export const UNNAMED_OPERATION = 255;
/** ... and services. */
export const SERVICE_OPERATION = 254;
const ENDS_DEFAULT = 4096;

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
  /** Byte offset of slot 0's stack page. */
  readonly pagesAt: number;
  readonly countersAt: number;
  readonly endsAt: number;
  readonly layers: LayerEntry[] = [];
  readonly layerNumbers = new Map<Layer, number>();
  readonly providers: ProviderEntry[] = [];
  /** The layer of each operation, at `provider << OPERATION_SHIFT | operation`. */
  readonly operationLayers: LayerEntry[] = [];
  readonly settlers: (Settler | undefined)[];
  /** What operations without a buffer have brought, by slot, until it is handed out. */
  readonly brought: (Uint8Array | undefined)[] = [];
  /** Errors of layers that broke the rules, by slot. */
  readonly faults = new Map<number, unknown>();
  /** The context of the running layer: one object, pointed at one slot after the other. */
  context!: RunningContext;
  /** While an outcome is delivered: the error that a layer threw, if one did. */
  deliveredFault: unknown;
  /** While an outcome is delivered: what the operation brought, if it has no buffer. */
  deliveredBytes: Uint8Array | undefined;
  services!: ServiceBook;
  /** Handles of ends that a driver gave up, which are to be closed. */
  readonly abandoned: number[] = [];
  /** Ends that are closing and on which the last operation has ended. */
  readonly quietEnds: number[] = [];
  /** What drivers want called at each interrupt, by line. */
  readonly interruptServices: (readonly (() => void)[] | undefined)[] = [];
  /** Buffer groups of drivers, which end with the session. */
  readonly groups: number[] = [];
  readonly timers = new Map<number, () => void>();
  /** What has been counted so far: the present values, at every look. */
  readonly counters: EngineCounters = counterView(this);
  /** List of slots whose wait is over. */
  readonly ready: number;
  /** Slots that became terminal and are to be delivered, linked through NEXT in order; or -1. */
  settledHead = -1;
  settledTail = -1;
  /** Buffers that came back and are to be delivered, before the outcomes. */
  readonly arrivals = new ArrivalQueue();
  /** Queues of buffers by number; the numbers are part of snapshots. */
  readonly bufferQueues: (BufferQueue | undefined)[] = [];
  /** Number of the layer under operations with queued buffers. */
  queuedLayer = -1;
  /** The queue of the operation that is being started. */
  startingQueue = 0;
  /** Whether a slot was freed by itself since somebody last looked. */
  slotFreed = false;
  /** Slots whose cancellation is asked for and not yet begun. */
  readonly cancelling: number[] = [];
  /** Where operations report to while a session is recorded or checked, or somebody watches. */
  tap: Pick<Tap, "start" | "settle"> | undefined;
  /** How many want to hear of settlements beside the settlers: the tap, whoever closes an end. */
  listeners = 0;
  /** The error that ends the run: a divergence, a dead backend. */
  halted: unknown;
  armedDeadline = Infinity;
  readonly spinning = new SpinWatch();
  /** What is added to the backend's clock: a restored session's time goes on where it was. */
  clockOffsetNs = 0;
  /** The task that runs now, 0 for host code; set by the runtime. */
  owner = 0;

  constructor(backend: Backend, pool: BufferPool, limits: EngineLimits) {
    this.backend = backend;
    this.pool = pool;
    this.table = new DescriptorTable({ ends: limits.ends ?? ENDS_DEFAULT, ...limits.table });
    this.lists = new WaitLists(this.table);
    this.stacks = new FrameStacks(this.table);
    this.ends = new EndTable(this.table);
    this.i32 = this.table.i32;
    this.f64 = this.table.f64;
    this.pagesAt = this.table.pagesAt;
    this.countersAt = this.table.countersAt;
    this.endsAt = this.table.endsAt;
    this.settlers = new Array<undefined>(this.table.slots).fill(undefined);
    for (let line = 0; line < LINES_MAX; line++) this.lists.create(LIST_KIND_INTERRUPT);
    this.ready = this.lists.create(LIST_KIND_READY);
  }

  /** Has operations reported. Called once, before any starts. */
  report(tap: Pick<Tap, "start" | "settle">): void {
    this.tap = tap;
    this.listeners++;
  }

  /** Counts one. */
  count(index: number): void {
    const at = this.countersAt + index;
    this.f64[at] = this.f64[at]! + 1;
  }
}

/** The counters as an object that shows their present values, and can be spread into a copy. */
function counterView(e: EngineState): EngineCounters {
  const counted = (index: number): number => e.f64[e.countersAt + index]!;
  return {
    get started() {
      return counted(COUNT_SETTLED) + undelivered(e);
    },
    get settled() {
      return counted(COUNT_SETTLED);
    },
    get transitions() {
      return counted(COUNT_TRANSITIONS);
    },
    get stale() {
      return counted(COUNT_STALE);
    },
    get faults() {
      return counted(COUNT_FAULTS);
    },
    get tableFullWaits() {
      return counted(COUNT_TABLE_FULL_WAITS);
    },
    get queueStalls() {
      return counted(COUNT_QUEUE_STALLS);
    },
  };
}

/** Operations whose outcome is not delivered yet. Looking for them is cheaper than every start. */
function undelivered({ i32, table }: EngineState): number {
  let found = 0;
  for (let slot = 0; slot < table.highWater; slot++) {
    const header = slot << HEADER_SHIFT;
    const counts = i32[header + STATE] !== FREE && i32[header + PARENT] === -1;
    if (counts && (i32[header + FLAGS]! & FLAG_DELIVERED) === 0) found++;
  }
  return found;
}
