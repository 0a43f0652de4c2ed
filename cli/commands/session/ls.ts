/** `ioreel session ls`: what is in the library, from headers alone. */
import { readEntry } from "../../../core/session/library/entry.ts";
import type { LibraryEntry } from "../../../core/session/library/entry.ts";
import {
  libraryFiles,
  libraryFolder,
  SHORT_ID_DIGITS,
} from "../../../core/session/library/folder.ts";
import { json, note, out, paint } from "../../output.ts";
import { tableText, type Column } from "../../reporters/table.ts";
import { printable } from "../../scenario/frame.ts";
import { formatSize, plural } from "../../scenario/units.ts";

type Sort = "time" | "size" | "events";

const KEYS: Readonly<Record<Sort, (entry: LibraryEntry) => number>> = {
  time: whenOf,
  size: ({ sizeBytes }) => sizeBytes,
  events: ({ header }) => header?.eventCount ?? -1,
};

/** A recording that was copied into the library has the time of its making in its header. */
function whenOf({ header, whenMs }: LibraryEntry): number {
  return header?.createdMs ?? whenMs;
}

export async function ls(flags: { sort: Sort; json?: boolean }): Promise<number> {
  const key = KEYS[flags.sort];
  const entries = libraryFiles()
    .map(readEntry)
    .toSorted((a, b) => key(b) - key(a) || whenOf(b) - whenOf(a));
  if (flags.json === true) {
    json("session-ls/v1", { folder: libraryFolder(), recordings: entries.map(entryData) });
    return 0;
  }
  if (entries.length === 0) {
    note(`no recordings in ${libraryFolder()}: ioreel run SCENARIO --record makes one`);
    return 0;
  }
  out(tableText(COLUMNS, entries.map(row)));
  const sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  out(`${plural(entries.length, "recording")}, ${formatSize(sizeBytes)}, in ${libraryFolder()}`);
  return 0;
}

const COLUMNS: readonly Column[] = [
  { head: "id", align: "left" },
  { head: "when (UTC)", align: "left" },
  { head: "program", align: "left" },
  { head: "backend", align: "left" },
  { head: "state", align: "left" },
  { head: "events", align: "right" },
  { head: "size", align: "right" },
  { head: "outcome", align: "left" },
];
const DAMAGE_MAX = 60;

function idOf({ header, name, shortId }: LibraryEntry): string {
  return header?.uuid.slice(0, SHORT_ID_DIGITS) ?? shortId ?? name;
}

function timeText(timeMs: number): string {
  const date = new Date(timeMs);
  // What a header says may be no time at all.
  return Number.isNaN(date.getTime()) ? "-" : date.toISOString().slice(0, 19).replace("T", " ");
}

function row(entry: LibraryEntry): string[] {
  const { damage, header, pinned, sizeBytes } = entry;
  const id = `${printable(idOf(entry))}${pinned ? "*" : ""}`;
  const when = timeText(whenOf(entry));
  if (header === undefined) {
    const reason = paint("red", printable(damage!).slice(0, DAMAGE_MAX));
    return [id, when, "-", "-", paint("red", "damaged"), "-", formatSize(sizeBytes), reason];
  }
  const { backend, eventCount, program, state } = header;
  return [
    id,
    when,
    program === undefined ? "-" : printable(program),
    backend,
    state,
    String(eventCount),
    formatSize(sizeBytes),
    paint(entry.failing ? "red" : "green", printable(outcomeOf(entry))),
  ];
}

function outcomeOf({ header, unexpected }: LibraryEntry): string {
  const { outcome, state } = header!;
  if (outcome === undefined) return state === "recording" ? "-" : "cut off";
  return unexpected && outcome === "ok" ? "not as expected" : outcome;
}

function entryData(entry: LibraryEntry): Record<string, unknown> {
  const { damage, failing, header, path, pinned, sizeBytes } = entry;
  return {
    id: idOf(entry),
    uuid: header?.uuid ?? null,
    path,
    createdMs: whenOf(entry),
    program: header?.program ?? null,
    backend: header?.backend ?? null,
    state: header?.state ?? "damaged",
    events: header?.eventCount ?? null,
    sizeBytes,
    outcome: header === undefined ? null : outcomeOf(entry),
    failing,
    pinned,
    damage: damage ?? null,
  };
}
