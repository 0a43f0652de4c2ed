/**
 * Rewrites a recording event by event and seals the result anew. What comes out is a sound
 * recording of a session that never was: for proving that a replay notices, for cutting one short,
 * for taking something out of it. It keeps the identity of the original, and its digest differs.
 */
import { resolve } from "node:path";
import { writeEvent } from "./codec/write-event.ts";
import type { SessionEvent } from "./event.ts";
import { openRecording } from "./recording.ts";
import type { Recording } from "./recording.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { RecordingHeader } from "./store/header.ts";
import { RecordingWriter } from "./store/writer.ts";

/** What becomes of an event: another one, none, or several. */
export type EditEvent = (
  event: SessionEvent,
  sequence: number,
) => SessionEvent | readonly SessionEvent[];

/**
 * Writes a changed copy of a recording.
 * @param path the original, verified before anything is written
 * @param outPath the copy; not the original's own path
 * @param edit is given each event with its number; returning it as it is keeps it
 * @returns the digest of the copy
 * @throws {ReelError} as openRecording does, ERR_STORE when the copy cannot be written
 * @throws {RangeError} when an edited event is outside the format's bounds
 */
export function rewriteRecording(path: string, outPath: string, edit: EditEvent): string {
  if (resolve(path) === resolve(outPath)) {
    throw new RangeError(`Cannot rewrite ${path} in place: name another path for the copy`);
  }
  using original = openRecording(path);
  const { uuid, createdMs, versions, outcome } = original.info;
  const identity = { uuid, createdMs, host: versions };
  const writer = new RecordingWriter(resolve(outPath), headerOf(original), { identity });
  try {
    const segments = new SegmentWriter(writer);
    let last: SessionEvent | undefined;
    for (const { event, sequence } of original.events()) {
      const edited = edit(event, sequence);
      for (const kept of isList(edited) ? edited : [edited]) {
        writeEvent(segments.encoder, kept);
        last = kept;
        segments.wrote();
      }
    }
    segments.flush();
    // A session without its end is one that was cut off.
    const ended = last?.kind === "end";
    writer.finish(ended ? "complete" : "interrupted", ended ? (outcome ?? null) : null);
    return writer.digest;
  } finally {
    writer.abandon();
  }
}

const isList = (
  edited: SessionEvent | readonly SessionEvent[],
): edited is readonly SessionEvent[] => Array.isArray(edited);

function headerOf(original: Recording): RecordingHeader {
  const { seed, backend, options, selection, providers, attachments } = original.info;
  const contents = attachments.map(({ name }) => ({ name, content: original.attachment(name)! }));
  return { seed, backend, options, selection, providers, attachments: contents };
}
