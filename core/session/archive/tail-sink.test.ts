/** The write path: tail, Worker and file come to the same session as memory, whatever is in it. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Recorder } from "../recorder.ts";
import { openRecording, startRecording } from "../recording.ts";
import { DigestSink } from "../segment.ts";
import { HEADER, temporaryFolder } from "../session.fixture.ts";
import { playSteps, STEP_EVENTS } from "./traffic.fixture.ts";

function digestOf(steps: number): string {
  const sink = new DigestSink();
  const recorder = new Recorder(sink, { stateEvents: 1000 });
  playSteps(recorder, 0, steps);
  recorder.end("ok");
  recorder.flush();
  return sink.digest;
}

for (const [steps, how] of [
  [20, "in one segment, by the program's thread"],
  [300, "in some segments, as the Worker starts"],
  [6000, "over several rings, with payloads that outgrow their frames"],
] as const) {
  test(`startRecording() comes to the digest of a session that is not kept: ${how}`, () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const recording = startRecording(path, HEADER, { stateEvents: 1000 });
    playSteps(recording.tap, 0, steps);
    recording.tap.end("ok");
    const summary = recording.finish();
    expect(summary).toMatchObject({ state: "complete", failure: undefined });
    expect(summary.digest).toBe(digestOf(steps));
    expect(readdirSync(dirname(path))).toEqual(["a.reel"]);
    using opened = openRecording(path);
    expect(opened.digest).toBe(summary.digest);
    expect(opened.eventCount).toBe(summary.eventCount);
    expect(opened.eventCount).toBeGreaterThan(steps * STEP_EVENTS);
  });
}

test("startRecording() removes the tail that a killed recording of the same path left", () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const stale = ["a.reel-tail.7", "a.reel-tail.12"];
  const others = ["a.reel-tail.x", "a.reel-tails", "b.reel-tail"];
  for (const name of [...stale, ...others, "a.reel-tail"]) {
    writeFileSync(folder.path(name), "left over");
  }
  const recording = startRecording(path, HEADER);
  for (const name of stale) expect(existsSync(folder.path(name))).toBe(false);
  recording.finish();
  expect(readdirSync(dirname(path)).toSorted()).toEqual([...others, "a.reel"].toSorted());
});
