/**
 * Tests of the tidy rules over text: each rule finds what it bans, with its exact message, and
 * leaves a tidy file alone.
 */
import { expect, test } from "bun:test";
import { formatFinding, tidyFile, type Finding } from "./files.ts";
import {
  checkChangelog,
  checkHeader,
  checkMarkdown,
  checkName,
  checkSize,
  checkWords,
} from "./text-rules.ts";

const HEADER = "/** A file that says what it is for. */\n";
const lines = (findings: readonly Finding[]): string[] => findings.map(formatFinding);

test("checkHeader() wants a comment before anything else", () => {
  expect(lines(checkHeader(tidyFile("a.ts", `import "x";\n${HEADER}`)))).toEqual([
    "a.ts:1: error: the file has no header, open it with a comment that says what it is for",
  ]);
  expect(checkHeader(tidyFile("a.ts", HEADER))).toEqual([]);
  expect(checkHeader(tidyFile("a.ts", `#!/usr/bin/env bun\n${HEADER}`))).toEqual([]);
});

test("checkHeader() takes a comment of a few letters for none", () => {
  expect(checkHeader(tidyFile("a.ts", "// stuff\n"))).toHaveLength(1);
});

test("checkHeader() wants a # comment on top of YAML and shell files", () => {
  expect(lines(checkHeader(tidyFile("a.yaml", "version: 1\n")))).toEqual([
    "a.yaml:1: error: the file has no header, open it with a # comment",
  ]);
  expect(checkHeader(tidyFile(".ci/run", "#!/bin/sh\n# Runs it.\n"))).toEqual([]);
  expect(checkHeader(tidyFile("a.json", "{}"))).toEqual([]);
});

test("checkSize() names the first line too many and every line too wide", () => {
  const text = `${HEADER}${"a;\n".repeat(300)}`;
  expect(lines(checkSize(tidyFile("a.ts", text)))).toEqual([
    "a.ts:301: error: the file has 301 lines, split it at 300: one idea a file",
  ]);
  expect(checkSize(tidyFile("a.ts", `${HEADER}${"a;\n".repeat(299)}`))).toEqual([]);
  expect(lines(checkSize(tidyFile("a.ts", `${HEADER}${"a".repeat(101)}\n`)))).toEqual([
    "a.ts:2: error: the line has 101 columns, break it at 100",
  ]);
  expect(checkSize(tidyFile("a.ts", `// ${"é𝄞".repeat(48)}\n`))).toEqual([]);
});

test("checkSize() leaves long addresses and a test's expected messages whole", () => {
  const address = `// https://example.test/${"a".repeat(90)}\n`;
  expect(checkSize(tidyFile("a.ts", address))).toEqual([]);
  const message = `  "${"a".repeat(100)}",\n`;
  expect(checkSize(tidyFile("a.test.ts", message))).toEqual([]);
  expect(checkSize(tidyFile("a.ts", message))).toHaveLength(1);
});

test("checkSize() refuses a large file of any kind", () => {
  expect(lines(checkSize(tidyFile("a.txt", "a".repeat(204801))))).toEqual([
    "a.txt:1: error: the file has 204801 bytes, keep files at 204800 at most",
  ]);
});

test("checkName() wants kebab-case in folders and files alike", () => {
  expect(lines(checkName(tidyFile("core/waitSet.ts", "")))).toEqual([
    'core/waitSet.ts:1: error: the name "waitSet.ts" is banned, use kebab-case',
  ]);
  expect(checkName(tidyFile("Core/a.ts", ""))).toHaveLength(1);
  for (const path of ["core/wait-set.test.ts", ".ci/run", "docs/README.md", ".oxlintrc.json"]) {
    expect(checkName(tidyFile(path, ""))).toEqual([]);
  }
});

test("checkWords() finds reminders and paths of a machine, with their lines", () => {
  const reminder = ["TO", "DO"].join("");
  expect(lines(checkWords(tidyFile("a.md", `x\n${reminder}: y\n`)))).toEqual([
    `a.md:2: error: ${reminder} is banned, use an issue and leave the code finished`,
  ]);
  const path = ["", "home", "someone"].join("/");
  expect(lines(checkWords(tidyFile("a.yaml", `file: ${path}/b\n`)))).toEqual([
    "a.yaml:1: error: the path /home/ of one machine is banned, use a relative path",
  ]);
  expect(checkWords(tidyFile("a.md", "home/desk and a.b/root/c and //desk/x"))).toEqual([]);
});

test("checkWords() finds a registry's address in the lockfile only", () => {
  const text = '"a": "https://npm.example.test/a.tgz"';
  expect(lines(checkWords(tidyFile("bun.lock", text)))).toEqual([
    "bun.lock:1: error: the address of a registry is banned, use the installer's own setting",
  ]);
  expect(checkWords(tidyFile("a.md", text))).toEqual([]);
  expect(checkWords(tidyFile("bun.lock", '"a": ["a@1.0.0", "", {}]'))).toEqual([]);
});

test("checkMarkdown() wants one title and does not look into code blocks", () => {
  expect(checkMarkdown(tidyFile("a.md", "# One\n```sh\n# comment\n```\n## Two\n"))).toEqual([]);
  expect(lines(checkMarkdown(tidyFile("a.md", "# One\n\n# Two\n")))).toEqual([
    'a.md:3: error: the page has 2 titles, use exactly one "# Title"',
  ]);
  expect(lines(checkMarkdown(tidyFile("a.md", "text")))).toEqual([
    'a.md:1: error: the page has 0 titles, use exactly one "# Title"',
  ]);
});

test("checkChangelog() wants the package's version on top, with its date", () => {
  const text = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-01-31\n\n## [0.1.0]\n";
  expect(checkChangelog(text, "0.2.0")).toEqual([]);
  expect(lines(checkChangelog(text, "0.3.0"))).toEqual([
    "CHANGELOG.md:5: error: the newest release is 0.2.0, use package.json's 0.3.0",
  ]);
  expect(lines(checkChangelog("# Changelog\n## [0.1.0]\n", "0.1.0"))).toEqual([
    "CHANGELOG.md:2: error: the release has no date, use ## [1.2.3] - 2026-01-31",
  ]);
  expect(lines(checkChangelog("# Changelog\n", "0.1.0"))).toEqual([
    "CHANGELOG.md:1: error: no release is named, add ## [0.1.0]",
  ]);
});
