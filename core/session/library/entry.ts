/**
 * What is known of a recording without reading its events: its header, its size, its marks. A
 * damaged one is an entry as well, which says what is wrong.
 */
import { basename } from "node:path";
import { isReelError } from "../../errors.ts";
import { recoverTail } from "../recovery/recover.ts";
import type { RecordingState } from "../store/header.ts";
import { RecordingReader } from "../store/reader.ts";
import type { StoredHeader } from "../store/reader.ts";
import type { LibraryFile } from "./folder.ts";
import { hasMark } from "./marks.ts";
import { sizeOnDisk } from "./remove.ts";

/** What the header of a sound recording says. */
export interface EntryHeader {
  readonly uuid: string;
  readonly createdMs: number;
  /** The scenario's name, or what the program calls itself. */
  readonly program: string | undefined;
  readonly backend: "uring" | "emulated";
  /** `recording` while its process lives, `recovered` for one whose process died. */
  readonly state: RecordingState;
  readonly eventCount: number;
  readonly outcome: string | undefined;
}

export interface LibraryEntry extends LibraryFile {
  readonly sizeBytes: number;
  readonly pinned: boolean;
  /** Whether the run is one to look into: it failed, was cut off, or cannot be read. */
  readonly failing: boolean;
  /** Of a run that came to its end: whether what was expected of it did not hold. */
  readonly unexpected: boolean;
  /** Undefined for a damaged one. */
  readonly header: EntryHeader | undefined;
  /** Why there is no header. */
  readonly damage: string | undefined;
}

/** Outcome of a run in which nothing was raised to its caller. */
const OUTCOME_OK = "ok";

/** Reads what a recording says of itself. Never throws for one that is damaged or gone. */
export function readEntry(file: LibraryFile): LibraryEntry {
  const { path } = file;
  const found = readHeader(path);
  const unexpected = hasMark(path, "failed");
  const header = "damage" in found ? undefined : found;
  const ended = header?.state === "recording" || header?.outcome === OUTCOME_OK;
  return {
    ...file,
    sizeBytes: sizeOnDisk(path),
    pinned: hasMark(path, "pinned"),
    failing: unexpected || !ended,
    unexpected,
    header,
    damage: "damage" in found ? found.damage : undefined,
  };
}

function readHeader(path: string): EntryHeader | { damage: string } {
  let reader: RecordingReader | undefined;
  try {
    reader = new RecordingReader(path);
    const header = reader.header();
    const { backend, createdMs, uuid } = header.row;
    const progress = recoverTail(reader, header)?.progress ?? header.progress;
    const { eventCount, outcome, state } = progress;
    return {
      uuid,
      createdMs,
      program: programOf(header),
      backend: backend as "uring" | "emulated",
      state,
      eventCount,
      outcome: outcome ?? undefined,
    };
  } catch (error) {
    if (!isReelError(error)) throw error;
    const found = (error.details as { found?: unknown } | undefined)?.found;
    const reason = typeof found === "string" ? found : error.message;
    return { damage: reason.replaceAll(path, basename(path)) };
  } finally {
    reader?.close();
  }
}

/** A header is whatever somebody wrote into it: nothing of it is taken for granted. */
function programOf({ row }: StoredHeader): string | undefined {
  try {
    const { program } = JSON.parse(row.options) as {
      program?: { name?: unknown; scenario?: { name?: unknown } | null } | null;
    };
    const name = program?.scenario?.name ?? program?.name;
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}
