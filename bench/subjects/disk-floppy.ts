/** A 1.44 MB floppy read from end to end on the emulated machine: virtual over real time. */
import { hostMonotonicNs } from "../../core/clock.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { fdd } from "../../providers/fdd/provider.ts";
import type { Subject } from "../subject.ts";

const DISK_BYTES = 1_474_560;
/** Two sides of a track. */
const READ_BYTES = 18_432;

export default async function open(): Promise<Subject> {
  const io = await startRuntime({ backend: "emulated", providers: [fdd] as const, seed: 1 });
  const disk = await io.open("fdd", { sizeBytes: DISK_BYTES });
  const buffer = io.buffer(READ_BYTES);
  const readAll = async (): Promise<void> => {
    for (let offset = 0; offset < DISK_BYTES; offset += READ_BYTES) {
      const count = await disk.readInto(buffer, { offset });
      if (count !== READ_BYTES) throw new Error(`A read failed: found ${count} bytes`);
    }
  };
  return {
    batch: 1,
    async sample(operations) {
      await io.run(readAll);
      const [virtualNs, realNs] = [io.now(), hostMonotonicNs()];
      for (let i = 0; i < operations; i++) await io.run(readAll);
      const value = (io.now() - virtualNs) / (hostMonotonicNs() - realNs);
      return { value, waited: 0 };
    },
    close: () => io.close(),
  };
}
