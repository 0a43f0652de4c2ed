/**
 * The rule over function lengths: a function that does not fit a screen hides what it does.
 */
import type { Finding, TidyFile } from "./files.ts";
import { lineAt, type Source } from "./source.ts";

export const FUNCTION_LINES_MAX = 70;

export interface FunctionSpan {
  /** The code that leads to the opening brace, squeezed. */
  header: string;
  /** 1-based, inclusive. */
  firstLine: number;
  lastLine: number;
}

const NOT_A_FUNCTION =
  /^(?:\}\s*)?(?:else\s+)?(?:if|for|while|switch|catch|with|do|else|try|finally)\b/;
const DECLARES_A_TYPE =
  /\b(?:class|interface|enum|namespace)\s+[\w$]+[^()]*$|^\s*(?:import|export)\s*$/;
const ENDS_LIKE_A_FUNCTION = /(?:=>|\)|\)\s*:\s*[^=;{}]+|\)\s*:\s*[\w$.]+<.*>)\s*$/s;

function opensFunction(header: string): boolean {
  if (NOT_A_FUNCTION.test(header) || DECLARES_A_TYPE.test(header)) return false;
  return ENDS_LIKE_A_FUNCTION.test(header);
}

/** Where the statement that leads to an opening brace begins. */
function headerStart(code: string, brace: number): number {
  let depth = 0;
  let angles = 0;
  for (let at = brace - 1; at >= 0; at--) {
    const character = code[at]!;
    if (character === ")" || character === "]") depth++;
    else if (character === "(" || character === "[") {
      // An opening bracket that is still open: the brace is inside a call's arguments.
      if (depth === 0) return at + 1;
      depth--;
    } else if (depth > 0) continue;
    // Outside of round brackets, angles are those of a generic type; an arrow is not one.
    else if (character === ">" && code[at - 1] !== "=") angles++;
    else if (character === "<" && angles > 0) angles--;
    else if (character === ";" || character === "{" || character === "}") return at + 1;
    else if (character === "," && angles === 0) return at + 1;
  }
  return 0;
}

/** Where the bracket that closes at an offset opens. */
function openingBracket(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (code[at] === ")") depth++;
    else if (code[at] === "(" && --depth === 0) return at;
  }
  return 0;
}

/** The call whose argument begins at an offset: the words before the bracket that encloses it. */
function enclosingCall(code: string, start: number): string {
  for (let at = start - 1; at >= 0; at--) {
    const character = code[at]!;
    if (character === ")") at = openingBracket(code, at);
    else if (character === "(") {
      // A table or a condition may stand between the call's name and its arguments.
      while (code[at - 1] === ")") at = openingBracket(code, at - 1);
      return /[\w$.]*$/.exec(code.slice(Math.max(0, at - 60), at))?.[0] ?? "";
    } else if (character === ";" || character === "{" || character === "}") break;
  }
  return "";
}

/** All functions of a file that have a body in braces; test groups are not counted as functions. */
export function functionsOf(source: Source): FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  const open: (Omit<FunctionSpan, "lastLine"> | undefined)[] = [];
  const { code } = source;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") {
      const start = headerStart(code, at);
      const header = code.slice(start, at).trim();
      const begins = start + (/\S/.exec(code.slice(start, at))?.index ?? 0);
      const isFunction = opensFunction(header) && !/^describe\b/.test(enclosingCall(code, start));
      open.push(isFunction ? { header, firstLine: lineAt(source, begins) } : undefined);
    } else if (code[at] === "}") {
      const span = open.pop();
      if (span !== undefined) spans.push({ ...span, lastLine: lineAt(source, at) });
    }
  }
  return spans;
}

/** Finds functions that are too long. */
export function checkFunctions(file: TidyFile): Finding[] {
  if (file.source === undefined) return [];
  const findings: Finding[] = [];
  for (const { firstLine, lastLine } of functionsOf(file.source)) {
    const lines = lastLine - firstLine + 1;
    if (lines <= FUNCTION_LINES_MAX) continue;
    const message = `the function has ${lines} lines, split it at ${FUNCTION_LINES_MAX}`;
    findings.push({ path: file.path, line: firstLine, rule: "function-lines", message });
  }
  return findings;
}
