/**
 * The tidy test: streams every source file once and fails on what the project has agreed not to do.
 * Each finding is one line, `path:line: error: X is banned, use Y`. The rules are in scripts/tidy/,
 * their exceptions in scripts/tidy/allow.ts.
 */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ROWS } from "./rows-list.ts";
import { applyAllowances } from "./tidy/allow.ts";
import { checkBanned } from "./tidy/banned.ts";
import { formatFinding, readTree, type Finding } from "./tidy/files.ts";
import { checkFunctions } from "./tidy/functions.ts";
import { checkCircles, checkDeadFiles } from "./tidy/graph.ts";
import { checkImports } from "./tidy/imports.ts";
import { TEXT_RULES, checkChangelog } from "./tidy/text-rules.ts";
import { checkTitles } from "./tidy/titles.ts";

const ROOT = join(import.meta.dir, "..");
const RULES: Readonly<Record<string, readonly string[]>> = {
  "every source file says what it is for": ["header"],
  "files, functions, lines and blobs stay within their limits": [
    "file-lines",
    "function-lines",
    "columns",
    "blob",
  ],
  "names are kebab-case": ["name"],
  "nothing asks the host for time beside core/clock.ts": ["time"],
  "nothing draws entropy beside core/random.ts": ["random"],
  "nothing prints or exits but programs": ["print", "exit"],
  "drizzle transactions have synchronous callbacks": ["transaction"],
  "no test is narrowed or silenced and no type is switched off": ["only", "suppress"],
  "nothing is left unfinished": ["unfinished"],
  "nothing names a machine or a private registry": ["host-path", "registry"],
  "imports follow the floors and packages stay behind their doors": ["imports", "floors"],
  "the import graph has no circles": ["circle"],
  "every file is needed by a program": ["dead-file"],
  "every page has one title": ["title"],
  "the changelog names the package's version": ["changelog"],
  "test titles say what happens and name rows that exist": ["title-words"],
  "every allowance excuses something": ["allowance"],
};

let findings: Finding[] = [];

beforeAll(async () => {
  const files = await readTree(ROOT);
  const paths = new Set(files.map((file) => file.path));
  const ids = new Set(ROWS.map((row) => row.id));
  for (const file of files) {
    for (const rule of TEXT_RULES) findings.push(...rule(file));
    findings.push(...checkBanned(file), ...checkFunctions(file));
    findings.push(...checkImports(file, paths), ...checkTitles(file, ids));
  }
  findings.push(...checkCircles(files), ...checkDeadFiles(files));
  const changelog = files.find((file) => file.path === "CHANGELOG.md");
  const manifest = await Bun.file(join(ROOT, "package.json")).json();
  findings.push(...checkChangelog(changelog?.text ?? "", manifest.version));
  findings = applyAllowances(findings);
});

for (const [title, rules] of Object.entries(RULES)) {
  test(`the tree is tidy: ${title}`, () => {
    const broken = findings.filter((finding) => rules.includes(finding.rule));
    expect(broken.map(formatFinding).join("\n")).toBe("");
  });
}

test("the tree is tidy: every rule belongs to a test", () => {
  const tested = new Set(Object.values(RULES).flat());
  expect(findings.filter((finding) => !tested.has(finding.rule)).map(formatFinding)).toEqual([]);
});
