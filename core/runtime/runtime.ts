/**
 * The runtime: puts the parts together and is what programs hold.
 *
 * Example:
 *     await using io = await Runtime.start({ backend: "emulated", seed: 7 });
 *     await io.run(async () => {
 *       const { reader, writer } = await io.open("pipe");
 *       io.spawn(async () => {
 *         await writer.write("hello");
 *         await writer.close();
 *       });
 *       console.log(await reader.read(64));
 *     });
 */
import { INPUT_INTERRUPT, INPUT_MESSAGE, type Backend } from "../backend/contract.ts";
import type { Rejection } from "../backend/select.ts";
import type { IoBuffer } from "../buffer/buffer.ts";
import type { BufferPool } from "../buffer/pool.ts";
import type { Engine } from "../engine/engine.ts";
import { describeWaits, type WaitDescription } from "../engine/inspect.ts";
import { snapshotEngine } from "../engine/snapshot.ts";
import { StartQueue } from "../engine/start-queue.ts";
import type { EngineLimits } from "../engine/state.ts";
import { engineOf, type Strict } from "../guard/strict.ts";
import type { Provider } from "../provider/define.ts";
import { Random } from "../random.ts";
import { Syscalls } from "../syscall.ts";
import { Executor, closedError } from "../task/executor.ts";
import { endEverything } from "./closing.ts";
import type { RuntimeCore } from "./core.ts";
import { addFaces } from "./faces.ts";
import type { OpenEnd } from "./open-end.ts";
import { reportOperations, type RuntimeObserver } from "./observer.ts";
import { openedOf, type Opened, type OptionsOf, type ProviderOf } from "./opened.ts";
import { Pump } from "./pump.ts";
import { restoreRuntime } from "./restoring.ts";
import { Runs, type RunOptions } from "./run.ts";
import { markSession } from "./session-lines.ts";
import { outcomeOf, type Session, type SessionSummary } from "./session.ts";
import type { Settings } from "./settings.ts";
import { TaskFace } from "./task-face.ts";
import { connectParts, emptyRequest, wire } from "./wiring.ts";

/** What the assembly hands to a runtime. */
export interface RuntimeParts {
  backend: Backend;
  seed: number;
  permute: boolean;
  limits: EngineLimits | undefined;
  providers: readonly Provider[];
  settings: Settings;
  session: Session | undefined;
  rejected: readonly Rejection[];
  strict?: Strict | undefined;
  observer?: RuntimeObserver | undefined;
}

export class Runtime<P extends Provider = Provider> extends TaskFace {
  /** The seed that all randomness of this runtime came from. */
  readonly seed: number;
  /** The seeded random source for programs. */
  readonly random: Random;
  /** The four calls, over numbers. */
  readonly calls: Syscalls;
  readonly #core: RuntimeCore;
  readonly #runs: Runs;
  readonly #parts: RuntimeParts;
  /** Told of what {@link deliver} was given, once it has come in by the door. */
  onMessage: (value: number) => void = () => {};
  #closing: Promise<void> | undefined;
  #outcome = "ok";
  #summary: SessionSummary | undefined;

  /** Use {@link startRuntime}, or the `Runtime.start` of the package's face. */
  constructor(parts: RuntimeParts, pool: BufferPool) {
    const { backend, seed } = parts;
    const random = new Random(seed);
    const engine = engineOf(parts.strict, backend, pool, parts.limits);
    const permute = parts.permute ? { permute: random.fork("ready queue") } : {};
    const timers = {
      now: () => engine.now(),
      // Host code may set a timer while nothing runs: the driver has to arm it.
      set(deadlineNs: number, fire: () => void) {
        pump.kick();
        return engine.set(deadlineNs, fire);
      },
      clear: (token: number) => engine.clear(token),
    };
    super(new Executor({ timers, onWork: () => pump.kick(), ...permute }));
    this.#parts = parts;
    parts.strict?.watch(this.executor);
    this.seed = seed;
    this.random = random.fork("program");
    const { executor } = this;
    const pump = new Pump(engine, executor, backend);
    const kick = (): void => pump.kick();
    const request = emptyRequest();
    const starts = new StartQueue(engine);
    const bare = { backend, pool, engine, executor, pump, kick, starts, request };
    const requireOpen = (action: string): void => this.#requireOpen(action);
    this.#core = connectParts({ ...bare, requireOpen, observer: parts.observer });
    this.#runs = new Runs(this.#core);
    this.calls = new Syscalls({
      ...this.#core,
      blockUntil: (done) => pump.blockUntil(done),
    });
    reportOperations(engine.state, parts.session, parts.observer);
    for (const provider of parts.providers) {
      const settings = parts.settings.get(provider.kind);
      this.#core.opening.add(provider.kind, engine.register(provider, random, settings));
    }
    wire(this.#core, this.#runs, (value) => this.onMessage(value));
    addFaces(this, this.#core, parts.providers);
  }

  /** Which backend runs. */
  get backend(): "uring" | "emulated" {
    return this.#core.backend.kind;
  }

  /** Backends that `auto` would have preferred, and why it could not have them. */
  get rejected(): readonly Rejection[] {
    return this.#parts.rejected;
  }

  /** The session's clock: whole nanoseconds since it began. */
  now(): number {
    return this.#core.engine.now();
  }

  /** What the engine and the backend have counted. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#core.engine.state.counters, ...this.#core.backend.counters };
  }

  /**
   * Opens a provider, by its word.
   * @returns its one end, or its ends by name and `close()` for all of them
   * @throws {ReelError} ERR_UNSUPPORTED for an unknown kind; ERR_LIMIT; the driver's own
   * @throws {TypeError} naming the option that is wrong
   */
  async open<K extends P["kind"]>(
    kind: K,
    options?: OptionsOf<ProviderOf<P, K>>,
  ): Promise<Opened<ProviderOf<P, K>>> {
    this.#requireOpen("open a provider");
    const handles = await this.#core.opening.open(kind, options);
    const ends = handles.map((handle) => this.#core.handed.get(handle));
    return openedOf(ends) as Opened<ProviderOf<P, K>>;
  }

  /**
   * The open end that a handle names: one that an operation's result was (an accepted connection),
   * or any other. The same handle gives the same object for as long as the end is open.
   * @throws {ReelError} ERR_CLOSED, ERR_BAD_HANDLE
   */
  end(handle: number): OpenEnd {
    return this.#core.handed.get(handle);
  }

  /** A buffer of ioreel's own memory, zeroed: transfers use it without copying. */
  buffer(sizeBytes: number): IoBuffer {
    this.#requireOpen("make a buffer");
    return this.#core.pool.owned(sizeBytes);
  }

  /** A buffer over the program's memory; see `BufferPool.borrow`. */
  borrow(memory: Uint8Array): IoBuffer {
    this.#requireOpen("make a buffer");
    return this.#core.pool.borrow(memory);
  }

  /** A buffer over memory that must not change until the buffer is disposed of. */
  freeze(memory: Uint8Array): IoBuffer {
    this.#requireOpen("make a buffer");
    return this.#core.pool.freeze(memory);
  }

  /**
   * Runs a program to its end on Bun's event loop.
   * @returns what `main` returned
   * @throws what `main` threw, or a task that nobody joined
   * @throws {ReelError} ERR_DEADLOCK when nothing can ever happen again, listing what each task
   *   waits for; ERR_INTERRUPTED; ERR_DIVERGED in a replay
   */
  async run<T>(main: (io: this) => T | Promise<T>, options: RunOptions = {}): Promise<T> {
    try {
      return await this.#runs.run(() => main(this), options);
    } catch (error) {
      this.#outcome = outcomeOf(error);
      throw error;
    }
  }

  /** {@link run} for a program that owns its thread: blocks it until the end. */
  runBlocking<T>(main: (io: this) => T | Promise<T>, options: RunOptions = {}): T {
    try {
      return this.#runs.runBlocking(() => main(this), options);
    } catch (error) {
      this.#outcome = outcomeOf(error);
      throw error;
    }
  }

  /** The engine, for inspection and tools. */
  get engine(): Engine {
    return this.#core.engine;
  }

  /** What is in flight: each operation, its layers with their fields, and what it waits for. */
  waits(): readonly WaitDescription[] {
    return describeWaits(this.engine.state);
  }

  /**
   * Saves everything that is open and in flight: operations in the middle of what they do, the
   * state of providers and devices, buffers in use. Tasks are not part of it.
   * @returns a framed blob; equal states give equal bytes
   */
  snapshot(): Uint8Array {
    return snapshotEngine(this.engine.state);
  }

  /**
   * Puts a snapshot in place of this runtime's state, which must be unused. Operations keep their
   * handles: wait for them with {@link calls}. On io_uring, requests that were in the kernel are
   * made again.
   * @returns the ends that were open
   * @throws {ReelError} ERR_STATE_CORRUPT, ERR_STATE_VERSION, ERR_OPERATION_BUSY; nothing changes
   */
  restore(snapshot: Uint8Array): readonly OpenEnd[] {
    return restoreRuntime(this.#core, snapshot, this.calls);
  }

  /** How the session came out; there once the runtime is closed, if it was recorded or compared. */
  get session(): SessionSummary | undefined {
    return this.#summary;
  }

  /** Writes a line into the session. @throws {RangeError} for more than 16 KiB of UTF-8 */
  mark(text: string): void {
    markSession(this.#parts.session, text);
  }

  /** Writes a flight recording out to a file now. @returns its events; undefined if it is none */
  dump(path: string): number | undefined {
    return this.#parts.session?.dump?.(path);
  }

  /** Stops the run from outside, as Ctrl-C does: recorded as an input. */
  interrupt(): void {
    this.#core.backend.inject(INPUT_INTERRUPT, 0);
    this.#core.kick();
  }

  /**
   * Lets a number in, as an input: recorded, and replayed to {@link onMessage} at the same place.
   * @param value a whole number from 0 to 2³¹ − 1
   */
  deliver(value: number): void {
    this.#core.backend.inject(INPUT_MESSAGE, value);
    this.#core.kick();
  }

  /**
   * Ends everything, once: tasks, ends, what is in flight, the backend and the recording.
   * @throws what closing an end has thrown, such as EIO when a disk's writes found no room in its
   *   image; an AggregateError for several. All is closed all the same.
   */
  close(): Promise<void> {
    this.#runs.close();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @throws {ReelError} ERR_CLOSED */
  #requireOpen(action: string): void {
    if (this.#closing !== undefined) throw closedError(action);
  }

  async #close(): Promise<void> {
    try {
      await endEverything(this.#core, this.#parts.session);
    } catch (error) {
      if (this.#outcome === "ok") this.#outcome = outcomeOf(error);
      throw error;
    } finally {
      this.#core.pump.close();
      this.executor.close();
      this.#runs.closed();
      this.#core.backend.close();
      this.#parts.strict?.close();
      this.#summary = this.#parts.session?.finish(this.#outcome);
    }
  }
}
