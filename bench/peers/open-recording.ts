/** Opens the recording that its argument names, reads one event, and says what that took. */
import { hostMonotonicNs, NS_PER_MS } from "../../core/clock.ts";
import { openRecording } from "../../core/session/recording.ts";

const MEBIBYTE = 1 << 20;
const start = hostMonotonicNs();
using recording = openRecording(process.argv[2]!, { verify: "as-read" });
const openMs = (hostMonotonicNs() - start) / NS_PER_MS;
const first = recording.cursorAt(Math.floor(recording.eventCount / 2)).peek();
if (first === undefined) throw new Error("Cannot read the event in the middle");
const eventMs = (hostMonotonicNs() - start) / NS_PER_MS - openMs;
// Linux counts in kilobytes: getrusage(2).
const processMiB = (process.resourceUsage().maxRSS * 1024) / MEBIBYTE;
console.log(JSON.stringify({ openMs, "an event ms": eventMs, "process MiB": processMiB }));
