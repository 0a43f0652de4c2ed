/** One question to the tables: a single statement that only reads, and errors in plain words. */
import { SQLiteError } from "bun:sqlite";
import type { Database, Statement } from "bun:sqlite";
import { ReelError } from "../../errors.ts";
import { storeError } from "../store/errors.ts";

export type Value = string | number | bigint | boolean | Uint8Array | null;

const READS = /^(?:select|with|values|explain)\b/i;
/** The side database, not the question, is at fault. */
const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB|IOERR|CANTOPEN|FULL)/;
/** Blanks and comments before the first word. */
const BEFORE = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

function refuse(found: string, mend: string, cause?: unknown): never {
  throw new ReelError("ERR_USAGE", `Cannot run the query: ${found}`, { mend, cause });
}

/** An answer: its columns, and its rows as they are asked for. */
export interface Answer {
  readonly columns: readonly string[];
  rows(): Iterable<readonly Value[]>;
}

/**
 * Prepares a question.
 * @param text one statement of SQLite's SQL
 * @throws {ReelError} ERR_USAGE when it is none, is several, or would change something; reading
 *   the rows can throw it too
 */
export function ask(database: Database, text: string): Answer {
  const statementText = text.trim().replace(/;+$/, "");
  const first = statementText.replace(BEFORE, "");
  if (first === "") refuse("it is empty", 'Write one, such as "select * from provider_summary"');
  if (!READS.test(first)) {
    const word = /^\S{1,20}/.exec(first)?.[0];
    refuse(`it begins with "${word}"`, "Begin it with select, with, values or explain");
  }
  database.run("pragma query_only = on");
  database.run("pragma trusted_schema = off");
  const statement = prepare(database, statementText);
  // SQLite prepares the first of several statements and passes over the others.
  if (!/^explain\b/i.test(first)) refuseSeveral(database, statementText);
  const { columnNames } = statement;
  const twice = columnNames.find((name, at) => columnNames.indexOf(name) !== at);
  if (twice !== undefined) {
    refuse(`two of its columns are named "${twice}"`, `Name one of them: ${twice} as other`);
  }
  return { columns: columnNames, rows: () => rowsOf(statement) };
}

function prepare(database: Database, text: string): Statement {
  try {
    const statement = database.prepare(text);
    if (statement.paramsCount > 0) {
      refuse("it has parameters (? or :name), and no values for them", "Write the values into it");
    }
    return statement;
  } catch (error) {
    return explain(error);
  }
}

function refuseSeveral(database: Database, text: string): void {
  try {
    database.prepare(`select 1 from (${text}\n)`).finalize();
  } catch (error) {
    if (!(error instanceof SQLiteError)) throw error;
    refuse("it is more than one statement", "Ask one question at a time", error);
  }
}

function* rowsOf(statement: Statement): Iterable<readonly Value[]> {
  const { columnNames } = statement;
  try {
    for (const row of statement.iterate()) {
      const values = row as Readonly<Record<string, Value>>;
      yield columnNames.map((name) => values[name] ?? null);
    }
  } catch (error) {
    explain(error);
  }
}

function explain(error: unknown): never {
  if (!(error instanceof SQLiteError)) throw error;
  if (DAMAGED.test(error.code ?? "")) {
    throw storeError("read the tables", error, "Delete the ioreel-sql folder in the temporary one");
  }
  refuse(error.message, "See the tables and their columns with --schema", error);
}
