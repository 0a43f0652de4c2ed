/** Recordings in files: making one. What opens them is `opening.ts`, given on here. */
import { resolve } from "node:path";
import { FlightSink } from "./archive/flight-sink.ts";
import { TailSink } from "./archive/tail-sink.ts";
import { checkPolicy } from "./record-policy.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
import type { RecordingHeader, RecordingState } from "./store/header.ts";
import type { WriterOptions } from "./store/writer.ts";
import type { ReelError } from "../errors.ts";
import type { Tap } from "./tap.ts";

export { Recording } from "./opened.ts";
export type { PlacedEvent, RecordingInfo, RecoveredInfo } from "./opened.ts";
export { events, openRecording } from "./opening.ts";
export type { OpenOptions } from "./opening.ts";
export type { Attachment, ProviderEntry, RecordingHeader } from "./store/header.ts";

/** How a recording came out. */
export interface RecordingSummary {
  readonly path: string;
  /** Whether there is a recording: after a flight that went well there is none. */
  readonly kept: boolean;
  readonly uuid: string;
  readonly state: RecordingState;
  readonly eventCount: number;
  readonly operationCount: number;
  /** Payloads that are kept as checksums only. */
  readonly missingPayloads: number;
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
   * Writes what a flight recording holds at this moment to a recording of its own.
   * @param to another file than this recording's
   * @returns how many events it has; undefined when this is no flight recording, or has ended
   * @throws {ReelError} ERR_STORE
   */
  dump(to: string): number | undefined;
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
 * @throws {TypeError} for options that are none
 */
export function startRecording(
  path: string,
  header: RecordingHeader,
  options: WriterOptions & RecorderOptions = {},
): RecordingInProgress {
  checkPolicy(options);
  const file = resolve(path);
  const flight = options.mode === "flight" ? new FlightSink(file, header, options) : undefined;
  const sink = flight ?? new TailSink(file, header, options);
  const tap = new Recorder(sink, options);
  let summary: RecordingSummary | undefined;
  return {
    path: sink.path,
    uuid: sink.uuid,
    tap,
    dump(to) {
      if (flight === undefined || summary !== undefined) return undefined;
      return flight.dump(resolve(to), tap.pending).eventCount;
    },
    finish: () => (summary ??= finishRecording(sink, tap)),
  };
}

function finishRecording(sink: TailSink | FlightSink, tap: Recorder): RecordingSummary {
  tap.flush();
  const whole = tap.outcome !== undefined && tap.failure === undefined;
  const end = sink.finish(whole ? "complete" : "interrupted", whole ? tap.outcome! : null);
  const state = whole && end.failure === undefined ? "complete" : "interrupted";
  const { path, uuid } = sink;
  const { eventCount, digest, kept } = end;
  const failure = tap.failure ?? end.failure;
  const counts = { eventCount, operationCount: tap.operations, missingPayloads: tap.missing };
  return { path, kept, uuid, state, ...counts, digest, failure };
}
