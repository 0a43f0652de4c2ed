/**
 * `bun run rows [--json] [--check]`: every row of the feature table with the tests that name it in
 * their titles, and the rows without any. With --check, a row that is due and has none is exit 1.
 */
import { join } from "node:path";
import { listFiles } from "./tidy/files.ts";
import { readSource } from "./tidy/source.ts";
import { rowIdsOf, titlesOf } from "./tidy/titles.ts";
import { ROWS, type Row } from "./rows-list.ts";

export interface RowTest {
  title: string;
  file: string;
  line: number;
}

export interface RowReport {
  id: string;
  tests: RowTest[];
}

/** Tests, and the suites that tests call with a subject. */
const HOLDS_TESTS = /\.test\.ts$|^core\/testing\/.*\.ts$/;

/** Puts rows and tests together. A group's ids count for the group itself. */
export function reportRows(
  rows: readonly Row[],
  files: readonly { path: string; text: string }[],
): RowReport[] {
  const tests = new Map<string, RowTest[]>(rows.map((row) => [row.id, []]));
  for (const { path, text } of files) {
    for (const { title, line } of titlesOf(readSource(path, text))) {
      for (const id of new Set(rowIdsOf(title))) tests.get(id)?.push({ title, file: path, line });
    }
  }
  return rows.map((row) => ({ id: row.id, tests: tests.get(row.id)! }));
}

/** The rows that are due and that no test names. */
export function missingRows(rows: readonly Row[], reports: readonly RowReport[]): Row[] {
  const covered = new Set(reports.filter((report) => report.tests.length > 0).map(({ id }) => id));
  return rows.filter((row) => row.later !== true && !covered.has(row.id));
}

/** The report for people. */
export function printRows(rows: readonly Row[], reports: readonly RowReport[]): string {
  const lines: string[] = [];
  for (const [index, row] of rows.entries()) {
    const { tests } = reports[index]!;
    const state = tests.length > 0 ? "" : row.later ? " (comes later)" : " (NO TEST)";
    lines.push(`${row.id.padEnd(6)} ${row.meaning}${state}`);
    for (const test of tests) lines.push(`         ${test.title}  ${test.file}:${test.line}`);
  }
  const missing = missingRows(rows, reports).map((row) => row.id);
  const due = rows.filter((row) => row.later !== true).length;
  lines.push("", `${due - missing.length} of ${due} rows have tests`);
  if (missing.length > 0) lines.push(`without a test: ${missing.join(" ")}`);
  const later = rows.filter((row) => row.later === true).map((row) => row.id);
  lines.push(`come later: ${later.join(" ")}`);
  return lines.join("\n");
}

async function main(root: string, flags: readonly string[]): Promise<number> {
  const unknown = flags.find((flag) => flag !== "--json" && flag !== "--check");
  if (unknown !== undefined) {
    console.error(`Cannot list the rows: unknown flag ${unknown}: use --json or --check`);
    return 2;
  }
  const paths = listFiles(root).filter((path) => HOLDS_TESTS.test(path));
  const files = [];
  for (const path of paths) {
    const file = Bun.file(join(root, path));
    if (await file.exists()) files.push({ path, text: await file.text() });
  }
  const reports = reportRows(ROWS, files);
  console.log(flags.includes("--json") ? JSON.stringify(reports) : printRows(ROWS, reports));
  return flags.includes("--check") && missingRows(ROWS, reports).length > 0 ? 1 : 0;
}

if (import.meta.main) {
  process.exitCode = await main(join(import.meta.dir, ".."), process.argv.slice(2));
}
