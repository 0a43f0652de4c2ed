/**
 * The driver: takes turns between the engine, the tasks and the door until nothing is left to do,
 * and then waits: on Bun's event loop, or by blocking the thread for programs that own theirs.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Backend } from "../backend/contract.ts";
import { hostSoon } from "../clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { Executor } from "../task/executor.ts";

/** Task turns after which the door is looked at, so that a busy program does not starve its I/O. */
const TURNS_BETWEEN_POLLS = 64;
/** Rounds after which Bun's event loop gets its turn. */
const ROUNDS_BETWEEN_YIELDS = 512;

export class Pump {
  readonly #engine: Engine;
  readonly #executor: Executor;
  readonly #backend: Backend;
  /**
   * Asked when nothing moves, with whether something may still arrive; true when it set something
   * in motion again.
   */
  onIdle: (pending: boolean) => boolean = () => false;
  /** Called after every round. */
  onRound: (moved: boolean) => void = () => {};
  /** Whether an idle program should be looked at again after the host's turn. */
  wantsAnotherLook: () => boolean = () => false;
  /** The run cannot go on: a recording diverged, a backend died. */
  onHalt: (error: unknown) => void = () => {};
  /** Whether idle virtual time may pass at once, because all of the program is in tasks. */
  owned = false;
  #scheduled = false;
  #running = false;
  #halted = false;
  #closed = false;
  /** Whether the last round resolved promises of host code, which now wants to run. */
  #hostMayFollow = false;
  /** Rounds since Bun's event loop had its turn that ended in host code. */
  #hostRounds = 0;

  constructor(engine: Engine, executor: Executor, backend: Backend) {
    this.#engine = engine;
    this.#executor = executor;
    this.#backend = backend;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** Something was started or woken from outside: have a look at it soon. */
  kick(): void {
    if (this.#scheduled || this.#running || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(this.#onMicrotask);
  }

  /** Stops for good. */
  close(): void {
    this.#closed = true;
    this.#backend.disarmWake();
  }

  /**
   * Drives on the caller's thread until a condition holds, blocking when there is nothing to do.
   * @returns false when nothing can happen any more and the condition still does not hold
   */
  blockUntil(done: () => boolean): boolean {
    this.#backend.disarmWake();
    while (!done()) {
      if (this.#halted) return false;
      // Time goes on below, and only when nothing else is left: the condition may be that.
      if (this.#guardedRound(false, true)) continue;
      if (done()) break;
      const pending = this.#backend.pending();
      if (this.onIdle(pending)) continue;
      if (!pending) return false;
      this.#guardedPoll(true);
    }
    return true;
  }

  readonly #onMicrotask = (): void => {
    this.#scheduled = false;
    this.#drive();
  };

  readonly #onWake = (): void => {
    if (this.#closed || this.#halted) return;
    this.#guardedPoll(!this.#backend.blocks);
    this.#drive();
  };

  #drive(): void {
    if (this.#running || this.#halted || this.#closed) return;
    this.#backend.disarmWake();
    for (let rounds = 0; rounds < ROUNDS_BETWEEN_YIELDS; rounds++) {
      const skips = this.owned && !this.#backend.blocks;
      if (this.#guardedRound(skips, skips)) {
        // Host code that a round has woken runs before the next one.
        if (this.#hostMayFollow && ++this.#hostRounds < ROUNDS_BETWEEN_YIELDS) return this.kick();
        if (this.#hostMayFollow) break;
        continue;
      }
      this.#hostRounds = 0;
      if (this.#halted || this.#closed) return;
      const pending = this.#backend.pending();
      if (this.onIdle(pending)) continue;
      if (this.wantsAnotherLook()) break;
      if (!pending) return;
      if (!this.owned || this.#backend.blocks) return this.#backend.armWake(this.#onWake);
      this.#guardedPoll(true);
    }
    this.#hostRounds = 0;
    this.#scheduled = true;
    hostSoon(this.#onMicrotask);
  }

  /**
   * One round of everything that can be done without waiting.
   * @param skips whether idle virtual time may pass in it
   * @param alone whether waiting may follow with no turn of the event loop in between
   * @returns whether anything was done
   */
  #round(skips: boolean, alone: boolean): boolean {
    const worked = this.#engine.work();
    const host = this.#executor.hasHostReady();
    if (host) this.#executor.flushHost();
    this.#hostMayFollow = host;
    const turns = this.#executor.runReady(TURNS_BETWEEN_POLLS);
    // What handlers and the host code do next comes before time goes on; turns have drained it.
    if (alone && turns === 0 && (worked || host)) drainMicrotasks();
    // Where waiting costs nothing but virtual time, and all of the program waits, time goes on.
    const skip = skips && !this.#executor.hasReady() && !this.#executor.hasHostReady();
    const arrived = this.#engine.poll(skip && !this.#engine.hasWork());
    const moved = worked || host || turns > 0 || arrived > 0;
    this.onRound(moved);
    return moved || this.#executor.hasHostReady();
  }

  #guardedRound(skips: boolean, alone: boolean): boolean {
    this.#running = true;
    try {
      return this.#round(skips, alone);
    } catch (error) {
      return this.#halt(error);
    } finally {
      this.#running = false;
    }
  }

  #guardedPoll(wait: boolean): boolean {
    this.#running = true;
    try {
      return this.#engine.poll(wait) > 0;
    } catch (error) {
      return this.#halt(error);
    } finally {
      this.#running = false;
    }
  }

  #halt(error: unknown): false {
    this.#halted = true;
    this.onHalt(error);
    return false;
  }
}
