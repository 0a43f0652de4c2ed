/** The contract suite on the timer, on both backends. */
import { describe, test } from "bun:test";
import { ms } from "../../core/clock.ts";
import { providerContract, type ContractSubject } from "../../core/testing/index.ts";
import { timer } from "./provider.ts";

const subject: ContractSubject = {
  provider: timer,
  waiting: {
    end: "main",
    operation: "read",
    sizeBytes: 8,
    // Far enough away to be in flight still on a machine that is busy with other things.
    offset: ms(80),
    async finish(io) {
      await io.sleep(ms(20));
    },
    movesBytes: 8,
  },
  async exercise(io, { main }) {
    const order: string[] = [];
    const waits = [ms(4), ms(1), ms(3), ms(2)].map((delayNs) =>
      io.spawn(async () => {
        const count = await main!.read(8, { offset: delayNs });
        order.push(`${delayNs / ms(1)} ms: ${count[0]}`);
      }),
    );
    for (const wait of waits) await wait.join();
    return order;
  },
};

providerContract({ describe, test }, subject);
providerContract(
  { describe, test },
  { ...subject, uring: { completions: "thread" } },
  { backends: ["uring"] },
);
