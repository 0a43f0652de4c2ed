/**
 * The tap that compares a run with its recording. Every fact must be the next recorded event; the
 * first that is not goes to the judge, who ends the run with a DivergenceError.
 */
import { EventCursor } from "./cursor.ts";
import type { DivergenceError } from "./divergence.ts";
import { EVENT } from "./event.ts";
import type { EventRecord } from "./event.ts";
import { DifferenceJudge } from "./judge.ts";
import type { JudgeOptions, Recorded } from "./recorded.ts";
import { digestOf, optional, sameDigest, sameNumbers, samePayload } from "./same.ts";
import type { StatePart, Tap } from "./tap.ts";

export class Verifier implements Tap {
  readonly #options: JudgeOptions;
  readonly #cursor: EventCursor;
  readonly #judge: DifferenceJudge;
  #finished = false;

  constructor(recorded: Recorded, options: JudgeOptions = {}) {
    this.#options = options;
    this.#cursor = new EventCursor(recorded.source, recorded);
    this.#judge = new DifferenceJudge(recorded, this.#cursor, options);
  }

  /** Events that agreed so far. */
  get events(): number {
    return this.#judge.sequence ?? this.#cursor.sequence;
  }

  /** Whether the whole recording was compared, to its end, and agreed. */
  get identical(): boolean {
    return this.#finished;
  }

  /** Whether everything agreed so far. */
  get agreeing(): boolean {
    return this.#judge.sequence === undefined;
  }

  /** Whether nothing is compared any more: after a difference, or {@link stop}. */
  get stopped(): boolean {
    return this.#judge.stopped;
  }

  /** How the run ended, if it differed. */
  get failure(): DivergenceError | undefined {
    return this.#judge.failure;
  }

  /** The session's clock and the resumptions at the last turn, as recorded. */
  get timeNs(): number {
    return this.#cursor.timeNs;
  }

  get steps(): number {
    return this.#cursor.steps;
  }

  /** The next recorded event, for whoever stands in for the world. Undefined after a difference. */
  peek(): EventRecord | undefined {
    return this.#judge.sequence === undefined ? this.#cursor.peek() : undefined;
  }

  /** Passes the event that {@link peek} showed: it was delivered, or its answer was given. */
  accept(): void {
    this.#cursor.advance();
  }

  /** Ends comparing, so that an interrupted replay can wind down. */
  stop(): void {
    this.#judge.stop();
  }

  /**
   * The program waits and nothing can be delivered at this point of its progress.
   * @param steps task resumptions up to now
   * @throws {DivergenceError} that says what is missing
   */
  idle(steps: number): void {
    this.#judge.idle(steps);
  }

  /**
   * Answers a read of the clock from the recording.
   * @throws {DivergenceError} when the program read no clock here
   */
  answerClock(): number {
    const next = this.peek();
    if (next?.kind === EVENT.CLOCK) {
      this.#cursor.advance();
      return next.nowNs;
    }
    const nowNs = this.#cursor.timeNs;
    this.#judge.differ({ kind: "clock", nowNs });
    return nowNs;
  }

  /**
   * Answers a host call from the recording: the record of it, valid until the next event.
   * @returns undefined after a difference: there is no answer any more
   * @throws {DivergenceError} when the program made no such call here
   */
  answerHost(call: number, args: readonly number[]): EventRecord | undefined {
    const next = this.peek();
    if (next?.kind === EVENT.HOST && next.code === call && sameNumbers(next.args, args)) {
      this.#cursor.advance();
      return next;
    }
    const results = next?.kind === EVENT.HOST ? next.results : [];
    this.#judge.differ({ kind: "host", call, args, results, bytes: undefined });
    this.#judge.conclude();
    return undefined;
  }

  turn(steps: number, nowNs: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.TURN && next.steps === steps && next.nowNs === nowNs) {
      this.#cursor.advance();
    } else this.#judge.differ({ kind: "turn", steps, nowNs });
  }

  submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    offset: number,
    opFlags: number,
    bytes: Uint8Array | undefined,
    how = 0,
  ): void {
    const next = this.peek();
    const digest = digestOf(bytes);
    if (
      next?.kind === EVENT.SUBMIT &&
      next.slot === slot &&
      next.opcode === opcode &&
      next.file === file &&
      next.length === length &&
      next.offset === offset &&
      next.opFlags === opFlags &&
      next.how === how &&
      sameDigest(next, digest)
    ) {
      this.#cursor.advance();
      return;
    }
    const range = { length, offset, opFlags, how, digest: optional(digest) };
    this.#judge.differ({ kind: "submit", slot, opcode, file, ...range });
  }

  cancel(slot: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.CANCEL && next.slot === slot) this.#cursor.advance();
    else this.#judge.differ({ kind: "cancel", slot });
  }

  complete(slot: number, result: number, flags: number, bytes: Uint8Array | undefined): void {
    const next = this.peek();
    if (
      next?.kind === EVENT.COMPLETE &&
      next.slot === slot &&
      next.result === result &&
      next.flags === flags &&
      samePayload(next, bytes)
    ) {
      this.#cursor.advance();
    } else this.#judge.differ({ kind: "complete", slot, result, flags, bytes: bytes?.slice() });
  }

  interrupt(line: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.INTERRUPT && next.code === line) this.#cursor.advance();
    else this.#judge.differ({ kind: "interrupt", line });
  }

  expire(nowNs: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.EXPIRE && next.nowNs === nowNs) this.#cursor.advance();
    else this.#judge.differ({ kind: "expire", nowNs });
  }

  input(kind: number, value: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.INPUT && next.code === kind && next.value === value) {
      this.#cursor.advance();
    } else this.#judge.differ({ kind: "input", input: kind, value });
  }

  clock(nowNs: number): void {
    const next = this.peek();
    if (next?.kind === EVENT.CLOCK && next.nowNs === nowNs) this.#cursor.advance();
    else this.#judge.differ({ kind: "clock", nowNs });
  }

  host(
    call: number,
    args: readonly number[],
    results: readonly number[],
    bytes: Uint8Array | undefined,
  ): void {
    const next = this.peek();
    if (
      next?.kind === EVENT.HOST &&
      next.code === call &&
      sameNumbers(next.args, args) &&
      sameNumbers(next.results, results) &&
      samePayload(next, bytes)
    ) {
      this.#cursor.advance();
    } else this.#judge.differ({ kind: "host", call, args, results, bytes: bytes?.slice() });
  }

  start(
    slot: number,
    provider: number,
    handle: number,
    operation: number,
    offset: number,
    length: number,
    bytes: Uint8Array | undefined,
    argument = 0,
  ): void {
    const next = this.peek();
    const digest = digestOf(bytes);
    if (
      next?.kind === EVENT.START &&
      next.slot === slot &&
      next.provider === provider &&
      next.handle === handle &&
      next.operation === operation &&
      next.offset === offset &&
      next.length === length &&
      next.argument === argument &&
      next.digest === digest
    ) {
      this.#cursor.advance();
      return;
    }
    const range = { offset, length, argument, digest: optional(digest) };
    this.#judge.differ({ kind: "start", slot, provider, handle, operation, ...range });
  }

  settle(slot: number, result: number, bytes: Uint8Array | undefined): void {
    const next = this.peek();
    const digest = digestOf(bytes);
    if (
      next?.kind === EVENT.SETTLE &&
      next.slot === slot &&
      next.result === result &&
      next.digest === digest
    ) {
      this.#cursor.advance();
    } else this.#judge.differ({ kind: "settle", slot, result, digest: optional(digest) });
  }

  get wantsPayload(): boolean {
    return true;
  }

  get wantsState(): boolean {
    return this.peek()?.kind === EVENT.STATE;
  }

  state(parts: readonly StatePart[]): void {
    const next = this.peek();
    const digests = parts.map(({ bytes }) => Bun.hash.crc32(bytes));
    if (next?.kind === EVENT.STATE && this.#sameState(next.digests, digests)) {
      this.#judge.agreeInState(parts);
      this.#cursor.advance();
    } else this.#judge.differInState(digests, parts);
  }

  #sameState(recorded: readonly number[], actual: readonly number[]): boolean {
    if (recorded.length !== actual.length) return false;
    const { comparable } = this.#options;
    return recorded.every((digest, part) => {
      return digest === actual[part] || comparable?.[part] === false;
    });
  }

  mark(text: string): void {
    const actual = text.toWellFormed();
    const next = this.peek();
    if (next?.kind === EVENT.MARK && next.text === actual) this.#cursor.advance();
    else this.#judge.differ({ kind: "mark", text: actual });
  }

  end(outcome: string): void {
    const next = this.peek();
    if (next?.kind === EVENT.END && next.text === outcome) {
      this.#cursor.advance();
      this.#finished = this.#cursor.peek() === undefined;
      if (!this.#finished) this.#judge.idle(this.#cursor.steps);
    } else this.#judge.differ({ kind: "end", outcome });
  }
}
