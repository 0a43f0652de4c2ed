/**
 * Test titles: what they are, and what they must be so that a list of them describes the project.
 * `bun run rows` reads the row ids out of them.
 */
import type { Finding, TidyFile } from "./files.ts";
import { lineAt, stringAt, type Source } from "./source.ts";

export interface TestTitle {
  /** The title as written; a template's holes show as "…". */
  title: string;
  /** A group, whose title stands before those of its tests. */
  isGroup: boolean;
  offset: number;
  line: number;
}

const TITLE_WORDS_MIN = 3;
const CALL = /(?<![\w$.])(test|it|describe|onBoth)\b(?!\s*:)/g;

/** Where the bracket that opens at an offset closes. */
function closingBracket(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === "(") depth++;
    else if (code[at] === ")" && --depth === 0) return at;
  }
  return code.length;
}

/** The offset of a call's title: past `.each(…)`, `.skipIf(…)` and the like. */
function titleOffset(code: string, from: number): number | undefined {
  let at = from;
  for (;;) {
    const member = /^\s*\.\s*[\w$]+/.exec(code.slice(at, at + 60));
    if (member !== null) at += member[0].length;
    const bracket = /^\s*\(\s*/.exec(code.slice(at, at + 200));
    if (bracket === null) return undefined;
    const inside = at + bracket[0].length;
    if (/["'`]/.test(code[inside] ?? "")) return inside + 1;
    at = closingBracket(code, at + bracket[0].indexOf("(")) + 1;
  }
}

function textOf(source: Source, offset: number): string | undefined {
  const first = stringAt(source, offset);
  if (first === undefined) return undefined;
  if (!first.open) return first.text;
  let title = first.text;
  let depth = 0;
  // Pieces of templates inside a hole belong to the hole: count how deep each piece lies.
  for (const piece of source.strings.slice(source.strings.indexOf(first) + 1)) {
    const opensHere = source.text[piece.start - 1] !== "}";
    if (opensHere) {
      if (piece.open) depth++;
      continue;
    }
    if (depth === 0) {
      title += `…${piece.text}`;
      if (!piece.open) return title;
    } else if (!piece.open) depth--;
  }
  return title;
}

/** The titles of all tests and groups in a file, in the order of the text. */
export function titlesOf(source: Source): TestTitle[] {
  const titles: TestTitle[] = [];
  for (const match of source.code.matchAll(CALL)) {
    const offset = titleOffset(source.code, match.index + match[0].length);
    const title = offset === undefined ? undefined : textOf(source, offset);
    if (offset === undefined || title === undefined) continue;
    titles.push({ title, isGroup: match[1] === "describe", offset, line: lineAt(source, offset) });
  }
  return titles;
}

const ROW_ID = /^[A-Z]\d+(?:\.\d+)?$/;

/** The row ids that a title names: "[A2.6]", "[M2.5, M2.6]". */
export function rowIdsOf(title: string): string[] {
  const ids: string[] = [];
  for (const [, inside] of title.matchAll(/\[([^\]]+)\]/g)) {
    const parts = inside!.split(/[,\s]+/).filter((part) => part !== "");
    if (parts.every((part) => ROW_ID.test(part))) ids.push(...parts);
  }
  return ids;
}

/**
 * Finds titles that say too little, say it twice, or name a row that there is none of.
 * @param known the ids of all rows
 */
export function checkTitles(file: TidyFile, known: ReadonlySet<string>): Finding[] {
  if (file.source === undefined || !file.path.endsWith(".test.ts")) return [];
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  let group = "";
  for (const { title, isGroup, line } of titlesOf(file.source)) {
    const report = (message: string): void => {
      findings.push({ path: file.path, line, rule: "title-words", message });
    };
    for (const id of rowIdsOf(title)) {
      if (!known.has(id)) report(`the row [${id}] is banned, use an id of scripts/rows-list.ts`);
    }
    if (isGroup) {
      group = title;
      continue;
    }
    const words = title.replaceAll(/\s*\[[^\]]*\]/g, "").trim();
    if (words.split(/\s+/).length < TITLE_WORDS_MIN) {
      report(`the test title "${title}" is banned, use "symbol() does X when Y"`);
    }
    if (/\bshould\b|\bworks?(?: correctly| fine| as expected)?$/.test(words)) {
      report(`the test title "${title}" is banned, use what happens instead of a promise of it`);
    }
    const key = `${group}\0${title}`;
    const earlier = seen.get(key);
    if (earlier !== undefined)
      report(`the test title of line ${earlier} is used again, use another`);
    seen.set(key, line);
  }
  return findings;
}
