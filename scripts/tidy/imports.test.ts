/**
 * Tests of the tidy rules over imports: what counts as one, where the floors end, which circles and
 * dead files are found.
 */
import { expect, test } from "bun:test";
import { formatFinding, tidyFile, type Finding } from "./files.ts";
import { FLOORS } from "./floors.ts";
import { checkCircles, checkDeadFiles, circlesOf } from "./graph.ts";
import { importsOfText, packageOf } from "./import-list.ts";
import { checkImports, floorOf } from "./imports.ts";

const lines = (findings: readonly Finding[]): string[] => findings.map(formatFinding);

function broken(path: string, text: string, ...others: string[]): string[] {
  return lines(checkImports(tidyFile(path, text), new Set([path, ...others])));
}

test("importsOf() reads every form of import, and tells types and dynamic ones apart", () => {
  const text = `
    import a from "./a.ts";
    import { type b, c } from './b.ts';
    import type { d } from "../d.ts";
    export * from "./e.ts";
    export type { f } from "./f.ts";
    import "./g.ts";
    const h = await import("./h.ts");
    export const i = "./i.ts"; // import "./j.ts"
    const k = 'import "./k.ts"';
    import type from "./l.ts";
    import m, { type n } from "yaml";
  `;
  const list = importsOfText("core/x/y.ts", text);
  expect(list.map((item) => item.path ?? item.specifier)).toEqual([
    "core/x/a.ts",
    "core/x/b.ts",
    "core/d.ts",
    "core/x/e.ts",
    "core/x/f.ts",
    "core/x/g.ts",
    "core/x/h.ts",
    "core/x/l.ts",
    "yaml",
  ]);
  expect(list.filter((item) => item.typeOnly).map((item) => item.path)).toEqual([
    "core/d.ts",
    "core/x/f.ts",
  ]);
  expect(list.filter((item) => item.dynamic).map((item) => item.path)).toEqual(["core/x/h.ts"]);
});

test("packageOf() keeps a scope and drops what lies inside the package", () => {
  expect(["yaml", "drizzle-orm/bun-sqlite", "@a/b/c", "bun:ffi"].map(packageOf)).toEqual([
    "yaml",
    "drizzle-orm",
    "@a/b",
    "bun:ffi",
  ]);
});

test("checkImports() lets a file import its own floor and those below, types included", () => {
  expect(broken("core/task/a.ts", 'import "../state/b.ts"', "core/state/b.ts")).toEqual([]);
  expect(
    broken("core/task/a.ts", 'import type { B } from "../engine/b.ts"', "core/engine/b.ts"),
  ).toEqual([
    'core/task/a.ts:1: error: importing core/engine/b.ts is banned, use a floor at or below "state, buffer, task": it is on "engine"',
  ]);
  expect(broken("core/a.ts", "")).toEqual([
    "core/a.ts:1: error: the file is on no floor, add its folder to scripts/tidy/floors.ts",
  ]);
});

test("checkImports() shows providers and plugins the face alone", () => {
  const face = "core/provider/index.ts";
  expect(broken("providers/a/b.ts", 'import "../../core/provider/index.ts"', face)).toEqual([]);
  expect(broken("providers/a/b.ts", 'import "../c/d.ts"', "providers/c/d.ts")).toEqual([]);
  expect(broken("providers/a/b.ts", 'import "../../core/random.ts"', "core/random.ts")).toEqual([
    "providers/a/b.ts:1: error: importing core/random.ts from providers/ is banned, use core/provider/index.ts, all that a third party sees",
  ]);
});

test("checkImports() lets tests look anywhere, but keeps packages behind their doors", () => {
  expect(broken("core/task/a.test.ts", 'import "../engine/b.ts"', "core/engine/b.ts")).toEqual([]);
  expect(broken("core/task/a.test.ts", 'import "commander"')).toEqual([
    "core/task/a.test.ts:1: error: the package commander is banned here, use it in cli/, scripts/",
  ]);
  expect(broken("core/task/a.ts", 'import "fast-check"')).toEqual([
    "core/task/a.ts:1: error: the package fast-check is banned here, use it in tests",
  ]);
  expect(broken("core/task/a.ts", 'import "left-pad"')).toEqual([
    "core/task/a.ts:1: error: the package left-pad is banned, use what PACKAGE_DOORS lists",
  ]);
  expect(broken("core/testing/a.ts", 'import "bun:test"; import "bun:ffi"')).toEqual([]);
});

test("checkImports() refuses an import without extension and one of a missing file", () => {
  expect(broken("core/task/a.ts", 'import "./b"')).toEqual([
    "core/task/a.ts:1: error: the import ./b without an extension is banned, use ./b.ts",
  ]);
  expect(broken("core/task/a.ts", 'import "./b.ts"')).toEqual([
    "core/task/a.ts:1: error: the import ./b.ts names no file, use one that exists",
  ]);
});

test("checkImports() lets the package's face reach the scenario helper, by a named doorway", () => {
  const helper = "cli/scenario/types.ts";
  expect(broken("index.ts", 'export * from "./cli/scenario/types.ts"', helper)).toEqual([]);
  expect(broken("index.ts", 'import "./cli/main.ts"', "cli/main.ts")).toHaveLength(1);
});

test("floorOf() puts every floor above those that it may import", () => {
  const order = ["core/errors.ts", "core/state/a.ts", "core/descriptor/a.ts", "core/sync/a.ts"];
  const upper = [
    "core/session/a.ts",
    "core/engine/a.ts",
    "core/guard/a.ts",
    "core/syscall.ts",
    "core/runtime/a.ts",
    "core/pool/a.ts",
  ];
  const top = ["core/testing/a.ts", "providers/a.ts", "index.ts", "cli/a.ts", "scripts/a.ts"];
  const floors = [...order, ...upper, ...top].map((path) => floorOf(path));
  expect(floors).toEqual(FLOORS.map((_, index) => index));
});

const tree = (texts: Record<string, string>) =>
  Object.entries(texts).map(([path, text]) => tidyFile(path, text));

test("checkCircles() names the shortest way round, and ignores imports of types", () => {
  const files = tree({
    "a.ts": 'import "./b.ts"; import "./c.ts"',
    "b.ts": 'import "./c.ts"',
    "c.ts": 'import "./a.ts"; import type { D } from "./d.ts"',
    "d.ts": 'import "./c.ts"',
  });
  expect(lines(checkCircles(files))).toEqual([
    "a.ts:1: error: the circle a.ts → c.ts → a.ts is banned, move what both need into a third file",
  ]);
});

test("circlesOf() finds each circle once, also a file that imports itself", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["a", "c"]],
    ["c", ["c", "d"]],
    ["d", []],
  ]);
  expect(circlesOf(graph).toSorted()).toEqual([
    ["a", "b", "a"],
    ["c", "c"],
  ]);
});

test("checkDeadFiles() finds what nothing imports and what only tests use", () => {
  const files = tree({
    "index.ts": 'import type { A } from "./core/a.ts"; new Worker("./core/worker.ts")',
    "core/a.ts": "",
    "core/worker.ts": "",
    "core/b.test.ts": 'import "./c.ts"; import "./d.fixture.ts"; run("g.program.ts")',
    "core/g.program.ts": "",
    "core/c.ts": "",
    "core/d.fixture.ts": "",
    "core/e.ts": 'import "./f.ts"',
    "core/f.ts": "",
  });
  expect(lines(checkDeadFiles(files))).toEqual([
    "core/c.ts:1: error: the file is used by tests only, import it or name it .fixture.ts or .program.ts",
    "core/e.ts:1: error: the file is never imported, delete it or import it",
    "core/f.ts:1: error: the file is never imported, delete it or import it",
  ]);
});
