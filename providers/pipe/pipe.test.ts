/** The contract suite on the pipe, on both backends. */
import { describe, test } from "bun:test";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import { pipe } from "./provider.ts";

const TEXT = "the quick brown fox jumps over the lazy dog\n".repeat(400);

const subject: ContractSubject = {
  provider: pipe,
  options: { capacityBytes: 4096 },
  waiting: {
    end: "reader",
    operation: "read",
    sizeBytes: 64,
    async finish(_io, { writer }) {
      await writer!.write(new Uint8Array(5).fill(1));
    },
    movesBytes: 5,
  },
  async exercise(io, { reader, writer }) {
    const consumer = io.spawn(async () => {
      const hash = new Bun.CryptoHasher("sha256");
      let bytes = 0;
      for (;;) {
        const chunk = await reader!.read(1000);
        if (chunk.length === 0) return { bytes, sha256: hash.digest("hex") };
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes % 3 === 0) await io.sleep(10_000);
      }
    });
    await writer!.write(TEXT);
    await io.sleep(50_000);
    await writer!.write(new Uint8Array(9000).fill(3));
    await writer!.close();
    return consumer.join();
  },
};

providerContract({ describe, test }, subject);
providerContract(
  { describe, test },
  { ...subject, uring: { completions: "thread" } },
  { backends: ["uring"] },
);
