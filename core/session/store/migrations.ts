/**
 * The table versions of recordings, as drizzle-kit generated them from `schema.ts`, embedded so
 * that no folder has to be on disk. `user_version` counts the applied ones. A file is only ever
 * migrated while it is made; readers of a later release keep reading older versions as they are.
 */
import { Database } from "bun:sqlite";
import first from "./migrations/0000_recording.sql" with { type: "text" };

/** Every migration, in order; its number is its place. */
export const MIGRATIONS: readonly string[] = [first];
/** The `user_version` of files that this release writes. */
export const TABLES_VERSION = MIGRATIONS.length;

/** Between statements in a generated migration. */
const BREAKPOINT = "--> statement-breakpoint";

/** Makes the tables in an empty database. Runs inside the caller's transaction. */
export function applyMigrations(database: Database): void {
  for (const migration of MIGRATIONS) {
    for (const statement of migration.split(BREAKPOINT)) database.run(statement);
  }
  database.run(`PRAGMA user_version = ${TABLES_VERSION}`);
}

/** Everything in a database's schema, as text that is equal for equal schemas. */
export function schemaText(database: Database): string {
  const rows = database
    .query("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
    .values();
  return rows.map((row) => row.join("\u0000")).join("\n");
}

let expected: string | undefined;

/** The schema text of a file of this release, against which a file that is opened is held. */
export function expectedSchemaText(): string {
  if (expected === undefined) {
    const database = new Database(":memory:");
    applyMigrations(database);
    expected = schemaText(database);
    database.close();
  }
  return expected;
}
