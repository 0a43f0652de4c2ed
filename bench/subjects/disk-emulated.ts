/**
 * Reads of disks in memory on the emulated machine, through the controllers' registers. Argument:
 * `ahci` for 4 KiB commands with 32 in the queue, `pio` for an IDE disk by programmed I/O.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { ata } from "../../providers/ata/provider.ts";
import { sata } from "../../providers/sata/provider.ts";
import { timed, type Subject } from "../subject.ts";
import { PIO_BYTES, Positions } from "./disk-file.ts";
import { readThrough } from "./disk-places.ts";

const COMMAND_BYTES = 4096;
const DISK_BYTES = 16 * 1024 * 1024;

const options = (blockBytes: number, depth: number, random: boolean) => {
  const form = "callback";
  return { path: "", sizeBytes: DISK_BYTES, blockBytes, depth, random, direct: false, form };
};

export default async function open(controller: string): Promise<Subject> {
  const providers = [ata, sata] as const;
  const io = await startRuntime({ backend: "emulated", providers, seed: 1 });
  const isAhci = controller === "ahci";
  const reading = isAhci ? options(COMMAND_BYTES, 32, true) : options(PIO_BYTES, 1, false);
  const disk = isAhci
    ? await io.open("sata", { sizeBytes: DISK_BYTES })
    : await io.open("ata", { sizeBytes: DISK_BYTES, dma: "pio" });
  const buffers = Array.from({ length: reading.depth }, () => io.buffer(reading.blockBytes));
  const run = readThrough(io.engine, disk.handle, buffers, new Positions(reading));
  return timed({ batch: reading.depth, run, close: () => io.close() }, { steps: false });
}
