/**
 * Segments over the emulated network: two hosts, a stream of writes of 64 KiB from one to the
 * other, read as they come. An operation is a segment that the device sends, acknowledgements
 * included.
 */
import { timed, type Subject } from "../subject.ts";
import { segmentsSent, startNetwork } from "./network.ts";

const WRITE_BYTES = 65_536;
const PORT = 7000;

export default async function open(): Promise<Subject> {
  const io = await startNetwork({ hosts: ["alice", "bob"] });
  const chunk = new Uint8Array(new ArrayBuffer(WRITE_BYTES)).fill(0x5a);

  async function run(segments: number): Promise<void> {
    const listener = await io.listen({ host: "bob", port: PORT });
    const start = segmentsSent(io);
    io.spawn(async () => {
      const sender = await io.connect({ from: "alice", host: "bob", port: PORT });
      while ((segmentsSent(io) - start) >>> 0 < segments) await sender.write(chunk);
      await sender.end();
      // The peer's FIN: nothing is under way any more.
      await sender.read();
      await sender.close();
    });
    const receiver = await listener.accept();
    while ((await receiver.read()).length > 0);
    await receiver.end();
    await receiver.close();
    await listener.close();
  }

  const work = {
    batch: 1000,
    run: (operations: number) => io.run(() => run(operations)),
    close: () => io.close(),
  };
  return timed(work, { steps: false });
}
