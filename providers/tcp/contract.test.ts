/** The contract suite on tcp: a connection to a server of the same program, on both backends. */
import { describe, test } from "bun:test";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import type { TcpRuntime } from "./tcp.fixture.ts";
import { tcp } from "./provider.ts";

const TEXT = "the quick brown fox jumps over the lazy dog\n".repeat(400);

const subject: ContractSubject = {
  provider: tcp,
  async open(io) {
    const { listen } = io as unknown as TcpRuntime;
    const listener = await listen();
    const main = await io.open("tcp", { port: listener.port });
    const accepted = (await listener.accept()).handle;
    return {
      main: main as never,
      peer: io.end(accepted),
      listener: io.end(listener.handle),
    };
  },
  waiting: {
    end: "main",
    operation: "read",
    sizeBytes: 64,
    async finish(_io, { peer }) {
      await peer!.write(new Uint8Array(5).fill(1));
    },
    movesBytes: 5,
  },
  async exercise(io, { main, peer }) {
    const consumer = io.spawn(async () => {
      const hash = new Bun.CryptoHasher("sha256");
      let bytes = 0;
      for (;;) {
        const chunk = await peer!.read(1000);
        if (chunk.length === 0) return { bytes, sha256: hash.digest("hex") };
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes % 3 === 0) await io.sleep(10_000);
      }
    });
    await main!.write(TEXT);
    await io.sleep(50_000);
    await main!.write(new Uint8Array(9000).fill(3));
    await main!.perform("end");
    return consumer.join();
  },
};

providerContract({ describe, test }, subject);
