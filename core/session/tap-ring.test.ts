/** The ring with a tap: everything reaches the ring behind, and the tap hears of what counts. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_BUFFER, fromGroup, HOW, OPCODE } from "../backend/contract.ts";
import type { Ring, Sink } from "../backend/contract.ts";
import { EventCursor } from "./cursor.ts";
import { toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import { Recorder } from "./recorder.ts";
import { Notes, ScriptedBackend, TestMemory } from "./scripted-backend.fixture.ts";
import { MemorySegments } from "./segment.ts";
import { TapBackend } from "./tap-backend.ts";

const BASE = 0x1000;

/** A tapped backend whose ring writes down what reaches it. */
function tapped(group: number) {
  const memory = new TestMemory(BASE);
  const inner = new ScriptedBackend(1, memory);
  const calls: string[] = [];
  const note =
    (name: string) =>
    (...args: number[]): void =>
      void calls.push(`${name} ${args.join(" ")}`);
  const ring: Ring = {
    prepare: note("prepare"),
    limit: note("limit"),
    openGroup: (...args) => {
      note("openGroup")(...args);
      return group;
    },
    giveBuffer: note("giveBuffer"),
    closeGroup: note("closeGroup"),
    cancel: note("cancel"),
    flush: note("flush"),
  };
  Object.assign(inner, { ring });
  const source = new MemorySegments();
  const recorder = new Recorder(source);
  const backend = new TapBackend(inner, recorder, { steps: () => 0, memory });
  const complete = (slot: number, result: number, flags: number): void => {
    inner.poll = (sink: Sink) => {
      sink.complete(slot, 1, result, flags);
      return 1;
    };
    backend.poll(new Notes(), false);
  };
  const recorded = (): { events: SessionEvent[]; operations: number } => {
    recorder.flush();
    const { digest } = source;
    const cursor = new EventCursor(source, { eventCount: recorder.events, digest });
    const events: SessionEvent[] = [];
    for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
      events.push(toSessionEvent(record));
      cursor.advance();
    }
    expect(recorder.operations).toBe(cursor.operations);
    return { events, operations: cursor.operations };
  };
  return { calls, ring: backend.ring!, complete, recorded, memory };
}

describe("TapRing", () => {
  test("hands every request on as it is, and counts a limit to no operation of its own", () => {
    const { calls, ring, recorded } = tapped(0);
    ring.openGroup(BASE, 64, 8);
    ring.prepare(OPCODE.RECV, 3, 1, 7, 0, 0, 0, 5, HOW.RECV_MULTISHOT | fromGroup(0));
    ring.limit(3, 1, 900);
    ring.giveBuffer(0, 6);
    ring.cancel(3, 1);
    ring.closeGroup(0);
    ring.prepare(OPCODE.NOP, 4, 1, -1, 0, 0, -1, 0);
    ring.flush();
    expect(calls).toEqual([
      `openGroup ${BASE} 64 8`,
      "prepare 27 3 1 7 0 0 0 5 65538",
      "limit 3 1 900",
      "giveBuffer 0 6",
      "cancel 3 1",
      "closeGroup 0",
      "prepare 0 4 1 -1 0 0 -1 0 0",
      "flush ",
    ]);
    const { events, operations } = recorded();
    expect(events.map(({ kind }) => kind)).toEqual([
      "host",
      "submit",
      "submit",
      "cancel",
      "submit",
    ]);
    expect(operations).toBe(2);
  });

  test("knows the highest group, whose number takes a word's sign, in the highest slot", () => {
    const { ring, recorded, complete, memory } = tapped(0x7fff);
    ring.openGroup(BASE + 0x100, 64, 8);
    memory.bytes.fill(9, 0x100 + 3 * 64, 0x100 + 3 * 64 + 5);
    const how = fromGroup(0x7fff);
    expect(how).toBeLessThan(0);
    ring.prepare(OPCODE.RECV, 1, 1, 7, 0, 0, 0, 0, how);
    ring.prepare(OPCODE.RECV, 0xffff, 1, 8, 0, 0, 0, 0, how);
    complete(1, 5, (3 << 16) | COMPLETE_BUFFER);
    complete(0xffff, 0, (4 << 16) | COMPLETE_BUFFER);
    const { events } = recorded();
    expect(events[1]).toMatchObject({ slot: 1, how: how >>> 0 });
    expect(events[3]).toMatchObject({ slot: 1, bytes: new Uint8Array(5).fill(9) });
    expect(events[4]).toMatchObject({ slot: 0xffff, bytes: undefined });
  });

  test("forgets a group that was closed, so that its number can be given out again", () => {
    const { ring, complete, memory, recorded } = tapped(2);
    ring.openGroup(BASE, 64, 8);
    ring.closeGroup(2);
    expect(() => ring.openGroup(1, 64, 8)).toThrow("not in the pinned arena");
    expect(ring.openGroup(BASE + 0x800, 16, 8)).toBe(2);
    memory.bytes.fill(7, 0x810, 0x820);
    ring.prepare(OPCODE.RECV, 1, 1, 7, 0, 0, 0, 0, fromGroup(2));
    complete(1, 16, (1 << 16) | COMPLETE_BUFFER);
    expect(recorded().events.at(-1)).toMatchObject({ bytes: new Uint8Array(16).fill(7) });
  });
});
