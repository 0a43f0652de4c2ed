/**
 * Another process with an emulated disk, which ends when it is killed: `<kind> <image>` writes a
 * part of it again and again, the last block durably by itself, and says what is durable.
 */
import { Runtime, type OpenEnd } from "../../index.ts";

const BLOCK = 512;
const BLOCKS = 32;

const [kind = "", image = ""] = process.argv.slice(2);
const io = await Runtime.start({ backend: "emulated", seed: 1 });
await io.run(async () => {
  const disk = (await io.open(kind as "ata", { image })) as unknown as OpenEnd;
  for (let round = 1; ; round++) {
    const bytes = new Uint8Array(BLOCK).fill(round);
    for (let block = 0; block < BLOCKS; block++) await disk.write(bytes, { offset: block * BLOCK });
    await disk.perform("flush");
    process.stdout.write(`flushed ${round}\n`);
    await disk.write(bytes, { offset: BLOCKS * BLOCK, argument: 1 });
    process.stdout.write(`through ${round}\n`);
  }
});
