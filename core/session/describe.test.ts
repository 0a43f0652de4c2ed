/** Events as text: each kind in one line, and never longer than a line should be. */
import { describe, expect, test } from "bun:test";
import { fromGroup, HOW, OPCODE } from "../backend/contract.ts";
import { Random } from "../random.ts";
import { describeEvent } from "./describe.ts";
import type { SessionEvent } from "./event.ts";
import { randomEvents, randomProgramEvent } from "./session.fixture.ts";

const bytes = new TextEncoder().encode("hello");
const digest = 0x1a2b;
const RECEIVING = HOW.RECV_MULTISHOT | fromGroup(3);
const read = {
  kind: "submit",
  opcode: OPCODE.READ,
  file: 3,
  offset: -1,
  opFlags: 0,
  how: 0,
} as const;
const start = { kind: "start", provider: 1, handle: 4, operation: 0, offset: 0 } as const;

const CASES: [SessionEvent, string][] = [
  [{ kind: "turn", steps: 4, nowNs: 900 }, "turn at 900 ns, 4 steps after the one before"],
  [
    { ...read, slot: 2, length: 64, digest: undefined },
    "submit slot 2: READ file 3 length 64 offset -1",
  ],
  [
    { ...read, opcode: 250, file: -1, slot: 2, length: 0, opFlags: 17, digest },
    "submit slot 2: opcode 250 length 0 offset -1 flags 0x11, payload crc32 00001a2b",
  ],
  [
    { ...read, opcode: OPCODE.RECV, slot: 2, length: 0, how: RECEIVING, digest: undefined },
    "submit slot 2: RECV file 3 length 0 offset -1 (multishot, group 3)",
  ],
  [
    { ...read, opcode: OPCODE.ACCEPT, slot: 2, length: 0, how: 0x41, digest: undefined },
    "submit slot 2: ACCEPT file 3 length 0 offset -1 (multishot, 0x40)",
  ],
  [
    { ...read, opcode: OPCODE.LOOKUP, file: -1, slot: 2, length: 9, opFlags: 64, digest },
    "submit slot 2: LOOKUP length 9 offset -1 flags 0x40, payload crc32 00001a2b",
  ],
  [
    { ...read, opcode: OPCODE.LINK_TIMEOUT, slot: 2, length: 0, offset: 500, digest: undefined },
    "limit slot 2: 500 ns",
  ],
  [{ kind: "cancel", slot: 9 }, "cancel slot 9"],
  [
    { kind: "complete", slot: 2, result: 5, flags: 0, bytes },
    "complete slot 2: result 5, 5 bytes, crc32 3610a686 [68656c6c6f]",
  ],
  [
    { kind: "complete", slot: 2, result: -32, flags: (7 << 16) | 3, bytes: undefined },
    "complete slot 2: result -32 (EPIPE) (more, buffer 7)",
  ],
  [
    { kind: "complete", slot: 2, result: 0, flags: 12, bytes: undefined },
    "complete slot 2: result 0 (notification, nonempty)",
  ],
  [{ kind: "interrupt", line: 14 }, "interrupt line 14"],
  [{ kind: "expire", nowNs: 12 }, "expire at 12 ns"],
  [{ kind: "input", input: 1, value: 2 }, "input interrupt: 2"],
  [{ kind: "clock", nowNs: 77 }, "clock read: 77 ns"],
  [
    { kind: "host", call: 1, args: [4096], results: [0, 3, 4], bytes: undefined },
    "host pipe(4096) = [3, 4]",
  ],
  [
    { kind: "host", call: 3, args: [0, 0], results: [-2], bytes: undefined },
    "host open(0, 0) = -2 (ENOENT)",
  ],
  [
    { kind: "host", call: 13, args: [4096, 64], results: [0, 2], bytes: undefined },
    "host openGroup(4096, 64) = [2]",
  ],
  [
    { ...start, slot: 1, length: 10, argument: 0, digest },
    "start slot 1: timer handle 4 operation 0 length 10 offset 0, payload crc32 00001a2b",
  ],
  [
    { kind: "settle", slot: 1, result: -4096, digest: undefined },
    "settle slot 1: result -4096 (ERR_CANCELLED)",
  ],
  [{ kind: "mark", text: 'a "b"\n' }, 'mark "a \\"b\\"\\n"'],
  [{ kind: "end", outcome: "ok" }, 'end: "ok"'],
];

describe("describeEvent()", () => {
  for (const [event, text] of CASES) {
    test(`describeEvent() gives the line: ${text}`, () => {
      expect(describeEvent(event, { providers: ["pipe", "timer"] })).toBe(text);
    });
  }

  test("gives one line of bounded length for any event", () => {
    const random = new Random(8);
    const events = [...randomEvents(3, 50), randomProgramEvent(random)];
    events.push({ kind: "mark", text: "long\n".repeat(3000) });
    for (const event of events) {
      const line = describeEvent(event);
      expect(line).not.toContain("\n");
      expect(line.length).toBeLessThan(400);
    }
  });
});
