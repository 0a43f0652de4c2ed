/**
 * Layers: a provider's state machines. A layer is the WaiterState of the notes over a frame of
 * named bytes: `wait` begins the wait of the current phase and says what it waits for, `complete`
 * is called when that wait is over and says how to move on. Neither may block, keep the frame, or
 * hold state outside frame and records: whatever matters must be bytes, so that it can be saved.
 *
 * Example, a transfer in two phases:
 *     const transfer = layer({
 *       name: "disk.transfer",
 *       frame: struct({ started: bool }),
 *       wait: (frame, cx) => (frame.started ? cx.interrupt(14) : cx.lock(registers)),
 *       complete(frame, cx) {
 *         if (frame.started) return cx.done(cx.length);
 *         frame.started = true;
 *         return cx.again();
 *       },
 *     });
 */
import type { Struct, StructShape, View } from "../state/struct.ts";

declare const waitBrand: unique symbol;
declare const moveBrand: unique symbol;
/** What `wait` returns: made by the context's waiting methods, and by nothing else. */
export type Wait = number & { readonly [waitBrand]: true };
/** What `complete` returns: made by the context's moving methods, and by nothing else. */
export type Move = number & { readonly [moveBrand]: true };

/** A wait list that layers wait in and wake, first in first out. */
export type WaitQueue = number & { readonly queue?: never };
/** A lock that operations hold across their phases, handed on first in first out. */
export type Lock = number & { readonly lock?: never };

/** Ring requests of the running layer (io_uring only). Each returns the wait for its completion. */
export interface RingRequests {
  /** Does nothing, through the kernel. */
  nop(): Wait;
  /**
   * Reads into the operation's buffer.
   * @param file ring file
   * @param offset position in the file, -1 for files that have none
   * @param skip bytes of the operation's buffer to leave alone at its start
   * @param length bytes at most; by default all that is left of the operation's buffer
   */
  read(file: number, offset: number, skip?: number, length?: number): Wait;
  /** Writes from the operation's buffer; parameters as {@link read}. */
  write(file: number, offset: number, skip?: number, length?: number): Wait;
  /** Makes a file's data durable (its metadata too, unless `dataOnly`). */
  fsync(file: number, dataOnly: boolean): Wait;
  /** Moves bytes between files of which one is a pipe, without copying them through memory. */
  splice(
    fromFile: number,
    fromOffset: number,
    toFile: number,
    toOffset: number,
    length: number,
  ): Wait;
  /** Any other request; the io_uring manual explains the words, and `HOW` the last of them. */
  request(
    opcode: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
    how?: number,
  ): Wait;
  /**
   * Limits the request that was just made by a timeout of the kernel's own: its result is -ETIME
   * when it is not over after so long. Unlike `within` it costs no look at the clock.
   */
  limit(wait: Wait, timeoutNs: number): Wait;
  /**
   * Hands over now what has been prepared, by a system call of its own, instead of with the next
   * wait. It pays where a device can work on it while the rest of a batch is prepared.
   */
  handOver(): void;
}

/**
 * What a running layer may ask. The object is shared by all layers of a session and valid only
 * inside the call that it was given to.
 */
export interface LayerContext {
  /** The provider's own number of what is open. */
  readonly resource: number;
  /** Which of the provider's ends the operation was started on. */
  readonly end: number;
  /** The position that the program asked for. */
  readonly offset: number;
  /** Bytes of the operation's buffer. */
  readonly length: number;
  /** The operation's own number argument, if its provider declares one. */
  readonly argument: number;
  /** Bytes moved so far, over all rounds: see {@link progress}. */
  readonly moved: number;
  /** The buffer's memory; the operation's part of it begins at {@link memoryAt}. */
  readonly memory: Uint8Array;
  readonly memoryAt: number;
  /** Absolute address of the operation's first byte. */
  readonly address: number;
  /** Whether the program has asked to cancel the operation. */
  readonly cancelled: boolean;
  /** Whether the ring request stays armed and will complete again. */
  readonly more: boolean;
  /** Flags of the completion, as the backend gave them. */
  readonly flags: number;
  readonly ring: RingRequests;
  /** The session's clock, whole nanoseconds. */
  now(): number;

  // Waits: for `wait` to return.
  /** Does not wait: `complete` runs next, with this result. */
  ready(result?: number): Wait;
  /** Waits for an interrupt line. */
  interrupt(line: number): Wait;
  /** Waits until it holds the lock. A lock that is free is taken without waiting. */
  lock(lock: Lock): Wait;
  /** Waits in a queue until it is woken. */
  queue(queue: WaitQueue): Wait;
  /**
   * Limits a wait: when it is not over after so long, its result is -ETIME. A ring request is
   * cancelled then, and delivers its result after all if it wins that race.
   */
  within(delayNs: number, wait: Wait): Wait;
  /** Waits so long; never less. */
  after(delayNs: number): Wait;
  /** Waits until the session's clock shows this time; never less. */
  until(deadlineNs: number): Wait;

  // Moves: for `complete` to return.
  /** Waits again: for the next completion of an armed request, else by calling `wait`. */
  again(): Move;
  /** Ends this layer: `bytes` is the result of its caller's wait, or what the operation moved. */
  done(bytes: number): Move;
  /** Ends this layer with an error number (ERRNO or REEL_ERROR_NUMBERS, positive). */
  fail(errorNumber: number): Move;
  /** Runs another layer on the same operation; its result is this layer's next completion. */
  call<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): Move;
  /**
   * Prepares a child operation that will run beside its siblings on the same buffer. Nothing starts
   * before {@link join} is returned.
   */
  fork<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): void;
  /**
   * Runs the forks: completes when all are terminal, with the sum of their results. The first error
   * wins; the siblings are then cancelled, and still awaited.
   */
  join(): Move;

  // Effects: anywhere in `wait`, `complete` and `cancel`.
  /**
   * Hands bytes to the operation, and counts them as moved: into its buffer, behind what was
   * brought before, or, if it was started without one (`OpenEnd.receive`), as a fresh array. Such
   * an operation may bring bytes once.
   * @throws {RangeError} when it wants no more than it has, does not read, or is a fork
   */
  bring(source: Uint8Array, at: number, count: number): void;
  /**
   * Asks that the armed request end. Its last result comes to `complete` with `more` false, as
   * -ECANCELED unless it won the race. Only in `complete`, while `more` is true, before `again()`.
   */
  disarm(): void;
  /**
   * Takes a free resource of this provider and opens its ends, as opening does, but without
   * `Driver.open`: fill in its records before this call returns to the core. Its service starts
   * afterwards. Hand out its handle (`handleOf`) as a result, or give it up with
   * `DriverContext.abandon`.
   * @returns its number, or -1 when none is free
   */
  adopt(): number;
  /** The handle of an open resource's first end. */
  handleOf(resource: number): number;
  /** Counts bytes as moved before the operation is over: they survive a cancel or an error. */
  progress(bytes: number): void;
  /** Gives a lock back before the operation ends. Those still held then are given back then. */
  unlock(lock: Lock): void;
  /** Wakes all that wait in the queue now. @returns how many */
  wake(queue: WaitQueue, result?: number): number;
  /** Wakes the first that waits. @returns whether there was one */
  wakeOne(queue: WaitQueue, result?: number): boolean;
}

export interface LayerDefinition<S extends StructShape> {
  /** `<provider kind>.<what it does>`; part of snapshots, so changing it is a new state version. */
  name: string;
  frame: Struct<S>;
  /** Begins the wait of the current phase. */
  wait(frame: View<S>, cx: LayerContext): Wait;
  /**
   * The wait is over.
   * @param result zero or more for success; a negative error number otherwise. It is never
   *   -ECANCELED: a cancelled operation ends through `cancel` instead, unless it won the race
   */
  complete(frame: View<S>, cx: LayerContext, result: number): Move;
  /**
   * The operation ends early: put shared state back. Called once, before the frame goes away, and
   * also when `wait` was never called. It may have effects, but neither wait nor move on.
   */
  cancel?(frame: View<S>, cx: LayerContext): void;
  /**
   * A result of the layer's request that came after the layer had ended or failed, or one of an
   * armed request on its way then: give back what it brought (an accepted socket, a provided
   * buffer). It may have effects, but neither wait nor move on.
   */
  late?(frame: View<S>, cx: LayerContext, result: number): void;
}

/** A state machine that {@link layer} checked. */
export interface Layer<S extends StructShape = StructShape> extends LayerDefinition<S> {
  readonly isLayer: true;
}

const LAYER_NAME = /^[a-z][a-z0-9]*(\.[a-z][a-z0-9-]*)+$/;

/**
 * Defines a layer.
 * @throws {TypeError} when the definition is not one
 */
export function layer<const S extends StructShape>(definition: LayerDefinition<S>): Layer<S> {
  const { name, frame, wait, complete, cancel, late } = definition;
  if (typeof name !== "string" || !LAYER_NAME.test(name)) {
    throw new TypeError(
      `Cannot define a layer: name must be like "disk.read": found ${String(name)}`,
    );
  }
  if (typeof wait !== "function" || typeof complete !== "function") {
    throw new TypeError(`Cannot define layer ${name}: wait and complete must be functions`);
  }
  for (const [word, hook] of Object.entries({ cancel, late })) {
    if (hook !== undefined && typeof hook !== "function") {
      throw new TypeError(`Cannot define layer ${name}: ${word} must be a function`);
    }
  }
  if (!Array.isArray(frame?.fields)) {
    throw new TypeError(`Cannot define layer ${name}: frame must come from struct()`);
  }
  return Object.freeze({ ...definition, isLayer: true as const });
}
