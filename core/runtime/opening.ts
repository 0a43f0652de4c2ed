/**
 * Opening and closing: checks the options, makes the resource and its ends, and on the way back
 * cancels and awaits what is in flight before anything is let go of.
 */
import { END_CLOSING } from "../descriptor/ends.ts";
import { requireOpenEnd } from "../engine/admission.ts";
import { dropResource, forgetEnd, openEnds, takeResource } from "../engine/resources.ts";
import { UNNAMED_OPERATION, type ProviderEntry } from "../engine/state.ts";
import { ReelError } from "../errors.ts";
import { Suspension } from "../task/suspension.ts";
import { checkSchema } from "./check-schema.ts";
import type { RuntimeCore } from "./core.ts";
import { OperationWait } from "./operation.ts";

export class Opening {
  readonly #core: RuntimeCore;
  readonly #numbers = new Map<string, number>();
  /** Who waits for the last operation on an end that is closing, by end. */
  readonly #closers = new Map<number, Suspension<void>>();
  readonly #closings = new Map<number, Promise<void>>();

  constructor(core: RuntimeCore) {
    this.#core = core;
  }

  /** Notes a registered provider. */
  add(kind: string, number: number): void {
    this.#numbers.set(kind, number);
  }

  /**
   * Opens a provider.
   * @param signal gives the opening up when it is aborted
   * @returns the handles of its ends, in the order of its definition
   * @throws {ReelError} ERR_UNSUPPORTED for an unknown kind; ERR_LIMIT; ERR_TABLE_FULL when there
   *   is no slot for what opening starts; the driver's own
   * @throws {TypeError} naming the option that is wrong
   * @throws the signal's reason
   */
  async open(kind: string, options: unknown, signal?: AbortSignal): Promise<number[]> {
    const number = this.#numbers.get(kind);
    if (number === undefined) {
      throw new ReelError("ERR_UNSUPPORTED", `Cannot open "${kind}": no provider of that kind`, {
        mend: `Use one of: ${[...this.#numbers.keys()].join(", ")}; or register the provider`,
      });
    }
    signal?.throwIfAborted();
    const { state } = this.#core.engine;
    const entry = state.providers[number]!;
    const checked = checkSchema(`open ${kind}`, "options", entry.provider.options, options);
    const { observer } = this.#core;
    const resource = takeResource(entry);
    const opening = observer?.opening(kind, checked) ?? 0;
    let isOpen = false;
    try {
      entry.driver.open(resource, checked);
      isOpen = true;
      openEnds(state, number, resource);
    } catch (error) {
      dropResource(entry, resource);
      if (isOpen) entry.driver.release(resource);
      observer?.openFailed(opening, error);
      throw error;
    }
    const { endNames } = entry.provider;
    const handles = endNames.map((_, end) => {
      return state.ends.handleOf(entry.ends[resource * endNames.length + end]!);
    });
    try {
      await this.#finishOpening(entry, handles[0]!, signal);
    } catch (error) {
      observer?.openFailed(opening, error);
      // It may be for want of a slot: what closing would wait for is left out then.
      for (const handle of handles) await this.#begin(handle, false).catch(() => {});
      throw error;
    }
    observer?.opened(opening, handles);
    return handles;
  }

  /**
   * Closes an end. Everything in flight on it is cancelled and awaited.
   * @throws {ReelError} ERR_CLOSED when it is closed already
   */
  close(handle: number): Promise<void> {
    return this.#begin(handle, true);
  }

  /** @param patient whether to wait for a slot where closing takes one */
  #begin(handle: number, patient: boolean): Promise<void> {
    const { ends } = this.#core.engine.state;
    const end = ends.require(handle, "close");
    const known = this.#closings.get(end);
    if (ends.state(end) === END_CLOSING && known !== undefined) return known;
    // One that a snapshot has brought is closing already, and nobody has gone on with that.
    ends.beginClose(end);
    this.#core.observer?.closing(handle);
    const closing = this.#close(end, patient);
    if (ends.endOf(handle) !== -1) this.#closings.set(end, closing);
    return closing;
  }

  /** Called when operations have ended: ends that are closing may be free of them now. */
  settleClosers(): void {
    const { state } = this.#core.engine;
    if (state.quietEnds.length === 0) return;
    for (const end of state.quietEnds.splice(0)) {
      const closer = this.#closers.get(end);
      // The end may have been closed, and be another's now, since it was noted.
      if (closer === undefined || state.ends.inFlight(end) > 0) continue;
      this.#closers.delete(end);
      state.listeners--;
      closer.wake();
    }
  }

  async #close(end: number, patient: boolean): Promise<void> {
    const { engine, executor, starts } = this.#core;
    const { ends, providers } = engine.state;
    const entry = providers[ends.provider(end)]!;
    const { kind } = entry.provider;
    if (starts.length > 0) {
      const text = `Cannot start an operation on ${kind}: it is being closed`;
      starts.refuseEnd(end, new ReelError("ERR_CLOSING", text));
    }
    engine.cancelEnd(end);
    if (ends.inFlight(end) > 0) {
      const description = `what is in flight on ${kind}, to close it`;
      // A close that has begun goes on when its task is cancelled: it is cleanup.
      const wait = new Suspension<void>(executor.owner, description, () => {});
      this.#closers.set(end, wait);
      engine.state.listeners++;
      this.#core.kick();
      await wait.promise;
    }
    try {
      const { closingLayer } = entry;
      if (closingLayer !== -1) await this.#runLayer(entry, end, closingLayer, "close", patient);
    } finally {
      this.#release(entry, end);
    }
  }

  #release(entry: ProviderEntry, end: number): void {
    const { engine, handed } = this.#core;
    const { ends } = engine.state;
    const resource = ends.resource(end);
    this.#core.observer?.closed(ends.handleOf(end));
    this.#closings.delete(end);
    try {
      entry.driver.closeEnd?.(resource, ends.kind(end));
      if (entry.openEnds[resource] === 1) entry.driver.release(resource);
    } finally {
      forgetEnd(engine.state, end);
      handed.forget(end);
      this.#core.kick();
    }
  }

  /** Runs what opening has to wait for, then the service. */
  async #finishOpening(
    entry: ProviderEntry,
    handle: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { engine } = this.#core;
    const end = requireOpenEnd(engine, handle, "open");
    const { openingLayer } = entry;
    if (openingLayer !== -1) await this.#runLayer(entry, end, openingLayer, "open", false, signal);
    // The runtime may be closing meanwhile, and all ends with it.
    requireOpenEnd(engine, handle, "open");
    if (!engine.services.start(end)) throw tableFull("open", entry.provider.kind);
    this.#core.kick();
  }

  #runLayer(
    entry: ProviderEntry,
    end: number,
    layer: number,
    operation: string,
    patient: boolean,
    signal?: AbortSignal,
  ): Promise<number> {
    const { engine, executor, starts } = this.#core;
    const request = {
      end,
      operation: UNNAMED_OPERATION,
      buffer: undefined,
      at: 0,
      length: 0,
      offset: 0,
      argument: 0,
      autoRelease: true,
    };
    const { kind } = entry.provider;
    const name = { kind, end: "main", operation, number: UNNAMED_OPERATION };
    const handle = engine.state.ends.handleOf(end);
    const wait = new OperationWait<number>(executor.owner, this.#core, name, handle, "count");
    wait.layer = layer;
    const atOnce = starts.length === 0 && engine.state.table.hasFree;
    if (patient || atOnce) wait.start(request);
    else wait.refused(tableFull(operation, kind));
    if (signal !== undefined) wait.endWith(signal);
    this.#core.kick();
    return wait.promise;
  }
}

function tableFull(action: string, kind: string): ReelError {
  return new ReelError("ERR_TABLE_FULL", `Cannot ${action} ${kind}: the table is full`, {
    mend: "Release operations that are done, or start with a larger table",
  });
}
