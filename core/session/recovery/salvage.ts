/**
 * Salvage: of a damaged recording, what is before the first damage goes into a new file. Rows are
 * read one by one, so that it works where the database itself is damaged or cut off.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isReelError, ReelError } from "../../errors.ts";
import type { SealedSegment } from "../segment.ts";
import { SegmentChecker } from "../segment.ts";
import type { Attachment, RecordingHeader } from "../store/header.ts";
import { RecordingReader } from "../store/reader.ts";
import type { StoredHeader } from "../store/reader.ts";
import { RecordingWriter } from "../store/writer.ts";
import { checkSegment } from "./examine.ts";
import { recoverTail } from "./recover.ts";

/** What was kept of a recording. */
export interface Salvaged {
  readonly path: string;
  readonly uuid: string;
  readonly digest: string;
  readonly eventCount: number;
  /** Events that the damaged recording says it had, and that are not in the new one. */
  readonly lostEvents: number;
  /** Names of attachments that were damaged. A replay may need them. */
  readonly lostAttachments: readonly string[];
  /** What ended the reading, or undefined when all of it could be read. */
  readonly stoppedBy: string | undefined;
}

/**
 * Keeps the verified beginning of a damaged recording.
 * @param path the damaged one; it stays as it is
 * @param outPath a file that does not exist
 * @throws {ReelError} ERR_USAGE when there is one; ERR_CORRUPT_RECORDING when not even the header
 *   can be read; ERR_STORE
 */
export function salvageRecording(path: string, outPath: string): Salvaged {
  const out = resolve(outPath);
  if (existsSync(out)) {
    throw new ReelError("ERR_USAGE", `Cannot salvage into ${outPath}: it exists`, {
      mend: "Name a file that does not exist",
    });
  }
  const reader = new RecordingReader(resolve(path), { mayBeCut: true });
  try {
    const header = reader.header();
    const { kept, lost } = readAttachments(reader, header);
    const { createdMs, uuid, ioreel, bun, kernel, arch } = header.row;
    const identity = { uuid, createdMs, host: { ioreel, bun, kernel, arch } };
    const writer = new RecordingWriter(out, headerOf(header, kept), { identity });
    try {
      const walk = copySegments(reader, header, writer);
      const isWhole = walk.stoppedBy === undefined;
      const { outcome } = walk;
      const state = isWhole && walk.state !== "recording" ? walk.state : "recovered";
      writer.finish(state, isWhole ? outcome : null);
      const { digest, eventCount } = writer;
      const lostEvents = Math.max(0, walk.wanted - eventCount);
      const { stoppedBy } = walk;
      const counts = { eventCount, lostEvents, lostAttachments: lost };
      return { path: out, uuid, digest, ...counts, stoppedBy };
    } finally {
      writer.abandon();
    }
  } finally {
    reader.close();
  }
}

function readAttachments(
  reader: RecordingReader,
  header: StoredHeader,
): { kept: Attachment[]; lost: string[] } {
  const kept: Attachment[] = [];
  const lost: string[] = [];
  for (const row of header.attachments) {
    try {
      kept.push({ name: row.name, content: reader.attachment(row) });
    } catch (error) {
      if (!isReelError(error)) throw error;
      lost.push(row.name);
    }
  }
  return { kept, lost };
}

function headerOf({ providers, row }: StoredHeader, attachments: Attachment[]): RecordingHeader {
  return {
    seed: row.seed,
    backend: row.backend as "uring" | "emulated",
    options: parsed(row.options),
    selection: parsed(row.selection),
    providers: providers.map((entry) => ({ ...entry, config: parsed(entry.config) })),
    attachments,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ReelError("ERR_CORRUPT_RECORDING", "Cannot salvage: found a header that is no JSON");
  }
}

/** Copies segments up to the first that is not what was recorded. */
function copySegments(reader: RecordingReader, header: StoredHeader, writer: RecordingWriter) {
  const checker = new SegmentChecker();
  const { eventCount, outcome, state } = header.progress;
  let stoppedBy: string | undefined;
  const take = (segment: SealedSegment | undefined): void => {
    stoppedBy = segment === undefined ? "it is missing" : checkSegment(segment, checker);
    if (stoppedBy === undefined) writer.write(segment!);
    else stoppedBy = `the segment at event ${writer.eventCount}: ${stoppedBy}`;
  };
  try {
    while (stoppedBy === undefined && writer.eventCount < eventCount) {
      take(reader.segmentAt(writer.eventCount));
    }
    const recovered = stoppedBy === undefined ? recoverTail(reader, header) : undefined;
    for (const segment of recovered?.segments ?? []) take(segment);
    const progress = recovered?.progress ?? { outcome, state };
    const wanted = Math.max(eventCount, writer.eventCount);
    return { stoppedBy, wanted, outcome: progress.outcome, state: progress.state };
  } catch (error) {
    if (!isReelError(error, "ERR_CORRUPT_RECORDING")) throw error;
    return { stoppedBy: error.message, wanted: eventCount, outcome: null, state };
  }
}
