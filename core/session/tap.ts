/**
 * What a session sees of a run, in the order in which it happened. A recorder writes it down; a
 * verifier compares it with what was written. Both implement this interface and the runtime holds
 * at most one of them, so that recording and replaying look at exactly the same facts.
 *
 * Calls are synchronous and must not call back into the runtime. A verifier ends a run by throwing
 * a DivergenceError, which the engine lets pass.
 */

/** What began: an operation, as the user's program asked for it. */
export interface StartFact {
  slot: number;
  /** Index into the session's string table: the provider's kind. */
  provider: number;
  handle: number;
  /** Which of the provider's operations: an index into its declared list. */
  operation: number;
  offset: number;
  length: number;
}

export interface Tap {
  /** A batch of events from the door begins, `steps` task resumptions after the one before. */
  turn(steps: number, nowNs: number): void;
  /** A ring request was prepared. `bytes` is what it would write, if it writes. */
  submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    offset: number,
    opFlags: number,
    bytes: Uint8Array | undefined,
  ): void;
  /** A ring request's cancellation was asked for. */
  cancel(slot: number): void;
  /** A ring request completed. `bytes` is what it brought in, if it reads. */
  complete(slot: number, result: number, flags: number, bytes: Uint8Array | undefined): void;
  interrupt(line: number): void;
  expire(): void;
  input(kind: number, value: number): void;
  /** The program read the clock (io_uring only: virtual time follows from the rest). */
  clock(nowNs: number): void;
  /** A host call answered: its numbers, and bytes if it has any. */
  host(call: number, results: readonly number[], bytes: Uint8Array | undefined): void;
  /** An operation began (emulated only: on io_uring its submissions say the same). */
  start(
    slot: number,
    provider: number,
    handle: number,
    operation: number,
    offset: number,
    length: number,
    bytes: Uint8Array | undefined,
  ): void;
  /** An operation reached its terminal state. */
  settle(slot: number, result: number, bytes: Uint8Array | undefined): void;
  /** A line that the program or a scenario wrote into the session. */
  mark(text: string): void;
  /** The run is over; `outcome` is a short word: "ok", "failed", "interrupted". */
  end(outcome: string): void;
}
