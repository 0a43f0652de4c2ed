/**
 * Tests of `bun run rows`: the list is the list, and tests find their rows.
 */
import { expect, test } from "bun:test";
import { ROWS } from "./rows-list.ts";
import { missingRows, printRows, reportRows } from "./rows.ts";

const range = (prefix: string, first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${prefix}${first + i}`);

test("ROWS lists every row of the feature table once, in its order", () => {
  expect(ROWS.map((row) => row.id)).toEqual([
    "M0.1",
    "M0.2",
    "M1.1",
    ...range("M2.", 1, 9),
    ...range("A2.", 1, 10),
    ...range("W", 1, 4),
    ...range("B", 1, 6),
    ...range("S", 1, 4),
    ...range("O", 1, 7),
    ...range("X", 1, 16),
    ...range("C", 1, 10),
    ...range("K", 1, 18),
  ]);
});

test("ROWS marks the compositions and file cursors as coming later", () => {
  const later = ROWS.filter((row) => row.later === true).map((row) => row.id);
  expect(later).toEqual([...range("O", 1, 3), ...range("O", 5, 7), "X16"]);
});

const rows = [
  { id: "A1", meaning: "First" },
  { id: "A2", meaning: "Second" },
  { id: "A3", meaning: "Third", later: true },
];
const files = [{ path: "a.test.ts", text: ["te", 'st("one two three [A1]", f);\n'].join("") }];

test("reportRows() names title, file and line of each test, and keeps rows without", () => {
  expect(reportRows(rows, files)).toEqual([
    { id: "A1", tests: [{ title: "one two three [A1]", file: "a.test.ts", line: 1 }] },
    { id: "A2", tests: [] },
    { id: "A3", tests: [] },
  ]);
});

test("missingRows() leaves out what comes later", () => {
  expect(missingRows(rows, reportRows(rows, files)).map((row) => row.id)).toEqual(["A2"]);
});

test("printRows() marks rows without tests and closes with the count", () => {
  expect(printRows(rows, reportRows(rows, files)).split("\n")).toEqual([
    "A1     First",
    "         one two three [A1]  a.test.ts:1",
    "A2     Second (NO TEST)",
    "A3     Third (comes later)",
    "",
    "1 of 2 rows have tests",
    "without a test: A2",
    "come later: A3",
  ]);
});
