/**
 * The stand-in for io_uring by itself: when it delivers, what it refuses to deliver, and how it
 * lets a program wind down. `tap-backend.test.ts` has whole programs on it.
 */
import { describe, expect, test } from "bun:test";
import { OPCODE } from "../backend/contract.ts";
import { hostSoon } from "../clock.ts";
import { isReelError } from "../errors.ts";
import { DivergenceError } from "./divergence.ts";
import type { SessionEvent } from "./event.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { Notes, TestMemory } from "./scripted-backend.fixture.ts";
import { recordedOf } from "./session.fixture.ts";
import { Verifier } from "./verifier.ts";

const NOP: SessionEvent = {
  kind: "submit",
  slot: 3,
  opcode: OPCODE.NOP,
  file: -1,
  length: 0,
  offset: -1,
  opFlags: 0,
  how: 0,
  digest: undefined,
};
const done = { kind: "complete", slot: 3, result: 0, flags: 0, bytes: undefined } as const;
const END: SessionEvent = { kind: "end", outcome: "ok" };

interface Stand {
  backend: ReplayBackend;
  sink: Notes;
  verifier: Verifier;
  at: { steps: number };
  memory: TestMemory;
}

function stand(events: readonly SessionEvent[], complete = true): Stand {
  const verifier = new Verifier(recordedOf(events, complete));
  const at = { steps: 0 };
  const memory = new TestMemory(0x1000);
  const backend = new ReplayBackend(verifier, { steps: () => at.steps, memory });
  return { backend, sink: new Notes(), verifier, at, memory };
}

const nop = ({ backend }: Stand, slot = 3): void =>
  backend.ring.prepare(OPCODE.NOP, slot, 8, -1, 0, 0, -1, 0);

function kindOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    return error instanceof DivergenceError ? error.report.difference : String(error);
  }
  return "nothing";
}

describe("ReplayBackend.poll()", () => {
  test("delivers at the recorded step, never earlier", () => {
    const it = stand([NOP, { kind: "turn", steps: 5, nowNs: 70 }, done, END]);
    nop(it);
    for (it.at.steps = 0; it.at.steps < 5; it.at.steps++) {
      expect(it.backend.poll(it.sink, false)).toBe(0);
    }
    expect(it.backend.pending()).toBe(true);
    expect(it.backend.poll(it.sink, false)).toBe(1);
    expect(it.sink.lines).toEqual(["turn 70", "complete 3.8 0 0"]);
    expect(it.backend.pending()).toBe(false);
    it.verifier.end("ok");
    expect(it.verifier.identical).toBe(true);
  });

  test("diverges when the program waits before the recorded step, or after it", () => {
    for (const steps of [4, 6]) {
      const it = stand([NOP, { kind: "turn", steps: 5, nowNs: 70 }, done, END]);
      nop(it);
      it.at.steps = steps;
      expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("progress");
      expect(it.verifier.failure?.report).toMatchObject({ field: "steps", recorded: "5" });
      expect(it.verifier.failure?.report.actual).toBe(String(steps));
    }
  });

  test("delivers a batch with what the program does between its events", () => {
    const it = stand([NOP, { kind: "turn", steps: 0, nowNs: 1 }, done, NOP, done, END]);
    nop(it);
    const sink = new Notes();
    sink.complete = (slot) => {
      sink.lines.push(`complete ${slot}`);
      if (sink.lines.length === 2) nop(it);
    };
    expect(it.backend.poll(sink, true)).toBe(2);
    expect(sink.lines).toEqual(["turn 1", "complete 3", "complete 3"]);
  });

  test("diverges when the program waits for more than was recorded", () => {
    const it = stand([NOP, END]);
    nop(it);
    expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("input-missing");
    const cutOff = stand([NOP], false);
    nop(cutOff);
    expect(kindOf(() => cutOff.backend.poll(cutOff.sink, true))).toBe("record-ends");
  });

  test("delivers nothing when there is nothing to wait for, as a ring would", () => {
    const it = stand([NOP, END]);
    expect(it.backend.pending()).toBe(false);
    expect(it.backend.poll(it.sink, true)).toBe(0);
    expect(kindOf(() => it.verifier.end("ok"))).toBe("missing");
  });

  test("diverges when the program waits before it did what was recorded", () => {
    const it = stand([NOP, { ...NOP, slot: 4 }, { kind: "turn", steps: 0, nowNs: 1 }, done, END]);
    nop(it);
    expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("missing");
  });

  test("judges an open difference when the program's turn ends", () => {
    const other: SessionEvent = { ...NOP, slot: 4, opcode: OPCODE.FSYNC, file: 1 };
    const it = stand([NOP, other, { kind: "turn", steps: 0, nowNs: 1 }, done, END]);
    it.backend.ring.prepare(OPCODE.FSYNC, 3, 1, 1, 0, 0, -1, 0);
    nop(it, 4);
    expect(it.backend.pending()).toBe(true);
    expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("order");
    expect(it.verifier.failure?.report.sequence).toBe(0);
  });

  test("lets the program wind down after a difference", () => {
    const it = stand([NOP, { kind: "turn", steps: 0, nowNs: 40 }, END]);
    nop(it);
    it.at.steps = 3;
    it.backend.arm(500);
    expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("progress");
    it.backend.ring.cancel(3, 8);
    nop(it, 9);
    expect(it.backend.now()).toBe(0);
    expect(() => it.backend.host.pipe(1)).toThrow("the replay has diverged");
    expect(it.backend.poll(it.sink, true)).toBe(2);
    expect(it.sink.lines).toEqual(["turn 0", "complete 3.8 -125 0", "complete 9.8 -125 0"]);
    it.backend.poll(it.sink, true);
    expect(it.backend.pending()).toBe(false);
  });

  test("writes recorded bytes only where a read asked for them", () => {
    const read: SessionEvent = { ...NOP, opcode: OPCODE.READ, file: 1, length: 4 };
    const turn: SessionEvent = { kind: "turn", steps: 0, nowNs: 1 };
    const bring = (size: number): SessionEvent => ({
      ...done,
      result: size,
      bytes: new Uint8Array(size).fill(7),
    });
    const attempt = (events: SessionEvent[], opcode: number): string => {
      const it = stand([...events, END]);
      it.backend.ring.prepare(opcode, 3, 1, opcode === OPCODE.READ ? 1 : -1, 0x1000, 4, -1, 0);
      try {
        it.backend.poll(it.sink, true);
      } catch (error) {
        expect(it.memory.bytes.every((byte) => byte === 0)).toBe(true);
        return (error as Error).message;
      }
      expect([...it.memory.bytes.subarray(0, 5)]).toEqual([7, 7, 7, 7, 0]);
      return "delivered";
    };
    expect(attempt([read, turn, bring(4)], OPCODE.READ)).toBe("delivered");
    expect(attempt([read, turn, bring(5)], OPCODE.READ)).toContain("5 bytes to slot 3");
    expect(attempt([{ ...NOP, length: 4 }, turn, bring(4)], OPCODE.NOP)).toContain("4 bytes to");
    expect(attempt([read, turn, { ...done, slot: 6 }], OPCODE.READ)).toContain("slot 6");
  });

  test("ends with ERR_INTERRUPTED after an input from outside", () => {
    const it = stand([NOP, { kind: "turn", steps: 0, nowNs: 1 }, done, END]);
    nop(it);
    it.backend.inject(1, 2);
    let raised: unknown;
    try {
      it.backend.poll(it.sink, true);
    } catch (error) {
      raised = error;
    }
    expect(isReelError(raised, "ERR_INTERRUPTED")).toBe(true);
    expect(it.backend.poll(it.sink, true)).toBe(1);
    expect(it.sink.lines).toEqual(["turn 0", "complete 3.8 -125 0"]);
  });
});

describe("ReplayBackend.armWake()", () => {
  test("calls back on the event loop when a batch is due, and not after disarmWake", async () => {
    const it = stand([{ kind: "turn", steps: 0, nowNs: 1 }, { kind: "interrupt", line: 2 }, END]);
    let calls = 0;
    it.backend.armWake(() => calls++);
    it.backend.disarmWake();
    await new Promise<void>((resolve) => hostSoon(resolve));
    expect(calls).toBe(0);
    await new Promise<void>((resolve) => it.backend.armWake(resolve));
    expect(it.backend.poll(it.sink, false)).toBe(1);
    expect(it.sink.lines).toEqual(["turn 1", "interrupt 2"]);
  });

  test("gives code outside all tasks its time, then says what is missing", async () => {
    const it = stand([NOP, { ...NOP, slot: 4 }, { kind: "turn", steps: 0, nowNs: 1 }, done, END]);
    nop(it);
    await new Promise<void>((resolve) => it.backend.armWake(resolve));
    expect(kindOf(() => it.backend.poll(it.sink, true))).toBe("missing");
  });
});
