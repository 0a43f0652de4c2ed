/**
 * The verifier of a replay that goes as far as one event and no further: before that event happens
 * somebody looks at the program's state, and then comparing ends and the run is wound down.
 *
 * When to look: what the program does has been done when it is reported, so the look is right
 * behind the report of the event before. What the world does is reported first and then has its
 * effect; where the world goes on with another event, the look is before that one is delivered.
 */
import type { EventRecord } from "../event.ts";
import { EVENT } from "../event.ts";
import type { JudgeOptions, Recorded } from "../recorded.ts";
import { Verifier } from "../verifier.ts";

/** Where a replay halts. */
export interface ReplayHalt {
  /** Number of the first event that does not happen any more. */
  readonly until: number;
  /**
   * Called once, there. What it looks at must not be changed.
   * @returns false when it cannot look yet: it is called again at the next event
   */
  reached(): boolean;
}

type Words<K extends keyof Verifier> = Verifier[K] extends (...words: infer W) => unknown
  ? W
  : never;

export class HaltingVerifier extends Verifier {
  readonly #halt: ReplayHalt;
  /** Whether to look at the next event, before it happens. */
  #due: boolean;
  #halted = false;

  constructor(recorded: Recorded, options: JudgeOptions, halt: ReplayHalt) {
    super(recorded, options);
    this.#halt = halt;
    this.#due = halt.until === 0;
  }

  override peek(): EventRecord | undefined {
    if (this.#due && !this.#halted) this.#look();
    return super.peek();
  }

  override accept(): void {
    super.accept();
    this.#worldDid();
  }

  override turn(...words: Words<"turn">): void {
    super.turn(...words);
    this.#worldDid();
  }

  override complete(...words: Words<"complete">): void {
    super.complete(...words);
    this.#worldDid();
  }

  override interrupt(...words: Words<"interrupt">): void {
    super.interrupt(...words);
    this.#worldDid();
  }

  override expire(...words: Words<"expire">): void {
    super.expire(...words);
    this.#worldDid();
  }

  override input(...words: Words<"input">): void {
    super.input(...words);
    this.#worldDid();
  }

  override answerClock(): number {
    const nowNs = super.answerClock();
    this.#programDid();
    return nowNs;
  }

  override answerHost(...words: Words<"answerHost">): EventRecord | undefined {
    const answer = super.answerHost(...words);
    this.#programDid();
    return answer;
  }

  override clock(...words: Words<"clock">): void {
    super.clock(...words);
    this.#programDid();
  }

  override host(...words: Words<"host">): void {
    super.host(...words);
    this.#programDid();
  }

  override submit(...words: Words<"submit">): void {
    super.submit(...words);
    this.#programDid();
  }

  override cancel(...words: Words<"cancel">): void {
    super.cancel(...words);
    this.#programDid();
  }

  override start(...words: Words<"start">): void {
    super.start(...words);
    this.#programDid();
  }

  override settle(...words: Words<"settle">): void {
    super.settle(...words);
    this.#programDid();
  }

  override state(...words: Words<"state">): void {
    super.state(...words);
    this.#programDid();
  }

  override mark(...words: Words<"mark">): void {
    super.mark(...words);
    this.#programDid();
  }

  /** The record of the last answer is still in use: this must not look at the next event. */
  #programDid(): void {
    if (this.#isThere()) this.#look();
  }

  #worldDid(): void {
    if (!this.#isThere()) return;
    const next = super.peek()?.kind;
    this.#due =
      next === EVENT.COMPLETE ||
      next === EVENT.INTERRUPT ||
      next === EVENT.EXPIRE ||
      next === EVENT.INPUT;
    if (!this.#due) this.#look();
  }

  #isThere(): boolean {
    return !this.#halted && this.agreeing && this.events >= this.#halt.until;
  }

  #look(): void {
    this.#halted = this.#halt.reached();
    this.#due = !this.#halted;
    if (this.#halted) this.stop();
  }
}
