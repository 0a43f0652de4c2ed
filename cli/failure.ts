/**
 * How a failure is told: what was being done, where, what to do about it, and how to see it again.
 */
import { isReelError } from "../core/errors.ts";
import { note, paintNote } from "./output.ts";
import { issuesOf, issuesText, type IssuePaint } from "./scenario/issue-text.ts";

const issuePaint: IssuePaint = {
  error: (text) => paintNote("red", text),
  place: (text) => paintNote("dim", text),
  help: (text) => paintNote("cyan", text),
};

/** Quotes a word for a POSIX shell, if it needs it. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command line that does this again. */
export function commandLine(words: readonly string[]): string {
  return ["ioreel", ...words].map(shellQuote).join(" ");
}

/** Prints a failure to stderr. */
export function tellFailure(error: unknown, reproduce: string): void {
  const told = error instanceof Error ? error : new Error(String(error));
  const code = isReelError(told) ? told.code : internalName(told);
  if (isReelError(told, "ERR_SCENARIO_INVALID") && issuesOf(told).length > 0) {
    note(issuesText(told, issuePaint));
    note(`${paintNote("dim", "reproduce")}: ${reproduce}`);
    return;
  }
  note(`${paintNote("red", `error[${code}]`)}: ${told.message}`);
  if (isReelError(told)) {
    if (told.mend !== undefined) note(`${paintNote("cyan", "help")}: ${told.mend}`);
  } else {
    // A defect of ioreel or of a plugin: the stack is what whoever mends it needs.
    note(paintNote("dim", stackOf(told)));
  }
  if (told.cause !== undefined) note(`${paintNote("dim", "cause")}: ${String(told.cause)}`);
  note(`${paintNote("dim", "reproduce")}: ${reproduce}`);
}

/** A failure as plain data, for `--json`. */
export function failureData(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { code: "INTERNAL", message: String(error) };
  if (!isReelError(error)) return { code: internalName(error), message: error.message };
  const { code, message, mend, details } = error;
  return { code, message, mend, details };
}

function internalName(error: Error): string {
  return error.name === "Error" ? "INTERNAL" : error.name;
}

function stackOf(error: Error): string {
  return (error.stack ?? "").split("\n").slice(1, 6).join("\n");
}
