/**
 * The contract suite on each disk provider's io_uring driver. The waiting operation is a read on a
 * disk that is suspended: no other operation of a disk waits for anything that a program does.
 */
import { describe, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Provider } from "../../../core/provider/index.ts";
import { providerContract, type ContractSubject } from "../../../core/testing/index.ts";
import { ata } from "../../ata/provider.ts";
import { fdd } from "../../fdd/provider.ts";
import { sata } from "../../sata/provider.ts";
import { makeFolder, pattern } from "./disk.fixture.ts";
import { disk } from "./provider.fixture.ts";

const BLOCK = 512;
const pathOf = makeFolder();

let images = 0;
function makeImage(sizeBytes: number): string {
  const image = pathOf(`contract-${images++}`);
  writeFileSync(image, pattern(sizeBytes));
  return image;
}

function subjectOf(provider: Provider): ContractSubject {
  return {
    provider,
    async open(io) {
      const opened = await io.open(provider.kind, { image: makeImage(64 * BLOCK) } as never);
      const main = opened as unknown as Awaited<ReturnType<typeof io.end>>;
      await main.perform("suspend");
      return { main };
    },
    waiting: {
      end: "main",
      operation: "read",
      sizeBytes: 4 * BLOCK,
      offset: BLOCK,
      async finish(_io, { main }) {
        await main!.perform("resume");
      },
      movesBytes: 4 * BLOCK,
    },
    async exercise(io, { main }) {
      await main!.perform("resume");
      const copies = Array.from({ length: 4 }, (_, copy) =>
        io.spawn(async () => {
          for (let block = copy; block < 32; block += 4) {
            const bytes = await main!.read(BLOCK, { offset: block * BLOCK });
            await main!.write(bytes, { offset: (63 - block) * BLOCK, argument: block & 1 });
          }
          await main!.perform("flush");
        }),
      );
      for (const copy of copies) await copy.join();
      await main!.perform("discard", undefined, { offset: 40 * BLOCK, argument: 2 * BLOCK });
      const all = await main!.read(64 * BLOCK);
      return new Bun.CryptoHasher("sha256").update(all).digest("hex");
    },
  };
}

providerContract({ describe, test }, subjectOf(disk as unknown as Provider));
for (const provider of [ata, fdd, sata] as unknown as Provider[]) {
  providerContract({ describe, test }, subjectOf(provider), { backends: ["uring"] });
}
