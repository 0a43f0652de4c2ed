/**
 * What the program's thread takes for a state of which 20 pages of 4 KiB changed: the engine with
 * 256 operations in flight, and a device of 1 MiB. Checksums of all parts become an event, and what
 * changed goes into the tail. Between two states a segment of events comes, as in any session.
 */
import { OPCODE } from "../../core/backend/contract.ts";
import { hostMonotonicNs } from "../../core/clock.ts";
import { stateParts } from "../../core/engine/state-parts.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { emptyRequest } from "../../core/runtime/wiring.ts";
import { startRecording } from "../../core/session/recording.ts";
import { waitedNs, type Subject } from "../subject.ts";
import { nop } from "./nop-provider.ts";
import { HEADER, recordingFolder } from "./session-folder.ts";

const IN_FLIGHT = 256;
const DEVICE_BYTES = 1 << 20;
const PAGE_BYTES = 4096;
const PAGES = DEVICE_BYTES / PAGE_BYTES;
/** The engine's own parts change too: those with 256 operations have 8 pages, and a few. */
const CHANGED = 10;
const EVENTS_BETWEEN = 16_384;

export default async function open(): Promise<Subject> {
  const io = await startRuntime({ backend: "uring", providers: [nop], seed: 1 });
  const { engine } = io;
  const { handle } = await io.open("nop");
  const request = {
    ...emptyRequest(),
    end: engine.state.ends.require(handle, "nop"),
  };
  let over = 0;
  const settler = { settled: () => void over++ };
  const folder = recordingFolder();
  const recording = startRecording(folder.path, HEADER, { stateEvents: 1 });
  const { tap } = recording;
  const bytes = new Uint8Array(DEVICE_BYTES);
  let round = 0;

  function between(): void {
    for (let i = 0; i < EVENTS_BETWEEN; i++)
      tap.submit(i % 64, OPCODE.NOP, i, i, i * 7, 0, undefined);
    over = 0;
    for (let i = 0; i < IN_FLIGHT; i++) engine.start(request, settler);
    engine.work();
    round++;
    for (let i = 0; i < CHANGED; i++) bytes[((round * 13 + i * 17) % PAGES) * PAGE_BYTES] = round;
  }

  return {
    batch: 1,
    sample(operations) {
      let tookNs = 0;
      for (let i = 0; i < operations; i++) {
        between();
        const waited = waitedNs();
        const start = hostMonotonicNs();
        const parts = stateParts(engine.state);
        tap.state([...parts, { name: "provider.device", version: 1, bytes }]);
        tookNs += hostMonotonicNs() - start;
        tookNs -= waitedNs() - waited;
        while (over < IN_FLIGHT) {
          engine.poll(true);
          engine.work();
        }
      }
      return { value: tookNs / operations / 1000, waited: 0 };
    },
    async close() {
      await io.close();
      tap.end("ok");
      const { failure } = recording.finish();
      folder.remove();
      if (failure !== undefined) throw failure;
    },
  };
}
