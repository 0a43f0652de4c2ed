/** Opens the recording that its argument names, reads one event, and says what that took. */
import { readFileSync } from "node:fs";
import { hostMonotonicNs, NS_PER_MS } from "../../core/clock.ts";
import { openRecording } from "../../core/session/recording.ts";

const start = hostMonotonicNs();
using recording = openRecording(process.argv[2]!, { verify: "as-read" });
const openMs = (hostMonotonicNs() - start) / NS_PER_MS;
const first = recording.cursorAt(Math.floor(recording.eventCount / 2)).peek();
if (first === undefined) throw new Error("Cannot read the event in the middle");
const eventMs = (hostMonotonicNs() - start) / NS_PER_MS - openMs;
// The most that it had. What getrusage(2) says counts the process that started this one, too.
const status = readFileSync("/proc/self/status", "latin1");
const processMiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
console.log(JSON.stringify({ openMs, "an event ms": eventMs, "process MiB": processMiB }));
