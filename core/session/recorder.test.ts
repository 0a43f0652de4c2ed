/** The recorder: what it writes down, and what it does when its sink fails. */
import { describe, expect, test } from "bun:test";
import { OPCODE } from "../backend/contract.ts";
import { isReelError, ReelError } from "../errors.ts";
import { EventCursor } from "./cursor.ts";
import { toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import { Recorder } from "./recorder.ts";
import { DigestSink, MemorySegments } from "./segment.ts";
import type { SegmentSink } from "./segment.ts";
import type { Tap } from "./tap.ts";

const encoder = new TextEncoder();

function run(tap: Tap): void {
  tap.start(5, 1, 9, 2, 100, 4096, encoder.encode("out"), 250);
  tap.submit(1, OPCODE.WRITE, 3, 5, -1, 0, encoder.encode("hello"));
  tap.turn(3, 1000);
  tap.complete(1, 5, 0, undefined);
  tap.submit(2, OPCODE.READ, 4, 100, -1, 0, undefined);
  tap.turn(0, 1500);
  tap.complete(2, 5, 0, encoder.encode("world"));
  tap.clock(1700);
  tap.expire(1800);
  tap.interrupt(14);
  tap.input(1, 2);
  tap.host(1, [4096], [0, 3, 4], undefined);
  tap.cancel(7);
  tap.settle(5, -125, undefined);
  tap.mark("done");
  tap.end("ok");
}

describe("Recorder", () => {
  test("keeps what came in in full and what went out as its checksum", () => {
    const sink = new MemorySegments();
    const recorder = new Recorder(sink);
    run(recorder);
    recorder.flush();
    const extent = { eventCount: recorder.events, digest: sink.digest };
    const cursor = new EventCursor(sink, extent);
    const events: SessionEvent[] = [];
    for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
      events.push(toSessionEvent(record));
      cursor.advance();
    }
    const range = { offset: 100, length: 4096, argument: 250 };
    const out = Bun.hash.crc32("out");
    const sent = { offset: -1, opFlags: 0, how: 0 };
    const write = { file: 3, length: 5, ...sent, digest: Bun.hash.crc32("hello") };
    const read = { file: 4, length: 100, ...sent, digest: undefined };
    const answer = { args: [4096], results: [0, 3, 4], bytes: undefined };
    expect(events).toEqual([
      { kind: "start", slot: 5, provider: 1, handle: 9, operation: 2, ...range, digest: out },
      { kind: "submit", slot: 1, opcode: OPCODE.WRITE, ...write },
      { kind: "turn", steps: 3, nowNs: 1000 },
      { kind: "complete", slot: 1, result: 5, flags: 0, bytes: undefined },
      { kind: "submit", slot: 2, opcode: OPCODE.READ, ...read },
      { kind: "turn", steps: 0, nowNs: 1500 },
      { kind: "complete", slot: 2, result: 5, flags: 0, bytes: encoder.encode("world") },
      { kind: "clock", nowNs: 1700 },
      { kind: "expire", nowNs: 1800 },
      { kind: "interrupt", line: 14 },
      { kind: "input", input: 1, value: 2 },
      { kind: "host", call: 1, ...answer },
      { kind: "cancel", slot: 7 },
      { kind: "settle", slot: 5, result: -125, digest: undefined },
      { kind: "mark", text: "done" },
      { kind: "end", outcome: "ok" },
    ]);
    expect(recorder.operations).toBe(3);
    expect(recorder.outcome).toBe("ok");
  });

  test("two equal runs have equal digests, whatever takes their segments", () => {
    const sinks = [new DigestSink(), new MemorySegments()];
    for (const sink of sinks) {
      const recorder = new Recorder(sink);
      for (let i = 0; i < 3000; i++) run(recorder);
      recorder.flush();
    }
    expect(sinks[0]!.digest).toBe(sinks[1]!.digest);
  });

  test("an empty session has a digest of its own that is not that of another", () => {
    const sink = new DigestSink();
    const recorder = new Recorder(sink);
    recorder.flush();
    const empty = sink.digest;
    expect(empty).toMatch(/^[0-9a-f]{64}$/);
    recorder.mark("x");
    recorder.flush();
    expect(sink.digest).not.toBe(empty);
  });

  test("a sink that fails shows at the next turn, once, and nowhere else", () => {
    let writes = 0;
    const failing: SegmentSink = {
      write: () => {
        if (++writes === 2) throw new ReelError("ERR_STORE", "Cannot write: the disk is full");
      },
    };
    const recorder = new Recorder(failing);
    while (recorder.failure === undefined) recorder.mark("x".repeat(1000));
    expect(writes).toBe(2);
    recorder.submit(0, OPCODE.NOP, -1, 0, 0, 0, undefined);
    const turn = (): void => recorder.turn(0, 1);
    expect(turn).toThrow("the disk is full");
    expect(turn).not.toThrow();
    recorder.end("failed");
    recorder.flush();
    expect(writes).toBe(2);
    expect(isReelError(recorder.failure, "ERR_STORE")).toBe(true);
  });

  test("a sink that fails at the last segment shows in failure", () => {
    const failing: SegmentSink = {
      write: () => {
        throw new Error("unplugged");
      },
    };
    const recorder = new Recorder(failing);
    recorder.end("ok");
    expect(() => recorder.flush()).not.toThrow();
    expect(isReelError(recorder.failure, "ERR_STORE")).toBe(true);
  });

  test("writing events allocates nothing that stays", () => {
    const recorder = new Recorder(new DigestSink());
    const batch = (): void => {
      for (let i = 0; i < 100_000; i++) {
        recorder.submit(i & 63, OPCODE.NOP, -1, 0, -1, 0, undefined);
        recorder.complete(i & 63, 0, 0, undefined);
      }
    };
    for (let i = 0; i < 5; i++) batch();
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 10; i++) batch();
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000);
  });
});
