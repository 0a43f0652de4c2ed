/** `ioreel session verify`: whether a recording is what was recorded, and what is left if not. */
import { isReelError, type ReelError } from "../../../core/errors.ts";
import { openRecording, type Recording } from "../../../core/session/recording.ts";
import { checkStates } from "../../../core/session/recovery/check-state.ts";
import { examineRecording } from "../../../core/session/recovery/examine.ts";
import type { Damage, Examination } from "../../../core/session/recovery/examine.ts";
import { EXIT } from "../../exit-codes.ts";
import { shellQuote } from "../../failure.ts";
import { columns, json, note, out, paint, paintNote } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

/** Damages that are printed. */
const SHOWN = 10;

export async function verify(name: string, flags: { json?: boolean }): Promise<number> {
  const file = recordingNamed(name);
  let recording: Recording | undefined;
  let states = 0;
  try {
    recording = openRecording(file);
    states = checkStates(recording);
  } catch (error) {
    recording?.close();
    if (!isReelError(error, "ERR_CORRUPT_RECORDING")) throw error;
    return tellDamage(file, error, examineRecording(file, error), flags.json === true);
  }
  using open = recording;
  if (flags.json === true) {
    const { attachments, digest, eventCount, recovered, segmentCount, state, uuid } = open.info;
    json("verify/v1", {
      file,
      ok: true,
      uuid,
      state,
      events: eventCount,
      soundEvents: eventCount,
      segments: segmentCount,
      attachments: attachments.length,
      states,
      digest,
      recovered: recovered ?? null,
      damage: [],
    });
  } else out(page(file, open, states));
  return EXIT.ok;
}

function page(file: string, { info }: Recording, states: number): string {
  const { attachments, digest, eventCount, recovered, segmentCount, state } = info;
  const rows = [
    ["recording", file],
    ["state", state],
    ["events", `${eventCount} in ${segmentCount} segments`],
    ["inputs", attachments.length === 0 ? "none" : `${attachments.length}`],
    ["states", `${states}`],
    ["digest", digest],
  ];
  if (recovered !== undefined) {
    const { fromTail, isWhole, lostBytes, segments } = recovered;
    const unread = lostBytes === 0 ? "the rest of it" : `${lostBytes} bytes of it`;
    const lost = isWhole ? "nothing is lost" : `${unread} cannot be read`;
    rows.push(
      ["recovered", `${fromTail} events in ${segments} segments from the tail, ${lost}`],
      ["keep it", `ioreel session recover ${shellQuote(file)}`],
    );
  }
  return columns([...rows, ["verified", paint("green", "every checksum and event")]]);
}

function tellDamage(file: string, why: ReelError, found: Examination, asJson: boolean): number {
  const { damage, eventCount, soundEvents, state, uuid } = found;
  if (asJson) {
    const counts = { events: eventCount, soundEvents };
    json("verify/v1", { file, ok: false, uuid, state, ...counts, recovered: null, damage });
    return EXIT.recording;
  }
  note(`${paintNote("red", `error[${why.code}]`)}: ${file} is damaged`);
  for (const entry of damage.slice(0, SHOWN)) note(`  ${lineOf(entry)}`);
  if (damage.length > SHOWN) note(`  and ${damage.length - SHOWN} more`);
  note(`${soundEvents} of ${eventCount} events are before the first damage`);
  const out = shellQuote(`${file.replace(/\.reel$/, "")}-salvaged.reel`);
  note(`${paintNote("cyan", "help")}: ioreel session salvage ${shellQuote(file)} ${out}`);
  return EXIT.recording;
}

function lineOf({ firstSequence, lastSequence, message, name, segment, what }: Damage): string {
  if (what === "segment") {
    return `segment ${segment} (events ${firstSequence} to ${lastSequence}): ${message}`;
  }
  return `${what}${name === undefined ? "" : ` ${name}`}: ${message}`;
}
