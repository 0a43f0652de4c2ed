/** The contract suite on the emulated SATA disk. */
import { describe, test } from "bun:test";
import { ms } from "../../core/clock.ts";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import { sata } from "./provider.ts";

const KIB = 1024;

const subject: ContractSubject = {
  provider: sata,
  options: { sizeBytes: 1024 * KIB, timing: "hdd7200" },
  waiting: {
    end: "main",
    operation: "read",
    sizeBytes: 4 * KIB,
    offset: 512 * KIB,
    async finish(io) {
      await io.sleep(ms(30));
    },
    movesBytes: 4 * KIB,
  },
  async exercise(io, { main }) {
    const disk = main!;
    const order: number[] = [];
    const pieces = [7, 3, 90, 41, 12].map((block) =>
      io.spawn(async () => {
        const bytes = new Uint8Array(8 * KIB).fill(block);
        await disk.write(bytes, { offset: block * 8 * KIB });
        const back = await disk.read(8 * KIB, { offset: block * 8 * KIB });
        order.push(back.every((byte) => byte === block) ? block : -1);
      }),
    );
    for (const piece of pieces) await piece.join();
    await disk.perform("flush");
    await disk.perform("discard", undefined, { offset: 24 * KIB, argument: 8 * KIB });
    const text = new Uint8Array(512);
    const length = await disk.perform("identify", text);
    const rest = await disk.read(300 * KIB, { offset: 0 });
    return [order, new TextDecoder().decode(text.subarray(0, length)), Bun.hash.crc32(rest)];
  },
};

providerContract({ describe, test }, subject, { backends: ["emulated"] });
