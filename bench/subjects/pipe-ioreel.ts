/** 64 KiB transfers through ioreel's pipe on io_uring, between two tasks, in ioreel's buffers. */
import { pipe } from "../../providers/pipe/provider.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { timed, type Subject } from "../subject.ts";

export const TRANSFER_BYTES = 65536;

export default async function open(): Promise<Subject> {
  const io = await startRuntime({ backend: "uring", providers: [pipe], seed: 1 });
  const { reader, writer } = await io.open("pipe", { capacityBytes: TRANSFER_BYTES });
  const source = io.buffer(TRANSFER_BYTES);
  const target = io.buffer(TRANSFER_BYTES);
  source.bytes.fill(0x5a);

  async function send(transfers: number): Promise<void> {
    for (let i = 0; i < transfers; i++) await writer.write(source);
  }

  async function receive(transfers: number): Promise<void> {
    for (let left = transfers * TRANSFER_BYTES; left > 0;) left -= await reader.readInto(target);
  }

  const work = {
    batch: 1,
    run: (operations: number) =>
      io.run(async () => {
        io.spawn(() => send(operations));
        await receive(operations);
      }),
    close: () => io.close(),
  };
  return timed(work, { countsWaiting: true });
}
