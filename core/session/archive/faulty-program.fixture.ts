/**
 * A program that records where recording goes wrong, and says at its end how the session came out:
 * one line of JSON. Arguments: path of the recording, steps, options as JSON, and a file: half-way
 * the program writes there, which makes its disk fail.
 */
import { writeFileSync } from "node:fs";
import { isReelError } from "../../errors.ts";
import { startRecording } from "../recording.ts";
import { HEADER } from "../session.fixture.ts";
import { playStep } from "./traffic.fixture.ts";

/** The kernel says of this write too that the disk is read-only from now on. */
function fail(trigger: string): void {
  try {
    writeFileSync(trigger, "1");
  } catch {}
}

const [path, steps, options = "{}", trigger] = process.argv.slice(2);
const recording = startRecording(path!, HEADER, { stateEvents: 1000, ...JSON.parse(options) });
const thrown: unknown[] = [];
for (let step = 0; step < Number(steps); step++) {
  if (trigger !== undefined && step === Math.floor(Number(steps) / 2)) fail(trigger);
  try {
    playStep(recording.tap, step);
  } catch (error) {
    thrown.push(isReelError(error) ? error.code : String(error));
  }
}
recording.tap.end("ok");
const { failure, ...summary } = recording.finish();
console.log(JSON.stringify({ ...summary, thrown, failure: failure?.message, mend: failure?.mend }));
// So that whoever follows sees the file as this process leaves it.
process.exit(0);
