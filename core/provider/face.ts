/**
 * What a provider's face is given: the part of a runtime that methods for people are made of. An
 * author adds methods to every runtime by `face` of the definition, as `tcp` adds `listen`.
 */
import type { IoBuffer } from "../buffer/buffer.ts";

/** Where and how a transfer takes place; see `TransferOptions` of the runtime. */
export interface FaceTransfer {
  offset?: number;
  at?: number;
  length?: number;
  argument?: number;
  /** Cancels the operation when it is aborted, which then fails with the signal's reason. */
  signal?: AbortSignal;
}

/** Told how each of a {@link FaceDirect}'s operations came out. What it throws ends the run. */
export interface FaceSink {
  /**
   * @param count how many bytes were moved
   * @param bytes what came, of an operation that was started without a buffer and brought anything
   */
  done(count: number, bytes: Uint8Array | undefined): void;
  failed(error: unknown): void;
}

/** One operation after the other on an end, without promises. */
export interface FaceDirect {
  /** Whether one is in flight: then no other can be started. */
  readonly busy: boolean;
  /** Starts it without a buffer. @param sizeBytes how much it may bring; 0 for none */
  start(sizeBytes: number): void;
  /** Starts it on a copy of these bytes. */
  startWith(bytes: Uint8Array): void;
}

/** An open end, as a face sees it. */
export interface FaceEnd {
  readonly handle: number;
  readonly kind: string;
  readonly name: string;
  read(sizeBytes: number, options?: FaceTransfer): Promise<Uint8Array>;
  readInto(target: IoBuffer | Uint8Array, options?: FaceTransfer): Promise<number>;
  /**
   * Reads without a buffer, where the operation allows it: memory is taken when bytes are there.
   * @param sizeBytes the most that may come
   */
  receive(sizeBytes: number, options?: FaceTransfer): Promise<Uint8Array>;
  /** {@link receive} as a step of an iteration, which is done at the end of the stream. */
  receiveStep(sizeBytes: number): Promise<IteratorResult<Uint8Array, undefined>>;
  write(source: IoBuffer | Uint8Array | string, options?: FaceTransfer): Promise<number>;
  perform(
    operation: string,
    memory?: IoBuffer | Uint8Array,
    options?: FaceTransfer,
  ): Promise<number>;
  /** For programs that answer every event at once: a promise for each would cost the most. */
  direct(operation: string, sink: FaceSink): FaceDirect;
  close(): Promise<void>;
}

/** The runtime, as a face sees it. */
export interface FaceHost {
  readonly backend: "uring" | "emulated";
  now(): number;
  /**
   * Opens a provider that has one end.
   * @param signal gives the opening up when it is aborted
   */
  open(kind: string, options?: object, signal?: AbortSignal): Promise<FaceEnd>;
  /** The end that an operation's result named: an accepted connection. */
  end(handle: number): FaceEnd;
  buffer(sizeBytes: number): IoBuffer;
  sleep(delayNs: number): Promise<void>;
}
