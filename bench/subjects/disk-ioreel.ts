/**
 * Reads of a file through the `sata` provider on io_uring, in ioreel's buffers. Argument: see
 * disk-file.ts; form `callback` for the engine's own start without promises, `promise` for tasks
 * that await `readInto`.
 */
import type { IoBuffer } from "../../core/buffer/buffer.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { sata } from "../../providers/sata/provider.ts";
import { timed, type Subject, type Timed } from "../subject.ts";
import { Positions, openReading, removeFile, type Reading } from "./disk-file.ts";
import { readThrough } from "./disk-places.ts";

type Io = Awaited<ReturnType<typeof openRuntime>>;
const openRuntime = () => startRuntime({ backend: "uring", providers: [sata] as const, seed: 1 });

async function callbacks(io: Io, reading: Reading): Promise<Timed["run"]> {
  const { blockBytes, depth, direct, path } = reading;
  const { handle } = await io.open("sata", { image: path, readOnly: true, direct });
  const buffers = Array.from({ length: depth }, () => io.buffer(blockBytes));
  return readThrough(io.engine, handle, buffers, new Positions(reading));
}

async function promises(io: Io, reading: Reading): Promise<Timed["run"]> {
  const { blockBytes, depth, direct, path } = reading;
  const disk = await io.open("sata", { image: path, readOnly: true, direct });
  const positions = new Positions(reading);
  const buffers = Array.from({ length: depth }, () => io.buffer(blockBytes));
  return (operations) =>
    io.run(async () => {
      let left = operations;
      const reader = async (buffer: IoBuffer): Promise<void> => {
        while (left-- > 0) await disk.readInto(buffer, { offset: positions.next() });
      };
      const tasks = buffers.map((buffer) => io.spawn(() => reader(buffer)));
      for (const task of tasks) await task.join();
    });
}

export default async function open(argument: string): Promise<Subject> {
  const reading = openReading(argument);
  const io = await openRuntime();
  const run = await (reading.form === "callback" ? callbacks : promises)(io, reading);
  const close = async (): Promise<void> => {
    await io.close();
    removeFile(reading);
  };
  return timed({ batch: reading.depth, run, close }, { steps: false });
}
