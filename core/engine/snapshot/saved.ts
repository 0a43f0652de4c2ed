/**
 * A snapshot taken apart: what the parts of a blob say, checked one by one and against each other
 * before anything of it takes effect.
 */
import type { EndRow } from "../../descriptor/ends.ts";

export interface SavedFrame {
  /** Number of the layer in the present session. */
  readonly layer: number;
  readonly bytes: Uint8Array;
}

export interface SavedSlot {
  readonly slot: number;
  readonly state: number;
  readonly flags: number;
  readonly end: number;
  readonly parent: number;
  readonly wait: number;
  readonly waitOn: number;
  readonly operation: number;
  readonly length: number;
  readonly buffer: number;
  readonly bufferAt: number;
  readonly result: number;
  readonly offset: number;
  readonly moved: number;
  readonly sum: number;
  readonly argument: number;
  /** The running one last. */
  readonly frames: readonly SavedFrame[];
}

export interface SavedTable {
  /** The generation of every slot that was ever in use. */
  readonly generations: readonly number[];
  readonly freeOrder: readonly number[];
  readonly slots: readonly SavedSlot[];
  readonly counters: readonly number[];
}

export interface SavedLists {
  readonly kinds: readonly number[];
  readonly freeOrder: readonly number[];
  /** The slots that wait in each list, in order. */
  readonly members: readonly (readonly number[])[];
  /** The locks that slots hold, the one taken last first. */
  readonly held: readonly { readonly slot: number; readonly locks: readonly number[] }[];
}

export interface SavedEnds {
  readonly rows: readonly EndRow[];
  readonly freeOrder: readonly number[];
}

export interface SavedDeadline {
  readonly slot: number;
  readonly deadlineNs: number;
}

export interface SavedArrival {
  readonly handle: number;
  readonly buffer: number;
  readonly bytes: number;
}

export interface SavedDelivery {
  /** In the order in which they are due. */
  readonly deadlines: readonly SavedDeadline[];
  /** Terminal slots in the order in which they are to be delivered. */
  readonly settled: readonly number[];
  readonly arrivals: readonly SavedArrival[];
  /** What operations without a buffer have brought. */
  readonly brought: readonly { readonly slot: number; readonly bytes: Uint8Array }[];
  /** Handles of the ends whose service is to be started. */
  readonly due: readonly number[];
  /** Handles of the ends that their drivers gave up. */
  readonly abandoned: readonly number[];
  readonly faults: readonly { readonly slot: number; readonly text: string }[];
}

export interface SavedBuffers {
  readonly buffers: readonly { readonly id: number; readonly bytes: Uint8Array }[];
  readonly queues: readonly SavedQueue[];
}

export interface SavedQueue {
  readonly id: number;
  readonly waiters: number;
  readonly stalls: number;
  readonly ids: readonly number[];
}

export interface SavedResource {
  readonly resource: number;
  /** How many of its ends are open. */
  readonly ends: number;
  /** Its record in each of the provider's records. */
  readonly records: readonly Uint8Array[];
  /** What the driver saved beside them. */
  readonly extra: Uint8Array | undefined;
}

export interface SavedProvider {
  readonly resources: readonly SavedResource[];
  readonly randomWords: Uint32Array;
  readonly devices: readonly Uint8Array[];
}

export interface SavedSession {
  readonly nowNs: number;
  readonly table: SavedTable;
  readonly lists: SavedLists;
  readonly ends: SavedEnds;
  readonly delivery: SavedDelivery;
  readonly buffers: SavedBuffers;
  readonly providers: readonly SavedProvider[];
  readonly machine: Uint8Array | undefined;
}
