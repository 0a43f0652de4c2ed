/**
 * Who watches what a runtime's programs do: what they open and close, start and come to. The
 * session's tap sees the same and what lies below it; an observer sees it on every backend, also
 * where a replay answers from its recording. It must not call the runtime.
 */
import type { EngineState } from "../engine/state.ts";
import type { Session } from "./session.ts";
import type { Tap } from "../session/tap.ts";

/** What the engine tells of operations. */
export type OperationTap = Pick<Tap, "start" | "settle">;

export interface RuntimeObserver extends OperationTap {
  /**
   * Called once, before anything happens.
   * @param tap the session's, if there is one: it knows a replay's time and whether it still agrees
   */
  attach(state: EngineState, tap: Tap | undefined): void;
  /**
   * Something is being opened.
   * @param options checked, the defaults filled in
   * @returns a number for the other two
   */
  opening(kind: string, options: unknown): number;
  /** @param handles of its ends, in the order of the definition */
  opened(opening: number, handles: readonly number[]): void;
  openFailed(opening: number, error: unknown): void;
  /** An end is being closed: what is in flight on it is about to be cancelled. */
  closing(handle: number): void;
  closed(handle: number): void;
}

/**
 * Has the engine report its operations to whoever wants to hear of them: on emulated hardware the
 * session, on each backend the observer.
 */
export function reportOperations(
  state: EngineState,
  session: Session | undefined,
  observer: RuntimeObserver | undefined,
): void {
  const tap = state.backend.kind === "emulated" ? session?.tap : undefined;
  observer?.attach(state, session?.tap);
  if (tap !== undefined && observer !== undefined) state.report(both(tap, observer));
  else if (tap !== undefined) state.report(tap);
  else if (observer !== undefined) state.report(observer);
}

/** The first hears first: what it refuses has not happened for the second. */
function both(first: OperationTap, second: OperationTap): OperationTap {
  return {
    start(...words) {
      first.start(...words);
      second.start(...words);
    },
    settle(...words) {
      first.settle(...words);
      second.settle(...words);
    },
  };
}
