/**
 * fio's I/O log (`fio --read_iolog`, "Trace file format v2/v3" of its manual): what was asked of
 * disks, and what went through pipes, which fio takes for files that are read and written from
 * beginning to end. Version 3 has a time in microseconds on each line; version 2 has `wait` lines,
 * which fio reads as milliseconds since its start.
 */
import { NS_PER_MS } from "../../clock.ts";
import type { End } from "./ends.ts";
import type { Operation } from "./operation.ts";
import type { Output } from "./output.ts";
import type { WalkVisitor } from "./walk.ts";

const NS_PER_US = 1000;
/** Files of one log: far more than anybody can replay. */
const FILES_MAX = 65_536;
/** IORING_FSYNC_DATASYNC. */
const DATA_ONLY = 1;
/** Kinds whose operations no file can stand for. */
const NO_FILES: ReadonlySet<string> = new Set(["tcp", "timer", "other"]);
const WORDS = new Map([
  ["read", "read"],
  ["write", "write"],
  ["flush", "sync"],
  ["discard", "trim"],
]);

const fileName = (end: End): string => end.name.replaceAll(" ", "");

export class FioLog implements WalkVisitor {
  readonly #output: Output;
  readonly #version: 2 | 3;
  readonly #files = new Set<string>();
  /** How far each pipe's end has come, in bytes. */
  readonly #positions = new WeakMap<End, number>();
  #waitedMs = 0;
  #lastNs = 0;
  #lines = 0;
  #unknownLengths = 0;
  #beyondFiles = 0;

  constructor(output: Output, version: 2 | 3) {
    this.#output = output;
    this.#version = version;
    output.text(`fio version ${version} iolog\n`);
  }

  get stopped(): boolean {
    return this.#output.stopped;
  }

  get notes(): readonly string[] {
    const notes: string[] = [];
    if (this.#lines === 0) notes.push("the recording has no operation of a disk or a pipe");
    if (this.#unknownLengths > 0) {
      const count = this.#unknownLengths;
      notes.push(`${count} discards are left out: io_uring sessions do not hold their lengths`);
    }
    if (this.#beyondFiles > 0) {
      notes.push(`${this.#beyondFiles} requests are left out: there are over ${FILES_MAX} files`);
    }
    return notes;
  }

  begin(operation: Operation): void {
    const { action, argument, beginNs, end, isRing, length, offset } = operation;
    const word = WORDS.get(action);
    if (word === undefined || end.kind === "pipe" || NO_FILES.has(end.kind)) return;
    if (action === "flush") {
      const dataOnly = isRing && (argument & DATA_ONLY) !== 0;
      this.#line(end, dataOnly ? "datasync" : "sync", beginNs, 0, 0);
    } else if (action !== "discard") {
      if (length > 0) this.#line(end, word, beginNs, offset, length);
    } else if (isRing) {
      this.#unknownLengths++;
    } else {
      this.#line(end, word, beginNs, offset, argument);
    }
  }

  /** A pipe's bytes count as they were moved: what was asked for may never have come. */
  result(operation: Operation, timeNs: number, result: number): void {
    const { action, end, moves } = operation;
    if (end.kind !== "pipe" || !moves || result <= 0) return;
    const position = this.#positions.get(end) ?? 0;
    this.#positions.set(end, position + result);
    this.#line(end, action, timeNs, position, result);
  }

  finish(): void {
    for (const file of this.#files) this.#file(file, "close", this.#lastNs);
    this.#output.flush();
  }

  #line(end: End, word: string, timeNs: number, offset: number, length: number): void {
    const file = fileName(end);
    if (!this.#files.has(file)) {
      if (this.#files.size === FILES_MAX) {
        this.#beyondFiles++;
        return;
      }
      this.#files.add(file);
      this.#file(file, "add", timeNs);
      this.#file(file, "open", timeNs);
    }
    this.#lines++;
    this.#lastNs = timeNs;
    if (this.#version === 2) this.#wait(file, timeNs);
    this.#output.text(`${this.#stamp(timeNs)}${file} ${word} ${offset} ${length}\n`);
  }

  #file(file: string, word: string, timeNs: number): void {
    this.#output.text(`${this.#stamp(timeNs)}${file} ${word}\n`);
  }

  #wait(file: string, timeNs: number): void {
    const nowMs = Math.floor(timeNs / NS_PER_MS);
    if (nowMs <= this.#waitedMs) return;
    this.#waitedMs = nowMs;
    this.#output.text(`${file} wait ${nowMs} 0\n`);
  }

  #stamp(timeNs: number): string {
    return this.#version === 3 ? `${Math.floor(timeNs / NS_PER_US)} ` : "";
  }
}
