/** The contract suite on the disk behind the emulated IDE controller. */
import { describe, test } from "bun:test";
import { ms } from "../../core/clock.ts";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import { ata } from "./provider.ts";

const SECTOR = 512;

function subject(options: Record<string, unknown>): ContractSubject {
  return {
    provider: ata,
    options: { timing: "hdd7200", sizeBytes: 1 << 20, ...options },
    waiting: {
      end: "main",
      operation: "read",
      sizeBytes: 8 * SECTOR,
      offset: 1 << 19,
      // The disk turns by itself.
      async finish(io) {
        await io.sleep(ms(50));
      },
      movesBytes: 8 * SECTOR,
    },
    async exercise(io, { main }) {
      const tasks = [0, 1, 2].map((number) =>
        io.spawn(async () => {
          const hash = new Bun.CryptoHasher("sha256");
          for (let i = 0; i < 4; i++) {
            const offset = (number * 300 + i * 17) * SECTOR;
            const data = new Uint8Array((1 + i * 5) * SECTOR).fill(number * 16 + i);
            await main!.write(data, { offset, argument: i === 3 ? 1 : 0 });
            hash.update(await main!.read(data.length, { offset }));
          }
          await main!.perform("flush");
          return hash.digest("hex");
        }),
      );
      const sums = [];
      for (const task of tasks) sums.push(await task.join());
      await main!.perform("discard", undefined, { offset: 0, argument: 8 * SECTOR });
      const told = new TextDecoder().decode(await main!.read(SECTOR, { offset: 0 }));
      return { sums, told, now: io.now() };
    },
  };
}

providerContract({ describe, test }, subject({}), { backends: ["emulated"] });
providerContract({ describe, test }, subject({ dma: "pio" }), { backends: ["emulated"] });
