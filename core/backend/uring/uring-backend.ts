/**
 * The io_uring backend: real requests to the running kernel, in pure TypeScript over the C library.
 *
 * Guarantees: every request that was prepared gets exactly one completion without COMPLETE_MORE
 * while the backend is open; a deadline never expires early; a descriptor that nobody can be told
 * of is closed; when close() has returned, the kernel writes into none of the memory that requests
 * named. Not guaranteed: the order in which requests complete.
 *
 * A backend belongs to the thread that opened it, and is closed before that thread ends.
 */
import { ReelError } from "../../errors.ts";
import type { Backend, BackendCounters, InputKind, Sink } from "../contract.ts";
import { cancelAll, cancelFile, cancelSync } from "./cancel.ts";
import { ThreadAnnouncer } from "./completion-thread-announcer.ts";
import { openAnyRing } from "./completion-thread-open.ts";
import { CALL_PASS } from "./completion-thread-words.ts";
import { Door } from "./door.ts";
import { EventDescriptor } from "./event-descriptor.ts";
import { UringHostCalls } from "./host-calls.ts";
import { KernelTimer } from "./kernel-timer.ts";
import { LoopWake } from "./loop-wake.ts";
import type { WakeMode, WakeSource } from "./loop-wake.ts";
import { obstacleError, wakeObstacle } from "./obstacles.ts";
import type { Obstacle } from "./obstacles.ts";
import type { NoRing, WorkingRing } from "./open-ring.ts";
import { settle } from "./options.ts";
import type { UringOptions, UringSettings } from "./options.ts";
import type { RingCore } from "./ring-core.ts";
import { RingMessenger } from "./ring-message.ts";
import { SelfTest } from "./self-test.ts";
import { SessionClock } from "./session-clock.ts";
import { drain } from "./shutdown.ts";
import { Estate, closeAtThreadExit } from "./thread-exit.ts";
import { OWN_MESSAGE } from "./user-data.ts";

/**
 * Backends that are open. The kernel holds their memory, so they must not be collected, however
 * little the program thinks of them; those that could not be drained stay for ever.
 */
const held = new Set<UringBackend>();
closeAtThreadExit(held);

export class UringBackend implements Backend {
  readonly kind = "uring";
  readonly machine = undefined;
  readonly blocks = true;
  readonly ring: RingCore;
  readonly host: UringHostCalls;
  readonly counters: BackendCounters;
  readonly #settings: UringSettings;
  readonly #working: WorkingRing;
  readonly #core: RingCore;
  readonly #clock: SessionClock;
  readonly #door: Door;
  readonly #timer: KernelTimer;
  readonly #wake: LoopWake;
  readonly #estate = new Estate();
  #heard: (() => void) | undefined;
  #closed = false;

  private constructor(working: WorkingRing, settings: UringSettings, clock: SessionClock) {
    const { core } = working;
    this.#working = working;
    this.#settings = settings;
    this.#clock = clock;
    this.#core = core;
    this.ring = core;
    this.counters = core.counters;
    this.host = new UringHostCalls(core);
    this.#door = new Door(core, clock, settings.reapLimit);
    this.#timer = new KernelTimer(core);
    const test = new SelfTest(core);
    core.onOwn = (kind, sequence) => {
      this.#timer.ended(kind, sequence);
      test.ended(kind);
      if (kind === OWN_MESSAGE) this.#heard?.();
    };
    this.#wake = new LoopWake(this.#wakeSource(), test, {
      spinLimit: settings.spinLimit,
      selfTestMs: settings.selfTestMs,
      deaf: settings.faults.eventfdSelfTest === "fail",
    });
    core.lookups.onEnd = this.#reconsider;
    this.#estate.add(core.rings);
    held.add(this);
  }

  /**
   * Opens a backend and tests that Bun's event loop notices its completions. If that fails, the
   * backend looks at the ring again and again instead, and {@link obstacles} says so.
   * @throws {RangeError} for an option out of range
   * @throws {ReelError} why there is no io_uring: ENOSYS, EPERM, ENOMEM, EINVAL, EOPNOTSUPP (an
   *   opcode is missing), ERR_UNSUPPORTED; with a mend
   */
  static async open(options: UringOptions = {}): Promise<UringBackend> {
    const backend = UringBackend.openBlocking(options);
    await backend.testWake();
    return backend;
  }

  /**
   * Opens a backend without that test, for a program that owns its thread and polls with wait. If
   * it arms a wake-up all the same, the test is made then.
   * @throws as {@link open} does
   */
  static openBlocking(options: UringOptions = {}): UringBackend {
    const opened = UringBackend.tryOpen(settle(options));
    if (opened instanceof UringBackend) return opened;
    throw obstacleError(opened.obstacle);
  }

  /** Opens a backend without that test, or tells what was found out and why there is none. */
  static tryOpen(settings: UringSettings): UringBackend | NoRing {
    const clock = new SessionClock();
    const found = openAnyRing(settings, clock);
    return "obstacle" in found ? found : new UringBackend(found, settings, clock);
  }

  /** Tests, once, whether the event loop notices completions. */
  async testWake(): Promise<WakeMode> {
    return this.#wake.test();
  }

  /** How the event loop is told of completions. */
  get wakeMode(): WakeMode {
    return this.#wake.mode;
  }

  /** What makes the backend slower than it could be on this host. */
  get obstacles(): readonly Obstacle[] {
    return this.#wake.mode === "polling" ? [wakeObstacle(this.#settings.selfTestMs)] : [];
  }

  /** What the ring turned out to be able to do. */
  get working(): WorkingRing {
    return this.#working;
  }

  now(): number {
    return this.#clock.now();
  }

  arm(deadlineNs: number): void {
    if (deadlineNs === this.#door.deadlineNs || this.#closed) return;
    this.#door.deadlineNs = deadlineNs;
    this.#wake.reconsider();
  }

  poll(sink: Sink, wait: boolean): number {
    if (this.#closed) return 0;
    return this.#door.poll(sink, wait);
  }

  pending(): boolean {
    return !this.#closed && this.#door.pending();
  }

  armWake(wake: () => void): void {
    if (this.#closed) return;
    this.#core.onFlush = this.#reconsider;
    this.#wake.arm(wake);
  }

  disarmWake(): void {
    this.#core.onFlush = undefined;
    this.#wake.disarm();
  }

  catchUp(): boolean {
    const { thread } = this.#working;
    if (thread === undefined || this.#closed) return false;
    this.#core.enter(0);
    thread.call(CALL_PASS, 0, 0);
    return this.#door.look();
  }

  /** See {@link Backend.listen}. It takes Linux 6.13. */
  listen(heard: (() => void) | undefined): number | undefined {
    const { fd } = this.#core;
    const refused = this.#closed || this.#settings.faults.messages === "refuse";
    const able = heard !== undefined && !refused && new RingMessenger(fd).send() === 0;
    this.#heard = able ? heard : undefined;
    this.#door.listening = able;
    return able ? fd : undefined;
  }

  get listening(): boolean {
    return this.#door.listening;
  }

  inject(kind: InputKind, value: number): void {
    if (this.#closed) return;
    this.#door.inputs.push({ kind, value });
    this.#wake.reconsider();
  }

  /**
   * Makes memory known that requests may name, and keeps it alive until the backend is closed.
   * @param bytes over a SharedArrayBuffer, which cannot be detached or moved
   * @returns the absolute address of its first byte
   * @throws {TypeError} for other memory or none
   */
  pinMemory(bytes: Uint8Array): number {
    if (!(bytes.buffer instanceof SharedArrayBuffer) || bytes.length === 0) {
      throw new TypeError(
        "Cannot pin memory: it must be a Uint8Array of at least one byte over a SharedArrayBuffer",
      );
    }
    if (this.#closed) {
      throw new ReelError("ERR_CLOSED", "Cannot pin memory: the io_uring backend is closed");
    }
    this.#estate.add(bytes);
    const address = this.#core.pinned.add(bytes);
    this.#core.atHand.addMemory(address, bytes.length);
    return address;
  }

  /** Asks for the cancellation of every request on a ring file, in one request. */
  cancelFile(file: number): void {
    cancelFile(this.#core, this.#working.cancel, file);
  }

  /** Asks for the cancellation of every request. */
  cancelAll(): void {
    cancelAll(this.#core, this.#working.cancel);
    // The shared timeout is a request too.
    this.#core.flush();
  }

  /**
   * Cancels one request at once, where the kernel can; otherwise as {@link Ring.cancel} does.
   * @param timeoutNs patience for a request that is running
   * @returns 0 when it is cancelled or asked for, -ENOENT when it is not in flight, -ETIME when it
   *   went on longer than that
   */
  cancelSync(slot: number, generation: number, timeoutNs: number): number {
    if (this.#working.cancel.sync) return cancelSync(this.#core, slot, generation, timeoutNs);
    this.#core.cancel(slot, generation);
    this.#core.flush();
    return 0;
  }

  /**
   * See {@link Backend.close}.
   * @throws {ReelError} EBUSY when requests did not end in time although they were cancelled; the
   *   ring is closed then, but their memory must not be used again
   */
  close(): void {
    if (this.#closed) return;
    if (this.#door.polling) {
      throw new Error("Cannot close the io_uring backend: a poll is delivering");
    }
    this.#closed = true;
    const core = this.#core;
    core.onFlush = undefined;
    this.#wake.close();
    const { closeTimeoutMs } = this.#settings;
    let drained = false;
    try {
      drained = drain(core, this.#working.cancel, closeTimeoutMs);
    } finally {
      const left = core.inFlight;
      if (drained) core.groups.closeAll();
      core.files.closeAll();
      this.#working.close();
      if (drained) {
        core.pinned.clear();
        this.#estate.clear();
        held.delete(this);
      } else throwUndrained(left, closeTimeoutMs);
    }
  }

  readonly #reconsider = (): void => this.#wake.reconsider();

  #wakeSource(): WakeSource {
    const { thread } = this.#working;
    return {
      announcer: (signalled, failed) =>
        thread === undefined
          ? new EventDescriptor(this.#core, signalled, failed)
          : new ThreadAnnouncer(thread, signalled),
      look: () => this.#door.look(),
      pending: () => this.#door.pending(),
      syncTimer: () => this.#timer.sync(this.#door.deadlineNs + this.#clock.startNs),
    };
  }
}

function throwUndrained(left: number, timeoutMs: number): never {
  throw new ReelError(
    "EBUSY",
    `Cannot close the io_uring backend cleanly: ${left} cancelled requests did not end within ` +
      `${timeoutMs} ms, wanted none in flight`,
    { mend: "Do not reuse the memory that these requests name; end the process" },
  );
}
