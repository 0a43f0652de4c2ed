/**
 * Judges the first difference between a run and its recording, and ends the run with a
 * {@link DivergenceError}.
 *
 * Where the first differing event could mean several things (an operation missing, one too many,
 * two in another order) the program goes on to the end of its turn, where nothing it does has an
 * effect any more, and what it does there decides. The report is about the first difference.
 */
import { OPCODE } from "../backend/contract.ts";
import { findCallSite } from "./call-site.ts";
import { corrupt, readBack } from "./cursor.ts";
import type { EventCursor } from "./cursor.ts";
import { describeEvent, nameOpcode } from "./describe.ts";
import type { EventNames } from "./describe.ts";
import { classifyPair, classifyRun, compareFields, summarize } from "./difference.ts";
import { DivergenceError } from "./divergence.ts";
import type { AgreeingState, DifferenceKind, FieldDifference } from "./divergence.ts";
import { isProgramEvent, toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import type { JudgeOptions, Recorded } from "./recorded.ts";
import type { StatePart } from "./tap.ts";

/** Events before a difference that its report shows. */
const PREVIOUS_EVENTS = 20;
/** Recorded events from the difference on that it shows. */
const FOLLOWING_EVENTS = 5;
/** Events that are looked at to tell what a difference is. */
const WINDOW_EVENTS = 64;

interface Described {
  readonly sequence: number;
  readonly event: string;
}

/** The first difference, while what it is stays open. */
interface Draft {
  readonly recorded: SessionEvent | undefined;
  readonly actual: SessionEvent | undefined;
  readonly fields: FieldDifference[];
  readonly sequence: number;
  readonly operation: number | undefined;
  readonly timeNs: number;
  readonly steps: number;
  readonly callSite: string | undefined;
  /** What the recording and the program hold from the first difference to the end of the turn. */
  readonly recordedRun: SessionEvent[];
  readonly actualRun: SessionEvent[];
}

export class DifferenceJudge {
  readonly #recorded: Recorded;
  readonly #cursor: EventCursor;
  #names: EventNames;
  readonly #options: JudgeOptions;
  #draft: Draft | undefined;
  #failure: DivergenceError | undefined;
  /** Where comparing ended, when it ended before a difference. */
  #stoppedAt: number | undefined;

  /** The last state that agreed. */
  #state: AgreeingState | undefined;

  constructor(recorded: Recorded, cursor: EventCursor, options: JudgeOptions) {
    this.#recorded = recorded;
    this.#cursor = cursor;
    const { operation } = options;
    this.#names = { providers: recorded.providerKinds, ...(operation && { operation }) };
    this.#options = options;
  }

  /** A state agreed: the one that the cursor shows. */
  agreeInState(parts: readonly StatePart[]): void {
    this.#state = { sequence: this.#cursor.sequence, parts: parts.length };
  }

  /** Number of the first event that did not agree, or undefined while everything does. */
  get sequence(): number | undefined {
    return this.#draft === undefined ? this.#stoppedAt : this.#draft.sequence;
  }

  /** Whether nothing is compared any more. */
  get stopped(): boolean {
    return this.#failure !== undefined || this.#stoppedAt !== undefined;
  }

  get failure(): DivergenceError | undefined {
    return this.#failure;
  }

  /** Ends comparing without a difference: whoever replays has had enough. */
  stop(): void {
    if (!this.stopped) this.#stoppedAt = this.#cursor.sequence;
  }

  /**
   * Takes what the program did, or what happened to it, that is not the next recorded event. After
   * a difference is judged it takes everything in silence, so that the run can wind down.
   * @throws {DivergenceError} once, when it is clear what the difference is
   */
  differ(actual: SessionEvent): void {
    if (this.stopped) return;
    if (this.#draft !== undefined) {
      if (!isProgramEvent(actual.kind)) this.conclude();
      this.#draft.actualRun.push(actual);
      if (this.#draft.actualRun.length >= WINDOW_EVENTS) this.conclude();
      return;
    }
    const draft = this.#begin(actual);
    const { recorded, fields, recordedRun } = draft;
    if (actual.kind === "state" && recorded?.kind === "state") {
      fields.push(...(this.#options.explainState?.(draft.sequence) ?? []));
    }
    if (recorded === undefined) this.#fail(this.#recorded.complete ? "extra" : "record-ends");
    this.#readRun(recordedRun);
    const kind = classifyPair(recorded, actual, fields, recordedRun.slice(1));
    if (kind !== undefined) this.#fail(kind);
  }

  /**
   * Takes checksums of the engine's state that are not the recorded ones.
   * @throws {DivergenceError} at once
   */
  differInState(digests: readonly number[], parts: readonly StatePart[]): void {
    this.#names = { ...this.#names, parts: parts.map(({ name }) => name) };
    this.differ({ kind: "state", digests });
  }

  /**
   * The program waits, and nothing in the recording can be delivered now.
   * @throws {DivergenceError} that says what is missing
   */
  idle(steps: number): void {
    if (this.stopped) return;
    this.conclude();
    const next = this.#cursor.peek();
    if (next === undefined) {
      this.#begin(undefined);
      this.#fail(this.#recorded.complete ? "input-missing" : "record-ends");
    }
    const recorded = toSessionEvent(next);
    if (recorded.kind === "turn") {
      const actual = { ...recorded, steps: steps - this.#cursor.steps };
      this.#begin(actual);
      this.#fail("progress");
    }
    if (!isProgramEvent(recorded.kind) && recorded.kind !== "end") {
      corrupt(`event ${this.#cursor.sequence} (${recorded.kind}) stands outside a turn`);
    }
    this.#begin(undefined);
    this.#fail(recorded.kind === "end" ? "input-missing" : "missing");
  }

  /**
   * The run is over, and the recording goes on.
   * @throws {DivergenceError} that says what is missing
   */
  ended(): void {
    if (this.stopped) return;
    this.conclude();
    this.#begin(undefined);
    this.#fail("missing");
  }

  /**
   * Judges an open difference with what is known of it; without one, does nothing.
   * @throws {DivergenceError} when a difference was open
   */
  conclude(): void {
    if (this.stopped || this.#draft === undefined) return;
    this.#fail(classifyRun(this.#draft.recordedRun, this.#draft.actualRun));
  }

  #begin(actual: SessionEvent | undefined): Draft {
    const cursor = this.#cursor;
    const next = cursor.peek();
    const recorded = next === undefined ? undefined : toSessionEvent(next);
    const fields =
      recorded === undefined || actual === undefined
        ? []
        : compareFields(recorded, actual, this.#names);
    this.#draft = {
      recorded,
      actual,
      fields,
      sequence: cursor.sequence,
      operation: this.#operationOf(recorded) ?? this.#operationOf(actual),
      timeNs: cursor.timeNs,
      steps: cursor.steps,
      callSite: this.#callSite(actual),
      recordedRun: [],
      actualRun: actual === undefined ? [] : [actual],
    };
    return this.#draft;
  }

  #callSite(actual: SessionEvent | undefined): string | undefined {
    if (this.#options.callSites === false || actual === undefined) return undefined;
    return isProgramEvent(actual.kind) ? findCallSite() : undefined;
  }

  #operationOf(event: SessionEvent | undefined): number | undefined {
    if (event === undefined) return undefined;
    const limits = event.kind === "submit" && event.opcode === OPCODE.LINK_TIMEOUT;
    if (event.kind === "start" || (event.kind === "submit" && !limits)) {
      return this.#cursor.operations + 1;
    }
    if (limits || event.kind === "complete" || event.kind === "settle" || event.kind === "cancel") {
      const operation = this.#cursor.operationOf(event.slot);
      return operation === 0 ? undefined : operation;
    }
    return undefined;
  }

  /** The recorded events from here to the next one that is not the program's. */
  #readRun(run: SessionEvent[]): void {
    while (run.length < WINDOW_EVENTS) {
      const record = this.#cursor.peek();
      if (record === undefined) return;
      const event = toSessionEvent(record);
      if (!isProgramEvent(event.kind)) return;
      run.push(event);
      this.#cursor.advance();
    }
  }

  #fail(difference: DifferenceKind): never {
    const draft = this.#draft!;
    const { recorded, actual, fields } = draft;
    const first = fields.find(({ differs }) => differs);
    const text = (event: SessionEvent | undefined): string | undefined =>
      event === undefined ? undefined : describeEvent(event, this.#names);
    const previous = this.#around(Math.max(0, draft.sequence - PREVIOUS_EVENTS), draft.sequence);
    const { sequence } = draft;
    const following = this.#around(sequence, Math.min(sequence + FOLLOWING_EVENTS, this.#end()));
    this.#failure = new DivergenceError({
      difference,
      summary: summarize(difference, fields),
      sequence: draft.sequence,
      operation: draft.operation,
      provider: this.#providerOf(recorded) ?? this.#providerOf(actual),
      opcode: opcodeOf(recorded) ?? opcodeOf(actual),
      field: first?.field,
      recorded: first?.recorded,
      actual: first?.actual,
      fields,
      recordedEvent: text(recorded),
      actualEvent: text(actual),
      timeNs: draft.timeNs,
      steps: draft.steps,
      lastAgreeing: previous.at(-1),
      previous: previous.map(toLine),
      following: following.map(toLine),
      lastState: this.#state,
      callSite: draft.callSite,
      versionSkew: this.#options.versionSkew ?? [],
      reproduce: this.#options.reproduce,
    });
    throw this.#failure;
  }

  #providerOf(event: SessionEvent | undefined): string | undefined {
    return event?.kind === "start" ? this.#recorded.providerKinds[event.provider] : undefined;
  }

  /** Where reading on is safe: a damaged segment further on is not this difference's matter. */
  #end(): number {
    return this.#cursor.decodableEnd;
  }

  /** The events from one number to before another, described. */
  #around(from: number, to: number): Described[] {
    return readBack(this.#recorded.source, to, to - from, (record, sequence) => ({
      sequence,
      event: describeEvent(toSessionEvent(record), this.#names),
    }));
  }
}

const toLine = ({ event, sequence }: Described): string => `${sequence} ${event}`;

function opcodeOf(event: SessionEvent | undefined): string | undefined {
  return event?.kind === "submit" ? nameOpcode(event.opcode) : undefined;
}
