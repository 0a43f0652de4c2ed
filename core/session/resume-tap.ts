/**
 * The tap of a run that goes on where a recording was cut off. The program runs from its beginning;
 * as long as the recording lasts, every event is compared with it, and from its end on the run is
 * a new one. All of it is recorded again, so that the new recording is whole.
 */
import { ReelError } from "../errors.ts";
import type { StatePart, Tap } from "./tap.ts";
import type { Verifier } from "./verifier.ts";

export class ResumeTap implements Tap {
  readonly #verifier: Verifier;
  readonly #recorder: Tap;
  #live = false;

  /**
   * @param verifier compares with the recording that was cut off
   * @param recorder writes the whole session
   */
  constructor(verifier: Verifier, recorder: Tap) {
    this.#verifier = verifier;
    this.#recorder = recorder;
  }

  /** Whether the recording has ended: what happens now happens for the first time. */
  get live(): boolean {
    this.#live ||= this.#verifier.agreeing && this.#verifier.peek() === undefined;
    return this.#live;
  }

  get wantsPayload(): boolean {
    return true;
  }

  get wantsState(): boolean {
    return this.#recorder.wantsState;
  }

  turn(steps: number, nowNs: number): void {
    if (!this.live) this.#verifier.turn(steps, nowNs);
    this.#recorder.turn(steps, nowNs);
  }

  submit(...event: Parameters<Tap["submit"]>): void {
    if (!this.live) this.#verifier.submit(...event);
    this.#recorder.submit(...event);
  }

  cancel(slot: number): void {
    if (!this.live) this.#verifier.cancel(slot);
    this.#recorder.cancel(slot);
  }

  complete(...event: Parameters<Tap["complete"]>): void {
    if (!this.live) this.#verifier.complete(...event);
    this.#recorder.complete(...event);
  }

  interrupt(line: number): void {
    if (!this.live) this.#verifier.interrupt(line);
    this.#recorder.interrupt(line);
  }

  expire(nowNs: number): void {
    if (!this.live) this.#verifier.expire(nowNs);
    this.#recorder.expire(nowNs);
  }

  input(kind: number, value: number): void {
    if (!this.live) this.#verifier.input(kind, value);
    this.#recorder.input(kind, value);
  }

  clock(nowNs: number): void {
    if (!this.live) this.#verifier.clock(nowNs);
    this.#recorder.clock(nowNs);
  }

  host(...event: Parameters<Tap["host"]>): void {
    if (!this.live) this.#verifier.host(...event);
    this.#recorder.host(...event);
  }

  start(...event: Parameters<Tap["start"]>): void {
    if (!this.live) this.#verifier.start(...event);
    this.#recorder.start(...event);
  }

  settle(slot: number, result: number, bytes: Uint8Array | undefined): void {
    if (!this.live) this.#verifier.settle(slot, result, bytes);
    this.#recorder.settle(slot, result, bytes);
  }

  state(parts: readonly StatePart[]): void {
    if (!this.live) this.#verifier.state(parts);
    this.#recorder.state(parts);
  }

  mark(text: string): void {
    if (!this.live) this.#verifier.mark(text);
    this.#recorder.mark(text);
  }

  /** @throws {ReelError} ERR_DIVERGED when the run is over before the recording */
  end(outcome: string): void {
    if (!this.live) {
      if (!this.#verifier.stopped) this.#verifier.end(outcome);
      throw new ReelError(
        "ERR_DIVERGED",
        `Cannot go on with the recording: the run ended (${outcome}) before event ` +
          `${this.#verifier.events}, where the recording goes on`,
        { mend: "Resume it with the program, options and input files that it was recorded with" },
      );
    }
    this.#recorder.end(outcome);
  }
}
