/**
 * The state that a recording itself keeps of its providers, by the names of their layouts: for
 * recordings of programs, which cannot be run from here. It was taken a little before the place.
 */
import { describeKept, type KeptProvider } from "../../../core/engine/stored-state.ts";
import type { Recording } from "../../../core/session/recording.ts";
import { Runtime } from "../../../index.ts";

/** What the providers held at an event. */
export interface KeptState {
  /** Number of the event of kind `state` at which it was taken. */
  readonly sequence: number;
  readonly providers: readonly KeptProvider[];
}

/**
 * The last state that was kept before a place.
 * @returns undefined when there is none
 * @throws {ReelError} ERR_CORRUPT_RECORDING, ERR_STATE_CORRUPT; ERR_INCOMPATIBLE_RECORDING when the
 *   providers of this release are others
 */
export async function keptStateAt(
  recording: Recording,
  place: number,
): Promise<KeptState | undefined> {
  const kept = recording.states((rows) => {
    const sequence = rows.before(place);
    return sequence === undefined ? undefined : { sequence, parts: rows.providers(sequence) };
  });
  if (kept === undefined) return undefined;
  // Nothing is run on it: it says how this release lays the providers' records out.
  const io = Runtime.replay(recording);
  try {
    return { sequence: kept.sequence, providers: describeKept(io.engine.state, kept.parts) };
  } finally {
    await io.close();
  }
}
