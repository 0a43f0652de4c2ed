/**
 * Migrating: a copy of a recording in the newest format. The segments are taken over as they are,
 * so that the copy has the same events, the same digest and the same identity; what the newer
 * format keeps beside them, the places to travel to, is worked out from the events.
 */
import { openRecording } from "../recording.ts";
import type { Recording } from "../recording.ts";
import { FORMAT_VERSION } from "../store/limits.ts";
import { RecordingWriter } from "../store/writer.ts";
import { freePath, packRecording } from "./pack.ts";

/** What came of migrating. */
export interface Migrated {
  readonly path: string;
  readonly uuid: string;
  readonly digest: string;
  readonly eventCount: number;
  /** Of the original, and of the copy. */
  readonly fromFormat: number;
  readonly format: number;
}

/**
 * Writes a copy of a recording in the newest format.
 * @param path the original, verified before anything is written; it stays as it is
 * @param outPath a file that does not exist
 * @throws {ReelError} as openRecording does; ERR_USAGE when there is a file, or a process records
 *   to the original; ERR_STORE when the copy cannot be written
 */
export function migrateRecording(path: string, outPath: string): Migrated {
  const out = freePath(outPath, "migrate to");
  using original = openRecording(path);
  const { digest, eventCount, format: fromFormat, state, uuid } = original.info;
  if (fromFormat === FORMAT_VERSION || state === "recording") packRecording(path, outPath);
  else copySegments(original, out);
  return { path: out, uuid, digest, eventCount, fromFormat, format: FORMAT_VERSION };
}

function copySegments(original: Recording, out: string): void {
  const { attachments, createdMs, uuid, versions, ...header } = original.info;
  const { backend, options, outcome, providers, seed, selection, state } = header;
  const contents = attachments.map(({ name }) => ({ name, content: original.attachment(name)! }));
  const identity = { uuid, createdMs, host: versions };
  const kept = { backend, options, providers, seed, selection, attachments: contents };
  const writer = new RecordingWriter(out, kept, { identity });
  try {
    while (writer.eventCount < original.eventCount) {
      writer.write(original.source.segmentAt(writer.eventCount)!);
    }
    writer.finish(state === "recording" ? "recovered" : state, outcome ?? null);
  } finally {
    writer.abandon();
  }
}
