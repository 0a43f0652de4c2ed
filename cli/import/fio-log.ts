/**
 * Reads fio's I/O logs, version 2 and 3 ("Trace file format" in its manual): a line for each
 * request, `file action offset length`, in version 3 behind a time in microseconds. Version 2 has
 * `wait` lines instead, which fio takes for milliseconds since its start.
 */
import { NS_PER_MS } from "../../core/clock.ts";
import { DURATION_NS_MAX, TRANSFER_BYTES_MAX } from "../scenario/limits.ts";
import { refuseImport } from "./mistake.ts";

export const FIO_LOG_BYTES_MAX = 16 << 20;
const LINE_LENGTH_MAX = 4096;
/** More of them could not become steps of a scenario. */
const REQUESTS_MAX = 100_000;
const REQUEST_BYTES_MAX = 16 << 20;
const NS_PER_US = 1000;

const ACTIONS = ["read", "write", "sync", "datasync", "trim"] as const;
type FioAction = (typeof ACTIONS)[number];
const FILE_ACTIONS = new Set(["add", "open", "close", "unlink"]);

export interface FioRequest {
  readonly line: number;
  /** Since the log's beginning; 0 throughout where it has no times. */
  readonly timeNs: number;
  readonly file: string;
  readonly action: FioAction;
  readonly offset: number;
  readonly length: number;
}

export interface FioLogContent {
  readonly version: 2 | 3;
  readonly requests: readonly FioRequest[];
}

const isAction = (word: string): word is FioAction => ACTIONS.includes(word as FioAction);

/** Reads one log. */
class FioReader {
  readonly #path: string;
  readonly #version: 2 | 3;
  readonly requests: FioRequest[] = [];
  #line = 1;
  #timeNs = 0;

  constructor(path: string, version: 2 | 3) {
    this.#path = path;
    this.#version = version;
  }

  take(text: string): void {
    this.#line++;
    if (text.trim() === "") return;
    if (text.length > LINE_LENGTH_MAX) this.#refuse(`it has ${text.length} characters`);
    const words = text.trim().split(/\s+/);
    if (this.#version === 3) this.#time(words.shift()!, NS_PER_US);
    const [file, action, ...numbers] = words;
    if (file === undefined || action === undefined) this.#refuse("it has no file and action");
    if (numbers.length === 0 && FILE_ACTIONS.has(action)) return;
    if (numbers.length === 0 || numbers.length > 2) {
      this.#refuse(`found ${numbers.length} numbers behind "${action.slice(0, 20)}", wanted 2`);
    }
    const offset = this.#number("offset", numbers[0]!, TRANSFER_BYTES_MAX);
    if (action === "wait" && this.#version === 2) {
      this.#time(numbers[0]!, NS_PER_MS);
      return;
    }
    if (!isAction(action)) {
      this.#refuse(`found the action "${action.slice(0, 20)}", wanted ${ACTIONS.join(", ")}`);
    }
    const lengthMax = action === "trim" ? TRANSFER_BYTES_MAX : REQUEST_BYTES_MAX;
    const length = this.#number("length", numbers[1] ?? "0", lengthMax);
    const moves = action === "read" || action === "write" || action === "trim";
    if (moves && length === 0) this.#refuse(`found a ${action} of 0 bytes`);
    if (this.requests.length === REQUESTS_MAX) this.#refuse(`it is request ${REQUESTS_MAX + 1}`);
    this.requests.push({ line: this.#line, timeNs: this.#timeNs, file, action, offset, length });
  }

  /** Times that go back are those of requests that were logged late. */
  #time(word: string, unitNs: number): void {
    const units = this.#number("time", word, Math.floor(DURATION_NS_MAX / unitNs));
    this.#timeNs = Math.max(this.#timeNs, units * unitNs);
  }

  #number(what: string, word: string, maximum: number): number {
    const value = /^\d{1,16}$/.test(word) ? Number(word) : Number.NaN;
    if (value <= maximum) return value;
    return this.#refuse(`found the ${what} "${word.slice(0, 20)}", wanted 0 to ${maximum}`);
  }

  #refuse(found: string): never {
    refuseImport(this.#path, `line ${this.#line}`, found, "Mend the line, or take it out");
  }
}

/**
 * Reads a log.
 * @param path what it is called in errors
 * @throws {ReelError} ERR_USAGE with the line's number when it is none
 */
export function readFioLog(path: string, text: string): FioLogContent {
  const lines = text.split("\n");
  const match = /^fio version ([23]) iolog\s*$/.exec(lines[0]!.slice(0, 100));
  if (match === null) {
    const found = 'found no "fio version 2 iolog" or "fio version 3 iolog"';
    refuseImport(path, "line 1", found, "Give a log that fio wrote with --write_iolog");
  }
  const version = match[1] === "2" ? 2 : 3;
  const reader = new FioReader(path, version);
  for (const line of lines.slice(1)) reader.take(line);
  if (reader.requests.length === 0) {
    refuseImport(path, "", "it has no requests", "Give a log with reads or writes");
  }
  return { version, requests: reader.requests };
}
