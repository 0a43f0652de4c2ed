/** The contract suite on the floppy's driver and controller, with a floppy's times. */
import { describe, test } from "bun:test";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import { fdd } from "./provider.ts";

const SECTOR = 512;

const subject: ContractSubject = {
  provider: fdd,
  options: { sizeBytes: 163_840, format: "160K" },
  waiting: {
    end: "main",
    operation: "read",
    sizeBytes: 2 * SECTOR,
    offset: 30 * SECTOR,
    // The disk turns by itself.
    async finish() {},
    movesBytes: 2 * SECTOR,
  },
  async exercise(io, { main }) {
    const hash = new Bun.CryptoHasher("sha256");
    const writers = [0, 1, 2].map((i) =>
      io.spawn(async () => {
        await main!.write(new Uint8Array(3 * SECTOR).fill(i + 1), { offset: i * 40 * SECTOR });
      }),
    );
    for (const writer of writers) await writer.join();
    await main!.perform("flush");
    for (let i = 0; i < 4; i++) {
      const chunk = new Uint8Array(80 * SECTOR);
      const moved = await main!.perform("read", chunk, { offset: i * 80 * SECTOR });
      hash.update(chunk.subarray(0, moved));
    }
    return { sha256: hash.digest("hex"), ns: io.now() };
  },
};

providerContract({ describe, test }, subject, { backends: ["emulated"] });
