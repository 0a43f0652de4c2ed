/**
 * Suspending a disk: what is under way ends, what begins later waits, and so the image stands still
 * and can be copied or checked while a program has it open.
 */
import {
  REEL_ERROR_NUMBERS,
  layer,
  struct,
  type Layer,
  type OperationDefinition,
} from "../../core/provider/index.ts";

/** The operations of a disk provider's definition. */
export const SUSPENSION = {
  suspend: {
    direction: "none",
    summary: "Ends what is under way and holds back the rest, so that the image rests (io_uring)",
  },
  resume: { direction: "none", summary: "Lets a suspended disk go on (io_uring)" },
} as const satisfies Readonly<Record<string, OperationDefinition>>;

/**
 * The layers of a driver that cannot suspend: on the emulated machine nobody else sees the image
 * before it is flushed, and snapshots are a better copy.
 */
export function unsuspendable(kind: string): Readonly<Record<"suspend" | "resume", Layer>> {
  const refuse = (operation: string): Layer =>
    layer({
      name: `${kind}.${operation}`,
      frame: struct({}),
      wait: (_frame, run) => run.ready(),
      complete: (_frame, run) => run.fail(REEL_ERROR_NUMBERS.ERR_UNSUPPORTED),
    });
  return { suspend: refuse("suspend"), resume: refuse("resume") };
}
