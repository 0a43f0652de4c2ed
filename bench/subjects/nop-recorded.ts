/**
 * NOPs through the io_uring backend with a tap on its door and a recorder that writes a real file:
 * what recording costs. Argument: the batch.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRecording } from "../../core/session/recording.ts";
import { TapBackend } from "../../core/session/tap-backend.ts";
import { timed, type Subject } from "../subject.ts";
import { ringWork } from "./bare-ring.ts";
import { openUring } from "./uring.ts";

export default function open(argument: string): Subject {
  const batch = Number(argument);
  const inner = openUring(batch);
  const folder = mkdtempSync(join(tmpdir(), "ioreel-bench-"));
  const recording = startRecording(join(folder, "nop.reel"), {
    seed: 1,
    backend: "uring",
    options: null,
    selection: null,
    providers: [],
  });
  const backend = new TapBackend(inner, recording.tap, { steps: () => 0 });
  const work = ringWork(backend, batch, () => {
    backend.close();
    recording.tap.end("ok");
    const { failure } = recording.finish();
    rmSync(folder, { recursive: true });
    if (failure !== undefined) throw failure;
  });
  return timed(work);
}
