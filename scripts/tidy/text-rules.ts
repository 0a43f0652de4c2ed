/**
 * Rules over any text file: its header, its size, its name, its words.
 */
import type { Finding, TidyFile } from "./files.ts";
import { lineAt, lineStartsOf } from "./source.ts";

export const LINES_MAX = 300;
export const COLUMNS_MAX = 100;
export const BLOB_BYTES_MAX = 200 * 1024;
const HEADER_CHARACTERS_MIN = 20;

const HASH_COMMENTED = /\.(?:ya?ml|toml|sh)$|^\.ci\/run$/;
const KEBAB = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
// Names that tools or custom prescribe.
const CUSTOMARY_NAMES = new Set(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"]);

/** Every source file opens with a comment that says what it is for. */
export function checkHeader(file: TidyFile): Finding[] {
  const finding = { path: file.path, line: 1, rule: "header" };
  if (file.source !== undefined) {
    const first = file.source.comments.find((comment) => !comment.text.startsWith("#!"));
    const before = first && file.source.code.slice(0, first.start).trim();
    const words = first?.text.replaceAll(/[/*\s]+/g, " ").trim() ?? "";
    if (before === "" && words.length >= HEADER_CHARACTERS_MIN) return [];
    const message = "the file has no header, open it with a comment that says what it is for";
    return [{ ...finding, message }];
  }
  if (!HASH_COMMENTED.test(file.path)) return [];
  const opening = file.text.split("\n").find((line) => !line.startsWith("#!"));
  if (opening?.startsWith("#")) return [];
  return [{ ...finding, message: "the file has no header, open it with a # comment" }];
}

/** A long address, or a test's expected message, which must stay whole to be found by searching. */
function isUnbreakable(path: string, line: string): boolean {
  if (/https?:\/\/\S{60}/.test(line)) return true;
  return path.endsWith(".test.ts") && /^\s*(["'`]).*\1[,;)]*$/.test(line);
}

/** Files and lines that are too long to take in. */
export function checkSize(file: TidyFile): Finding[] {
  const findings: Finding[] = [];
  if (file.sizeBytes > BLOB_BYTES_MAX) {
    const message = `the file has ${file.sizeBytes} bytes, keep files at ${BLOB_BYTES_MAX} at most`;
    findings.push({ path: file.path, line: 1, rule: "blob", message });
  }
  if (file.source === undefined) return findings;
  const lines = file.text.replace(/\n$/, "").split("\n");
  if (lines.length > LINES_MAX) {
    const message = `the file has ${lines.length} lines, split it at ${LINES_MAX}: one idea a file`;
    findings.push({ path: file.path, line: LINES_MAX + 1, rule: "file-lines", message });
  }
  for (const [index, line] of lines.entries()) {
    const columns = line.length > COLUMNS_MAX ? [...line].length : 0;
    if (columns <= COLUMNS_MAX || isUnbreakable(file.path, line)) continue;
    const message = `the line has ${columns} columns, break it at ${COLUMNS_MAX}`;
    findings.push({ path: file.path, line: index + 1, rule: "columns", message });
  }
  return findings;
}

/** File and folder names are kebab-case. */
export function checkName(file: TidyFile): Finding[] {
  for (const name of file.path.split("/")) {
    if (KEBAB.test(name) || CUSTOMARY_NAMES.has(name)) continue;
    const message = `the name "${name}" is banned, use kebab-case`;
    return [{ path: file.path, line: 1, rule: "name", message }];
  }
  return [];
}

// Put together from parts, so that these files do not break their own rule.
const UNFINISHED = new RegExp(`\\b(?:${["TO", "FIX", "XX"].join("|")})(?:DO|ME|X)\\b`, "g");
const HOST_PATH = new RegExp(`(?<![\\w.:/])/(?:${["work", "root", "home"].join("|")})/[\\w.]`, "g");
const REGISTRY_ADDRESS = /https?:\/\/[^"\s]+/g;

function everyMatch(file: TidyFile, pattern: RegExp, rule: string, say: (found: string) => string) {
  const findings: Finding[] = [];
  let starts: number[] | undefined;
  for (const match of file.text.matchAll(pattern)) {
    starts ??= lineStartsOf(file.text);
    const line = lineAt({ lineStarts: starts }, match.index);
    findings.push({ path: file.path, line, rule, message: say(match[0]) });
  }
  return findings;
}

/** Words that have no place in what is finished: reminders, paths of somebody's machine. */
export function checkWords(file: TidyFile): Finding[] {
  const findings = [
    ...everyMatch(
      file,
      UNFINISHED,
      "unfinished",
      (word) => `${word} is banned, use an issue and leave the code finished`,
    ),
    ...everyMatch(
      file,
      HOST_PATH,
      "host-path",
      (path) => `the path ${path.slice(0, -1)} of one machine is banned, use a relative path`,
    ),
  ];
  if (file.path === "bun.lock") {
    findings.push(
      ...everyMatch(
        file,
        REGISTRY_ADDRESS,
        "registry",
        () => "the address of a registry is banned, use the installer's own setting",
      ),
    );
  }
  return findings;
}

/** A page has one title; the changelog's newest release is the package's version. */
export function checkMarkdown(file: TidyFile): Finding[] {
  if (!file.path.endsWith(".md")) return [];
  const titles: number[] = [];
  let fence = "";
  for (const [index, line] of file.text.split("\n").entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark !== undefined && fence === "") fence = mark;
    else if (mark !== undefined && mark.startsWith(fence)) fence = "";
    else if (fence === "" && line.startsWith("# ")) titles.push(index + 1);
  }
  if (titles.length === 1) return [];
  const line = titles[1] ?? 1;
  const message = `the page has ${titles.length} titles, use exactly one "# Title"`;
  return [{ path: file.path, line, rule: "title", message }];
}

/** The rules that look at one file at a time, whatever its kind. */
export const TEXT_RULES = [checkHeader, checkSize, checkName, checkWords, checkMarkdown] as const;

/**
 * The changelog's newest release must be the package's version, and be dated.
 * @param changelog text of CHANGELOG.md
 * @param version the version in package.json
 */
export function checkChangelog(changelog: string, version: string): Finding[] {
  const finding = { path: "CHANGELOG.md", rule: "changelog" };
  for (const [index, text] of changelog.split("\n").entries()) {
    const heading = /^## \[(\d[^\]]*)\](?: - (\S+))?$/.exec(text);
    if (heading === null) continue;
    const line = index + 1;
    if (heading[1] !== version) {
      const message = `the newest release is ${heading[1]}, use package.json's ${version}`;
      return [{ ...finding, line, message }];
    }
    if (/^\d{4}-\d\d-\d\d$/.test(heading[2] ?? "")) return [];
    return [{ ...finding, line, message: "the release has no date, use ## [1.2.3] - 2026-01-31" }];
  }
  return [{ ...finding, line: 1, message: `no release is named, add ## [${version}]` }];
}
