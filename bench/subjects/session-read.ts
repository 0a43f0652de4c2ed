/**
 * Cached reads of a file through the `sata` provider on io_uring, as disk-ioreel.ts has them, while
 * the session is recorded or not. Argument: as disk-file.ts has it; the form is what is kept,
 * `nothing` without recording, or `none`, `digest` or `full`, and `-bursts` after it has the reads
 * come in bursts of 1 MiB, each after all that was recorded before is archived: then it is what
 * recording takes of the program's own thread, however fast the archive is.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { tailPath, TAIL_WORD } from "../../core/session/tail/layout.ts";
import { mapTail } from "../../core/session/tail/tail-file.ts";
import { hostMonotonicNs } from "../../core/clock.ts";
import { sata } from "../../providers/sata/provider.ts";
import { timed, waitedNs, type Subject } from "../subject.ts";
import { Positions, openReading, removeFile } from "./disk-file.ts";
import { readThrough } from "./disk-places.ts";
import { recordingFolder } from "./session-folder.ts";

const BURST_BYTES = 1 << 20;
/** How long the program leaves the processor to others between two bursts, at least. */
const PAUSE_MS = 1;

/** Waits until a recording has all that is sealed in its file. */
function archivedUp(path: string): () => void {
  const { words } = mapTail(tailPath(path));
  return () => {
    while (Atomics.load(words, TAIL_WORD.SEALED) > Atomics.load(words, TAIL_WORD.COMMITTED)) {
      Bun.sleepSync(PAUSE_MS);
    }
  };
}

export default async function open(argument: string): Promise<Subject> {
  const reading = openReading(argument);
  const [kept, bursts] = reading.form.split("-");
  const folder = recordingFolder();
  const record = { path: folder.path, payload: kept as "none" | "digest" | "full" };
  const io = await startRuntime({
    backend: "uring",
    providers: [sata] as const,
    seed: 1,
    ...(kept === "nothing" ? {} : { record }),
  });
  const { blockBytes, depth, direct, path } = reading;
  const { handle } = await io.open("sata", { image: path, readOnly: true, direct });
  const buffers = Array.from({ length: depth }, () => io.buffer(blockBytes));
  const run = readThrough(io.engine, handle, buffers, new Positions(reading));
  const close = async (): Promise<void> => {
    await io.close();
    removeFile(reading);
    folder.remove();
  };
  if (bursts === undefined) return timed({ batch: depth, run, close }, { steps: false });
  const rest = kept === "nothing" ? () => {} : archivedUp(folder.path);
  const burst = BURST_BYTES / blockBytes;
  return {
    batch: burst,
    sample(operations) {
      let tookNs = 0;
      for (let done = 0; done < operations; done += burst) {
        rest();
        Bun.sleepSync(PAUSE_MS);
        // The first reads after a pause find the caches cold, and are not what is compared.
        run(depth);
        const waited = waitedNs();
        const start = hostMonotonicNs();
        run(burst);
        tookNs += hostMonotonicNs() - start;
        tookNs -= waitedNs() - waited;
      }
      return { value: tookNs / operations, waited: 0 };
    },
    close,
  };
}
