/**
 * Opening and closing: checks the options, makes the resource and its ends, and on the way back
 * cancels and awaits what is in flight before anything is let go of.
 */
import { END_CLOSING } from "../descriptor/ends.ts";
import { takeResource } from "../engine/registration.ts";
import type { ProviderEntry } from "../engine/state.ts";
import { ReelError } from "../errors.ts";
import { Value, type TSchema } from "../schema.ts";
import { Suspension } from "../task/suspension.ts";
import type { RuntimeCore } from "./core.ts";
import { OperationWait } from "./operation.ts";

/** Number of an operation that has no name in the definition: opening and closing. */
const UNNAMED = 255;

interface Closer {
  readonly end: number;
  readonly wait: Suspension<void>;
}

export class Opening {
  readonly #core: RuntimeCore;
  readonly #numbers = new Map<string, number>();
  #closers: Closer[] = [];
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
   * @returns the handles of its ends, in the order of its definition
   * @throws {ReelError} ERR_UNSUPPORTED for an unknown kind; the driver's own
   * @throws {TypeError} naming the option that is wrong
   */
  async open(kind: string, options: unknown): Promise<number[]> {
    const number = this.#numbers.get(kind);
    if (number === undefined) {
      throw new ReelError("ERR_UNSUPPORTED", `Cannot open "${kind}": no provider of that kind`, {
        mend: `Use one of: ${[...this.#numbers.keys()].join(", ")}; or register the provider`,
      });
    }
    const { ends, providers } = this.#core.engine.state;
    const entry = providers[number]!;
    const checked = checkOptions(kind, entry.provider.options, options);
    const resource = takeResource(entry);
    try {
      entry.driver.open(resource, checked);
    } catch (error) {
      entry.openEnds[resource] = 0;
      throw error;
    }
    const handles: number[] = [];
    try {
      for (let end = 0; end < entry.provider.endNames.length; end++) {
        handles.push(ends.handleOf(ends.open(number, resource, end)));
      }
    } catch (error) {
      for (const handle of handles) ends.free(ends.require(handle, "close"));
      entry.openEnds[resource] = 0;
      entry.driver.release(resource);
      throw error;
    }
    if (entry.openingLayer !== -1) await this.#finishOpening(entry, handles);
    return handles;
  }

  /**
   * Closes an end. Everything in flight on it is cancelled and awaited.
   * @throws {ReelError} ERR_CLOSED when it is closed already
   */
  close(handle: number): Promise<void> {
    const { ends } = this.#core.engine.state;
    const end = ends.require(handle, "close");
    if (ends.state(end) === END_CLOSING) return this.#closings.get(end)!;
    ends.beginClose(end);
    const closing = this.#close(end);
    this.#closings.set(end, closing);
    return closing;
  }

  /** Called when operations have ended: ends that are closing may be free of them now. */
  settleClosers(): void {
    if (this.#closers.length === 0) return;
    const { ends } = this.#core.engine.state;
    const left: Closer[] = [];
    for (const closer of this.#closers) {
      if (ends.inFlight(closer.end) === 0) closer.wait.wake();
      else left.push(closer);
    }
    this.#closers = left;
  }

  async #close(end: number): Promise<void> {
    const { engine, executor, starts } = this.#core;
    const { ends, providers } = engine.state;
    const number = ends.provider(end);
    const entry = providers[number]!;
    const kind = entry.provider.kind;
    starts.refuseEnd(
      end,
      new ReelError("ERR_CLOSING", `Cannot start an operation on ${kind}: it is being closed`),
    );
    engine.cancelEnd(end);
    if (ends.inFlight(end) > 0) {
      const description = `what is in flight on ${kind}, to close it`;
      // A close that has begun goes on when its task is cancelled: it is cleanup.
      const wait = new Suspension<void>(executor.owner, description, () => {});
      this.#closers.push({ end, wait });
      this.#core.kick();
      await wait.promise;
    }
    try {
      if (entry.closingLayer !== -1) await this.#runLayer(entry, end, entry.closingLayer, "close");
    } finally {
      this.#release(entry, end);
    }
  }

  #release(entry: ProviderEntry, end: number): void {
    const { ends } = this.#core.engine.state;
    const resource = ends.resource(end);
    const left = entry.openEnds[resource]! - 1;
    this.#closings.delete(end);
    try {
      entry.driver.closeEnd?.(resource, ends.kind(end));
      if (left === 0) entry.driver.release(resource);
    } finally {
      entry.openEnds[resource] = left;
      ends.free(end);
      this.#core.kick();
    }
  }

  async #finishOpening(entry: ProviderEntry, handles: number[]): Promise<void> {
    const { ends } = this.#core.engine.state;
    try {
      await this.#runLayer(entry, ends.require(handles[0]!, "open"), entry.openingLayer, "open");
    } catch (error) {
      for (const handle of handles) await this.close(handle);
      throw error;
    }
  }

  #runLayer(entry: ProviderEntry, end: number, layer: number, operation: string): Promise<number> {
    const { engine, executor } = this.#core;
    const provider = engine.state.ends.provider(end);
    const request = {
      end,
      operation: UNNAMED,
      buffer: undefined,
      at: 0,
      length: 0,
      offset: 0,
      argument: 0,
      autoRelease: true,
    };
    const name = { kind: entry.provider.kind, end: "main", operation, number: UNNAMED };
    const wait = new OperationWait<number>(executor.owner, this.#core, name, "count", undefined);
    const slot = engine.startLayer(request, layer, provider, wait);
    if (slot === -1) {
      wait.refused(
        new ReelError("ERR_TABLE_FULL", `Cannot ${operation} ${name.kind}: the table is full`, {
          mend: "Release operations that are done, or start with a larger table",
        }),
      );
    } else {
      wait.began(slot);
    }
    this.#core.kick();
    return wait.promise;
  }
}

/** Fills in defaults and checks. @throws {TypeError} naming every option that is wrong */
export function checkOptions(kind: string, schema: TSchema, options: unknown): unknown {
  const filled = Value.Default(schema, structuredClone(options ?? {}));
  if (Value.Check(schema, filled)) return filled;
  const problems = [...Value.Errors(schema, filled)].slice(0, 5).map(({ path, message, value }) => {
    const name = path === "" ? "options" : path.slice(1);
    return `${name}: ${message.toLowerCase()}: found ${JSON.stringify(value)}`;
  });
  throw new TypeError(`Cannot open ${kind}: ${problems.join("; ")}`);
}
