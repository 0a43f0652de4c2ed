/**
 * The context that a running layer is given: one object for the whole session, pointed at one slot
 * after the other. Its methods note what the layer asked for and return a token; the engine holds
 * the layer to what it returned.
 */
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  CHILDREN,
  END,
  FLAGS,
  FLAG_ARMED,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_FORK_FAILED,
  FLAG_READ,
  FLAG_WRITE,
  HEADER_SHIFT,
  IN_FLIGHT,
  LENGTH,
  LINES_MAX,
  LIST_KIND_LOCK,
  LIST_KIND_QUEUE,
  OFFSET_F64,
  OPERATION,
  OWNER,
  PARENT,
  PROVIDER,
  RESULT,
  STATE,
  WAIT,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_ON,
  WAIT_QUEUE,
  WAIT_READY,
  WAIT_RING,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import type { Layer, LayerContext, Lock, Move, Wait, WaitQueue } from "../provider/layer.ts";
import type { StructShape, View } from "../state/struct.ts";
import { EngineRequests } from "./requests.ts";
import { makeReady, releaseLock } from "./settle.ts";
import type { EngineState, LayerEntry } from "./state.ts";

/** Moves: above all WAIT_ numbers, so that one can never pass for the other. */
export const MOVE_AGAIN = 16;
export const MOVE_DONE = 17;
export const MOVE_FAIL = 18;
export const MOVE_CALL = 19;
export const MOVE_JOIN = 20;
/** Forked children begin with this result: it tells the engine to call `wait`, not `complete`. */
export const RESULT_BEGIN = -0x7fffffff;

export class EngineContext implements LayerContext {
  readonly ring: EngineRequests;
  readonly #e: EngineState;
  slot = -1;
  header = 0;
  double = 0;
  /** The token of the wait or move that the layer asked for last, 0 for none. */
  token = 0;
  /** The number that goes with the token: a result, a count, an error. */
  value = 0;
  /** Whether a ring request was prepared in this call. */
  prepared = false;
  flags = 0;
  more = false;

  constructor(e: EngineState) {
    this.#e = e;
    this.ring = new EngineRequests(e, this);
  }

  /** Points the context at a slot. */
  enter(slot: number): void {
    this.slot = slot;
    this.header = slot << HEADER_SHIFT;
    this.double = slot << (HEADER_SHIFT - 1);
    this.token = 0;
    this.prepared = false;
  }

  get resource(): number {
    return this.#e.ends.resource(this.end_);
  }

  get end(): number {
    return this.#e.ends.kind(this.end_);
  }

  get end_(): number {
    return this.#e.i32[this.header + END]!;
  }

  get offset(): number {
    return this.#e.f64[this.double + OFFSET_F64]!;
  }

  get length(): number {
    return this.#e.i32[this.header + LENGTH]!;
  }

  get argument(): number {
    return this.#e.f64[this.double + ARGUMENT_F64]!;
  }

  get moved(): number {
    return this.#e.f64[this.double + BYTES_F64]!;
  }

  get memory(): Uint8Array {
    const buffer = this.#e.i32[this.header + BUFFER]!;
    return buffer === 0 ? NO_MEMORY : this.#e.pool.get(buffer).block.bytes;
  }

  get memoryAt(): number {
    return this.#e.i32[this.header + BUFFER_AT]!;
  }

  get address(): number {
    const buffer = this.#e.i32[this.header + BUFFER]!;
    return buffer === 0 ? 0 : this.#e.pool.get(buffer).block.address + this.memoryAt;
  }

  get cancelled(): boolean {
    return (this.#e.i32[this.header + FLAGS]! & FLAG_CANCEL) !== 0;
  }

  now(): number {
    return this.#e.backend.now();
  }

  ready(result = 0): Wait {
    this.value = result;
    return this.#waits(WAIT_READY, 0);
  }

  interrupt(line: number): Wait {
    const interrupts = this.#e.backend.machine?.interrupts;
    if (interrupts === undefined || !(line >= 0 && line < LINES_MAX)) {
      throw new RangeError(
        interrupts === undefined
          ? "Cannot wait for an interrupt: only the emulated backend has interrupt lines"
          : `Cannot wait for interrupt line ${line}: the lines are 0 to ${LINES_MAX - 1}`,
      );
    }
    // The waiter is in the list before the line is enabled: an interrupt that is already latched
    // fires as soon as it is unmasked and must find it there.
    this.#e.lists.append(line, this.slot);
    const wait = this.#waits(WAIT_INTERRUPT, line);
    if (this.#e.lists.count(line) === 1) interrupts.enable(line);
    return wait;
  }

  lock(lock: Lock): Wait {
    const { lists } = this.#e;
    this.#requireList(lock, LIST_KIND_LOCK, "lock");
    if (lists.owner(lock) === -1) {
      lists.own(lock, this.slot);
      this.value = 0;
      return this.#waits(WAIT_READY, lock);
    }
    if (lists.owner(lock) === this.slot) {
      throw new RangeError(`Cannot lock ${lock}: the operation holds it already`);
    }
    lists.append(lock, this.slot);
    return this.#waits(WAIT_LOCK, lock);
  }

  queue(queue: WaitQueue): Wait {
    this.#requireList(queue, LIST_KIND_QUEUE, "queue");
    this.#e.lists.append(queue, this.slot);
    return this.#waits(WAIT_QUEUE, queue);
  }

  within(delayNs: number, wait: Wait): Wait {
    if (wait !== this.token) throw new RangeError("Cannot limit a wait that was not just begun");
    if (this.token !== WAIT_READY) this.#deadline(this.now() + delayNs);
    return wait;
  }

  after(delayNs: number): Wait {
    return this.until(this.now() + delayNs);
  }

  until(deadlineNs: number): Wait {
    if (Number.isNaN(deadlineNs)) throw new RangeError("Cannot wait until NaN");
    this.#deadline(deadlineNs);
    return this.#waits(WAIT_TIMER, 0);
  }

  again(): Move {
    return this.#moves(MOVE_AGAIN, 0);
  }

  done(bytes: number): Move {
    return this.#moves(MOVE_DONE, bytes);
  }

  fail(errorNumber: number): Move {
    if (!(Number.isInteger(errorNumber) && errorNumber > 0 && errorNumber < 1 << 20)) {
      throw new RangeError(`Cannot fail with ${errorNumber}: give a positive error number`);
    }
    return this.#moves(MOVE_FAIL, errorNumber);
  }

  call<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): Move {
    const entry = this.#entry(layer);
    this.#push(this.slot, entry, frame);
    return this.#moves(MOVE_CALL, 0);
  }

  fork<S extends StructShape>(layer: Layer<S>, frame?: Partial<View<S>>): void {
    const entry = this.#entry(layer);
    const { i32, f64, table, lists, ready } = this.#e;
    const parent = this.header;
    const child = table.acquire();
    if (child === -1) {
      // No slot for the child: the operation fails as if this child had failed at once.
      i32[parent + FLAGS] = i32[parent + FLAGS]! | FLAG_FORK_FAILED;
      i32[parent + RESULT] = -REEL_ERROR_NUMBERS.ERR_TABLE_FULL;
      return;
    }
    const header = child << HEADER_SHIFT;
    for (const word of INHERITED) i32[header + word] = i32[parent + word]!;
    const double = child << (HEADER_SHIFT - 1);
    f64[double + OFFSET_F64] = f64[this.double + OFFSET_F64]!;
    f64[double + ARGUMENT_F64] = f64[this.double + ARGUMENT_F64]!;
    f64[double + BYTES_F64] = 0;
    i32[header + FLAGS] = i32[parent + FLAGS]! & (FLAG_READ | FLAG_WRITE);
    i32[header + PARENT] = this.slot;
    i32[header + STATE] = IN_FLIGHT;
    i32[header + RESULT] = RESULT_BEGIN;
    i32[header + WAIT] = WAIT_READY;
    i32[parent + CHILDREN] = i32[parent + CHILDREN]! + 1;
    lists.append(ready, child);
    this.#push(child, entry, frame);
  }

  join(): Move {
    if (this.#e.i32[this.header + CHILDREN] === 0 && !this.#forkFailed()) {
      throw new RangeError("Cannot join forks: none were made");
    }
    return this.#moves(MOVE_JOIN, 0);
  }

  progress(bytes: number): void {
    const at = this.double + BYTES_F64;
    this.#e.f64[at] = this.#e.f64[at]! + bytes;
  }

  unlock(lock: Lock): void {
    this.#requireList(lock, LIST_KIND_LOCK, "lock");
    if (this.#e.lists.owner(lock) !== this.slot) {
      throw new RangeError(`Cannot unlock ${lock}: the operation does not hold it`);
    }
    releaseLock(this.#e, lock);
  }

  wake(queue: WaitQueue, result = 0): number {
    return wakeAll(this.#e, queue, result);
  }

  wakeOne(queue: WaitQueue, result = 0): boolean {
    this.#requireList(queue, LIST_KIND_QUEUE, "queue");
    const slot = this.#e.lists.first(queue);
    if (slot === -1) return false;
    makeReady(this.#e, slot, result);
    return true;
  }

  /** Notes a ring request that was prepared; called by {@link EngineRequests}. */
  requested(file: number): Wait {
    if (this.prepared || (this.#e.i32[this.header + FLAGS]! & FLAG_ARMED) !== 0) {
      throw new RangeError("Cannot prepare a second ring request: one is in flight already");
    }
    this.prepared = true;
    return this.#waits(WAIT_RING, file);
  }

  #forkFailed(): boolean {
    return (this.#e.i32[this.header + FLAGS]! & FLAG_FORK_FAILED) !== 0;
  }

  #waits(token: number, on: number): Wait {
    this.token = token;
    this.#e.i32[this.header + WAIT] = token;
    this.#e.i32[this.header + WAIT_ON] = on;
    return token as Wait;
  }

  #moves(token: number, value: number): Move {
    this.token = token;
    this.value = value;
    return token as Move;
  }

  #deadline(deadlineNs: number): void {
    this.#e.deadlines.set(this.slot, deadlineNs);
    this.#e.i32[this.header + FLAGS] = this.#e.i32[this.header + FLAGS]! | FLAG_DEADLINE;
  }

  #entry<S extends StructShape>(layer: Layer<S>): LayerEntry {
    const number = this.#e.layerNumbers.get(layer as unknown as Layer);
    if (number === undefined) {
      throw new RangeError(
        `Cannot run layer ${layer?.name}: list it in the driver's operations or layers`,
      );
    }
    return this.#e.layers[number]!;
  }

  #push(slot: number, entry: LayerEntry, frame: object | undefined): void {
    const number = this.#e.layerNumbers.get(entry.layer)!;
    const base = this.#e.stacks.push(slot, number, entry.layer.frame.sizeBytes);
    if (base === 0) throw TOO_DEEP;
    entry.pushView.$base = base;
    if (frame !== undefined) Object.assign(entry.pushView, frame);
  }

  #requireList(list: number, kind: number, word: string): void {
    if (!(list >= 0 && list < this.#e.table.lists) || this.#e.lists.kind(list) !== kind) {
      throw new RangeError(`Cannot use ${word} ${list}: the driver has no such ${word}`);
    }
  }
}

const NO_MEMORY = new Uint8Array(0);
const INHERITED = [PROVIDER, END, BUFFER, BUFFER_AT, LENGTH, OPERATION, OWNER];
/** Thrown where a stack cannot grow, and told apart from a layer's own mistakes. */
export const TOO_DEEP = new RangeError("Cannot push a frame: the operation is too deep");

/** Wakes all that wait in a queue at this moment. @returns how many */
export function wakeAll(e: EngineState, queue: WaitQueue, result: number): number {
  const count = e.lists.count(queue);
  for (let i = 0; i < count; i++) makeReady(e, e.lists.first(queue), result);
  return count;
}
