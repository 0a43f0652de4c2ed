/** `ioreel replay --at` and `--until`: what a place in a recording looks like. */
import { isReelError, ReelError } from "../../../core/errors.ts";
import { Timeline } from "../../../core/session/places/timeline.ts";
import type { Recording } from "../../../core/session/recording.ts";
import { EXIT } from "../../exit-codes.ts";
import { failureData } from "../../failure.ts";
import { json, note, out } from "../../output.ts";
import { placeData, plain } from "./data.ts";
import { keptStateAt } from "./kept.ts";
import { holdsScenario, stateAt } from "./live.ts";
import { namesOf } from "./names.ts";
import { placePage } from "./page.ts";
import { placeOf, predicateOf } from "./place.ts";
import { foundText } from "./state-page.ts";

/** Flags that say where. */
export interface PlaceFlags {
  readonly at?: string;
  readonly until?: string;
  readonly redact?: readonly string[];
  readonly live?: boolean;
  readonly json?: boolean;
}

/** A recording is executed up to so many events for its state without being asked. */
const LIVE_EVENTS = 100_000;

/** Goes where the flags say, from the beginning. @returns whether that place is there */
export function goTo(line: Timeline, recording: Recording, flags: PlaceFlags): boolean {
  if (flags.at !== undefined) line.at(placeOf(flags.at));
  if (flags.until === undefined) return true;
  return line.continueForward(predicateOf(flags.until, namesOf(recording)), true);
}

/** Prints a place. */
export async function showPlace(
  recording: Recording,
  file: string,
  flags: PlaceFlags,
): Promise<number> {
  const line = new Timeline(recording);
  const found = goTo(line, recording, flags);
  if (flags.json === true) {
    await printPlace(line, recording, file, flags.live, found);
    return found ? EXIT.ok : EXIT.expectation;
  }
  if (!found) {
    note(`no event from here to the end is one for which ${flags.until} holds`);
    return EXIT.expectation;
  }
  const isLive = flags.live === true;
  const state = isLive ? await stateAt(recording, file, line.sequence) : undefined;
  out(placePage(line, namesOf(recording)));
  if (state !== undefined) out(`\n${foundText(state, line.sequence)}`);
  return EXIT.ok;
}

/**
 * Prints a place as one document, the same however it was come to.
 * @param asked whether the state is to be in it; undefined to decide by what it costs
 */
export async function printPlace(
  line: Timeline,
  recording: Recording,
  file: string,
  asked: boolean | undefined,
  found = true,
): Promise<void> {
  const state = await stateData(recording, file, line.sequence, asked);
  json("place/v1", { ...placeData(line, recording, file, found), ...state });
}

/** The live state, if it was asked for or costs little. One that nobody asked for may fail. */
async function stateData(
  recording: Recording,
  file: string,
  sequence: number,
  asked: boolean | undefined,
): Promise<Record<string, unknown>> {
  const isScenario = holdsScenario(recording);
  if (!(asked ?? (!isScenario || sequence <= LIVE_EVENTS))) return {};
  try {
    if (asked === undefined && !isScenario) {
      const kept = await keptStateAt(recording, sequence);
      return kept === undefined ? {} : { keptState: plain(kept) };
    }
    const found = await stateAt(recording, file, sequence);
    return "kept" in found ? { keptState: plain(found.kept) } : { state: plain(found.live) };
  } catch (error) {
    if (asked === true || !isReelError(error)) throw error;
    return { state: null, stateFailure: failureData(error) };
  }
}

/** @throws {ReelError} ERR_USAGE for flags that say nothing together */
export function checkFlags(flags: PlaceFlags & { step?: boolean; quiet?: boolean }): void {
  const refuse = (message: string, mend: string): never => {
    throw new ReelError("ERR_USAGE", `Cannot replay: ${message}`, { mend });
  };
  const isPlace = flags.at !== undefined || flags.until !== undefined;
  if (flags.live === true && !isPlace) {
    refuse("--live says no place", "Give one with --at or --until");
  }
  if (flags.step === true && flags.json === true) {
    refuse("--step answers in text", "Use --at or --until with --json");
  }
}
