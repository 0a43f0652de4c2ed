/**
 * Chrome's Trace Event Format as JSON, for chrome://tracing, Perfetto and others. Each provider is
 * a process, each of its ends a thread of it. Operations overlap, so they are asynchronous events
 * keyed by the operation's number; short slices on the end's thread mark where each was submitted
 * and completed, with a flow arrow between them. Times are microseconds with three decimals, which
 * is every nanosecond.
 */
import { codeOfResult } from "../../errors.ts";
import { nameDigest } from "../describe.ts";
import { NO_DIGEST } from "../event.ts";
import { Activity } from "./activity.ts";
import type { End } from "./ends.ts";
import type { Operation } from "./operation.ts";
import type { Output } from "./output.ts";
import type { WalkVisitor } from "./walk.ts";

/** The process of what belongs to no provider: marks and counters. */
const SESSION_PROCESS = 1;
/** Length of the slices to which flow arrows are tied. */
const POINT_US = "0.001";

const microseconds = (timeNs: number): string =>
  `${Math.floor(timeNs / 1000)}.${String(timeNs % 1000).padStart(3, "0")}`;

export class ChromeTrace implements WalkVisitor {
  readonly #output: Output;
  readonly #activity = new Activity();
  readonly #processes = new Map<string, number>();
  readonly #named = new WeakSet<End>();
  #first = true;

  /** @param about what the trace says of its recording */
  constructor(output: Output, about: Readonly<Record<string, unknown>>) {
    this.#output = output;
    const head = `{"displayTimeUnit":"ns","otherData":${JSON.stringify(about)},"traceEvents":[`;
    output.text(head);
    this.#name("process_name", SESSION_PROCESS, 0, "session");
  }

  get stopped(): boolean {
    return this.#output.stopped;
  }

  begin(operation: Operation): void {
    this.#activity.begin();
    const place = this.#place(operation.end);
    const { action, beginNs, digest, length, number, offset, sequence, slot } = operation;
    const args: Record<string, unknown> = { operation: number, sequence, slot, length, offset };
    if (digest !== NO_DIGEST) args["payload"] = nameDigest(digest);
    this.#async("b", operation, beginNs, place, args);
    this.#point(`submit ${action}`, "s", operation, beginNs, place);
    this.#counter("in flight", beginNs, `{"operations":${this.#activity.inFlight}}`);
  }

  result(
    operation: Operation,
    timeNs: number,
    result: number,
    _bytes: Uint8Array | undefined,
    last: boolean,
  ): void {
    const place = this.#place(operation.end);
    const moved = this.#activity.result(operation, result, last);
    const args = result < 0 ? { result, error: codeOfResult(result) } : { result };
    if (last) {
      this.#async("e", operation, timeNs, place, args);
      this.#point(`complete ${operation.action}`, "f", operation, timeNs, place);
      this.#counter("in flight", timeNs, `{"operations":${this.#activity.inFlight}}`);
    } else {
      this.#async("n", operation, timeNs, place, args);
    }
    if (!moved) return;
    const { readBytes, writtenBytes } = this.#activity;
    this.#counter("bytes", timeNs, `{"read":${readBytes},"written":${writtenBytes}}`);
  }

  unfinished(operation: Operation, timeNs: number): void {
    this.#async("e", operation, timeNs, this.#place(operation.end), { unfinished: true });
  }

  instant(kind: string, text: string, timeNs: number): void {
    const name = JSON.stringify(`${kind}: ${text}`);
    const scope = kind === "mark" || kind === "end" ? "g" : "p";
    this.#event(
      `{"ph":"i","s":"${scope}","cat":"${kind}","name":${name},"ts":${microseconds(timeNs)},` +
        `"pid":${SESSION_PROCESS},"tid":0}`,
    );
  }

  /** Ends the document. */
  finish(): void {
    this.#output.text("\n]}\n");
    this.#output.flush();
  }

  /** Process and thread of an end, named when it is seen first. */
  #place(end: End): string {
    let process = this.#processes.get(end.kind);
    if (process === undefined) {
      process = SESSION_PROCESS + 1 + this.#processes.size;
      this.#processes.set(end.kind, process);
      this.#name("process_name", process, 0, end.kind);
    }
    const thread = end.ordinal + 1;
    if (!this.#named.has(end)) {
      this.#named.add(end);
      this.#name("thread_name", process, thread, end.name);
    }
    return `"pid":${process},"tid":${thread}`;
  }

  #name(what: string, process: number, thread: number, name: string): void {
    const args = JSON.stringify({ name });
    this.#event(`{"ph":"M","name":"${what}","pid":${process},"tid":${thread},"args":${args}}`);
  }

  /** Beginning, step or end of an asynchronous event: the operation itself. */
  #async(
    phase: string,
    operation: Operation,
    timeNs: number,
    place: string,
    args: Readonly<Record<string, unknown>>,
  ): void {
    const { action, end, number } = operation;
    this.#event(
      `{"ph":"${phase}","cat":${JSON.stringify(end.kind)},"id":"0x${number.toString(16)}",` +
        `"name":${JSON.stringify(action)},"ts":${microseconds(timeNs)},${place},` +
        `"args":${JSON.stringify(args)}}`,
    );
  }

  /** One end of a flow arrow, and the slice that it is tied to. */
  #point(name: string, phase: string, operation: Operation, timeNs: number, place: string): void {
    const at = `"ts":${microseconds(timeNs)},${place}`;
    const slice = JSON.stringify(name);
    this.#event(`{"ph":"X","cat":"door","name":${slice},"dur":${POINT_US},${at}}`);
    const bind = phase === "f" ? '"bp":"e",' : "";
    const id = operation.number;
    this.#event(`{"ph":"${phase}",${bind}"cat":"door","name":"operation","id":${id},${at}}`);
  }

  #counter(name: string, timeNs: number, args: string): void {
    this.#event(
      `{"ph":"C","name":"${name}","ts":${microseconds(timeNs)},` +
        `"pid":${SESSION_PROCESS},"tid":0,"args":${args}}`,
    );
  }

  #event(text: string): void {
    this.#output.text(this.#first ? "\n" : ",\n");
    this.#first = false;
    this.#output.text(text);
  }
}
