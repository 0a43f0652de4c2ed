/** `ioreel session sql`: questions to a recording. */
import { ReelError } from "../../../core/errors.ts";
import { openRecording } from "../../../core/session/recording.ts";
import { ask, type Answer, type Value } from "../../../core/session/sql/query.ts";
import { openSideDatabase } from "../../../core/session/sql/side-database.ts";
import { TABLES } from "../../../core/session/sql/tables.ts";
import { columns, out } from "../../output.ts";
import { printable } from "../../scenario/frame.ts";
import { recordingNamed } from "../../recording-name.ts";
import { operationNames } from "./export.ts";

/** Rows that are aligned with each other: an answer of any length is printed as it comes. */
const ROWS_PER_BLOCK = 500;

export async function sql(
  file: string,
  query: string | undefined,
  flags: { json?: boolean; schema?: boolean },
): Promise<number> {
  if (flags.schema === true) {
    out(TABLES.map((statement) => `${statement};`).join("\n\n"));
    return 0;
  }
  if (query === undefined) {
    throw new ReelError("ERR_USAGE", `Cannot ask ${file}: there is no query`, {
      mend: `Give one, such as "select * from provider_summary", or --schema`,
    });
  }
  using recording = openRecording(recordingNamed(file));
  const { database } = openSideDatabase(recording, operationNames());
  using _closed = database;
  const answer = ask(database, query);
  if (flags.json === true) printJson(answer);
  else printTable(answer);
  return 0;
}

/** The document that `json` of the other commands prints, without ever holding all of it. */
function printJson({ columns: names, rows }: Answer): void {
  out(`{\n  "schema": "session-sql/v1",\n  "columns": ${JSON.stringify(names)},\n  "rows": [`);
  let before: string | undefined;
  for (const row of rows()) {
    if (before !== undefined) out(`${before},`);
    before = `    ${JSON.stringify(row.map(plain))}`;
  }
  if (before !== undefined) out(before);
  out("  ]\n}");
}

function printTable({ columns: names, rows }: Answer): void {
  let block: string[][] = [names.map(printable)];
  for (const row of rows()) {
    block.push(row.map((value) => printable(String(plain(value) ?? "-"))));
    if (block.length < ROWS_PER_BLOCK) continue;
    out(columns(block));
    block = [];
  }
  if (block.length > 0) out(columns(block));
}

function plain(value: Value): string | number | boolean | null {
  if (value instanceof Uint8Array) return value.toHex();
  return typeof value === "bigint" ? String(value) : value;
}
