/**
 * The table versions of recordings, as drizzle-kit generated them from `schema.ts`, embedded so
 * that no folder has to be on disk. `user_version` counts the applied ones. A file is only ever
 * migrated while it is made; readers of a later release keep reading older versions as they are.
 */
import { Database } from "bun:sqlite";
import first from "./migrations/0000_recording.sql" with { type: "text" };
import second from "./migrations/0001_places.sql" with { type: "text" };

/** Every migration, in order; its number is its place. */
export const MIGRATIONS: readonly string[] = [first, second];
/** The `user_version` of files that this release writes. */
export const TABLES_VERSION = MIGRATIONS.length;

/** Between statements in a generated migration. */
const BREAKPOINT = "--> statement-breakpoint";

/**
 * Makes the tables in an empty database. Runs inside the caller's transaction.
 * @param version of the tables, by default that of this release
 */
export function applyMigrations(database: Database, version = TABLES_VERSION): void {
  for (const migration of MIGRATIONS.slice(0, version)) {
    for (const statement of migration.split(BREAKPOINT)) database.run(statement);
  }
  database.run(`PRAGMA user_version = ${version}`);
}

/** Everything in a database's schema, as text that is equal for equal schemas. */
export function schemaText(database: Database): string {
  const rows = database
    .query("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
    .values();
  return rows.map((row) => row.join("\u0000")).join("\n");
}

const expected: string[] = [];

/** The schema text of a file with tables of a version, against which a file is held. */
export function expectedSchemaText(version: number): string {
  let text = expected[version];
  if (text === undefined) {
    const database = new Database(":memory:");
    applyMigrations(database, version);
    text = schemaText(database);
    expected[version] = text;
    database.close();
  }
  return text;
}
