/**
 * The tables of a recording's file, one recording a file. Events are not rows: they live packed in
 * segments, because a row an event would cost several times the time and the space.
 *
 * The version of these tables is SQLite's `user_version` (see `migrations.ts`); the codec of the
 * segments and the state of each provider have versions of their own.
 */
import { customType, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Bytes as SQLite's driver gives and takes them, without a copy into a Buffer. */
const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => "blob",
});

/** What is true of the whole recording. Exactly one row, `id` 1. */
export const recording = sqliteTable("recording", {
  id: integer().primaryKey(),
  /** Version of the meaning of this file, above tables and codec. */
  format: integer().notNull(),
  uuid: text().notNull(),
  /** Wall clock when it began, milliseconds since 1970. */
  createdMs: integer("created_ms").notNull(),
  /** `recording`, `complete`, `interrupted` or `recovered`. */
  state: text().notNull(),
  seed: integer().notNull(),
  /** `uring` or `emulated`. */
  backend: text().notNull(),
  /** What the run was started with, as JSON. */
  options: text().notNull(),
  /** How the backend was chosen, as JSON. */
  selection: text().notNull(),
  /** Versions and machine: for people, never compared. */
  ioreel: text().notNull(),
  bun: text().notNull(),
  kernel: text().notNull(),
  arch: text().notNull(),
  eventCount: integer("event_count").notNull(),
  /** Last link of the segments' chain, in hexadecimal. */
  digest: text().notNull(),
  /** How the run ended; null while it does not have. */
  outcome: text(),
  /** SHA-256 over all other columns, the providers and the attachments. */
  seal: bytes().notNull(),
});

/** The session's providers, in the order of their index in events. */
export const provider = sqliteTable("provider", {
  index: integer("index").primaryKey(),
  kind: text().notNull(),
  version: text().notNull(),
  stateVersion: integer("state_version").notNull(),
  /** How it was opened, as JSON. */
  config: text().notNull(),
});

/** The events. `data` is packed with zstd where it is shorter than `raw_length`. */
export const segment = sqliteTable("segment", {
  firstSequence: integer("first_sequence").primaryKey(),
  eventCount: integer("event_count").notNull(),
  timeFirstNs: integer("time_first_ns").notNull(),
  timeLastNs: integer("time_last_ns").notNull(),
  codec: integer().notNull(),
  rawLength: integer("raw_length").notNull(),
  crc32: integer().notNull(),
  chain: bytes().notNull(),
  data: bytes().notNull(),
});

/** Named contents that a replay needs: the scenario's text, input files. */
export const attachment = sqliteTable("attachment", {
  name: text().primaryKey(),
  length: integer().notNull(),
  sha256: bytes().notNull(),
  content: bytes().notNull(),
});

/** Lines that the program wrote into the session, to find their events by. Derived from events. */
export const mark = sqliteTable("mark", {
  sequence: integer().primaryKey(),
  timeNs: integer("time_ns").notNull(),
  text: text().notNull(),
});

/** The table of operations before an event, so that any event's is near. Derived from events. */
export const checkpoint = sqliteTable("checkpoint", {
  sequence: integer().primaryKey(),
  crc32: integer().notNull(),
  data: bytes().notNull(),
});

/** A part of the engine's state at a `state` event, in chunks: their ids, 32 bits each. */
export const snapshot = sqliteTable(
  "snapshot",
  {
    /** Number of the `state` event. */
    sequence: integer().notNull(),
    /** Place among the event's checksums. */
    part: integer().notNull(),
    name: text().notNull(),
    stateVersion: integer("state_version").notNull(),
    length: integer().notNull(),
    crc32: integer().notNull(),
    chunks: bytes().notNull(),
  },
  (table) => [primaryKey({ columns: [table.sequence, table.part] })],
);

/** 4 KiB of state by their hash: equal ones are kept once. A rowid table, which is faster. */
export const chunk = sqliteTable("chunk", {
  id: integer().primaryKey(),
  sha256: bytes().notNull().unique(),
  data: bytes().notNull(),
});
