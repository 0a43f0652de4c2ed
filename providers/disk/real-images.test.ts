/**
 * Images that other programs have made, copied and changed through each disk provider on each
 * backend, read back on the other one, and judged by the programs whose business that is.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";

import type { Provider } from "../../core/provider/index.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { ata } from "../ata/provider.ts";
import { fdd } from "../fdd/provider.ts";
import { sata } from "../sata/provider.ts";
import { makeFolder, missing } from "./uring/disk.fixture.ts";

const pathOf = makeFolder();
const MEBIBYTE = 1 << 20;
/** What a 2.88 MB floppy has, so that all providers take the same images. */
const SIZE = 2_949_120;
const CHUNK = 48 * 1024;
/** Where mkfs and friends are for those who are not root. */
const ENV = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };

function run(...command: string[]): string {
  const { exitCode, stderr, stdout } = Bun.spawnSync(command, { env: ENV });
  if (exitCode === 0) return stdout.toString();
  throw new Error(`${command.join(" ")} gave ${exitCode}: ${stdout}${stderr}`);
}

interface Kind {
  readonly name: string;
  readonly tools: readonly string[];
  /** Makes an image with `text` as the file /hello.txt. */
  make(image: string, text: string): void;
  /** Judges an image. @returns the contents of the file */
  judge(image: string): string;
}

const KINDS: Kind[] = [
  {
    name: "mkfs.fat",
    tools: ["mkfs.fat", "fsck.fat", "mcopy"],
    make(image, text) {
      writeFileSync(image, new Uint8Array(SIZE));
      run("mkfs.fat", "-n", "IOREEL", image);
      const source = `${image}.txt`;
      writeFileSync(source, text);
      run("mcopy", "-i", image, source, "::/hello.txt");
    },
    judge(image) {
      run("fsck.fat", "-n", image);
      return run("mcopy", "-i", image, "::/hello.txt", "-");
    },
  },
  {
    name: "mkfs.ext4",
    tools: ["mkfs.ext4", "e2fsck", "debugfs"],
    make(image, text) {
      const folder = `${image}.d`;
      mkdirSync(folder);
      writeFileSync(`${folder}/hello.txt`, text);
      writeFileSync(image, new Uint8Array(SIZE));
      run("mkfs.ext4", "-q", "-O", "^metadata_csum", "-d", folder, image);
    },
    judge(image) {
      run("e2fsck", "-fn", image);
      return run("debugfs", "-R", "cat /hello.txt", image);
    },
  },
  {
    name: "genisoimage",
    tools: ["genisoimage", "isoinfo"],
    make(image, text) {
      const folder = `${image}.d`;
      mkdirSync(folder);
      writeFileSync(`${folder}/hello.txt`, text);
      run("genisoimage", "-quiet", "-R", "-o", image, folder);
      truncateSync(image, SIZE);
    },
    judge(image) {
      run("isoinfo", "-d", "-i", image);
      return run("isoinfo", "-R", "-x", "/hello.txt", "-i", image);
    },
  },
  {
    name: "sfdisk",
    tools: ["sfdisk"],
    make(image, text) {
      const bytes = new Uint8Array(SIZE);
      new TextEncoder().encodeInto(text, bytes.subarray(2 * MEBIBYTE));
      writeFileSync(image, bytes);
      const table = "label: dos\nstart=2048, size=2048, type=83\nstart=4096, size=1600, type=c\n";
      Bun.spawnSync(["sfdisk", "-q", "--no-tell-kernel", image], {
        env: ENV,
        stdin: Buffer.from(table),
      });
    },
    judge(image) {
      const table = JSON.parse(run("sfdisk", "--json", image)).partitiontable;
      run("sfdisk", "--verify", image);
      const from = table.partitions[1].start * 512;
      const bytes = readFileSync(image).subarray(from, from + 4096);
      return bytes.toString("latin1").replace(/\0+$/, "");
    },
  },
];

const TEXT = `${"the quick brown fox ".repeat(50)}\n`;
const CHANGED = TEXT.replaceAll("quick", "brisk");

type Backend = "emulated" | "uring";

async function withDisks(
  provider: Provider,
  backend: Backend,
  body: (open: (options: object) => never) => Promise<void>,
): Promise<void> {
  const io = await startRuntime({ seed: 1, backend, providers: [provider] });
  await io.run(() => body((options) => io.open(provider.kind, options as never) as never));
  await io.close();
}

/** Copies an image to another through a provider, and changes the text on the copy. */
async function copyAndChange(
  provider: Provider,
  backend: Backend,
  from: string,
  to: string,
): Promise<void> {
  const { size } = statSync(from);
  writeFileSync(to, new Uint8Array(size));
  const other = provider.kind === "fdd" && { drive: 1 };
  await withDisks(provider, backend, async (open) => {
    const source = (await open({ image: from, readOnly: true, exclusive: true })) as Ends;
    const target = (await open({ image: to, exclusive: true, direct: true, ...other })) as Ends;
    for (let at = 0; at < size; at += CHUNK) {
      const bytes = await source.read(CHUNK, { offset: at });
      await target.write(bytes, { offset: at });
      const found = Buffer.from(bytes).indexOf("the quick brown fox");
      if (found === -1) continue;
      const block = at + found - (found % 512);
      const text = await target.read(1536, { offset: block });
      const changed = Buffer.from(text).toString("latin1").replaceAll("quick", "brisk");
      await target.write(Buffer.from(changed, "latin1"), { offset: block, argument: 1 });
    }
    await target.perform("flush");
  });
}

/** What a disk holds, read on a backend. */
async function readAll(provider: Provider, backend: Backend, image: string): Promise<Uint8Array> {
  let bytes = new Uint8Array(0);
  await withDisks(provider, backend, async (open) => {
    const disk = (await open({ image, readOnly: true })) as Ends;
    bytes = (await disk.read(SIZE, { offset: 0 })) as Uint8Array<ArrayBuffer>;
  });
  return bytes;
}
interface Ends {
  read(bytes: number, options: object): Promise<Uint8Array>;
  write(bytes: Uint8Array, options: object): Promise<number>;
  perform(operation: string): Promise<number>;
}

const BACKENDS: readonly { writes: Backend; reads: Backend }[] = [
  { writes: "emulated", reads: missing === undefined ? "uring" : "emulated" },
  { writes: "uring", reads: "emulated" },
];

describe("images of other programs", () => {
  for (const { judge, make, name, tools } of KINDS) {
    const absent = tools.filter((tool) => Bun.which(tool, { PATH: ENV.PATH! }) === null);
    if (absent.length > 0) console.warn(`SKIPPED: images of ${name}: no ${absent.join(", ")}`);
    for (const provider of [ata, fdd, sata] as unknown as Provider[]) {
      for (const { writes, reads } of BACKENDS) {
        const isAbsent = writes === "uring" && missing !== undefined;
        test.skipIf(isAbsent || absent.length > 0)(
          `${provider.kind} on ${writes} copies and changes an image of ${name}, which stays sound`,
          async () => {
            const path = pathOf(`${provider.kind}-${name}-${writes}`);
            const [from, to] = [`${path}-from`, `${path}-to`];
            make(from, TEXT);
            const before = readFileSync(from);
            await copyAndChange(provider, writes, from, to);
            expect(judge(from)).toBe(TEXT);
            expect(judge(to)).toBe(CHANGED);
            expect(readFileSync(from).equals(before)).toBe(true);
            const found = await readAll(provider, reads, to);
            expect(readFileSync(to).equals(found)).toBe(true);
          },
        );
      }
    }
  }
});
