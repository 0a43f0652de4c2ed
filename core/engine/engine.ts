/**
 * The engine: drives descriptors. It takes events from the backend's door, runs the layers that
 * waited for them, and hands out the outcomes of operations. It knows numbers only; promises, tasks
 * and names are other people's business.
 */
import type { Backend, InputKind, Sink } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import type { BufferQueue } from "../buffer/queue.ts";
import { FLAGS, FLAG_DELIVERED, HEADER_SHIFT, LINES_MAX } from "../descriptor/layout.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import type { Random } from "../random.ts";
import { cancelAll, cancelEnd } from "./cancel-many.ts";
import { EngineContext } from "./context.ts";
import { adopt, deliver } from "./delivery.ts";
import { completeRequest } from "./completion.ts";
import { runReady } from "./drive.ts";
import { expireSlot, serveInterrupt } from "./events.ts";
import { launch, type StartRequest } from "./launch.ts";
import { numberLayer } from "./layers.ts";
import { makeBufferQueue, queuedRead, requireQueuedRead } from "./queued.ts";
import { registerProvider } from "./registration.ts";
import { Services } from "./services.ts";
import { cancel, release } from "./settle.ts";
import { EngineState, type EngineLimits, type QueuedSettler, type Settler } from "./state.ts";
import { makeReady } from "./wake.ts";

export type { StartRequest } from "./launch.ts";

/** Ready slots that one turn runs before it looks at the door again. */
const READY_BUDGET = 4096;

export class Engine implements Sink {
  readonly state: EngineState;
  /** The engine asks for the time where it needs it. */
  readonly ignoresTime = true;
  /** Called with outside input. */
  onInput: (kind: InputKind, value: number) => void = () => {};
  /** Called when slots became free and somebody may have waited for one. */
  onFree: () => void = () => {};
  /** Called with the handle of an end that a driver gave up: it is to be closed. */
  onAbandon: (handle: number) => void = () => {};
  readonly services: Services;
  #nextTimer: number;
  readonly #freeTimers: number[] = [];

  constructor(backend: Backend, pool: BufferPool, limits: EngineLimits = {}) {
    this.state = new EngineState(backend, pool, limits);
    this.state.context = new EngineContext(this.state);
    this.services = new Services(this.state);
    this.state.services = this.services;
    this.state.queuedLayer = numberLayer(this.state, -1, queuedRead(this.state));
    this.#nextTimer = this.state.table.slots;
  }

  /** See {@link registerProvider}. */
  register(provider: Provider, random: Random, settings?: unknown): number {
    return registerProvider(this.state, provider, random, settings);
  }

  /**
   * Starts an operation on an open end: freezes its buffer and runs its first layer's `wait`.
   * @returns the slot, or -1 when the table is full (nothing was done then)
   * @throws {ReelError} ERR_BUFFER_BORROWED
   * @throws {RangeError} when the buffer has no such bytes
   */
  start(request: StartRequest, settler: Settler | undefined): number {
    // Not `return launch(…)`: JavaScriptCore makes that a tail call, which it cannot inline.
    const slot = launch(this.state, request, settler, -1);
    return slot;
  }

  /** Starts a layer that is no operation of the definition: opening, closing. */
  startLayer(request: StartRequest, layer: number, settler: Settler | undefined): number {
    const slot = launch(this.state, request, settler, layer);
    return slot;
  }

  /** Makes a queue of buffers for {@link startQueued}. */
  bufferQueue(): BufferQueue {
    return makeBufferQueue(this.state);
  }

  /**
   * Starts an operation that stays armed: each of its rounds reads into the next buffer of the
   * queue, which then goes to the settler. While the queue holds a buffer there is no gap; while it
   * is empty the operation stands still, which is counted. It ends when it is cancelled, when a
   * round fails, or when one brings nothing: the end of the stream. The bytes of its outcome are
   * those of all rounds.
   * @param request as for {@link start}, without a buffer
   * @returns the slot, or -1 when the table is full (nothing was done then)
   * @throws {ReelError} ERR_UNSUPPORTED when the operation does not read into a buffer
   */
  startQueued(request: StartRequest, queue: BufferQueue, settler: QueuedSettler): number {
    requireQueuedRead(this.state, request, queue);
    this.state.startingQueue = queue.id;
    const slot = launch(this.state, request, settler, this.state.queuedLayer);
    return slot;
  }

  /**
   * Takes over an operation whose settler is gone: one of a restored session. An outcome that is
   * there already is delivered with the next batch.
   * @param autoRelease frees the slot as soon as the outcome is delivered
   * @throws {ReelError} ERR_BAD_HANDLE
   */
  adopt(handle: number, settler: Settler, autoRelease: boolean): void {
    adopt(this.state, handle, settler, autoRelease);
  }

  /**
   * Frees a terminal operation's slot; its handle is stale from now on.
   * @throws {ReelError} ERR_OPERATION_BUSY before its outcome was delivered
   */
  release(slot: number): void {
    if ((this.state.i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_DELIVERED) === 0) {
      const handle = this.state.table.handleOf(slot);
      throw new ReelError("ERR_OPERATION_BUSY", `Cannot release operation ${handle}: in flight`, {
        mend: "Wait for it first, or cancel it and wait",
        details: { handle },
      });
    }
    release(this.state, slot);
  }

  cancel(slot: number): void {
    cancel(this.state, slot);
  }

  /** Asks for the cancellation of everything in flight on an end. */
  cancelEnd(end: number): void {
    cancelEnd(this.state, end);
  }

  /** Asks for the cancellation of everything in flight. */
  cancelAll(): void {
    cancelAll(this.state, true);
  }

  /** Asks for the cancellation of the program's operations: services go on. */
  cancelOperations(): void {
    cancelAll(this.state, false);
  }

  /** Whether the last calls have left something to run, to deliver or to tell. */
  hasWork(): boolean {
    const e = this.state;
    const outcomes = e.settledHead !== -1 || e.arrivals.size > 0;
    const adopted = e.abandoned.length > 0 || this.services.canStart;
    return outcomes || e.slotFreed || adopted || e.lists.first(e.ready) !== -1;
  }

  /**
   * Runs what is ready and delivers outcomes, until neither is left or the budget is used up.
   * @returns whether anything was done
   * @throws what a settler threw
   */
  work(): boolean {
    const e = this.state;
    if (e.halted !== undefined) throw e.halted;
    let done = 0;
    while (done < READY_BUDGET && this.hasWork()) {
      if (e.abandoned.length > 0) done += this.#giveUp();
      if (this.services.canStart) done += this.services.startDue();
      done += runReady(e, READY_BUDGET - done);
      const delivered = deliver(e);
      done += delivered;
      if (delivered > 0 || e.slotFreed) {
        e.slotFreed = false;
        done++;
        this.onFree();
      }
    }
    return done > 0;
  }

  /** Takes what has arrived at the door; see {@link Backend.poll}. */
  poll(wait: boolean): number {
    const e = this.state;
    if (e.halted !== undefined) throw e.halted;
    this.armNext();
    return e.backend.poll(this, wait);
  }

  /** Tells the backend the nearest deadline, if it changed. */
  armNext(): void {
    const e = this.state;
    const next = e.deadlines.next();
    if (next === e.armedDeadline) return;
    e.armedDeadline = next;
    e.backend.arm(next - e.clockOffsetNs);
  }

  /** The session's clock: that of the backend, gone on with after a restore. */
  now(): number {
    return this.state.backend.now() + this.state.clockOffsetNs;
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

  /** Ends the drivers' groups of buffers. Nothing is in flight. */
  closeGroups(): void {
    for (const group of this.state.groups.splice(0)) this.state.backend.ring!.closeGroup(group);
  }

  // The receiving side of the door.

  turn(): void {}

  complete(slot: number, generation: number, result: number, flags: number): void {
    completeRequest(this.state, slot, generation, result, flags);
  }

  interrupt(line: number): void {
    const e = this.state;
    if (line >= LINES_MAX) return;
    const served = e.interruptServices[line];
    if (served !== undefined) serveInterrupt(e, served);
    // Only those present now: whoever waits anew during this pass is woken by the next interrupt.
    let count = e.lists.count(line);
    while (count-- > 0) makeReady(e, e.lists.first(line), 0);
  }

  expire(nowNs: number): void {
    const e = this.state;
    e.armedDeadline = Infinity;
    const now = nowNs + e.clockOffsetNs;
    // Bounded by those present now: timers that set each other for the past must not hold the turn.
    for (let left = e.deadlines.size; left > 0; left--) {
      const id = e.deadlines.takeDue(now);
      if (id === -1) return;
      if (id < e.table.slots) expireSlot(e, id, now);
      else this.#expireTimer(id);
    }
  }

  input(kind: InputKind, value: number): void {
    this.onInput(kind, value);
  }

  /** Has the ends closed that drivers gave up. @returns how many */
  #giveUp(): number {
    const handles = this.state.abandoned.splice(0);
    for (const handle of handles) this.onAbandon(handle);
    return handles.length;
  }

  #expireTimer(token: number): void {
    const fire = this.state.timers.get(token)!;
    this.state.timers.delete(token);
    this.#freeTimers.push(token);
    fire();
  }
}
