/**
 * The context that a running layer is given: one object for the whole session, pointed at one slot
 * after the other. Its methods note what the layer asked for and return a token; the engine holds
 * the layer to what it returned.
 *
 * The token also says which call is running, so that a layer can ask for one wait in `wait`, for
 * one move in `complete`, and for neither elsewhere: nothing else can leave a slot in two places.
 */
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  CHILDREN,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_FORKED,
  HEADER_SHIFT,
  LENGTH,
  LIST_KIND_LOCK,
  LIST_KIND_QUEUE,
  OFFSET_F64,
  PROVIDER,
  WAIT,
  WAIT_ON,
  WAIT_QUEUE,
  WAIT_READY,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import type { Layer, Lock, Move, Wait, WaitQueue } from "../provider/layer.ts";
import type { StructShape, View } from "../state/struct.ts";
import { bring } from "./bring.ts";
import { disarm } from "./disarm.ts";
import { forkChild } from "./forks.ts";
import { pushFrame, requireLayer } from "./layers.ts";
import { EngineRequests } from "./requests.ts";
import { adoptResource, firstEnd } from "./resources.ts";
import type { EngineState, RunningContext } from "./state.ts";
import {
  MOVE_AGAIN,
  MOVE_CALL,
  MOVE_DONE,
  MOVE_FAIL,
  MOVE_JOIN,
  PHASE_COMPLETE,
  PHASE_WAIT,
} from "./tokens.ts";
import { waitForInterrupt, waitForLock } from "./waiting.ts";
import { releaseLock, requireList, wakeAll, wakeFirst } from "./wake.ts";

const NO_MEMORY = new Uint8Array(0);
/** Error numbers end where result words that mean something else begin. */
const ERROR_NUMBER_MAX = 1 << 20;
/** Thrown where a stack cannot grow, and told apart from a layer's own mistakes. */
export const TOO_DEEP = new RangeError("Cannot push a frame: the operation is too deep");

/** Fields are plain for the reason given at `DescriptorTable`; layers see {@link LayerContext}. */
export class EngineContext implements RunningContext {
  readonly ring: EngineRequests;
  readonly e: EngineState;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  slot = -1;
  generation = 0;
  token = PHASE_WAIT;
  value = 0;
  flags = 0;
  more = false;

  constructor(e: EngineState) {
    this.e = e;
    this.i32 = e.i32;
    this.f64 = e.f64;
    this.ring = new EngineRequests(e, this);
  }

  get resource(): number {
    return this.e.ends.resource(this.i32[(this.slot << HEADER_SHIFT) + END]!);
  }

  get end(): number {
    return this.e.ends.kind(this.i32[(this.slot << HEADER_SHIFT) + END]!);
  }

  get offset(): number {
    return this.f64[(this.slot << DOUBLE_SHIFT) + OFFSET_F64]!;
  }

  get length(): number {
    return this.i32[(this.slot << HEADER_SHIFT) + LENGTH]!;
  }

  get argument(): number {
    return this.f64[(this.slot << DOUBLE_SHIFT) + ARGUMENT_F64]!;
  }

  get moved(): number {
    return this.f64[(this.slot << DOUBLE_SHIFT) + BYTES_F64]!;
  }

  get memory(): Uint8Array {
    const buffer = this.i32[(this.slot << HEADER_SHIFT) + BUFFER]!;
    return buffer === 0 ? NO_MEMORY : this.e.pool.get(buffer).block.bytes;
  }

  get memoryAt(): number {
    return this.i32[(this.slot << HEADER_SHIFT) + BUFFER_AT]!;
  }

  get address(): number {
    const buffer = this.i32[(this.slot << HEADER_SHIFT) + BUFFER]!;
    return buffer === 0 ? 0 : this.e.pool.get(buffer).block.address + this.memoryAt;
  }

  get cancelled(): boolean {
    return (this.i32[(this.slot << HEADER_SHIFT) + FLAGS]! & FLAG_CANCEL) !== 0;
  }

  now(): number {
    return this.e.backend.now() + this.e.clockOffsetNs;
  }

  ready(result = 0): Wait {
    if (typeof result !== "number") throw new RangeError(`Cannot be ready with ${String(result)}`);
    const wait = this.waits(WAIT_READY, 0);
    this.value = result;
    return wait;
  }

  interrupt(line: number): Wait {
    return waitForInterrupt(this.e, line);
  }

  lock(lock: Lock): Wait {
    return waitForLock(this.e, lock);
  }

  queue(queue: WaitQueue): Wait {
    requireList(this.e, queue, LIST_KIND_QUEUE, "queue");
    const wait = this.waits(WAIT_QUEUE, queue);
    this.e.lists.append(queue, this.slot);
    return wait;
  }

  within(delayNs: number, wait: Wait): Wait {
    if (wait !== this.token || wait === PHASE_WAIT) {
      throw new RangeError("Cannot limit a wait that was not just begun");
    }
    if (Number.isNaN(delayNs)) throw new RangeError("Cannot limit a wait to NaN");
    if (wait === WAIT_READY) return wait;
    const deadlineNs = this.now() + delayNs;
    if (deadlineNs < this.e.deadlines.deadlineOf(this.slot)) {
      this.#deadline(deadlineNs);
      // A timer that is cut short ends as every wait that takes too long.
      if (wait === WAIT_TIMER) this.i32[(this.slot << HEADER_SHIFT) + WAIT_ON] = 1;
    }
    return wait;
  }

  after(delayNs: number): Wait {
    return delayNs <= 0 ? this.ready() : this.until(this.now() + delayNs);
  }

  until(deadlineNs: number): Wait {
    if (Number.isNaN(deadlineNs)) throw new RangeError("Cannot wait until NaN");
    const wait = this.waits(WAIT_TIMER, 0);
    this.#deadline(deadlineNs);
    return wait;
  }

  again(): Move {
    return this.#moves(MOVE_AGAIN, 0);
  }

  done(bytes: number): Move {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) {
      throw new RangeError(`Cannot be done with ${bytes}: give a whole number of bytes from 0`);
    }
    return this.#moves(MOVE_DONE, bytes);
  }

  fail(errorNumber: number): Move {
    if (!(Number.isInteger(errorNumber) && errorNumber > 0 && errorNumber < ERROR_NUMBER_MAX)) {
      throw new RangeError(`Cannot fail with ${errorNumber}: give a positive error number`);
    }
    return this.#moves(MOVE_FAIL, -errorNumber);
  }

  call<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): Move {
    const entry = requireLayer(this.e, layer as unknown as Layer);
    const move = this.#moves(MOVE_CALL, 0);
    if (!pushFrame(this.e, this.slot, entry, frame)) throw TOO_DEEP;
    return move;
  }

  fork<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): void {
    if (this.token !== PHASE_COMPLETE) refusePhase("make a fork", "complete", this.token);
    forkChild(this.e, this.slot, requireLayer(this.e, layer as unknown as Layer), frame);
  }

  join(): Move {
    if ((this.i32[(this.slot << HEADER_SHIFT) + FLAGS]! & FLAG_FORKED) === 0) {
      throw new RangeError("Cannot join forks: none were made");
    }
    return this.#moves(MOVE_JOIN, this.i32[(this.slot << HEADER_SHIFT) + CHILDREN]!);
  }

  bring(source: Uint8Array, at: number, count: number): void {
    bring(this.e, source, at, count);
  }

  disarm(): void {
    disarm(this.e);
  }

  adopt(): number {
    return adoptResource(this.e);
  }

  handleOf(resource: number): number {
    const entry = this.e.providers[this.i32[(this.slot << HEADER_SHIFT) + PROVIDER]!]!;
    return this.e.ends.handleOf(firstEnd(entry, resource));
  }

  progress(bytes: number): void {
    if (!(bytes >= 0 && Number.isSafeInteger(bytes))) {
      throw new RangeError(`Cannot count ${bytes} as moved: give a whole number of bytes from 0`);
    }
    const at = (this.slot << DOUBLE_SHIFT) + BYTES_F64;
    this.f64[at] = this.f64[at]! + bytes;
  }

  unlock(lock: Lock): void {
    requireList(this.e, lock, LIST_KIND_LOCK, "lock");
    if (this.e.lists.owner(lock) !== this.slot) {
      throw new RangeError(`Cannot unlock ${lock}: the operation does not hold it`);
    }
    releaseLock(this.e, lock);
  }

  wake(queue: WaitQueue, result = 0): number {
    return wakeAll(this.e, queue, result);
  }

  wakeOne(queue: WaitQueue, result = 0): boolean {
    return wakeFirst(this.e, queue, result);
  }

  /** Notes what the layer waits for. Called before anything is done about it. */
  waits(token: number, on: number): Wait {
    if (this.token !== PHASE_WAIT) refusePhase("wait", "wait", this.token);
    this.token = token;
    this.i32[(this.slot << HEADER_SHIFT) + WAIT] = token;
    this.i32[(this.slot << HEADER_SHIFT) + WAIT_ON] = on;
    return token as Wait;
  }

  #moves(token: number, value: number): Move {
    if (this.token !== PHASE_COMPLETE) refusePhase("move on", "complete", this.token);
    this.token = token;
    this.value = value;
    return token as Move;
  }

  #deadline(deadlineNs: number): void {
    this.e.deadlines.set(this.slot, deadlineNs);
    this.i32[(this.slot << HEADER_SHIFT) + FLAGS] =
      this.i32[(this.slot << HEADER_SHIFT) + FLAGS]! | FLAG_DEADLINE;
  }
}

function refusePhase(what: string, where: string, token: number): never {
  const asked = token !== PHASE_WAIT && token > PHASE_COMPLETE;
  throw new RangeError(
    asked
      ? `Cannot ${what}: the layer has asked for something in this call already`
      : `Cannot ${what}: only a layer's ${where} may ask for it`,
  );
}
