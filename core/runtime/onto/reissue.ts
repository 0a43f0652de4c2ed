/**
 * Does again what a session's program did, on a runtime of another backend: one entry of the log
 * after the other, each as soon as everything is over that was over when it began.
 */
import { ReelError } from "../../errors.ts";
import type { AsyncEvent } from "../../sync/event.ts";
import type { OpenEnd } from "../open-end.ts";
import type { Runtime } from "../runtime.ts";
import {
  isSoft,
  type LogEntry,
  type LoggedEnd,
  type LoggedOpen,
  type LoggedOperation,
} from "./log.ts";
import { codeOf, endsOf, performAgain, type Outcome } from "./perform.ts";
import type { Plan } from "./plan.ts";
import { Progress } from "./progress.ts";

export interface ReissueOptions {
  /** `recorded`: not before its time in the recorded session either. */
  readonly pace: "dependency" | "recorded";
  /** How many times as fast as recorded. */
  readonly speed: number;
  /** Nanoseconds without any operation's end after which the rest is given up. */
  readonly patienceNs: number;
}

export interface Reissued {
  /** By the operation's number, less one; undefined for those that were not begun. */
  readonly outcomes: readonly (Outcome | undefined)[];
  /** What opened, or did not, other than recorded: label and code. */
  readonly openings: readonly { open: LoggedOpen; code: string | undefined }[];
  /** How late entries began that had a time to begin at, in nanoseconds. */
  readonly driftsNs: readonly number[];
  /** Nanoseconds from the first entry to the end of the last. */
  readonly durationNs: number;
  /** Whether it was given up, because nothing came to an end any more. */
  readonly stalled: boolean;
}

const CANCELLED = new ReelError("ECANCELED", "It was cancelled when it was recorded");
/** Room for the text of a socket's name. */
const NAME_BYTES = 160;
const decoder = new TextDecoder();

interface Address {
  readonly host: string;
  readonly port: number;
}

export class Reissue {
  readonly #io: Runtime;
  readonly #plan: Plan;
  readonly #options: ReissueOptions;
  readonly #moved: AsyncEvent;
  readonly #progress: Progress;
  #begun = 0;
  #stalled = false;
  #pausing = false;
  readonly #ends = new Map<LoggedEnd, OpenEnd>();
  readonly #cancellers = new Map<LoggedOperation, AbortController>();
  /** The last read of each stream that is under way, and everything that is opened. */
  readonly #reads = new Map<LoggedEnd, Promise<void>>();
  readonly #connected = new Map<LoggedOpen, PromiseWithResolvers<void>>();
  readonly #addresses = new Map<LoggedEnd, Address>();
  readonly #outcomes: (Outcome | undefined)[];
  readonly #openings: { open: LoggedOpen; code: string | undefined }[] = [];
  readonly #drifts: number[] = [];

  constructor(io: Runtime, plan: Plan, options: ReissueOptions) {
    this.#io = io;
    this.#plan = plan;
    this.#options = options;
    this.#moved = io.event({ name: "progress of what is re-issued" });
    this.#progress = new Progress(plan.log);
    this.#outcomes = Array.from({ length: plan.log.operations.length });
  }

  /** Does everything, in a task of the runtime. */
  async run(): Promise<Reissued> {
    const io = this.#io;
    const { entries } = this.#plan.log;
    const watchdog = io.spawn(() => this.#watch(), { name: "watchdog" });
    const anchorNs = io.now();
    for (const entry of entries) {
      while (!this.#progress.allows(entry) && !this.#stalled) await this.#moved.wait();
      if (this.#stalled) break;
      if (this.#options.pace === "recorded") await this.#pause(entry, anchorNs);
      this.#begin(entry);
    }
    while (!this.#progress.complete && !this.#stalled) await this.#moved.wait();
    const durationNs = io.now() - anchorNs;
    await watchdog.cancel();
    for (const end of [...this.#ends.values()].toReversed()) await end.close();
    while (this.#progress.finished < this.#begun) await this.#moved.wait();
    return {
      outcomes: this.#outcomes,
      openings: this.#openings,
      driftsNs: this.#drifts,
      durationNs,
      stalled: this.#stalled,
    };
  }

  /** Gives up when nothing has come to an end for too long. */
  async #watch(): Promise<void> {
    for (;;) {
      const before = this.#progress.finished;
      await this.#io.sleep(this.#options.patienceNs);
      if (this.#progress.finished !== before || this.#pausing) continue;
      this.#stalled = true;
      this.#moved.trigger();
      return;
    }
  }

  /** Waits for an entry's time, which counts from the beginning: being late never adds up. */
  async #pause({ startNs }: LogEntry, anchorNs: number): Promise<void> {
    const first = this.#plan.log.entries[0]!.startNs;
    const dueNs = anchorNs + Math.round((startNs - first) / this.#options.speed);
    if (dueNs > this.#io.now()) {
      this.#pausing = true;
      await this.#io.sleepUntil(dueNs);
      this.#pausing = false;
    }
    this.#drifts.push(this.#io.now() - dueNs);
  }

  #begin(entry: LogEntry): void {
    if (entry.what === "cancel") {
      void this.#cancel(entry.operation, entry.after);
      return;
    }
    this.#begun++;
    const ended = (): void => {
      this.#progress.note(entry);
      this.#moved.trigger();
    };
    if (entry.what === "open") void this.#open(entry).then(ended);
    else if (entry.what === "operation") void this.#operate(entry).then(ended);
    else {
      const closing = this.#close(entry.end, entry.after);
      this.#progress.addClosing(entry.ended, closing);
      void closing.then(ended);
    }
  }

  async #cancel(operation: LoggedOperation, after: number): Promise<void> {
    await Promise.all(this.#progress.writesBefore([operation.end], after));
    this.#cancellers.get(operation)?.abort(CANCELLED);
  }

  /** Closing breaks off what is under way on both sides, so it waits for what was over. */
  async #close(end: LoggedEnd, after: number): Promise<void> {
    await Promise.all(this.#progress.writesBefore(this.#plan.joined(end), after));
    const open = this.#ends.get(end);
    this.#ends.delete(end);
    await open?.close().catch(() => {});
  }

  #open(open: LoggedOpen): Promise<void> {
    return this.#openInTurn(open).then(this.#connection(open).resolve);
  }

  /** Settled when something is open, or could not be opened. */
  #connection(open: LoggedOpen): PromiseWithResolvers<void> {
    let known = this.#connected.get(open);
    if (known === undefined) this.#connected.set(open, (known = Promise.withResolvers<void>()));
    return known;
  }

  async #openInTurn(open: LoggedOpen): Promise<void> {
    const { connections, options } = this.#plan;
    const connection = connections.get(open);
    // What was closed before has given its place, its file or its lock free.
    await Promise.all(this.#progress.closingsBefore(open.after));
    const before = connection?.before;
    if (before !== undefined) await this.#connection(before).promise;
    let chosen = options.get(open)!;
    let code: string | undefined;
    try {
      const address = connection && this.#addresses.get(connection.listener);
      if (address !== undefined) chosen = { ...chosen, ...address };
      const ends = endsOf(await this.#io.open(open.kind, chosen));
      open.ends.forEach((end, at) => this.#ends.set(end, ends[at]!));
      if (chosen["role"] === "listen") await this.#noteAddress(open.ends[0], ends[0]!, chosen);
    } catch (error) {
      code = codeOf(error);
    }
    if (code !== open.code && open.ended !== -1) this.#openings.push({ open, code });
  }

  /** Notes where a listener is reached now. */
  async #noteAddress(
    end: LoggedEnd | undefined,
    open: OpenEnd,
    { host, path }: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    if (end === undefined || path !== "") return;
    const bytes = new Uint8Array(NAME_BYTES);
    const length = await open.perform("name", bytes);
    const [, , port] = decoder.decode(bytes.subarray(0, length)).split(" ");
    this.#addresses.set(end, { host: host as string, port: Number(port) });
  }

  #operate(operation: LoggedOperation): Promise<void> {
    const { comparison, end, name, number, result } = operation;
    const open = this.#ends.get(end);
    if (open === undefined) return Promise.resolve();
    const startNs = this.#io.now();
    const outcome: Outcome = { startNs, endNs: startNs, result: undefined, checksum: 0 };
    this.#outcomes[number - 1] = outcome;
    const isRead = comparison === "stream" && result >= 0 && operation.ended !== -1;
    // What one read left must not be taken by the next before the first has all that it had.
    const read = isRead ? this.#reads.get(end) : undefined;
    const before =
      operation.direction === "read" ? [] : this.#progress.writesBefore([end], operation.after);
    if (read !== undefined) before.push(read);
    const done = this.#perform(operation, open, outcome, before);
    if (isRead) this.#reads.set(end, done);
    if (isSoft(operation)) this.#progress.addWrite(end, operation.ended, done);
    return name === "accept" ? done.then(() => this.#noteAccepted(operation, outcome)) : done;
  }

  async #perform(
    operation: LoggedOperation,
    open: OpenEnd,
    outcome: Outcome,
    before: readonly Promise<void>[],
  ): Promise<void> {
    let signal: AbortSignal | undefined;
    if (operation.cancelled) {
      const canceller = new AbortController();
      this.#cancellers.set(operation, canceller);
      ({ signal } = canceller);
    }
    if (before.length > 0) await Promise.all(before);
    await performAgain(this.#io, open, operation, signal, outcome);
    outcome.endNs = this.#io.now();
    // What is ended by giving up has come to no end of its own.
    if (this.#stalled) outcome.result = undefined;
  }

  /** The connection that was accepted stands for the one that was accepted when it was recorded. */
  #noteAccepted(operation: LoggedOperation, { result }: Outcome): void {
    if (result === undefined || result <= 0) return;
    const accepted = this.#plan.log.accepted.get(operation);
    const end = this.#io.end(result);
    if (accepted === undefined) void end.close().catch(() => {});
    else this.#ends.set(accepted, end);
  }
}
