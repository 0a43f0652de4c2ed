/**
 * Tests of the tidy rules over code: what is banned where, and how long a function may be.
 */
import { expect, test } from "bun:test";
import { applyAllowances } from "./allow.ts";
import { BANS, checkBanned } from "./banned.ts";
import { formatFinding, tidyFile, type Finding } from "./files.ts";
import { checkFunctions, functionsOf } from "./functions.ts";
import { readSource } from "./source.ts";

const lines = (findings: readonly Finding[]): string[] => findings.map(formatFinding);
const banned = (path: string, text: string): string[] => lines(checkBanned(tidyFile(path, text)));

test("checkBanned() finds every global that reads the host's time, and says what to use", () => {
  expect(banned("core/a.ts", "\nconst t = Date.now();")).toEqual([
    "core/a.ts:2: error: Date.now is banned, use hostWallMs() of core/clock.ts",
  ]);
  expect(banned("cli/a.ts", "setTimeout(f, 1)")).toEqual([
    "cli/a.ts:1: error: setTimeout is banned, use hostAfter() of core/clock.ts, or a timer of the runtime",
  ]);
  for (const call of ["performance.now()", "setInterval(f)", "setImmediate(f)", "new Date()"]) {
    expect(banned("providers/a.ts", call)).toHaveLength(1);
  }
});

test("checkBanned() allows time in the clock and entropy in the random source only", () => {
  expect(banned("core/clock.ts", "Date.now(); setTimeout(f)")).toEqual([]);
  expect(banned("core/random.ts", "crypto.getRandomValues(x); Math.random()")).toEqual([]);
  expect(banned("core/clock.ts", "Math.random()")).toEqual([
    "core/clock.ts:1: error: Math.random is banned, use Random of core/random.ts",
  ]);
  expect(banned("core/a.ts", "crypto.randomUUID()")).toHaveLength(1);
});

test("checkBanned() lets tests sleep and tools measure, but nobody else", () => {
  expect(banned("core/a.test.ts", "await Bun.sleep(1)")).toEqual([]);
  expect(banned("core/a.ts", "await Bun.sleep(1)")).toHaveLength(1);
  expect(banned("bench/a.ts", "performance.now()")).toEqual([]);
});

test("checkBanned() does not mind names in comments, strings, or of other objects", () => {
  const text =
    '// Date.now\nconst a = "Math.random"; this.setTimeout(); clock.Date.now; mySetTimeout()';
  expect(banned("core/a.ts", text)).toEqual([]);
});

test("checkBanned() keeps printing and exiting to programs and tests", () => {
  expect(banned("core/a.ts", "console.log(1)")).toEqual([
    "core/a.ts:1: error: console is banned, use a ReelError, a result or a reporter",
  ]);
  expect(banned("providers/a.ts", "process.stdout.write(x); process.exit(1)")).toHaveLength(2);
  expect(banned("cli/a.ts", "console.log(1)")).toEqual([]);
  expect(banned("core/a.test.ts", "console.warn(1)")).toEqual([]);
});

test("checkBanned() finds an async transaction callback, a narrowed test and a cast to any", () => {
  expect(banned("core/a.ts", "db.transaction(async (tx) => {})")).toEqual([
    "core/a.ts:1: error: an async transaction callback is banned, use a synchronous callback: drizzle commits an async one before it has run",
  ]);
  expect(banned("core/a.test.ts", 'test.only("x", f); describe.skip("y", f)')).toHaveLength(2);
  expect(banned("core/a.ts", "x as any")).toHaveLength(1);
});

test("every ban has patterns that find all matches and a place to go instead", () => {
  for (const ban of BANS) {
    expect(ban.pattern.flags).toContain("g");
    expect(ban.use).not.toBe("");
  }
});

const body = (count: number): string => "  a();\n".repeat(count);

test("checkFunctions() counts from the header to the closing brace, in every form", () => {
  for (const open of [
    "function a(): void {",
    "const a = async (b: { c: number }) => {",
    "class A {\n  a<T>(b = { c: 1 }): Map<string, T> {",
    "class A {\n  get a(): number {",
    "f(1, function () {",
    "const a = {\n  b() {",
  ]) {
    expect(checkFunctions(tidyFile("a.ts", `${open}\n${body(68)}}\n`))).toEqual([]);
    expect(checkFunctions(tidyFile("a.ts", `${open}\n${body(69)}}\n`))).toHaveLength(1);
  }
});

test("checkFunctions() names the first line of the function and its length", () => {
  const text = `\n\nfunction a() {\n${body(70)}}\n`;
  expect(lines(checkFunctions(tidyFile("a.ts", text)))).toEqual([
    "a.ts:3: error: the function has 72 lines, split it at 70",
  ]);
});

test("checkFunctions() does not take blocks, types and groups of tests for functions", () => {
  for (const open of [
    "if (a) {",
    "for (const a of b(c)) {",
    "} else if (a()) {",
    "class A extends B<C> {",
    "interface A {",
    "const a: A = {",
    'describe("a", () => {',
    'describe.each([1])("a", (b) => {',
    "switch (a) {",
  ]) {
    expect(checkFunctions(tidyFile("a.ts", `${open}\n${body(80)}}\n`))).toEqual([]);
  }
});

test("functionsOf() finds nested functions each by itself", () => {
  const source = readSource(
    "a.ts",
    "function a() {\n  return b.map((c) => {\n    d(c);\n  });\n}\n",
  );
  expect(functionsOf(source).map((span) => [span.firstLine, span.lastLine])).toEqual([
    [2, 4],
    [1, 5],
  ]);
});

test("applyAllowances() takes away what is allowed and reports what excuses nothing", () => {
  const finding = { path: "core/a/b.ts", line: 3, rule: "name", message: "m" };
  const allowance = { rule: "name", path: "core/a/", reason: "r" };
  expect(applyAllowances([finding], [allowance])).toEqual([]);
  expect(applyAllowances([finding], [{ ...allowance, rule: "time" }])[0]).toBe(finding);
  expect(lines(applyAllowances([], [allowance]))).toEqual([
    'scripts/tidy/allow.ts:1: error: the allowance of "name" for core/a/ excuses nothing, delete it',
  ]);
});
