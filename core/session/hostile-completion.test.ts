/**
 * Recordings that lie about what requests brought in. Method: a program has one request of each
 * kind in flight, and the recording completes one of them with numbers and bytes that no kernel
 * would give. Either they fit the request, and land where they belong, or the replay ends with
 * ERR_CORRUPT_RECORDING and not a byte of memory has changed.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NOTIFICATION,
  fromGroup,
  HOW,
  OPCODE,
} from "../backend/contract.ts";
import { isReelError } from "../errors.ts";
import type { SessionEvent } from "./event.ts";
import { Recorder } from "./recorder.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { Notes, ScriptedBackend, TestMemory } from "./scripted-backend.fixture.ts";
import { MemorySegments } from "./segment.ts";
import { recordedOf, refusal } from "./session.fixture.ts";
import { TapBackend } from "./tap-backend.ts";
import { Verifier } from "./verifier.ts";

const SEED = 20260301;
const BASE = 0x10_0000;
const GROUP_AT = 0x1000;
const COUNT = 4;
const BUFFER_BYTES = 64;
const [READING, LOOKING, RECEIVING, CAPPED, SENDING, IDLE] = [0, 1, 2, 3, 4, 5] as const;
/** Where the requests with memory of their own have it, and how much. */
const OWN = { [READING]: [0, 16], [LOOKING]: [0x100, 32] } as Record<number, [number, number]>;

type Completion = SessionEvent & { kind: "complete" };

function submits(): SessionEvent[] {
  const group = fromGroup(0);
  const one = (
    slot: number,
    opcode: number,
    length: number,
    how = 0,
    opFlags = 0,
  ): SessionEvent => ({
    kind: "submit",
    slot,
    opcode,
    file: 1,
    length,
    offset: 0,
    opFlags,
    how,
    digest:
      opcode === OPCODE.LOOKUP || opcode === OPCODE.SEND_ZC
        ? Bun.hash.crc32(new Uint8Array(length))
        : undefined,
  });
  return [
    { kind: "host", call: 13, args: [BUFFER_BYTES, COUNT], results: [0, 0], bytes: undefined },
    one(READING, OPCODE.READ, 16),
    one(LOOKING, OPCODE.LOOKUP, 8, 0, 32),
    one(RECEIVING, OPCODE.RECV, 0, HOW.RECV_MULTISHOT | group),
    one(CAPPED, OPCODE.RECV, 10, group),
    one(SENDING, OPCODE.SEND_ZC, 24),
  ];
}

/** Replays completions of one batch over a memory of zeroes. */
function deliver(completions: readonly Completion[], memory = new TestMemory(BASE)): void {
  const turn: SessionEvent = { kind: "turn", steps: 0, nowNs: 1 };
  const end: SessionEvent = { kind: "end", outcome: "ok" };
  const recorded = recordedOf([...submits(), turn, ...completions, end]);
  const backend = new ReplayBackend(new Verifier(recorded), { steps: () => 0, memory });
  const { ring } = backend;
  ring.openGroup(BASE + GROUP_AT, BUFFER_BYTES, COUNT);
  for (const event of submits()) {
    if (event.kind !== "submit") continue;
    const { slot, opcode, file, length, offset, opFlags, how } = event;
    const at = OWN[slot]?.[0] ?? (slot === SENDING ? 0x200 : -BASE);
    ring.prepare(opcode, slot, 1, file, BASE + at, length, offset, opFlags, how);
  }
  expect(backend.poll(new Notes(), true)).toBe(completions.length);
}

const complete = (slot: number, result: number, flags = 0, sizeBytes?: number): Completion => ({
  kind: "complete",
  slot,
  result,
  flags,
  bytes: sizeBytes === undefined ? undefined : new Uint8Array(sizeBytes).fill(0xee),
});
const inBuffer = (buffer: number): number => (buffer << 16) | COMPLETE_BUFFER;

/** Where a completion's bytes belong, undefined when it brings none, "none" when it cannot be. */
function wanted({ slot, result, flags, bytes }: Completion): [number, number] | undefined | "none" {
  const picks = slot === RECEIVING || slot === CAPPED;
  const used = (flags & COMPLETE_BUFFER) !== 0;
  const buffer = flags >>> 16;
  if (slot === IDLE || (used && (!picks || buffer >= COUNT))) return "none";
  const own = OWN[slot];
  if (result <= 0 || (own === undefined && !picks)) return bytes === undefined ? undefined : "none";
  if (bytes?.length !== result) return "none";
  if (own !== undefined) return result <= own[1] ? [own[0], result] : "none";
  if (!used || result > (slot === CAPPED ? 10 : BUFFER_BYTES)) return "none";
  return [GROUP_AT + buffer * BUFFER_BYTES, result];
}

const anyCompletion = fc
  .record({
    slot: fc.integer({ min: 0, max: IDLE }),
    result: fc.oneof(fc.integer({ min: -110, max: 70 }), fc.constantFrom(10, 11, 16, 17, 64, 65)),
    low: fc.constantFrom(0, COMPLETE_MORE, COMPLETE_BUFFER, COMPLETE_BUFFER | COMPLETE_MORE, 4, 8),
    buffer: fc.oneof(fc.nat(COUNT), fc.constant(0xffff)),
    size: fc.oneof(
      fc.constant("result" as const),
      fc.constant(undefined),
      fc.integer({ min: 0, max: 70 }),
    ),
  })
  .map(({ slot, result, low, buffer, size }) => {
    const flags = (low | (buffer << 16)) >>> 0;
    return complete(slot, result, flags, size === "result" ? Math.max(0, result) : size);
  });

describe("ReplayBackend with a recording that lies", () => {
  test("delivers what fits its request to where it belongs, and refuses all else", () => {
    const seen = { delivered: 0, refused: 0 };
    const check = (completion: Completion): void => {
      const place = wanted(completion);
      const memory = new TestMemory(BASE);
      const expected = new Uint8Array(memory.bytes.length);
      if (place === "none") {
        const error = refusal(() => deliver([completion], memory));
        expect(error.code).toBe("ERR_CORRUPT_RECORDING");
        seen.refused++;
      } else {
        if (place !== undefined) expected.fill(0xee, place[0], place[0] + place[1]);
        deliver([completion], memory);
        seen.delivered++;
      }
      expect(Buffer.compare(memory.bytes, expected)).toBe(0);
    };
    fc.assert(fc.property(anyCompletion, check), { seed: SEED, numRuns: 3000 });
    expect(Math.min(seen.delivered, seen.refused)).toBeGreaterThan(200);
  });

  const LIES: [string, Completion[], string][] = [
    ["a buffer beyond the group", [complete(RECEIVING, 5, inBuffer(4), 5)], "buffer 4 of group 0"],
    [
      "a buffer that the program has not given back",
      [complete(RECEIVING, 5, inBuffer(1) | COMPLETE_MORE, 5), complete(CAPPED, 5, inBuffer(1), 5)],
      "buffer 1 of group 0, which is in use",
    ],
    ["more than a buffer holds", [complete(RECEIVING, 65, inBuffer(0), 65)], "in a buffer of 64"],
    ["bytes in no buffer", [complete(RECEIVING, 5, 0, 5)], "in no buffer of its group"],
    ["a buffer and no group", [complete(READING, 5, inBuffer(0), 5)], "has no group"],
    ["a longer answer than fits", [complete(LOOKING, 33, 0, 33)], "33 bytes to slot 1"],
    ["fewer bytes than its result", [complete(READING, 5, 0, 4)], "brings 4 bytes to slot 0"],
    ["no bytes with a result", [complete(READING, 5)], "brings no bytes to slot 0"],
    ["bytes that were sent", [complete(SENDING, 5, COMPLETE_MORE, 5)], "wants none"],
    [
      "a notification after the end",
      [complete(SENDING, 24), complete(SENDING, 0, COMPLETE_NOTIFICATION)],
      "slot 4, which is idle",
    ],
  ];
  for (const [name, completions, message] of LIES) {
    test(`refuses a completion with ${name}`, () => {
      const error = refusal(() => deliver(completions));
      expect(error.code).toBe("ERR_CORRUPT_RECORDING");
      expect(error.message).toContain(message);
    });
  }

  test("refuses numbers of groups that no ring gives out", () => {
    for (const answers of [[0x8000], [2 ** 52], [-(2 ** 40)], [3, 3]]) {
      const events = answers.map((group): SessionEvent => {
        const results = [0, group];
        return { kind: "host", call: 13, args: [64, 4], results, bytes: undefined };
      });
      const memory = new TestMemory(BASE);
      const verifier = new Verifier(recordedOf(events));
      const { ring } = new ReplayBackend(verifier, { steps: () => 0, memory });
      const open = (): void => answers.forEach(() => ring.openGroup(BASE, 64, 4));
      expect(refusal(open).code).toBe("ERR_CORRUPT_RECORDING");
    }
  });
});

describe("TapBackend with a kernel that lies", () => {
  test("refuses to write down a buffer of no group", () => {
    const memory = new TestMemory(BASE);
    const inner = new ScriptedBackend(1, memory);
    inner.poll = (sink) => {
      sink.turn(1);
      sink.complete(0, 1, 5, inBuffer(3));
      return 1;
    };
    const tap = new Recorder(new MemorySegments());
    const backend = new TapBackend(inner, tap, { steps: () => 0, memory });
    backend.ring!.prepare(OPCODE.RECV, 0, 1, 3, 0, 0, 0, 0, fromGroup(2));
    expect(() => backend.poll(new Notes(), true)).toThrow("uses a buffer and has no group of them");
  });

  test("refuses requests that pick a buffer for what goes out", () => {
    const memory = new TestMemory(BASE);
    const tap = new Recorder(new MemorySegments());
    const inner = new ScriptedBackend(1, memory);
    const { ring } = new TapBackend(inner, tap, { steps: () => 0, memory });
    for (const opcode of [OPCODE.SEND, OPCODE.SEND_ZC, OPCODE.ACCEPT, OPCODE.LINK_TIMEOUT]) {
      const prepare = (): void => ring!.prepare(opcode, 0, 1, 3, 0, 0, 0, 0, fromGroup(0));
      expect(isReelError(refusal(prepare), "ERR_UNSUPPORTED")).toBe(true);
    }
    expect(tap.events).toBe(0);
  });
});
