/**
 * Code frames: the lines around a place in a text, with a mark under it. The text may be hostile:
 * nothing in it reaches a terminal as a control character, and long lines are cut to a window.
 */

const WIDTH = 100;
const LINES_BEFORE = 2;
/** How much of the line shows before the mark when the line is cut. */
const CONTEXT = 60;

/** Control characters, and the marks by which text can be made to read in another order. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Replaces what a terminal would obey by something it shows. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, "\ufffd");
}

/**
 * @param line counts from 1
 * @param column counts from 1, in UTF-16 units
 * @param length units to mark, at least one is
 */
export function codeFrame(text: string, line: number, column: number, length: number): string {
  const lines = text.split("\n", line).map((content) => content.replace(/\r$/, ""));
  const marked = lines[line - 1];
  if (marked === undefined) return "";
  const gutter = String(line).length;
  const rows: string[] = [];
  for (let number = Math.max(1, line - LINES_BEFORE); number < line; number++) {
    rows.push(`${String(number).padStart(gutter)} | ${clip(lines[number - 1]!, 0)}`.trimEnd());
  }
  const from = column - 1 > WIDTH - 20 ? column - 1 - CONTEXT : 0;
  const shown = clip(marked, from);
  const before = printable(expandTabs(marked.slice(from, column - 1)));
  const indent = Bun.stringWidth(before) + (from > 0 ? 3 : 0);
  const count = Math.max(1, Math.min(length, Bun.stringWidth(shown) - indent));
  rows.push(`${line} | ${shown}`);
  rows.push(`${" ".repeat(gutter)} | ${" ".repeat(indent)}${"^".repeat(count)}`);
  return rows.join("\n");
}

function clip(line: string, from: number): string {
  const start = from > 0 ? "..." : "";
  const rest = line.slice(from);
  const cut = rest.length > WIDTH ? `${rest.slice(0, WIDTH)}...` : rest;
  return start + printable(expandTabs(cut));
}

const expandTabs = (text: string): string => text.replaceAll("\t", "  ");
