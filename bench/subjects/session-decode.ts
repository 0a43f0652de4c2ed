/**
 * Reads a recording whole. Argument: `verify` opens it, which checks every checksum, every event
 * and every checkpoint before the first event; `decode` walks over its events; then how many.
 */
import { openRecording } from "../../core/session/recording.ts";
import { timed, type Subject } from "../subject.ts";
import { recordingFolder } from "./session-folder.ts";
import { recordTraffic } from "./session-traffic.ts";

export default function open(argument: string): Subject {
  const [form, wanted] = argument.split(" ");
  const folder = recordingFolder();
  const events = recordTraffic(folder.path, { events: Number(wanted) });
  const pass = (): void => {
    using recording = openRecording(folder.path, { verify: form === "verify" ? "all" : "as-read" });
    if (form === "decode") recording.cursor().skipToEnd();
  };
  const run = (operations: number): void => {
    for (let done = 0; done < operations; done += events) pass();
  };
  return timed({ batch: events, run, close: () => folder.remove() }, { steps: false });
}
