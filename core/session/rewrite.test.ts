/**
 * Rewritten recordings: sound in themselves, and a replay ends at exactly what was changed.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Random } from "../random.ts";
import { DivergenceError } from "./divergence.ts";
import type { SessionEvent } from "./event.ts";
import { openRecording, startRecording } from "./recording.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { rewriteRecording } from "./rewrite.ts";
import { ScriptedBackend, TestMemory } from "./scripted-backend.fixture.ts";
import { HEADER, randomEvents, recordEvents, temporaryFolder } from "./session.fixture.ts";
import { TapBackend } from "./tap-backend.ts";
import { TestProgram } from "./test-program.fixture.ts";
import { Verifier } from "./verifier.ts";

/** A bound against hanging, not a measure: each round makes a file. */
const TIMEOUT_MS = 120_000;
const OPTIONS = { tasks: 4, rounds: 12 };

function recordProgram(path: string): void {
  const recording = startRecording(path, HEADER);
  const { tap } = recording;
  const memory = new TestMemory(0x1000);
  const program = new TestProgram(memory, OPTIONS);
  const backend = new ScriptedBackend(4, memory);
  program.run(new TapBackend(backend, tap, { steps: () => program.steps, memory }), tap);
  expect(recording.finish()).toMatchObject({ state: "complete", failure: undefined });
}

/** @returns the divergence, or undefined when the replay was identical */
function replayProgram(path: string): DivergenceError | undefined {
  using recording = openRecording(path);
  const verifier = new Verifier(recording);
  const memory = new TestMemory(0x9000);
  const program = new TestProgram(memory, OPTIONS);
  const backend = new ReplayBackend(verifier, { steps: () => program.steps, memory });
  try {
    program.run(backend, verifier);
  } catch (error) {
    if (error instanceof DivergenceError) return error;
    throw error;
  }
  expect(verifier.identical).toBe(true);
  return undefined;
}

describe("rewriteRecording()", () => {
  test("copies everything when nothing is edited", () => {
    using folder = temporaryFolder();
    const [path, copy] = [folder.path("a.reel"), folder.path("b.reel")];
    const digest = recordEvents(path, randomEvents(5, 3000));
    expect(rewriteRecording(path, copy, (event) => event)).toBe(digest);
    using a = openRecording(path);
    using b = openRecording(copy);
    expect({ ...b.info, path }).toEqual(a.info);
    expect(b.attachment("scenario")).toEqual(a.attachment("scenario")!);
  });

  test("drops and adds events, and seals the result anew", () => {
    using folder = temporaryFolder();
    const [path, copy] = [folder.path("a.reel"), folder.path("b.reel")];
    const events = randomEvents(6, 100);
    recordEvents(path, events);
    const mark: SessionEvent = { kind: "mark", text: "added" };
    rewriteRecording(path, copy, (event, sequence) => {
      if (sequence === 3) return [];
      return sequence === 9 ? [mark, event] : event;
    });
    using rewritten = openRecording(copy);
    const wanted = events.toSpliced(9, 0, mark).toSpliced(3, 1);
    expect([...rewritten.events()].map(({ event }) => event)).toEqual(wanted);
  });

  test("refuses to rewrite in place, and leaves the original alone", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordEvents(path, randomEvents(7, 10));
    const before = readFileSync(path);
    expect(() => rewriteRecording(path, path, (event) => event)).toThrow(RangeError);
    const bad = (): string =>
      rewriteRecording(path, folder.path("b.reel"), () => {
        return { kind: "cancel", slot: -1 };
      });
    expect(bad).toThrow(RangeError);
    expect(readFileSync(path)).toEqual(before);
  });

  test(
    "a recording changed so that one operation differs ends at exactly that operation",
    () => {
      using folder = temporaryFolder();
      const [path, copy] = [folder.path("a.reel"), folder.path("b.reel")];
      recordProgram(path);
      expect(replayProgram(path)).toBeUndefined();
      const submits: number[] = [];
      using original = openRecording(path);
      for (const { event, sequence } of original.events()) {
        if (event.kind === "submit") submits.push(sequence);
      }
      expect(submits.length).toBeGreaterThan(80);
      const random = new Random(1);
      for (let round = 0; round < 20; round++) {
        const target = submits[random.below(submits.length)]!;
        const fields = ["opcode", "file", "length", "offset", "opFlags", "slot"] as const;
        const field = fields[random.below(fields.length)]!;
        rewriteRecording(path, copy, (event, sequence) => {
          if (sequence !== target || event.kind !== "submit") return event;
          return { ...event, [field]: event[field] + 1 };
        });
        const { report } = replayProgram(copy)!;
        expect(report.sequence).toBe(target);
        expect(report.operation).toBe(submits.indexOf(target) + 1);
        expect(report.field).toBe(field);
      }
    },
    TIMEOUT_MS,
  );

  test("a changed inbound byte is delivered, and shows where the program writes it on", () => {
    using folder = temporaryFolder();
    const [path, copy] = [folder.path("a.reel"), folder.path("b.reel")];
    recordProgram(path);
    let changed = -1;
    rewriteRecording(path, copy, (event, sequence) => {
      if (changed >= 0 || event.kind !== "complete" || event.bytes === undefined) return event;
      changed = sequence;
      const bytes = event.bytes.slice();
      bytes[0] = bytes[0]! ^ 1;
      return { ...event, bytes };
    });
    const { report } = replayProgram(copy)!;
    expect(report).toMatchObject({ difference: "payload", opcode: "WRITE", field: "digest" });
    expect(report.sequence).toBeGreaterThan(changed);
  });
});
