/**
 * What survives when the machine and not only the process ends: of a tail from before the machine
 * started again, sealed frames, and of the open one what a checksum was written for.
 */
import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { openRecording, startRecording } from "../recording.ts";
import type { Recorder } from "../recorder.ts";
import { HEADER, temporaryFolder } from "../session.fixture.ts";
import { FRAME_HEADER_BYTES, FRAME_WORD, TAIL_WORD, tailPath } from "../tail/layout.ts";
import { playSteps } from "./traffic.fixture.ts";

/** A copy of a recording in the making, as if this machine had started again since. */
function afterPowerFailure(path: string, copy: string, damage?: (tail: Int32Array) => void): void {
  for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
  const bytes = new Uint8Array(readFileSync(tailPath(path)));
  const words = new Int32Array(bytes.buffer);
  words[TAIL_WORD.BOOT]! ^= 1;
  damage?.(words);
  writeFileSync(tailPath(copy), bytes);
}

/** Word of the open frame's header. */
function openFrame(words: Int32Array): number {
  return words[TAIL_WORD.DIRECTORY + words[TAIL_WORD.OPEN]!]! >>> 2;
}

/** Waits until all that was recorded is on the disk, as the tail itself says. */
function untilSynced(path: string): number {
  for (;;) {
    const words = new Int32Array(new Uint8Array(readFileSync(tailPath(path))).buffer);
    const at = openFrame(words);
    const length = words[at + FRAME_WORD.LENGTH]!;
    if (length > 0 && words[at + FRAME_WORD.CHECKED_LENGTH] === length) return length;
    Bun.sleepSync(1);
  }
}

for (const durable of [true, false]) {
  test(`durable: ${durable} says what of an open frame survives a power failure`, () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const recording = startRecording(path, HEADER, { durable });
    const recorder = recording.tap as Recorder;
    playSteps(recorder, 0, 30);
    if (durable) untilSynced(path);
    const copy = folder.path("copy.reel");
    afterPowerFailure(path, copy);
    const torn = folder.path("torn.reel");
    afterPowerFailure(path, torn, (words) => {
      words[openFrame(words) + FRAME_HEADER_BYTES / 4 + 10]! ^= 0x100;
    });
    using opened = openRecording(copy);
    expect(opened.eventCount).toBe(durable ? recorder.events : 0);
    // Nobody says that nothing is lost, and what is known to be is counted.
    expect(opened.info.recovered).toMatchObject({ isWhole: false });
    expect(opened.info.recovered!.lostBytes > 0).toBe(!durable);
    // What reached the disk in part is no event.
    using other = openRecording(torn);
    expect(other.eventCount).toBe(0);
    recorder.end("ok");
    expect(recording.finish()).toMatchObject({ state: "complete", failure: undefined });
  });
}

test("a flight recording whose process was killed opens from its first kept event", () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const header = { ...HEADER, options: { record: { mode: "flight" } } };
  const recording = startRecording(path, header, { mode: "flight", flightBytes: 1 << 20 });
  const recorder = recording.tap as Recorder;
  playSteps(recorder, 0, 4000);
  const copy = folder.path("copy.reel");
  copyFileSync(path, copy);
  copyFileSync(tailPath(path), tailPath(copy));
  using opened = openRecording(copy);
  expect(opened.info.state).toBe("recovered");
  expect(opened.eventCount).toBeGreaterThan(100);
  expect(opened.eventCount).toBeLessThan(recorder.events / 2);
  const events = [...opened.events()];
  expect(events.at(-1)!.event).toEqual({ kind: "mark", text: "step 3999" });
  expect(events[0]).toMatchObject({ sequence: 0, timeNs: 0 });
  recorder.end("ok");
  expect(recording.finish()).toMatchObject({ kept: false, failure: undefined });
});
