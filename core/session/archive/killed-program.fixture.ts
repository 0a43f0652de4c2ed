/**
 * A program to be killed: records without end, and says through its output after each few steps
 * how many events the session has, which are those that must be found again.
 *
 * Arguments: path of the recording, steps between two words.
 */
import { writeSync } from "node:fs";
import type { Recorder } from "../recorder.ts";
import { startRecording } from "../recording.ts";
import { HEADER } from "../session.fixture.ts";
import { playStep } from "./traffic.fixture.ts";

const [path, every] = process.argv.slice(2);
const recording = startRecording(path!, HEADER, { stateEvents: 1000 });
const recorder = recording.tap as Recorder;
for (let step = 0; ; step++) {
  playStep(recorder, step);
  if (step % Number(every) === 0) writeSync(1, `${recorder.events}\n`);
}
