/**
 * What a program's thread sees of being recorded: NOPs through the io_uring backend, as nop-ring.ts
 * has them, with the time of each batch taken. Arguments: `plain` or `recorded`, the batch. The
 * value is the longest gap in milliseconds, that is the longest batch; besides there is the gap
 * that one in a thousand batches exceeds. Time for which others had the processor is not counted:
 * what the recording's own Worker takes is, where the program waits for it.
 */
import { hostMonotonicNs, NS_PER_MS } from "../../core/clock.ts";
import { startRecording } from "../../core/session/recording.ts";
import { TapBackend } from "../../core/session/tap-backend.ts";
import { waitedNs, type Subject } from "../subject.ts";
import { ringWork } from "./bare-ring.ts";
import { HEADER, recordingFolder } from "./session-folder.ts";
import { openUring } from "./uring.ts";

const PER_MILLE = 0.999;
/** Of longer gaps it is asked what others had of them. */
const LONG_NS = 100_000;

export default function open(argument: string): Subject {
  const [kind, count] = argument.split(" ");
  const batch = Number(count);
  const inner = openUring(batch);
  const folder = recordingFolder();
  const recording = kind === "recorded" ? startRecording(folder.path, HEADER) : undefined;
  const backend =
    recording === undefined ? inner : new TapBackend(inner, recording.tap, { steps: () => 0 });
  const work = ringWork(backend, batch, () => {
    backend.close();
    recording?.tap.end("ok");
    const failure = recording?.finish().failure;
    folder.remove();
    if (failure !== undefined) throw failure;
  });
  return {
    batch,
    sample(operations) {
      const gaps = new Float64Array(operations / batch);
      work.run(Math.min(operations, 1000 * batch));
      let waited = waitedNs();
      let before = hostMonotonicNs();
      for (let i = 0; i < gaps.length; i++) {
        work.run(batch);
        const nowNs = hostMonotonicNs();
        gaps[i] = nowNs - before;
        before = nowNs;
        if (gaps[i]! < LONG_NS) continue;
        const waitedNow = waitedNs();
        gaps[i] = Math.max(0, gaps[i]! - (waitedNow - waited));
        waited = waitedNow;
        before = hostMonotonicNs();
      }
      const sumNs = gaps.reduce((sum, gap) => sum + gap, 0);
      gaps.sort();
      const longest = gaps.at(-1)! / NS_PER_MS;
      const exceeded = gaps[Math.floor(gaps.length * PER_MILLE)]! / NS_PER_MS;
      const metrics = { "p99.9 ms": exceeded, "ns/op": sumNs / operations };
      return { value: longest, waited: 0, metrics };
    },
    close: () => work.close(),
  };
}
