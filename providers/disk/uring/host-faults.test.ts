/** Disks among other processes and on a full host: locks, sudden death, no space. */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openRecording } from "../../../core/session/recording.ts";
import { replayRuntime } from "../../../core/runtime/start.ts";
import {
  codeOf,
  makeFolder,
  pattern,
  startDisks,
  uringTest,
  withDisks,
  type DiskRuntime,
} from "./disk.fixture.ts";
import { disk as provider } from "./provider.fixture.ts";

const CHILD = join(import.meta.dir, "child.fixture.ts");
const BLOCK = 4096;
const pathOf = makeFolder();
const BLOCKS = 32;

/** A process with a disk, and the lines that it writes. */
function spawnChild(task: string, image: string) {
  const child = Bun.spawn([process.execPath, CHILD, task, image], { stdout: "pipe" });
  const lines = (async function* () {
    let rest = "";
    for await (const chunk of child.stdout) {
      const pieces = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = pieces.pop()!;
      yield* pieces;
    }
  })();
  return { child, lines };
}

uringTest("a disk that another process has locked cannot be opened until it dies", async () => {
  const image = pathOf("held");
  writeFileSync(image, pattern(BLOCK));
  const { child, lines } = spawnChild("hold", image);
  await lines.next();
  await withDisks(async (io) => {
    expect(await codeOf(() => io.open("disk", { image, exclusive: true }))).toBe("EBUSY");
    child.kill("SIGKILL");
    await child.exited;
    await io.open("disk", { image, exclusive: true });
  });
});

uringTest("what was flushed is there after the program was killed in the middle", async () => {
  const image = pathOf("killed");
  writeFileSync(image, new Uint8Array(BLOCKS * BLOCK));
  const { child, lines } = spawnChild("write", image);
  let durable = 0;
  for await (const line of lines) {
    durable = Number(line);
    if (durable >= 5) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  await withDisks(async (io) => {
    const disk = await io.open("disk", { image, exclusive: true });
    for (let block = 0; block < BLOCKS; block++) {
      const bytes = await disk.read(BLOCK, { offset: block * BLOCK });
      const round = bytes[0]!;
      expect(round >= durable || round + 256 - durable < 128).toBe(true);
      expect(bytes.every((byte) => byte === round)).toBe(true);
    }
  });
});

uringTest("a full file system gives ENOSPC, and what was written before stays", async () => {
  const folder = pathOf("tiny");
  mkdirSync(folder);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
  if (!mounted.success) return console.warn(`SKIPPED: no tiny file system: ${mounted.stderr}`);
  try {
    const image = join(folder, "image");
    writeFileSync(image, "");
    Bun.spawnSync(["truncate", "-s", "1M", image]);
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image });
      const bytes = pattern(64 * 1024, 7);
      await disk.write(bytes);
      await disk.perform("flush");
      const failure = disk.write(new Uint8Array(512 * 1024).fill(1), { offset: 128 * 1024 });
      const error = await failure.catch((thrown) => thrown);
      expect(error).toMatchObject({ code: "ENOSPC" });
      expect(error.message).toContain("no space is left");
      expect(await disk.read(bytes.length)).toEqual(bytes);
      await disk.perform("discard", undefined, { offset: 128 * 1024, argument: 512 * 1024 });
      await disk.write(bytes, { offset: 128 * 1024 });
      expect(await disk.read(bytes.length, { offset: 128 * 1024 })).toEqual(bytes);
    });
  } finally {
    Bun.spawnSync(["umount", "-l", folder]);
  }
});

/** A program that meets refusals, a short disk, and its own nameless disk. */
async function session(io: DiskRuntime, image: string): Promise<unknown> {
  return io.run(async () => {
    const log: unknown[] = [];
    const disk = await io.open("disk", { image, exclusive: true, direct: true });
    log.push(await codeOf(() => io.open("disk", { image, exclusive: true })));
    log.push(await codeOf(() => io.open("disk", { image: `${image}-absent` })));
    const own = await io.open("disk", { sizeBytes: 1 << 20 });
    for (let at = 0; at < 8; at++) {
      const bytes = await disk.read(2 * BLOCK, { offset: at * 2 * BLOCK });
      log.push(Bun.hash.crc32(bytes));
      await own.write(bytes, { offset: at * 4 * BLOCK, argument: at & 1 });
    }
    await own.perform("flush");
    await disk.perform("discard", undefined, { argument: 4 * BLOCK });
    log.push(Bun.hash.crc32(await own.read(1 << 20)), Bun.hash.crc32(await disk.read(1 << 16)));
    return log;
  });
}

uringTest("a recorded session with disks replays without any of them", async () => {
  const [image, record] = [pathOf("recorded"), pathOf("session.reel")];
  writeFileSync(image, pattern(BLOCKS * BLOCK));
  const io = await startDisks({ record });
  const log = await session(io, image);
  await io.close();
  const after = readFileSync(image);
  using recording = openRecording(record);
  const replay = replayRuntime(recording, [provider] as const);
  expect(await session(replay, "/somewhere/else")).toEqual(log);
  await replay.close();
  expect(replay.session?.identical).toBe(true);
  expect(readFileSync(image).equals(after)).toBe(true);
});
