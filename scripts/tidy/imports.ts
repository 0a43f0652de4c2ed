/**
 * Rules over single imports: the floors of the house, what a plugin may see, and which packages may
 * be used where. Circles and dead files are in graph.ts.
 */
import type { Finding, TidyFile } from "./files.ts";
import {
  DOORWAYS,
  FLOORS,
  NARROW_VIEWS,
  PACKAGE_DOORS,
  TEST_PACKAGES,
  type Floor,
} from "./floors.ts";
import { importsOf, packageOf, type Import } from "./import-list.ts";
import { lineAt } from "./source.ts";

/**
 * Tests, their fixtures and the programs that they start as processes of their own may look at
 * everything; what they may not do is ship.
 */
export function isTestFile(path: string): boolean {
  return /\.(?:test|fixture|program)\.ts$/.test(path) || /(?:^|\/)fixtures\//.test(path);
}

const matches = (pattern: string, path: string): boolean =>
  pattern === path || pattern === "" || (pattern.endsWith("/") && path.startsWith(pattern));

/** The floor that a path is on, from 0; undefined for a path that no floor names. */
export function floorOf(path: string, floors: readonly Floor[] = FLOORS): number | undefined {
  const index = floors.findIndex((floor) => floor.paths.some((part) => matches(part, path)));
  return index === -1 ? undefined : index;
}

function whyForbidden(from: string, to: string): string | undefined {
  if (DOORWAYS.some((doorway) => doorway.from === from && doorway.to === to)) return undefined;
  const view = NARROW_VIEWS.find((narrow) => from.startsWith(narrow.from));
  if (view !== undefined && !to.startsWith(view.from)) {
    if (view.sees.includes(to)) return undefined;
    return `importing ${to} from ${view.from} is banned, use ${view.use}`;
  }
  const lower = floorOf(from);
  const upper = floorOf(to);
  if (lower === undefined || upper === undefined || upper <= lower) return undefined;
  const [here, there] = [FLOORS[lower]!.name, FLOORS[upper]!.name];
  return `importing ${to} is banned, use a floor at or below "${here}": it is on "${there}"`;
}

function whyForbiddenPackage(path: string, specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  const name = packageOf(specifier);
  const isSuite = path.startsWith("core/testing/");
  if (TEST_PACKAGES.includes(name)) {
    if (isTestFile(path) || isSuite) return undefined;
    return `the package ${name} is banned here, use it in tests`;
  }
  if (name.startsWith("bun:")) return undefined;
  const door = PACKAGE_DOORS.find((candidate) => candidate.package === name);
  if (door === undefined) return `the package ${name} is banned, use what PACKAGE_DOORS lists`;
  if (door.in.some((prefix) => path.startsWith(prefix))) return undefined;
  return `the package ${name} is banned here, use it in ${door.in.join(", ")}`;
}

function whyBadForm(file: TidyFile, item: Import, known: ReadonlySet<string>): string | undefined {
  const { path, specifier } = item;
  if (path === undefined) {
    return whyForbiddenPackage(file.path, specifier);
  }
  if (!/\.(?:ts|json|sql|html|css|txt|md)$/.test(specifier)) {
    return `the import ${specifier} without an extension is banned, use ${specifier}.ts`;
  }
  if (!known.has(path)) return `the import ${specifier} names no file, use one that exists`;
  return isTestFile(file.path) ? undefined : whyForbidden(file.path, path);
}

/**
 * Finds imports that the plan forbids.
 * @param known the paths of all files
 */
export function checkImports(file: TidyFile, known: ReadonlySet<string>): Finding[] {
  const { source } = file;
  if (source === undefined) return [];
  const findings: Finding[] = [];
  if (floorOf(file.path) === undefined) {
    const message = "the file is on no floor, add its folder to scripts/tidy/floors.ts";
    findings.push({ path: file.path, line: 1, rule: "floors", message });
  }
  for (const item of importsOf(source)) {
    const message = whyBadForm(file, item, known);
    if (message === undefined) continue;
    findings.push({ path: file.path, line: lineAt(source, item.offset), rule: "imports", message });
  }
  return findings;
}
