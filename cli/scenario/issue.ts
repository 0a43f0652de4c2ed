/**
 * What is wrong with a scenario: collected while it is checked, so that one look at the file mends
 * several mistakes, and placed in the file afterwards.
 */
import { printable } from "./frame.ts";
import { ISSUES_MAX } from "./limits.ts";

/** Keys and list positions from the top of the scenario. */
export type Path = readonly (string | number)[];

export interface Issue {
  readonly path: Path;
  /** Names the place, what was found and what is wanted. */
  readonly message: string;
  /** How to mend it, if that is known. */
  readonly help: string | undefined;
  /** Whether the key is wrong, or the value that stands at it. */
  readonly on: "key" | "value";
}

/** An issue with its place in a file; line and column count from 1. */
export interface LocatedIssue {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As in the message: "tasks.producer[0].write.to"; empty for the whole. */
  readonly path: string;
  readonly message: string;
  readonly help: string | undefined;
  /** The lines around the place with a mark under it; empty where there is no text. */
  readonly frame: string;
}

/** The issues of one scenario, in the order in which they were found. */
export class Issues {
  readonly list: Issue[] = [];
  /** Those beyond {@link ISSUES_MAX}. */
  uncounted = 0;

  get any(): boolean {
    return this.list.length > 0;
  }

  add(path: Path, message: string, help?: string, on: "key" | "value" = "value"): void {
    if (this.list.length < ISSUES_MAX) this.list.push({ path, message, help, on });
    else this.uncounted++;
  }

  /** "<path> must be <wanted>: found <value>". */
  wanted(path: Path, wanted: string, value: unknown, help?: string): void {
    this.add(path, `${pathText(path)} must be ${wanted}: found ${show(value)}`, help);
  }
}

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/;

/** "tasks.producer[0].write"; the whole is "the scenario". */
export function pathText(path: Path): string {
  if (path.length === 0) return "the scenario";
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (!PLAIN_KEY.test(part)) text += `[${show(part)}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

const SHOWN_LENGTH = 60;

/** A found value, short enough for a message. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "function") return "a function";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  const shown = value.length <= SHOWN_LENGTH ? value : `${value.slice(0, SHOWN_LENGTH - 3)}...`;
  return printable(JSON.stringify(shown));
}

/** "a, b and c", at most eight of them. */
export function listed(names: Iterable<string>): string {
  const all = [...names];
  if (all.length > 8) return `${all.slice(0, 8).join(", ")} and ${all.length - 8} more`;
  if (all.length < 2) return all.join("");
  return `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
