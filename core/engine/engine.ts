/**
 * The engine: drives descriptors. It takes events from the backend's door, runs the layers that
 * waited for them, and hands out the outcomes of operations. It knows numbers only; promises, tasks
 * and names are other people's business.
 */
import type { Backend, InputKind, Sink } from "../backend/contract.ts";
import { COMPLETE_MORE } from "../backend/contract.ts";
import type { IoBuffer } from "../buffer/buffer.ts";
import type { BufferPool } from "../buffer/pool.ts";
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  END,
  FLAGS,
  FLAG_ARMED,
  FLAG_AUTO_RELEASE,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_FINISHING,
  FLAG_READ,
  FLAG_TIMED_OUT,
  FLAG_WRITE,
  GENERATION,
  HEADER_SHIFT,
  IN_FLIGHT,
  LENGTH,
  LIST,
  OFFSET_F64,
  OPERATION,
  OWNER,
  PROVIDER,
  RESULT,
  STATE,
  WAIT,
  WAIT_RING,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import { ERRNO } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import type { Random } from "../random.ts";
import { EngineContext } from "./context.ts";
import { begin, resume, runReady } from "./drive.ts";
import { registerProvider } from "./registration.ts";
import { CANCELLED_RESULT, cancel, deliver, makeReady, settle, unwind } from "./settle.ts";
import { EngineState, type EngineLimits, type Settler } from "./state.ts";

/** Ready slots that one turn runs before it looks at the door again. */
const READY_BUDGET = 4096;

/** What an operation is started with. Reused by callers: the engine keeps no reference. */
export interface StartRequest {
  end: number;
  operation: number;
  buffer: IoBuffer | undefined;
  /** First byte of the buffer to use. */
  at: number;
  length: number;
  offset: number;
  argument: number;
  /** Frees the slot as soon as the outcome is delivered. */
  autoRelease: boolean;
}

export class Engine implements Sink {
  readonly state: EngineState;
  /** Called when a batch from the door begins. */
  onTurn: (nowNs: number) => void = () => {};
  /** Called with outside input. */
  onInput: (kind: InputKind, value: number) => void = () => {};
  /** Called when slots became free and somebody may have waited for one. */
  onFree: () => void = () => {};
  #nextTimer: number;
  readonly #freeTimers: number[] = [];

  constructor(backend: Backend, pool: BufferPool, limits: EngineLimits = {}) {
    this.state = new EngineState(backend, pool, limits);
    this.state.context = new EngineContext(this.state);
    this.#nextTimer = this.state.table.slots;
  }

  register(provider: Provider, random: Random): number {
    return registerProvider(this.state, provider, random);
  }

  /**
   * Starts an operation on an open end: freezes its buffer and runs its first layer's `wait`.
   * @returns the slot, or -1 when the table is full (nothing was done then)
   * @throws {ReelError} ERR_BUFFER_BORROWED
   */
  start(request: StartRequest, settler: Settler | undefined): number {
    const { ends, providers } = this.state;
    const provider = ends.provider(request.end);
    const layer = providers[provider]!.layerOf[request.operation]!;
    return this.startLayer(request, layer, provider, settler);
  }

  /** Starts a layer that is no operation of the definition: opening, closing. */
  startLayer(
    request: StartRequest,
    layer: number,
    provider: number,
    settler: Settler | undefined,
  ): number {
    const e = this.state;
    const slot = e.table.acquire();
    if (slot === -1) return -1;
    const { buffer } = request;
    const i32 = e.i32;
    const header = slot << HEADER_SHIFT;
    if (buffer !== undefined) {
      const name = e.providers[provider]!.provider.operationNames[request.operation]!;
      const reads = e.providers[provider]!.provider.operations[name]!.direction === "read";
      try {
        buffer.lend(reads);
      } catch (error) {
        e.table.release(slot);
        throw error;
      }
      i32[header + BUFFER] = buffer.id;
      i32[header + FLAGS] = reads ? FLAG_READ : FLAG_WRITE;
    }
    if (request.autoRelease) i32[header + FLAGS] = i32[header + FLAGS]! | FLAG_AUTO_RELEASE;
    i32[header + PROVIDER] = provider;
    i32[header + END] = request.end;
    i32[header + OPERATION] = request.operation;
    i32[header + BUFFER_AT] = request.at;
    i32[header + LENGTH] = request.length;
    i32[header + OWNER] = e.owner;
    const double = slot << (HEADER_SHIFT - 1);
    e.f64[double + OFFSET_F64] = request.offset;
    e.f64[double + BYTES_F64] = 0;
    e.f64[double + ARGUMENT_F64] = request.argument;
    e.ends.addInFlight(request.end, 1);
    e.settlers[slot] = settler;
    e.counters.started++;
    i32[header + STATE] = IN_FLIGHT;
    if (e.tap !== undefined) this.#tapStart(slot, request, provider);
    e.stacks.push(slot, layer, e.layers[layer]!.layer.frame.sizeBytes);
    begin(e, slot);
    return slot;
  }

  cancel(slot: number): void {
    cancel(this.state, slot);
  }

  /** Asks for the cancellation of everything in flight on an end. */
  cancelEnd(end: number): void {
    const e = this.state;
    if (e.ends.inFlight(end) === 0) return;
    for (let slot = 0; slot < e.table.slots; slot++) {
      const header = slot << HEADER_SHIFT;
      if (e.i32[header + STATE] === IN_FLIGHT && e.i32[header + END] === end) cancel(e, slot);
    }
  }

  /** Asks for the cancellation of everything in flight. */
  cancelAll(): void {
    const e = this.state;
    for (let slot = 0; slot < e.table.slots; slot++) {
      if (e.i32[(slot << HEADER_SHIFT) + STATE] === IN_FLIGHT) cancel(e, slot);
    }
  }

  /** Whether the last calls have left something to run or to deliver. */
  hasWork(): boolean {
    const e = this.state;
    return e.settledHead !== e.settledTail || e.lists.first(e.ready) !== -1;
  }

  /**
   * Runs what is ready and delivers outcomes, until neither is left or the budget is used up.
   * @returns whether anything was done
   */
  work(): boolean {
    const e = this.state;
    let done = 0;
    while (this.hasWork() && done < READY_BUDGET) {
      done += runReady(e, READY_BUDGET - done);
      const delivered = deliver(e);
      done += delivered;
      if (delivered > 0) this.onFree();
    }
    return done > 0;
  }

  /** Takes what has arrived at the door; see {@link Backend.poll}. */
  poll(wait: boolean): number {
    const e = this.state;
    this.armNext();
    return e.backend.poll(this, wait);
  }

  /** Tells the backend the nearest deadline, if it changed. */
  armNext(): void {
    const e = this.state;
    const next = e.deadlines.next();
    if (next === e.armedDeadline) return;
    e.armedDeadline = next;
    e.backend.arm(next);
  }

  now(): number {
    return this.state.backend.now();
  }

  /** Calls back once at a deadline. @returns a token for {@link clear} */
  set(deadlineNs: number, fire: () => void): number {
    const token = this.#freeTimers.pop() ?? this.#nextTimer++;
    this.state.timers.set(token, fire);
    this.state.deadlines.set(token, deadlineNs);
    return token;
  }

  /** Withdraws a timer; one that fired already is no error. */
  clear(token: number): void {
    if (!this.state.timers.delete(token)) return;
    this.state.deadlines.remove(token);
    this.#freeTimers.push(token);
  }

  // The receiving side of the door.

  turn(nowNs: number): void {
    this.onTurn(nowNs);
  }

  complete(slot: number, generation: number, result: number, flags: number): void {
    const e = this.state;
    const header = slot << HEADER_SHIFT;
    const i32 = e.i32;
    const stale = i32[header + GENERATION] !== generation || i32[header + STATE] !== IN_FLIGHT;
    if (stale || i32[header + WAIT] !== WAIT_RING) {
      e.counters.stale++;
      return;
    }
    const state = i32[header + FLAGS]!;
    const more = (flags & COMPLETE_MORE) !== 0;
    e.context.flags = flags;
    e.context.more = more;
    if (!more && (state & ~(FLAG_READ | FLAG_WRITE | FLAG_AUTO_RELEASE)) === 0) {
      // The common case: nothing was asked of the operation meanwhile.
      resume(e, slot, result);
      return;
    }
    this.#completeFlagged(slot, state, result, more);
  }

  #completeFlagged(slot: number, state: number, result: number, more: boolean): void {
    const e = this.state;
    const header = slot << HEADER_SHIFT;
    if ((state & FLAG_FINISHING) !== 0) {
      if (more) return;
      const saved = e.i32[header + RESULT]!;
      if (saved < 0) unwind(e, slot, saved);
      else {
        while (e.stacks.pop(slot) !== 0);
        settle(e, slot, saved);
      }
      return;
    }
    if ((state & FLAG_DEADLINE) !== 0) e.deadlines.remove(slot);
    const left = state & ~(FLAG_DEADLINE | FLAG_TIMED_OUT | FLAG_ARMED);
    e.i32[header + FLAGS] = more ? left | FLAG_ARMED : left;
    const ended = result === -ERRNO.ECANCELED;
    if ((state & FLAG_CANCEL) !== 0 && ended && !more) unwind(e, slot, CANCELLED_RESULT);
    else if ((state & FLAG_TIMED_OUT) !== 0 && ended) resume(e, slot, -ERRNO.ETIME);
    else resume(e, slot, result);
  }

  interrupt(line: number): void {
    const e = this.state;
    // Only those present now: whoever waits anew during this pass is woken by the next interrupt.
    let count = e.lists.count(line);
    while (count-- > 0) makeReady(e, e.lists.first(line), 0);
  }

  expire(nowNs: number): void {
    const e = this.state;
    e.armedDeadline = Infinity;
    for (;;) {
      const id = e.deadlines.takeDue(nowNs);
      if (id === -1) return;
      if (id < e.table.slots) this.#expireSlot(id);
      else {
        const fire = e.timers.get(id)!;
        e.timers.delete(id);
        this.#freeTimers.push(id);
        fire();
      }
    }
  }

  input(kind: InputKind, value: number): void {
    this.onInput(kind, value);
  }

  #expireSlot(slot: number): void {
    const e = this.state;
    const header = slot << HEADER_SHIFT;
    const flags = e.i32[header + FLAGS]! & ~FLAG_DEADLINE;
    e.i32[header + FLAGS] = flags;
    if (e.i32[header + WAIT] === WAIT_RING) {
      e.i32[header + FLAGS] = flags | FLAG_TIMED_OUT;
      e.backend.ring!.cancel(slot, e.i32[header + GENERATION]!);
    } else if (e.i32[header + WAIT] === WAIT_TIMER) {
      makeReady(e, slot, 0);
    } else if (e.i32[header + LIST] !== -1) {
      makeReady(e, slot, -ERRNO.ETIME);
    }
  }

  #tapStart(slot: number, request: StartRequest, provider: number): void {
    const { end, operation, offset, length, buffer, at } = request;
    const sends = (this.state.i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_WRITE) !== 0;
    const bytes =
      sends && buffer !== undefined ? buffer.block.bytes.subarray(at, at + length) : undefined;
    this.state.tap!.start(slot, provider, end, operation, offset, length, bytes);
  }
}
