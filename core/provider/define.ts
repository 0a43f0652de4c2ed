/**
 * Providers: what an author of one writes. A definition says what the provider is, what can be
 * opened and done with it, and has a driver factory for each backend. Authors depend on this folder
 * only.
 */
import type { Machine } from "../backend/emulated/machine.ts";
import type { HostCalls } from "../backend/contract.ts";
import type { ImageFile, ImageOptions } from "../backend/images.ts";
import type { FaceHost } from "./face.ts";
import type { Random } from "../random.ts";
import { t, type Static, type TObject } from "../schema.ts";
import type { Records } from "../state/records.ts";
import type { Struct, StructShape } from "../state/struct.ts";
import type { Layer, Lock, WaitQueue } from "./layer.ts";

/** The version of this contract. A provider made for another one is refused. */
export const PROVIDER_API_VERSION = 1;

export type Direction = "read" | "write" | "none";

export interface OperationDefinition {
  /** `read` brings bytes into a buffer, `write` sends a buffer's bytes, `none` has no buffer. */
  direction: Direction;
  /** One line for `ioreel provider info`. */
  summary: string;
  /** What the operation's number argument means, if it takes one. */
  argument?: string;
  /**
   * The offset is a position: reading with queued buffers goes on behind what the round before
   * brought. Without it every round has the same offset (a timer's delay, a stream's nothing).
   */
  positioned?: boolean;
  /**
   * A read that may be started without a buffer, with a length only (`OpenEnd.receive`): its layer
   * brings the bytes when they are there, so that a read that waits long holds no memory.
   */
  unbuffered?: boolean;
}

export interface EndDefinition {
  /** Names of the operations that may be started on this end. */
  operations: readonly string[];
  summary?: string;
}

/** What a provider can and cannot do: tests, tools and scenarios go by it. */
export interface Capabilities {
  /** A transfer may move fewer bytes than asked for and still succeed. */
  shortTransfers: boolean;
  /** An operation that waits can be cancelled. */
  cancel: boolean;
  /**
   * Whatever completes an operation is done by this same program: a pipe, a timer's own deadline.
   * When only such operations are in flight and no task can run, the program is deadlocked.
   */
  closedWorld?: boolean;
  /**
   * What its reads bring is counted time: two runs that are alike bring other numbers, so nobody
   * compares them between backends.
   */
  timed?: boolean;
  /** Operations in flight survive snapshot and restore on the named backends. */
  restore: readonly ("uring" | "emulated")[];
}

/** Memory that requests may name, for as long as the session lasts. */
export interface DriverMemory {
  readonly bytes: Uint8Array;
  /** Absolute address of the first byte; 0 where no kernel will ever look. */
  readonly address: number;
}

/** Buffers from which the kernel picks one for each completion (io_uring only). */
export interface BufferGroup {
  /** For `fromGroup`. */
  readonly group: number;
  readonly count: number;
  readonly bufferBytes: number;
  /** All of its memory; buffer n begins at `n * bufferBytes`. */
  readonly bytes: Uint8Array;
  /** Gives a buffer back that a completion used. */
  give(buffer: number): void;
}

/** What the core gives to a driver, once per session. */
export interface DriverContext {
  readonly kind: string;
  readonly backend: "uring" | "emulated";
  /** System calls that do not wait (io_uring only). */
  readonly host: HostCalls;
  /** The emulated machine (emulated only). */
  readonly machine: Machine;
  /**
   * Opens an image file whose contents a device model needs (emulated only). A recording notes what
   * it held; on replay the file must hold the same, and nothing is written to it.
   * @throws {ReelError} ENOENT and others; ERR_UNSUPPORTED for what is no regular file;
   *   ERR_INCOMPATIBLE_RECORDING on replay
   */
  image(path: string, options: ImageOptions): ImageFile;
  /** The provider's own random numbers: the same for the same seed. */
  readonly random: Random;
  /** What the runtime was started with for this provider, checked against its `settings`. */
  readonly settings: unknown;
  now(): number;
  /** Memory of the driver's own. @throws {ReelError} ERR_LIMIT */
  memory(sizeBytes: number): DriverMemory;
  /** @throws {ReelError} ENOMEM and others, the errno's code */
  bufferGroup(count: number, bufferBytes: number): BufferGroup;
  /**
   * Has a function called at each interrupt of a line, before the layers that wait for the line are
   * woken: an interrupt service routine, for work that belongs to no single operation. It may wake
   * queues. The line is enabled from now on.
   */
  onInterrupt(line: number, service: () => void): void;
  /** Closes a resource that nobody holds: one that a layer adopted and never handed out. */
  abandon(resource: number): void;
  /** State of which the core keeps one record for each resource that can be open. */
  records<S extends StructShape>(name: string, layout: Struct<S>): Records<S>;
  /** Makes a wait queue. At start, or for a resource: give it back in `release`. */
  queue(): WaitQueue;
  lock(): Lock;
  /** Gives a queue or a lock back. Nothing may wait in it. */
  dispose(list: WaitQueue | Lock): void;
  /** Wakes all that wait in a queue, from outside a layer. */
  wake(queue: WaitQueue, result?: number): number;
}

/** A device model whose registers belong to the session's state. */
export interface SavedDevice {
  readonly name: string;
  snapshot(): Uint8Array;
  /** @throws {ReelError} ERR_STATE_CORRUPT when the bytes are not its own; nothing changes then */
  restore(bytes: Uint8Array): void;
}

/** What a program asked for with an operation that failed with ERR_OUT_OF_RANGE. */
export interface RefusedRequest {
  readonly operation: string;
  readonly offset: number;
  readonly length: number;
  readonly argument: number;
}

/** What was wrong with it, in words: "found <x>, wanted <y>", and what to do. */
export interface RangeWords {
  readonly found: string;
  readonly wanted: string;
  readonly mend: string;
  /** Facts for programs. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** A provider at work on one backend. */
export interface Driver<Options = unknown> {
  /** The layer that carries out each operation of the definition. */
  operations: Readonly<Record<string, Layer>>;
  /** Further layers that those call or fork. */
  layers?: readonly Layer[];
  /**
   * Makes a resource ready.
   * @param resource a number from 0, free until now; its records are zeroed
   * @throws {ReelError} when it cannot; nothing stays open then
   */
  open(resource: number, options: Options): void;
  /** Device models of this driver, saved and restored with the session. */
  devices?: readonly SavedDevice[];
  /** Runs as an operation after `open` when opening has to wait. */
  opening?: Layer;
  /**
   * Runs beside the program's operations for as long as the resource's first end is open (after
   * `opening`), and is cancelled when that closes: an armed accept, a receiver. When it ends by
   * itself it is not started again.
   * @param resource its records are filled in
   * @returns undefined for a resource that has none
   */
  service?(resource: number): Layer | undefined;
  /** What the resource is, for errors and reports: "127.0.0.1:8080". */
  describe?(resource: number): string;
  /**
   * Why an operation failed with ERR_OUT_OF_RANGE, which the program gets as a `RangeError`.
   * @returns undefined when there are no words for it
   */
  explainRange?(resource: number, request: RefusedRequest): RangeWords | undefined;
  /**
   * What the resource has done since it was opened, for reports: `{ commands: 12, readBytes: … }`.
   */
  statistics?(resource: number): Readonly<Record<string, number>>;
  /** An end closes. Nothing is in flight on it; the other ends may still be busy. */
  closeEnd?(resource: number, end: number): void;
  /** Runs as an operation before `closeEnd` when closing has to wait. */
  closing?: Layer;
  /** The last end is closed: let go of everything. */
  release(resource: number): void;
  /** Saves what records cannot hold (io_uring: what the kernel keeps). */
  snapshot?(resource: number): Uint8Array;
  /** Puts a saved resource back: records hold its state, host things must be made anew. */
  restore?(resource: number, extra: Uint8Array): void;
  /** The session ends: nothing is open any more. */
  close?(): void;
}

export interface ProviderDefinition<
  O extends TObject,
  Ends extends string = string,
  Kind extends string = string,
  Face extends object = object,
> {
  /** The word by which people open it: lower case, one word. */
  kind: Kind;
  version: string;
  /** Changes whenever the bytes of records or frames change their meaning. */
  stateVersion: number;
  summary: string;
  options: O;
  operations: Readonly<Record<string, OperationDefinition>>;
  ends: Readonly<Record<Ends, EndDefinition>>;
  capabilities: Capabilities;
  /** Resources open at once, default 1,024. */
  resourcesMax?: number;
  /** Opcodes (OPCODE) that the io_uring driver needs. */
  opcodes?: readonly number[];
  /** What may be chosen for all of the provider when a runtime starts (`settings: { kind: … }`). */
  settings?: TObject;
  /** Methods for people, which every runtime with this provider has: `io.listen()`. */
  face?(io: FaceHost): Face;
  uring?(cx: DriverContext): Driver<Static<O>>;
  emulated?(cx: DriverContext): Driver<Static<O>>;
}

/** A checked definition. */
export interface Provider<
  O extends TObject = TObject,
  Ends extends string = string,
  Kind extends string = string,
  Face extends object = object,
> extends ProviderDefinition<O, Ends, Kind, Face> {
  readonly apiVersion: typeof PROVIDER_API_VERSION;
  readonly operationNames: readonly string[];
  readonly endNames: readonly Ends[];
}

const KIND = /^[a-z][a-z0-9]{0,31}$/;
const NAME = /^[a-z][A-Za-z0-9]{0,31}$/;

function refuse(kind: unknown, why: string): never {
  throw new TypeError(`Cannot define provider ${String(kind)}: ${why}`);
}

/**
 * Defines a provider.
 * @throws {TypeError} naming what is wrong with the definition
 */
export function defineProvider<
  const O extends TObject,
  const Ends extends string,
  const Kind extends string,
  Face extends object = object,
>(definition: ProviderDefinition<O, Ends, Kind, Face>): Provider<O, Ends, Kind, Face> {
  const { kind, operations, ends } = definition;
  if (typeof kind !== "string" || !KIND.test(kind))
    refuse(kind, "kind must be one lower-case word");
  if (!Number.isInteger(definition.stateVersion) || definition.stateVersion < 1) {
    refuse(kind, `stateVersion must be a whole number from 1: found ${definition.stateVersion}`);
  }
  if (definition.options?.type !== "object") refuse(kind, "options must be a t.Object schema");
  const operationNames = Object.keys(operations ?? {});
  const endNames = Object.keys(ends ?? {}) as Ends[];
  if (operationNames.length === 0 || operationNames.length > 250) {
    refuse(kind, "operations must name 1 to 250 operations");
  }
  if (endNames.length === 0 || endNames.length > 16) refuse(kind, "ends must name 1 to 16 ends");
  for (const name of [...operationNames, ...endNames]) {
    if (!NAME.test(name)) refuse(kind, `"${name}" must be a camelCase word`);
  }
  for (const end of endNames) {
    for (const operation of ends[end].operations) {
      if (!operationNames.includes(operation)) {
        refuse(kind, `end "${end}" names the operation "${operation}", which is not declared`);
      }
    }
  }
  if (definition.uring === undefined && definition.emulated === undefined) {
    refuse(kind, "it needs a driver: uring, emulated or both");
  }
  return Object.freeze({
    ...definition,
    apiVersion: PROVIDER_API_VERSION,
    operationNames,
    endNames,
  });
}

/** The options schema of a provider that has none. */
export const NO_OPTIONS = t.Object({}, { additionalProperties: false });
