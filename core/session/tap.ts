/**
 * What a session sees of a run, in the order in which it happened. A recorder writes it down; a
 * verifier compares it with what was written. Both implement this interface and the runtime holds
 * at most one of them, so that recording and replaying look at exactly the same facts.
 *
 * Calls are synchronous and must not call back into the runtime. A verifier ends a run by throwing
 * a DivergenceError, which the engine lets pass.
 */

/** One part of the engine's state, by name, in the layout of a version. */
export interface StatePart {
  /** `engine.table`, `engine.lists`, `engine.ends`, `engine.delivery`, `provider.KIND`. */
  readonly name: string;
  readonly version: number;
  /** Valid during the call only. */
  readonly bytes: Uint8Array;
}

export interface Tap {
  /** Whether {@link state} is due: asked after {@link turn}, before what the turn brings. */
  readonly wantsState: boolean;
  /** Whether payloads of ring requests are of interest: if not, nobody looks for them. */
  readonly wantsPayload: boolean;
  /** A batch of events from the door begins, `steps` task resumptions after the one before. */
  turn(steps: number, nowNs: number): void;
  /**
   * A ring request was prepared, or, as LINK_TIMEOUT, the one prepared last in its slot was limited
   * to `offset` nanoseconds.
   * @param bytes what it would write, if it writes
   * @param how HOW of the contract, unsigned; 0 if not given
   */
  submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    offset: number,
    opFlags: number,
    bytes: Uint8Array | undefined,
    how?: number,
  ): void;
  /** A ring request's cancellation was asked for. */
  cancel(slot: number): void;
  /** A ring request completed. `bytes` is what it brought in, if it reads. */
  complete(slot: number, result: number, flags: number, bytes: Uint8Array | undefined): void;
  interrupt(line: number): void;
  /** The armed deadline was reached, as seen at `nowNs`. */
  expire(nowNs: number): void;
  input(kind: number, value: number): void;
  /** The program read the clock (io_uring only: virtual time follows from the rest). */
  clock(nowNs: number): void;
  /**
   * A host call answered.
   * @param call one of HOST_CALL in `event.ts`
   * @param args what was asked, numbers only: a path is a fact of the host and stays out
   * @param results 0 or a negative result word, then the numbers that the call gave
   * @param bytes what it brought in, if anything
   */
  host(
    call: number,
    args: readonly number[],
    results: readonly number[],
    bytes: Uint8Array | undefined,
  ): void;
  /**
   * An operation began (emulated only: on io_uring its submissions say the same).
   * @param provider index into the session's list of providers
   * @param operation which of the provider's operations: an index into its declared list
   * @param bytes what it would write, if it writes
   * @param argument the operation's own number, a whole one; 0 if it has none
   */
  start(
    slot: number,
    provider: number,
    handle: number,
    operation: number,
    offset: number,
    length: number,
    bytes: Uint8Array | undefined,
    argument?: number,
  ): void;
  /** An operation reached its terminal state. `bytes` is what it brought in, if it reads. */
  settle(slot: number, result: number, bytes: Uint8Array | undefined): void;
  /** The engine's state between two turns. */
  state(parts: readonly StatePart[]): void;
  /** A line that the program or a scenario wrote into the session: at most MARK_BYTES_MAX. */
  mark(text: string): void;
  /** The run is over; `outcome` is a short word: "ok", "failed", "interrupted". */
  end(outcome: string): void;
}
