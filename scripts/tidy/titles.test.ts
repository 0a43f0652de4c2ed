/**
 * Tests of what the tidy rules and the list of rows take for a test title.
 */
import { expect, test } from "bun:test";
import { formatFinding, tidyFile } from "./files.ts";
import { readSource } from "./source.ts";
import { checkTitles, rowIdsOf, titlesOf } from "./titles.ts";

// The sample calls are put together, so that this file's own titles stay the only ones in it.
const call = (words: string): string => words.replaceAll("@", "test");

function titles(text: string): string[] {
  return titlesOf(readSource("a.test.ts", call(text))).map(({ title }) => title);
}

test("titlesOf() reads plain titles, members, conditions and tables", () => {
  const text = `
    @("a b c", () => { @.skipIf(f(x, (y)))('d e', g); });
    describe("group", () => {});
    @.each([[1, "no"], [2, ")"]])("f %i", h);
    regexp.@("not a title"); @(name, i);
  `;
  expect(titles(text)).toEqual(["a b c", "d e", "group", "f %i"]);
});

test("titlesOf() keeps the literal pieces of a template and passes over its holes", () => {
  const text = '@(`${kind}: reads ${n > 1 ? `many ${"x"}` : "one"} bytes [A2.6]`, f)';
  expect(titles(text)).toEqual(["…: reads … bytes [A2.6]"]);
});

test("rowIdsOf() reads one id or several a bracket, and leaves other brackets alone", () => {
  expect(rowIdsOf("a b [A2.10] c [M2.5, M2.6] [K8]")).toEqual(["A2.10", "M2.5", "M2.6", "K8"]);
  expect(rowIdsOf("reads a[0] and [see notes] of [0..4]")).toEqual([]);
});

test("checkTitles() refuses short, empty, repeated and unknown titles", () => {
  const text = call(`
    @("reads twice", f);
    @("it should read the end", f);
    @("the read works [K9]", f);
    @("reads what works on", f);
    @("read() gives 0 at the end [K9]", f);
    @("read() gives 0 at the end [K9]", f);
    @("read() gives what the writer wrote [Z9]", f);
  `);
  const findings = checkTitles(tidyFile("a.test.ts", text), new Set(["K9"]));
  expect(findings.map(formatFinding)).toEqual([
    'a.test.ts:2: error: the test title "reads twice" is banned, use "symbol() does X when Y"',
    'a.test.ts:3: error: the test title "it should read the end" is banned, use what happens instead of a promise of it',
    'a.test.ts:4: error: the test title "the read works [K9]" is banned, use what happens instead of a promise of it',
    "a.test.ts:7: error: the test title of line 6 is used again, use another",
    "a.test.ts:8: error: the row [Z9] is banned, use an id of scripts/rows-list.ts",
  ]);
});

test("checkTitles() allows the same title in two groups", () => {
  const text = call(`
    describe("uring", () => { @("read() gives 0 at the end", f); });
    describe("emulated", () => { @("read() gives 0 at the end", f); });
  `);
  expect(checkTitles(tidyFile("a.test.ts", text), new Set())).toEqual([]);
});
