/**
 * Recording at the door and replaying without the machine. A program runs on a scripted ring that
 * completes out of order, short and late; the recording then drives the same program, at other
 * addresses and with no ring, and everything that the program sees must be the same.
 */
import { describe, expect, test } from "bun:test";
import { OPCODE } from "../backend/contract.ts";
import { isReelError } from "../errors.ts";
import { DivergenceError } from "./divergence.ts";
import type { DivergenceReport } from "./divergence.ts";
import type { Recorded } from "./recorded.ts";
import { Recorder } from "./recorder.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { ScriptedBackend, TestMemory } from "./scripted-backend.fixture.ts";
import { MemorySegments } from "./segment.ts";
import { TapBackend } from "./tap-backend.ts";
import { TestProgram } from "./test-program.fixture.ts";
import type { ProgramOptions } from "./test-program.fixture.ts";
import { Verifier } from "./verifier.ts";

const OPTIONS: ProgramOptions = { tasks: 6, rounds: 30 };

function record(seed: number, options = OPTIONS): { recorded: Recorded; log: string[] } {
  const source = new MemorySegments();
  const recorder = new Recorder(source);
  const memory = new TestMemory(0x1000);
  const program = new TestProgram(memory, options);
  const backend = new ScriptedBackend(seed, memory);
  backend.inject(1, 2);
  program.run(new TapBackend(backend, recorder, { steps: () => program.steps, memory }), recorder);
  recorder.flush();
  const { digest } = source;
  const extent = { eventCount: recorder.events, digest };
  return { recorded: { source, ...extent, complete: true, providerKinds: [] }, log: program.log };
}

function replay(
  recorded: Recorded,
  options = OPTIONS,
): { program: TestProgram; verifier: Verifier } {
  const verifier = new Verifier(recorded);
  const memory = new TestMemory(0x7f00_0000_0000);
  const program = new TestProgram(memory, options);
  program.run(new ReplayBackend(verifier, { steps: () => program.steps, memory }), verifier);
  return { program, verifier };
}

function divergence(recorded: Recorded, options = OPTIONS): DivergenceReport {
  try {
    replay(recorded, options);
  } catch (error) {
    if (error instanceof DivergenceError) return error.report;
    throw error;
  }
  throw new Error("The replay did not diverge");
}

describe("ReplayBackend", () => {
  test("gives a program everything that it saw when it was recorded, for 50 machines", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { recorded, log } = record(seed);
      const { program, verifier } = replay(recorded);
      expect(program.log).toEqual(log);
      expect(verifier.identical).toBe(true);
    }
  });

  test("the machines of these tests differ, so that agreeing means something", () => {
    const digests = new Set(Array.from({ length: 20 }, (_, seed) => record(seed).recorded.digest));
    expect(digests.size).toBe(20);
    expect(record(3).recorded.digest).toBe(record(3).recorded.digest);
  });

  test("recording a replay gives the digest of the recording", () => {
    const { recorded } = record(5);
    const sink = new MemorySegments();
    const recorder = new Recorder(sink);
    const memory = new TestMemory(0x2000);
    const program = new TestProgram(memory, OPTIONS);
    const verifier = new Verifier(recorded);
    const steps = (): number => program.steps;
    const stand = new ReplayBackend(verifier, { steps, memory });
    const both = new Proxy(recorder, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== "mark" && name !== "end") {
          return typeof value === "function" ? value.bind(target) : value;
        }
        return (text: string) => {
          target[name](text);
          verifier[name](text);
        };
      },
    });
    program.run(new TapBackend(stand, both, { steps, memory }), both);
    recorder.flush();
    expect(sink.digest).toBe(recorded.digest);
  });

  const twisted = (twist: ProgramOptions["twist"]): ProgramOptions => ({
    ...OPTIONS,
    twist: twist!,
  });
  const at = (task: number, round: number) => (t: number, r: number) => t === task && r === round;

  test("ends at the operation that asks for another length", () => {
    const { recorded } = record(1);
    const hit = at(2, 9);
    const options = twisted((t, r) => (hit(t, r) ? { length: 7 } : undefined));
    const report = divergence(recorded, options);
    expect(report).toMatchObject({
      difference: "arguments",
      opcode: "READ",
      field: "length",
      recorded: String(64 + 16 + 9),
      actual: "7",
    });
    expect(report.recordedEvent).toContain("slot 2: READ file 3");
    expect(report.callSite).toContain("test-program.fixture.ts");
  });

  test("ends at the operation that writes other bytes", () => {
    const { recorded } = record(2);
    const hit = at(1, 12);
    const options = twisted((t, r) => (hit(t, r) ? { value: 0x5a } : undefined));
    expect(divergence(recorded, options)).toMatchObject({ difference: "payload", opcode: "WRITE" });
  });

  test("ends at an operation that is not recorded", () => {
    const { recorded } = record(3);
    const hit = at(4, 3);
    const options = twisted((t, r) => (hit(t, r) ? { extra: true } : undefined));
    const report = divergence(recorded, options);
    expect(report.difference).toBe("extra");
    expect(report.actualEvent).toContain("NOP");
  });

  test("ends when a recorded operation is not made", () => {
    const { recorded } = record(4);
    const hit = at(0, 5);
    const options = twisted((t, r) => (hit(t, r) ? { skip: true } : undefined));
    expect(["missing", "operation"]).toContain(divergence(recorded, options).difference);
  });

  test("ends when the program goes on after the recorded end", () => {
    const { recorded } = record(4, { tasks: 2, rounds: 4 });
    const report = divergence(recorded, { tasks: 2, rounds: 5 });
    expect(["extra", "operation"]).toContain(report.difference);
  });
});

describe("TapBackend", () => {
  const wrapped = () => {
    const memory = new TestMemory(0x1000);
    const sink = new MemorySegments();
    const tap = new Recorder(sink);
    const backend = new ScriptedBackend(1, memory);
    return { tap, backend: new TapBackend(backend, tap, { steps: () => 0, memory }) };
  };

  test("refuses requests whose memory a session does not know, before they are made", () => {
    const { backend, tap } = wrapped();
    for (const opcode of [OPCODE.READV, OPCODE.SENDMSG, OPCODE.STATX, 250]) {
      let raised: unknown;
      try {
        backend.ring!.prepare(opcode, 0, 1, 3, 0x1000, 8, 0, 0);
      } catch (error) {
        raised = error;
      }
      expect(isReelError(raised, "ERR_UNSUPPORTED")).toBe(true);
    }
    expect(tap.events).toBe(0);
    expect(backend.counters.submitted).toBe(0);
  });

  test("refuses memory outside the arena", () => {
    const { backend } = wrapped();
    const write = (): void => backend.ring!.prepare(OPCODE.WRITE, 0, 1, 3, 0x10, 8, 0, 0);
    expect(write).toThrow("not in the pinned arena");
  });
});
