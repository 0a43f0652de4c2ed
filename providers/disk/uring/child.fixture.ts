/**
 * Another process with a disk, which ends when it is killed: `hold <image>` has it locked, `write
 * <image>` writes all of it again and again, and says on a line which round is durable.
 */
import { startRuntime } from "../../../core/runtime/start.ts";
import { disk as provider } from "./provider.fixture.ts";

const BLOCK = 4096;
const BLOCKS = 32;
const HOUR_NS = 3_600_000_000_000;

const [task, image = ""] = process.argv.slice(2);
const io = await startRuntime({ seed: 1, backend: "uring", providers: [provider] as const });
await io.run(async () => {
  const disk = await io.open("disk", { image, exclusive: true });
  process.stdout.write("0\n");
  if (task === "hold") await io.sleep(HOUR_NS);
  for (let round = 1; ; round++) {
    const bytes = new Uint8Array(BLOCK).fill(round);
    for (let block = 0; block < BLOCKS; block++) await disk.write(bytes, { offset: block * BLOCK });
    await disk.perform("flush");
    process.stdout.write(`${round}\n`);
  }
});
