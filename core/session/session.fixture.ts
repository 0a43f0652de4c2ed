/**
 * What the session's tests share: random events within the format's bounds, a header, and folders
 * that vanish.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPCODE } from "../backend/contract.ts";
import { isReelError, ReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { writeEvent } from "./codec/write-event.ts";
import type { SessionEvent } from "./event.ts";
import type { Recorded } from "./recorded.ts";
import type { Tap } from "./tap.ts";
import { startRecording } from "./recording.ts";
import type { RecordingHeader } from "./recording.ts";
import { MemorySegments } from "./segment.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { RecordingWriter } from "./store/writer.ts";

export const HEADER: RecordingHeader = {
  seed: 7,
  backend: "uring",
  options: { scenario: "tour", depth: 8 },
  selection: { chosen: "uring", rejected: [] },
  providers: [
    { kind: "pipe", version: "1.0.0", stateVersion: 1, config: { capacity: 4096 } },
    { kind: "timer", version: "1.2.0", stateVersion: 3, config: null },
  ],
  attachments: [
    { name: "scenario", content: new TextEncoder().encode("tasks: []\n") },
    { name: "input/readme", content: new Uint8Array(20_000).fill(65) },
  ],
};

/** A folder that is removed at the end of the scope. */
export function temporaryFolder(): Disposable & { path(name: string): string } {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-session-"));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function randomBytes(random: Random, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  random.fill(bytes);
  return bytes;
}

/** Payloads of which events carry the checksum alone, by it: a play needs the bytes again. */
const payloads = new Map<number, Uint8Array>();
for (let i = 0; i < 64; i++) {
  const bytes = new TextEncoder().encode(`payload ${i}`);
  payloads.set(Bun.hash.crc32(bytes), bytes);
}
const DIGESTS = [...payloads.keys()];

export const randomDigest = (random: Random): number => DIGESTS[random.below(DIGESTS.length)]!;

const digest = (random: Random): number | undefined =>
  random.chance(0.5) ? randomDigest(random) : undefined;

/** An event of any kind that the program causes. */
export function randomProgramEvent(random: Random): SessionEvent {
  const slot = random.below(32);
  switch (random.below(8)) {
    case 0:
      return { kind: "cancel", slot };
    case 1:
      return { kind: "mark", text: `line ${random.below(1000)} – ${"é".repeat(random.below(5))}` };
    case 2:
      return { kind: "settle", slot, result: random.below(5000) - 100, digest: digest(random) };
    case 3: {
      const { provider, handle } = { provider: random.below(2), handle: random.below(9) };
      const operation = random.below(4);
      const range = { offset: random.below(1e9), length: random.below(70_000) };
      const rest = { argument: random.below(3), digest: digest(random) };
      return { kind: "start", slot, provider, handle, operation, ...range, ...rest };
    }
    default: {
      const opcode = random.chance(0.5) ? OPCODE.READ : OPCODE.WRITE;
      const range = { length: random.below(70_000), offset: random.below(1e9) * 1000 - 1 };
      const how = random.chance(0.1) ? random.below(0x40000) : 0;
      const rest = { opFlags: random.below(3), how, digest: digest(random) };
      return { kind: "submit", slot, opcode, file: random.below(5) - 1, ...range, ...rest };
    }
  }
}

/** A session: turns with their batches, and what the program does between them. */
export function randomEvents(seed: number, turns: number): SessionEvent[] {
  const random = new Random(seed);
  const events: SessionEvent[] = [];
  let nowNs = 0;
  for (let turn = 0; turn < turns; turn++) {
    nowNs += random.below(1e6);
    events.push({ kind: "turn", steps: random.below(200), nowNs });
    for (let count = random.below(4); count > 0; count--) {
      const bytes = random.chance(0.5) ? randomBytes(random, random.below(300)) : undefined;
      const result = bytes === undefined ? random.below(200) - 100 : bytes.length;
      const flags = random.below(3);
      events.push({ kind: "complete", slot: random.below(32), result, flags, bytes });
    }
    if (random.chance(0.2)) events.push({ kind: "interrupt", line: random.below(16) });
    if (random.chance(0.2)) events.push({ kind: "expire", nowNs });
    if (random.chance(0.1)) events.push({ kind: "input", input: 1, value: random.below(9) });
    if (random.chance(0.2)) events.push({ kind: "clock", nowNs });
    if (random.chance(0.1)) {
      const bytes = random.chance(0.5) ? randomBytes(random, random.below(40)) : undefined;
      events.push({ kind: "host", call: 1, args: [4096], results: [0, 3, 4], bytes });
    }
    for (let count = random.below(6); count > 0; count--) events.push(randomProgramEvent(random));
  }
  events.push({ kind: "end", outcome: "ok" });
  return events;
}

/** Tells a tap of an event. Its checksum must be one of {@link randomDigest}. */
export function play(tap: Tap, event: SessionEvent): void {
  const sent = "digest" in event ? payloads.get(event.digest ?? -1) : undefined;
  switch (event.kind) {
    case "turn":
      return tap.turn(event.steps, event.nowNs);
    case "submit": {
      const { slot, opcode, file, length, offset, opFlags, how } = event;
      return tap.submit(slot, opcode, file, length, offset, opFlags, sent, how);
    }
    case "cancel":
      return tap.cancel(event.slot);
    case "complete":
      return tap.complete(event.slot, event.result, event.flags, event.bytes);
    case "interrupt":
      return tap.interrupt(event.line);
    case "expire":
      return tap.expire(event.nowNs);
    case "input":
      return tap.input(event.input, event.value);
    case "clock":
      return tap.clock(event.nowNs);
    case "host":
      return tap.host(event.call, event.args, event.results, event.bytes);
    case "start": {
      const { slot, provider, handle, operation, offset, length, argument } = event;
      return tap.start(slot, provider, handle, operation, offset, length, sent, argument);
    }
    case "settle":
      return tap.settle(event.slot, event.result, sent);
    case "mark":
      return tap.mark(event.text);
    case "end":
      return tap.end(event.outcome);
  }
}

/** Events as sealed segments in memory, ready to compare with. */
export function recordedOf(events: readonly SessionEvent[], complete = true): Recorded {
  const source = new MemorySegments();
  const writer = new SegmentWriter(source);
  for (const event of events) {
    writeEvent(writer.encoder, event);
    writer.wrote();
  }
  writer.flush();
  const { digest } = source;
  return { source, eventCount: events.length, digest, complete, providerKinds: ["pipe", "timer"] };
}

/** Events as a finished recording in a file. */
export function recordEvents(path: string, events: readonly SessionEvent[]): string {
  const file = new RecordingWriter(path, HEADER);
  const writer = new SegmentWriter(file);
  for (const event of events) {
    writeEvent(writer.encoder, event);
    writer.wrote();
  }
  writer.flush();
  file.finish("complete", "ok");
  return file.digest;
}

/** Records a regular run of NOPs through the tap. */
export function recordNops(path: string, operations: number): void {
  const recording = startRecording(path, HEADER);
  const { tap } = recording;
  for (let i = 0; i < operations; i++) {
    if (i % 64 === 0) tap.turn(64, i * 20);
    tap.submit(i % 64, OPCODE.NOP, -1, 0, -1, 0, undefined);
    tap.complete(i % 64, 0, 0, undefined);
  }
  tap.end("ok");
  recording.finish();
}

/** The error that an act ends with. @throws when it ends with another one or with none */
export function refusal(act: () => unknown): ReelError {
  try {
    act();
  } catch (error) {
    if (error instanceof ReelError) return error;
    throw error;
  }
  throw new Error("Nothing was refused");
}

/** The code that an action is refused with; "none" when it is not. */
export function codeOf(action: () => unknown): string {
  try {
    action();
    return "none";
  } catch (error) {
    return isReelError(error) ? error.code : String(error);
  }
}
