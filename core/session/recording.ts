/**
 * Recordings in files: making one, opening one. Opening checks everything, every checksum and every
 * event, before the first event is given out, so whoever holds a {@link Recording} holds what was
 * recorded.
 */
import { resolve } from "node:path";
import { corrupt, EventCursor } from "./cursor.ts";
import { toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import type { Recorded } from "./judge.ts";
import type { CheckpointRow } from "./places/collector.ts";
import type { Mark, OperationTable } from "./places/table.ts";
import { tableAt } from "./places/walker.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
import type { SegmentSource } from "./segment.ts";
import type { ProviderEntry, RecordingHeader, RecordingState } from "./store/header.ts";
import { RecordingReader } from "./store/reader.ts";
import type { StoredHeader } from "./store/reader.ts";
import { TailSink } from "./archive/tail-sink.ts";
import type { WriterOptions } from "./store/writer.ts";
import type { ReelError } from "../errors.ts";
import type { Tap } from "./tap.ts";

export type { Attachment, ProviderEntry, RecordingHeader } from "./store/header.ts";

/** What a recording says about its session. */
export interface RecordingInfo {
  readonly path: string;
  readonly format: number;
  readonly uuid: string;
  readonly createdMs: number;
  /** `recording` for one whose process died, or still records. */
  readonly state: RecordingState;
  readonly seed: number;
  readonly backend: "uring" | "emulated";
  readonly options: unknown;
  readonly selection: unknown;
  readonly versions: {
    readonly ioreel: string;
    readonly bun: string;
    readonly kernel: string;
    readonly arch: string;
  };
  readonly providers: readonly ProviderEntry[];
  readonly attachments: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly eventCount: number;
  readonly segmentCount: number;
  readonly digest: string;
  /** How the run ended, if it did. */
  readonly outcome: string | undefined;
}

/** An event with its place. */
export interface PlacedEvent {
  readonly sequence: number;
  /** The session's clock before the event. */
  readonly timeNs: number;
  readonly event: SessionEvent;
}

/** An open recording, all of it verified. Close it, or use it with `using`. */
export class Recording implements Recorded, Disposable {
  readonly info: RecordingInfo;
  readonly source: SegmentSource;
  readonly complete: boolean;
  readonly providerKinds: readonly string[];
  readonly #reader: RecordingReader;
  readonly #header: StoredHeader;

  /** Use {@link openRecording}. */
  constructor(reader: RecordingReader, header: StoredHeader, info: RecordingInfo) {
    this.info = info;
    this.source = reader;
    this.complete = info.state === "complete";
    this.providerKinds = info.providers.map(({ kind }) => kind);
    this.#reader = reader;
    this.#header = header;
  }

  get path(): string {
    return this.info.path;
  }

  get eventCount(): number {
    return this.info.eventCount;
  }

  get digest(): string {
    return this.info.digest;
  }

  /** A cursor before the first event. */
  cursor(): EventCursor {
    return new EventCursor(this.source, this);
  }

  /** All events, from the first; each can be kept. */
  *events(): Generator<PlacedEvent, void, undefined> {
    const cursor = this.cursor();
    for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
      const { sequence, timeNs } = cursor;
      const event = toSessionEvent(record);
      cursor.advance();
      yield { sequence, timeNs, event };
    }
  }

  /** The last checkpoint of the table of operations at a place or before it, if there is one. */
  checkpointAt(sequence: number): CheckpointRow | undefined {
    return this.#reader.places(this.info.format, (rows) => rows.checkpointAt(sequence));
  }

  /** The marks before a place that the file has as rows. */
  marksBefore(sequence: number): readonly Mark[] {
    return this.#reader.places(this.info.format, (rows) => rows.marksBefore(sequence)) ?? [];
  }

  /**
   * Which operations are in flight at a place, and what was counted up to there.
   * @param sequence how many events have happened, from 0 to all
   * @throws {ReelError} ERR_CORRUPT_RECORDING
   */
  tableAt(sequence: number): OperationTable {
    return tableAt(this, sequence);
  }

  /** An attachment's content, or undefined when there is none of that name. */
  attachment(name: string): Uint8Array | undefined {
    const row = this.#header.attachments.find((entry) => entry.name === name);
    return row === undefined ? undefined : this.#reader.attachment(row);
  }

  close(): void {
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a recording and verifies all of it.
 * @param path the file
 * @throws {ReelError} ENOENT when there is no file; ERR_STORE when it cannot be read;
 *   ERR_INCOMPATIBLE_RECORDING when a later release made it; ERR_CORRUPT_RECORDING, naming the
 *   segment and its events where it is one, for everything else
 */
export function openRecording(path: string): Recording {
  const reader = new RecordingReader(resolve(path));
  try {
    const header = reader.header();
    for (const row of header.attachments) reader.attachment(row);
    const segmentCount = verifySegments(reader, header);
    return new Recording(reader, header, describeRecording(reader.path, header, segmentCount));
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** Walks over everything once. @returns how many segments there are */
function verifySegments(reader: RecordingReader, header: StoredHeader): number {
  const { path } = reader;
  const cursor = new EventCursor(reader, { ...header.progress, path });
  while (cursor.peek() !== undefined) cursor.advance();
  const stored = reader.segmentCount();
  if (stored !== cursor.segments) {
    corrupt(`found ${stored} segments, wanted ${cursor.segments}`, {}, path);
  }
  return stored;
}

function describeRecording(
  path: string,
  header: StoredHeader,
  segmentCount: number,
): RecordingInfo {
  const { row, progress, providers, attachments } = header;
  const { ioreel, bun, kernel, arch } = row;
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
    segmentCount,
    digest: progress.digest,
    outcome: progress.outcome ?? undefined,
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

/** How a recording came out. */
export interface RecordingSummary {
  readonly path: string;
  readonly uuid: string;
  readonly state: RecordingState;
  readonly eventCount: number;
  readonly operationCount: number;
  readonly digest: string;
  /** What ended the recording before the run ended, if anything did. */
  readonly failure: ReelError | undefined;
}

/** A recording in the making. */
export interface RecordingInProgress {
  readonly path: string;
  readonly uuid: string;
  /** Give it to the runtime. */
  readonly tap: Tap;
  /**
   * Ends the recording after the run; the second time does nothing new. `complete` if the tap was
   * told the end, otherwise `interrupted`. Never throws: a failure is in the summary.
   */
  finish(): RecordingSummary;
}

/**
 * Starts a recording.
 * @param path where; a recording that is there is replaced, any other file is refused
 * @throws {ReelError} ERR_STORE when the file cannot be made; what was there stays
 * @throws {RangeError} for a header beyond the format's bounds
 */
export function startRecording(
  path: string,
  header: RecordingHeader,
  options: WriterOptions & RecorderOptions = {},
): RecordingInProgress {
  const sink = new TailSink(resolve(path), header, options);
  const tap = new Recorder(sink, options);
  let summary: RecordingSummary | undefined;
  return {
    path: sink.path,
    uuid: sink.uuid,
    tap,
    finish: () => (summary ??= finishRecording(sink, tap)),
  };
}

function finishRecording(sink: TailSink, tap: Recorder): RecordingSummary {
  tap.flush();
  const whole = tap.outcome !== undefined && tap.failure === undefined;
  const end = sink.finish(whole ? "complete" : "interrupted", whole ? tap.outcome! : null);
  const state = whole && end.failure === undefined ? "complete" : "interrupted";
  const { path, uuid } = sink;
  const { eventCount, digest } = end;
  const failure = tap.failure ?? end.failure;
  return { path, uuid, state, eventCount, operationCount: tap.operations, digest, failure };
}
