/**
 * An open recording: what it says of its session, and its events from any place. What is given out
 * is verified: all of it when the recording was opened, or each segment when it is read.
 */
import { EventCursor } from "./cursor.ts";
import { toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import type { Recorded } from "./recorded.ts";
import type { CheckpointRow } from "./places/collector.ts";
import type { Mark, OperationTable } from "./places/table.ts";
import { tableAt } from "./places/walker.ts";
import type { SealedSegment, SegmentSource } from "./segment.ts";
import { HeaderSeal } from "./store/header.ts";
import type { ProviderEntry, RecordingState } from "./store/header.ts";
import type { StateRowsReader } from "./store/state-rows.ts";
import type { RecordingReader, StoredHeader } from "./store/reader.ts";

/** What was found in the tail of a recording whose process died. */
export interface RecoveredInfo {
  /** Events that were in no committed segment. */
  readonly fromTail: number;
  /** Segments that they make. */
  readonly segments: number;
  /** Bytes of the tail that say they hold events and do not, as far as that can be told. */
  readonly lostBytes: number;
  /** Whether the tail was there and readable up to where the process died. */
  readonly isWhole: boolean;
}

/** What a recording says about its session. */
export interface RecordingInfo {
  readonly path: string;
  readonly format: number;
  readonly uuid: string;
  readonly createdMs: number;
  /** `recording` while its process lives, `recovered` for one whose process died. */
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
  /** Of a recording that was not ended: what was found beside it. */
  readonly recovered?: RecoveredInfo;
}

/** An event with its place. */
export interface PlacedEvent {
  readonly sequence: number;
  /** The session's clock before the event. */
  readonly timeNs: number;
  readonly event: SessionEvent;
}

/** What a recording is read from. */
interface OpenedFile {
  readonly reader: RecordingReader;
  readonly header: StoredHeader;
  readonly info: RecordingInfo;
  readonly source: SegmentSource;
  readonly tailSegments: readonly SealedSegment[];
}

/** An open recording. Close it, or use it with `using`. */
export class Recording implements Recorded, Disposable {
  readonly info: RecordingInfo;
  readonly source: SegmentSource;
  /** Whether the recorded run came to its end. */
  readonly complete: boolean;
  readonly providerKinds: readonly string[];
  /** Of a recovered one, the segments that are not in its file. */
  readonly tailSegments: readonly SealedSegment[];
  readonly #reader: RecordingReader;
  readonly #header: StoredHeader;

  /** Use {@link openRecording}. */
  constructor({ reader, header, info, source, tailSegments }: OpenedFile) {
    this.info = info;
    this.source = source;
    this.tailSegments = tailSegments;
    this.complete =
      info.state === "complete" || (info.state === "recovered" && info.outcome !== undefined);
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

  /** What the header's seal is made of beside the progress. */
  get fixedSeal(): string {
    const { attachments, providers, row } = this.#header;
    return HeaderSeal.of(row, providers, attachments).fixed;
  }

  /** A cursor before the first event. */
  cursor(): EventCursor {
    return new EventCursor(this.source, this);
  }

  /**
   * A cursor before any event. Only the segment that holds it is read; what the cursor counts, its
   * operations and steps, it counts from that segment's first event.
   * @param sequence the event's number, from 0 to the number of events
   * @throws {RangeError} for any other number
   * @throws {ReelError} ERR_CORRUPT_RECORDING
   */
  cursorAt(sequence: number): EventCursor {
    if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence > this.eventCount) {
      throw new RangeError(`Cannot go to event ${sequence}: there are ${this.eventCount}`);
    }
    return new EventCursor(this.source, this, sequence);
  }

  /**
   * Events in their order; each can be kept.
   * @param from number of the first one
   * @param to number of the last one
   */
  *events(from = 0, to = Infinity): Generator<PlacedEvent, void, undefined> {
    const cursor = this.cursorAt(Math.min(from, this.eventCount));
    // Not further than asked for: what is behind may be damaged.
    while (cursor.sequence <= to) {
      const record = cursor.peek();
      if (record === undefined) return;
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
   * Reads the engine's states that the file keeps. Each is checked when it is put together.
   * @returns undefined for a recording that can keep none
   * @throws {ReelError} ERR_CORRUPT_RECORDING
   */
  states<T>(read: (rows: StateRowsReader) => T): T | undefined {
    return this.#reader.states(this.info.format, read);
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
