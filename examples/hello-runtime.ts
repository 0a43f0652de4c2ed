/**
 * The runtime as a library: two tasks, a pipe and a timer, on the emulated machine with virtual
 * time. Change the backend to "auto" and the same program runs on io_uring, in real time.
 *
 * Run: bun examples/hello-runtime.ts
 * Expect: the reader got 13 bytes: Hello, ioreel
 * Expect: 250 ms of virtual time went by
 */
import { Runtime, ms } from "ioreel";

await using io = await Runtime.start({ backend: "emulated", seed: 7 });

const text = await io.run(async () => {
  const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
  await using timer = await io.open("timer");

  const reading = io.spawn(
    async () => {
      const parts: Uint8Array[] = [];
      for (;;) {
        const part = await reader.read(64);
        if (part.length === 0) break;
        parts.push(part);
      }
      await reader.close();
      return Buffer.concat(parts).toString();
    },
    { name: "reader" },
  );

  await writer.write("Hello, ");
  // A timer without interval: the offset of a read is its delay.
  await timer.read(8, { offset: ms(250) });
  await writer.write("ioreel");
  await writer.close();
  return reading.join();
});

console.log(`the reader got ${text.length} bytes: ${text}`);
console.log(`${io.now() / ms(1)} ms of virtual time went by`);
