/**
 * What elevators save, in virtual time: an ATA disk of 7,200 rpm with 32 operations at once.
 * Argument: the elevator, then `reads` for 4 KiB anywhere or `writes` for 4 KiB one after the
 * other, each on the medium when it is over.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { ata } from "../../providers/ata/provider.ts";
import type { ElevatorName } from "../../providers/disk/queue/elevator.ts";
import type { Subject } from "../subject.ts";
import { Positions } from "./disk-file.ts";

const BLOCK_BYTES = 4096;
const DISK_BYTES = 4 * 2 ** 30;
const DEPTH = 32;

export default async function open(argument: string): Promise<Subject> {
  const [elevator, load] = argument.split(" ") as [ElevatorName, string];
  const io = await startRuntime({ backend: "emulated", providers: [ata] as const, seed: 1 });
  const disk = await io.open("ata", { sizeBytes: DISK_BYTES, timing: "hdd7200", elevator });
  const random = load === "reads";
  const form = "callback" as const;
  const shape = { path: "", sizeBytes: DISK_BYTES, blockBytes: BLOCK_BYTES, depth: DEPTH };
  const positions = new Positions({ ...shape, random, direct: false, form });
  const bytes = new Uint8Array(BLOCK_BYTES);
  const one = async (): Promise<void> => {
    const offset = positions.next();
    if (random) await disk.read(BLOCK_BYTES, { offset });
    else await disk.write(bytes, { offset, argument: 1 });
  };
  return {
    batch: DEPTH,
    async sample(operations) {
      const startNs = io.now();
      let left = operations;
      await io.run(async () => {
        const worker = async (): Promise<void> => {
          while (left-- > 0) await one();
        };
        await Promise.all(Array.from({ length: DEPTH }, worker));
      });
      return { value: (io.now() - startNs) / operations, waited: 0 };
    },
    close: () => io.close(),
  };
}
