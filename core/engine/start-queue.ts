/**
 * Starting when the table may be full: those who come too late wait in order, and each starts as
 * soon as a slot is free, before anybody who came after it.
 */
import { COUNT_TABLE_FULL_WAITS } from "../descriptor/layout.ts";
import type { Engine, StartRequest } from "./engine.ts";
import type { Settler } from "./state.ts";

/** A start that may have to wait for a slot. */
export interface PendingStart extends Settler {
  /** What it starts with; its own from the moment that it has to wait. */
  request: StartRequest | undefined;
  /** Number of the layer to start in place of the operation's own. */
  readonly layer?: number | undefined;
  /** It started. */
  began(slot: number): void;
  /** It could not be started. */
  refused(error: unknown): void;
}

export class StartQueue {
  readonly #engine: Engine;
  #waiting: PendingStart[] = [];
  #head = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Starts that wait for a slot. */
  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /**
   * Starts at once, if nobody is before it and a slot is free.
   * @returns the slot, or -1 when the table is full
   * @throws {ReelError} ERR_BUFFER_BORROWED
   */
  tryStart(request: StartRequest, settler: Settler | undefined): number {
    return this.length > 0 ? -1 : this.#engine.start(request, settler);
  }

  /**
   * Starts at once or as soon as its turn comes.
   * @param request copied if it has to wait, so that the caller may use it for the next start
   * @throws {ReelError} ERR_BUFFER_BORROWED
   */
  start(request: StartRequest, pending: PendingStart): void {
    const slot = this.length > 0 ? -1 : this.#begin(request, pending);
    if (slot !== -1) {
      pending.began(slot);
      return;
    }
    pending.request = { ...request };
    this.#engine.state.count(COUNT_TABLE_FULL_WAITS);
    this.#waiting.push(pending);
  }

  /** Takes out one that does not want to start any more. @returns whether it was waiting */
  withdraw(pending: PendingStart): boolean {
    const place = this.#waiting.indexOf(pending, this.#head);
    if (place === -1) return false;
    this.#waiting.splice(place, 1);
    return true;
  }

  /** Takes out all that wait for an end, with an error. */
  refuseEnd(end: number, error: unknown): void {
    const left: PendingStart[] = [];
    const refused: PendingStart[] = [];
    for (const pending of this.#waiting.slice(this.#head)) {
      (pending.request!.end === end ? refused : left).push(pending);
    }
    this.#waiting = left;
    this.#head = 0;
    for (const pending of refused) pending.refused(error);
  }

  /** Starts those whose turn has come. Called when slots became free. */
  drain(): void {
    if (this.#waiting.length === 0) return;
    while (this.#head < this.#waiting.length) {
      const pending = this.#waiting[this.#head]!;
      let slot: number;
      try {
        slot = this.#begin(pending.request!, pending);
      } catch (error) {
        this.#head++;
        pending.refused(error);
        continue;
      }
      if (slot === -1) return;
      this.#head++;
      pending.began(slot);
    }
    this.#waiting.length = 0;
    this.#head = 0;
  }

  #begin(request: StartRequest, pending: PendingStart): number {
    const { layer } = pending;
    if (layer === undefined) return this.#engine.start(request, pending);
    return this.#engine.startLayer(request, layer, pending);
  }
}
