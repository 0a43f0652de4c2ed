/** The mistakes of a scenario as text for a terminal: place, lines around it, help. */
import type { ReelError } from "../../core/errors.ts";
import type { LocatedIssue } from "./issue.ts";
import { plural } from "./units.ts";

/** How to colour parts of the text. */
export interface IssuePaint {
  error(text: string): string;
  place(text: string): string;
  help(text: string): string;
}

/** The issues of an ERR_SCENARIO_INVALID; empty for other errors. */
export function issuesOf(error: ReelError): readonly LocatedIssue[] {
  const { issues } = error.details;
  return Array.isArray(issues) ? (issues as LocatedIssue[]) : [];
}

/**
 * @returns one paragraph an issue, and how many there are if there are several
 */
export function issuesText(error: ReelError, paint: IssuePaint): string {
  const issues = issuesOf(error);
  const paragraphs = issues.map((issue) => issueText(error.code, issue, paint));
  const uncounted = Number(error.details["uncounted"] ?? 0);
  const total = issues.length + uncounted;
  if (total > 1) {
    const shown = uncounted > 0 ? `, the first ${issues.length} are shown` : "";
    paragraphs.push(`${plural(total, "mistake")} in ${issues[0]!.file}${shown}`);
  }
  return paragraphs.join("\n\n");
}

function issueText(code: string, issue: LocatedIssue, paint: IssuePaint): string {
  const { column, file, frame, help, line, message } = issue;
  const lines = [
    `${paint.error(`error[${code}]`)}: ${message}`,
    `  ${paint.place("-->")} ${file}:${line}:${column}`,
  ];
  if (frame !== "") lines.push(...frame.split("\n").map((row) => `  ${row}`));
  if (help !== undefined) lines.push(`${paint.help("help")}: ${help}`);
  return lines.join("\n");
}
