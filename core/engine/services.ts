/**
 * Services: what a driver runs beside the program's operations for as long as a resource is open.
 * Each is an operation of the resource's first end, so it is cancelled, awaited, saved and restored
 * like any other; but nobody waits for it, and a program's end does not wait for it either.
 */
import {
  ARGUMENT_F64,
  DOUBLE_SHIFT,
  END,
  HEADER_SHIFT,
  IN_FLIGHT,
  OPERATION,
  PARENT,
  STATE,
} from "../descriptor/layout.ts";
import { SLOTS_MAX } from "../descriptor/table.ts";
import { launch, type StartRequest } from "./launch.ts";
import { requireLayer } from "./layers.ts";
import { halt } from "./halt.ts";
import { SERVICE_OPERATION, type EngineState, type Settler } from "./state.ts";

export class Services implements Settler {
  /** Handles of the ends whose service is to be started: adopted ones, oldest first. */
  readonly due: number[] = [];
  /** Services that were started and whose outcome is not delivered. */
  live = 0;
  /** Called when a service's layer broke the rules, with its end. By default the run ends. */
  onFault: (end: number, error: unknown) => void;
  readonly #e: EngineState;
  readonly #request: StartRequest = {
    end: 0,
    operation: SERVICE_OPERATION,
    buffer: undefined,
    at: 0,
    length: 0,
    offset: 0,
    argument: 0,
    autoRelease: true,
  };

  constructor(e: EngineState) {
    this.#e = e;
    this.onFault = (_end, error) => halt(e, error);
  }

  /** Whether one is due and there is a slot for it. */
  get canStart(): boolean {
    return this.due.length > 0 && this.#e.table.hasFree;
  }

  /**
   * Starts the service of an end's resource, if it has one.
   * @returns false when the table is full (nothing was done then)
   * @throws what the driver throws
   */
  start(end: number): boolean {
    const e = this.#e;
    const entry = e.providers[e.ends.provider(end)]!;
    const resource = e.ends.resource(end);
    const layer = entry.driver.service?.(resource);
    if (layer === undefined) return true;
    const { number } = requireLayer(e, layer);
    const request = this.#request;
    request.end = end;
    // What became of it is told when the slot may be another operation's: the end goes along.
    request.argument = e.ends.handleOf(end);
    this.live++;
    const slot = launch(e, request, this, number);
    if (slot === -1) this.live--;
    else entry.services[resource] = slot;
    return slot !== -1;
  }

  /** Starts those that are due, as far as there are slots. @returns how many were taken up */
  startDue(): number {
    const e = this.#e;
    let done = 0;
    while (done < this.due.length) {
      const handle = this.due[done]!;
      const end = e.ends.endOf(handle);
      // Whoever gave the end up before this has ended the service too.
      if (end !== -1 && e.ends.isOpen(end, handle)) {
        try {
          if (!this.start(end)) break;
        } catch (error) {
          this.onFault(handle, error);
        }
      }
      done++;
    }
    this.due.splice(0, done);
    return done;
  }

  settled(handle: number): void {
    const e = this.#e;
    this.live--;
    if (e.deliveredFault === undefined) return;
    const slot = handle % SLOTS_MAX;
    this.onFault(e.f64[(slot << DOUBLE_SHIFT) + ARGUMENT_F64]!, e.deliveredFault);
  }

  /** Takes over a restored service whose outcome is not delivered. */
  adopt(slot: number): void {
    const e = this.#e;
    const header = slot << HEADER_SHIFT;
    e.settlers[slot] = this;
    this.live++;
    if (e.i32[header + STATE] !== IN_FLIGHT) return;
    const end = e.i32[header + END]!;
    e.providers[e.ends.provider(end)]!.services[e.ends.resource(end)] = slot;
  }
}

/** Whether a slot is a service, and not a fork of one. */
export function isService({ i32 }: EngineState, slot: number): boolean {
  const header = slot << HEADER_SHIFT;
  return i32[header + OPERATION] === SERVICE_OPERATION && i32[header + PARENT] === -1;
}

/** The slot of the service that is in flight on an end, or -1. */
export function serviceOn(e: EngineState, end: number): number {
  const slot = e.providers[e.ends.provider(end)]!.services[e.ends.resource(end)]!;
  const header = slot << HEADER_SHIFT;
  const works = e.i32[header + STATE] === IN_FLIGHT && e.i32[header + END] === end;
  return works && isService(e, slot) ? slot : -1;
}
