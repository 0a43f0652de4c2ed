/**
 * What a program's thread sees of being recorded: NOPs through the io_uring backend, as nop-ring.ts
 * has them, with the time of each batch taken. Arguments: `plain` or `recorded`, the batch. The
 * value is the longest gap in milliseconds, that is the longest batch; besides there is the gap
 * that one in a thousand batches exceeds.
 */
import { hostMonotonicNs, NS_PER_MS } from "../../core/clock.ts";
import { startRecording } from "../../core/session/recording.ts";
import { TapBackend } from "../../core/session/tap-backend.ts";
import type { Subject } from "../subject.ts";
import { ringWork } from "./bare-ring.ts";
import { HEADER, recordingFolder } from "./session-folder.ts";
import { openUring } from "./uring.ts";

const PER_MILLE = 0.999;

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
      let before = hostMonotonicNs();
      for (let i = 0; i < gaps.length; i++) {
        work.run(batch);
        const nowNs = hostMonotonicNs();
        gaps[i] = nowNs - before;
        before = nowNs;
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
