/** Writes the list of what a replayed session's program does: see log.ts. */
import { SERVICE_OPERATION, type EngineState } from "../../engine/state.ts";
import { CANCELLED_RESULT } from "../../engine/tokens.ts";
import { isReelError, ReelError } from "../../errors.ts";
import type { Tap } from "../../session/tap.ts";
import { Verifier } from "../../session/verifier.ts";
import type { RuntimeObserver } from "../observer.ts";
import type {
  Comparison,
  LogEntry,
  LoggedClose,
  LoggedEnd,
  LoggedOpen,
  LoggedOperation,
  OperationLog,
} from "./log.ts";

/** What a log may hold: it is kept in memory. */
export const PAYLOAD_BYTES_MAX = 1 << 30;
export const ENTRIES_MAX = 4_000_000;

const decoder = new TextDecoder();

export class OperationCollector implements RuntimeObserver {
  readonly #entries: LogEntry[] = [];
  readonly #operations: LoggedOperation[] = [];
  readonly #opens: LoggedOpen[] = [];
  readonly #accepted = new Map<LoggedOperation, LoggedEnd>();
  readonly #ends = new Map<number, LoggedEnd>();
  readonly #closings = new Map<LoggedEnd, LoggedClose>();
  readonly #inFlight: (LoggedOperation | undefined)[] = [];
  #state!: EngineState;
  #verifier: Verifier | undefined;
  #ended = 0;
  #payloadBytes = 0;
  #resources = 0;
  #isFull = false;

  /** What was done so far. @throws {ReelError} ERR_LIMIT when that was more than a log holds */
  log(): OperationLog {
    const payloadBytes = this.#payloadBytes;
    if (this.#isFull) {
      throw new ReelError(
        "ERR_LIMIT",
        `Cannot re-issue the session: found more than ${this.#operations.length} operations that ` +
          `send ${payloadBytes} bytes, wanted at most ${ENTRIES_MAX} and ${PAYLOAD_BYTES_MAX}`,
        { mend: "Record a shorter session" },
      );
    }
    return {
      entries: this.#entries,
      operations: this.#operations,
      accepted: this.#accepted,
      ended: this.#ended,
      payloadBytes,
    };
  }

  attach(state: EngineState, tap: Tap | undefined): void {
    this.#state = state;
    if (tap instanceof Verifier) this.#verifier = tap;
  }

  opening(kind: string, options: unknown): number {
    if (!this.#isLive) return -1;
    const label = `${kind}#${++this.#resources}`;
    const given = structuredClone(options) as Readonly<Record<string, unknown>>;
    const begun = { ...this.#begin(), ended: -1, endNs: 0 };
    const open: LoggedOpen = {
      ...begun,
      what: "open",
      kind,
      label,
      options: given,
      ends: [],
      code: undefined,
    };
    this.#entries.push(open);
    return this.#opens.push(open) - 1;
  }

  opened(opening: number, handles: readonly number[]): void {
    const open = this.#opens[opening];
    if (!this.#isLive || open === undefined) return;
    open.ends = handles.map((handle) => this.#newEnd(handle, open.label, open));
    this.#end(open);
  }

  openFailed(opening: number, error: unknown): void {
    const open = this.#opens[opening];
    if (!this.#isLive || open === undefined) return;
    open.code = isReelError(error) ? error.code : "ERR_PROVIDER_FAULT";
    this.#end(open);
  }

  closing(handle: number): void {
    const end = this.#ends.get(handle);
    if (!this.#isLive || end === undefined) return;
    const close: LoggedClose = { ...this.#begin(), what: "close", end, ended: -1, endNs: 0 };
    this.#entries.push(close);
    this.#closings.set(end, close);
  }

  closed(handle: number): void {
    const end = this.#ends.get(handle);
    if (!this.#isLive || end === undefined) return;
    this.#ends.delete(handle);
    const close = this.#closings.get(end);
    if (close !== undefined) this.#end(close);
  }

  start(
    slot: number,
    provider: number,
    endIndex: number,
    operation: number,
    offset: number,
    length: number,
    bytes: Uint8Array | undefined,
    argument = 0,
  ): void {
    this.#inFlight[slot] = undefined;
    if (operation >= SERVICE_OPERATION || !this.#isLive) return;
    const end = this.#ends.get(this.#state.ends.handleOf(endIndex));
    if (end === undefined) return;
    this.#payloadBytes += bytes?.length ?? 0;
    this.#isFull = this.#payloadBytes > PAYLOAD_BYTES_MAX || this.#entries.length >= ENTRIES_MAX;
    if (this.#isFull) return;
    const definition = this.#state.providers[provider]!.provider;
    const name = definition.operationNames[operation]!;
    const { direction, positioned = false } = definition.operations[name]!;
    const started: LoggedOperation = {
      ...this.#begin(),
      what: "operation",
      number: this.#operations.length + 1,
      end,
      name,
      direction,
      positioned,
      comparison: this.#comparisonOf(provider, name),
      offset,
      length,
      argument,
      payload: bytes?.slice(),
      result: 0,
      checksum: undefined,
      told: undefined,
      cancelled: false,
      ended: -1,
      endNs: 0,
    };
    this.#inFlight[slot] = started;
    this.#operations.push(started);
    this.#entries.push(started);
  }

  settle(slot: number, result: number, bytes: Uint8Array | undefined): void {
    const operation = this.#inFlight[slot];
    this.#inFlight[slot] = undefined;
    if (!this.#isLive || operation === undefined) return;
    const { end } = operation;
    if (result === CANCELLED_RESULT && !this.#closings.has(end)) {
      operation.cancelled = true;
      this.#entries.push({ ...this.#begin(), what: "cancel", operation });
    }
    operation.result = result;
    if (result >= 0 && operation.direction === "read" && (bytes?.length ?? 0) === result) {
      operation.checksum = bytes === undefined ? 0 : Bun.hash.crc32(bytes);
    }
    if (operation.direction === "read" && operation.name !== "read" && bytes !== undefined) {
      operation.told = decoder.decode(bytes);
    }
    this.#end(operation);
    this.#noteHandle(operation);
  }

  /** After a difference or the end of what was recorded, the program only winds down. */
  get #isLive(): boolean {
    const verifier = this.#verifier;
    return !this.#isFull && (verifier === undefined || (verifier.agreeing && !verifier.stopped));
  }

  #begin(): { after: number; startNs: number } {
    return { after: this.#ended, startNs: this.#now() };
  }

  #end(entry: LoggedOpen | LoggedClose | LoggedOperation): void {
    entry.ended = this.#ended++;
    entry.endNs = this.#now();
  }

  /** Reading a replay's clock would be an event of its own. */
  #now(): number {
    return this.#verifier === undefined ? this.#state.backend.now() : this.#verifier.timeNs;
  }

  #comparisonOf(provider: number, name: string): Comparison {
    const { capabilities, operations } = this.#state.providers[provider]!.provider;
    const { direction, positioned } = operations[name]!;
    if (direction !== "read") return "outcome";
    if (positioned === true) return "place";
    return name === "read" && capabilities.timed !== true ? "stream" : "success";
  }

  /** An operation's result may be the handle of an end that nobody opened: a connection. */
  #noteHandle(operation: LoggedOperation): void {
    const { direction, end, result } = operation;
    if (direction !== "none" || result <= 0 || this.#ends.has(result)) return;
    const { ends, providers } = this.#state;
    const index = ends.endOf(result);
    if (index === -1 || providers[ends.provider(index)]!.provider.kind !== end.kind) return;
    operation.comparison = "success";
    const found = this.#newEnd(result, `${end.kind}#${++this.#resources}`, operation);
    this.#accepted.set(operation, found);
  }

  #newEnd(handle: number, label: string, from: LoggedOpen | LoggedOperation): LoggedEnd {
    const { ends, providers } = this.#state;
    const index = ends.endOf(handle);
    const { endNames, kind } = providers[ends.provider(index)]!.provider;
    const name = endNames.length === 1 ? label : `${label}.${endNames[ends.kind(index)]!}`;
    const end = { label: name, kind, from };
    this.#ends.set(handle, end);
    return end;
  }
}
