/**
 * Opening recordings. By default everything is checked, every checksum and every event, before the
 * first event is given out, so whoever holds a {@link Recording} holds what was recorded. Whoever
 * looks at a few places of a large one has each segment checked when it is read.
 */
import { resolve } from "node:path";
import { CheckedSegments } from "./checked-segments.ts";
import { corrupt, EventCursor } from "./cursor.ts";
import type { Extent } from "./cursor.ts";
import { Recording } from "./opened.ts";
import type { PlacedEvent, RecordingInfo } from "./opened.ts";
import { PlaceChecker } from "./places/check-places.ts";
import { recoverTail } from "./recovery/recover.ts";
import type { Recovered } from "./recovery/recover.ts";
import type { SegmentSource } from "./segment.ts";
import { RecordingReader } from "./store/reader.ts";
import type { StoredHeader } from "./store/reader.ts";

export interface OpenOptions {
  /**
   * `all`, the default, verifies everything before the first event. `as-read` verifies the header,
   * and each segment and attachment when it is read; opening then takes the same for any size.
   */
  readonly verify?: "all" | "as-read";
}

/**
 * Opens a recording. One whose process died without ending it is read together with its tail, as
 * `recovered`; nothing on disk changes.
 * @param path the file
 * @throws {ReelError} ENOENT when there is no file; ERR_STORE when it cannot be read;
 *   ERR_INCOMPATIBLE_RECORDING when a later release made it; ERR_CORRUPT_RECORDING, naming the
 *   segment and its events where it is one, for everything else
 */
export function openRecording(path: string, options: OpenOptions = {}): Recording {
  const reader = new RecordingReader(resolve(path));
  try {
    return reader.atOnce(() => openFrom(reader, options));
  } catch (error) {
    reader.close();
    throw error;
  }
}

function openFrom(reader: RecordingReader, options: OpenOptions): Recording {
  const header = reader.header();
  const recovered = recoverTail(reader, header);
  const { progress } = recovered ?? header;
  const extent = { ...progress, path: reader.path };
  const source = recovered?.source ?? reader;
  const inTail = recovered?.info.segments ?? 0;
  let segmentCount = (): number => reader.segmentCount() + inTail;
  let given: SegmentSource = source;
  if (options.verify === "as-read") {
    given = new CheckedSegments(source, extent);
  } else {
    for (const row of header.attachments) reader.attachment(row);
    const found = verifySegments({ reader, source, extent, format: header.row.format });
    const stored = segmentCount();
    if (stored !== found) {
      corrupt(`found ${stored} segments, wanted ${found}`, {}, reader.path);
    }
    segmentCount = () => found;
  }
  const info = describeRecording(reader.path, header, recovered, segmentCount);
  const tailSegments = recovered?.segments ?? [];
  return new Recording({ reader, header, info, source: given, tailSegments });
}

/** Walks over everything once. @returns how many segments the events are in */
function verifySegments(recording: {
  reader: RecordingReader;
  source: SegmentSource;
  extent: Extent & { path: string };
  format: number;
}): number {
  const { reader, source, extent, format } = recording;
  const cursor = new EventCursor(source, extent);
  const hasPlaces = reader.places(format, (rows) => {
    const checker = new PlaceChecker(rows, extent.path);
    cursor.skipToEnd((record) => checker.event(record));
    checker.finish();
    return true;
  });
  if (hasPlaces !== true) cursor.skipToEnd();
  return cursor.segments;
}

function describeRecording(
  path: string,
  header: StoredHeader,
  recovered: Recovered | undefined,
  segmentCount: () => number,
): RecordingInfo {
  const { row, providers, attachments } = header;
  const { progress } = recovered ?? header;
  const { ioreel, bun, kernel, arch } = row;
  let counted: number | undefined;
  return {
    path,
    format: row.format,
    uuid: row.uuid,
    createdMs: row.createdMs,
    state: progress.state,
    seed: row.seed,
    backend: row.backend as "uring" | "emulated",
    options: parse("options", row.options),
    selection: parse("selection", row.selection),
    versions: { ioreel, bun, kernel, arch },
    providers: providers.map(({ kind, version, stateVersion, config }) => ({
      kind,
      version,
      stateVersion,
      config: parse(`the config of ${kind}`, config),
    })),
    attachments: attachments.map(({ name, length }) => ({ name, sizeBytes: length })),
    eventCount: progress.eventCount,
    get segmentCount() {
      return (counted ??= segmentCount());
    },
    digest: progress.digest,
    outcome: progress.outcome ?? undefined,
    ...(recovered === undefined ? {} : { recovered: recovered.info }),
  };
}

function parse(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return corrupt(`${what} is no JSON`);
  }
}

/** The events of a recording, verified before the first; the file is closed at the end. */
export function* events(path: string): Generator<PlacedEvent, void, undefined> {
  using recording = openRecording(path);
  yield* recording.events();
}
