/**
 * Sessions done again on another backend: programs whose operations, results and ends are told of
 * by number, and such as cannot be done again.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRecording, Runtime } from "../../../index.ts";
import { Random } from "../../random.ts";
import { whyUnavailable } from "../../testing/harness.ts";
import type { OntoComparison } from "./compare.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-onto-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: replays onto io_uring: ${missing}`);
const ring = test.skipIf(missing !== undefined);

type Program = (io: Runtime) => Promise<unknown>;
type Backend = "uring" | "emulated";
type Onto = Omit<Parameters<typeof Runtime.replayOnto>[1], "program">;

let recordings = 0;

/** Runs a program and records it. */
async function recorded(
  backend: Backend,
  program: Program,
  options: { permute?: boolean; seed?: number; settings?: Record<string, object> } = {},
): Promise<string> {
  const record = join(folder, `${++recordings}.reel`);
  const io = await Runtime.start({ backend, seed: 3, ...options, record });
  await program(io).finally(() => io.close());
  return record;
}

/** Does a recording again. */
async function again(path: string, program: Program, onto: Onto): Promise<OntoComparison> {
  using recording = openRecording(path);
  return await Runtime.replayOnto(recording, { ...onto, program });
}

const IMAGE_BYTES = 1 << 20;
const BLOCK_BYTES = 4096;

function image(name: string, change: (bytes: Uint8Array) => void = () => {}): string {
  const bytes = new Uint8Array(IMAGE_BYTES);
  new Random(11).fill(bytes);
  change(bytes);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Tasks that read blocks of a disk at random places, and now and then write one. */
function diskLoad(path: string, options: { readOnly: boolean; tasks: number }): Program {
  const { readOnly, tasks } = options;
  return (io) =>
    io.run(async () => {
      const disk = await io.open("sata", { image: path, readOnly });
      const random = io.random.fork("load");
      const one = async (task: number): Promise<void> => {
        for (let i = 0; i < 50; i++) {
          const block = random.below(IMAGE_BYTES / BLOCK_BYTES / tasks) * tasks + task;
          const offset = block * BLOCK_BYTES;
          const bytes = await disk.read(BLOCK_BYTES, { offset });
          if (!readOnly && i % 5 === 0) await disk.write(bytes.toReversed(), { offset });
        }
      };
      const handles = Array.from({ length: tasks }, (_, task) => io.spawn(() => one(task)));
      for (const handle of handles) await handle.join();
      await disk.close();
    });
}

const CLIENTS = 16;

/** Clients that connect all at once, each with other bytes, and a server that sends them back. */
const echoes: Program = (io) =>
  io.run(async () => {
    const listener = await io.listen({ host: "0.0.0.0" });
    const echo = async (): Promise<void> => {
      const connection = await listener.accept();
      for (;;) {
        const bytes = await connection.read();
        if (bytes.length === 0) break;
        await connection.write(bytes);
      }
      await connection.close();
    };
    const talk = async (client: number): Promise<void> => {
      const connection = await io.connect({ port: listener.port });
      const bytes = new Uint8Array(1 + ((client * 7919) % 20_000)).fill(client);
      for (let round = 0; round < 3; round++) {
        await connection.write(bytes);
        let left = bytes.length;
        while (left > 0) left -= (await connection.read()).length;
      }
      await connection.end();
      await connection.read();
      await connection.close();
    };
    const tasks = Array.from({ length: CLIENTS }, (_, client) => [
      io.spawn(echo),
      io.spawn(() => talk(client)),
    ]).flat();
    for (const task of tasks) await task.join();
    await listener.close();
  });

describe("Runtime.replayOnto()", () => {
  ring("replayOnto() loads a real disk with the reads of an emulated one", async () => {
    const program = diskLoad(image("load.img"), { readOnly: true, tasks: 8 });
    const path = await recorded("emulated", program);
    const found = await again(path, program, { backend: "uring" });
    expect(found).toMatchObject({ same: true, operations: 400, agreed: 400, stalled: false });
    expect(found.latencyNs.now.p50).toBeGreaterThan(0);
    expect(found.latencyNs.now.p99).toBeLessThanOrEqual(found.latencyNs.now.max);
    expect(found.driftNs).toBeUndefined();
  });

  ring("replayOnto() names the very read of an image with one changed byte", async () => {
    const name = "planted.img";
    const original = image(name);
    const program: Program = (io) =>
      io.run(async () => {
        const disk = await io.open("ata", { image: original, readOnly: true });
        for (let block = 0; block < 40; block++) {
          await disk.read(BLOCK_BYTES, { offset: block * BLOCK_BYTES });
        }
        await disk.close();
      });
    const path = await recorded("emulated", program);
    const copy = image("planted-copy.img", (bytes) => (bytes[17 * BLOCK_BYTES + 5]! ^= 1));
    const redirect = new Map([[original, copy]]);
    for (const backend of ["uring", "emulated"] as const) {
      const found = await again(path, program, { backend, redirect });
      expect(found).toMatchObject({
        same: false,
        agreed: 39,
        counts: { result: 0, bytes: 1, missing: 0 },
        differences: [
          { class: "bytes", operation: 18, end: "ata#1", what: "read 4096 bytes at 69632" },
        ],
      });
    }
  });

  test("replayOnto() writes to no image that nobody gave leave for", async () => {
    const original = image("written.img");
    const program = diskLoad(original, { readOnly: false, tasks: 4 });
    const before = readFileSync(original);
    const path = await recorded("emulated", program);
    writeFileSync(original, before);
    const refused = again(path, program, { backend: "emulated" });
    await expect(refused).rejects.toThrow(`it may write to ${original}`);
    await expect(refused).rejects.toMatchObject({ code: "ERR_USAGE" });
    const unknown = new Map([[join(folder, "other.img"), original]]);
    const wrong = again(path, program, { backend: "emulated", redirect: unknown });
    await expect(wrong).rejects.toThrow("the session did not open it");
    expect(readFileSync(original).equals(before)).toBe(true);

    const copy = image("written-copy.img");
    const redirect = new Map([[original, copy]]);
    const found = await again(path, program, { backend: "emulated", redirect });
    expect(found).toMatchObject({ same: true, operations: 240 });
    expect(readFileSync(original).equals(before)).toBe(true);
    const after = readFileSync(copy);
    expect(after.equals(before)).toBe(false);

    expect((await again(path, program, { backend: "emulated", inPlace: true })).same).toBe(true);
    expect(readFileSync(original).equals(after)).toBe(true);
  });

  ring("replayOnto() begins operations at their times from one anchor", async () => {
    const program: Program = (io) =>
      io.run(async () => {
        const { reader, writer } = await io.open("pipe");
        for (let i = 0; i < 10; i++) {
          await io.sleep(4_000_000);
          await writer.write("tick");
          await reader.read(16);
        }
        await reader.close();
        await writer.close();
      });
    const path = await recorded("emulated", program);
    const fast = await again(path, program, { backend: "uring" });
    const paced = await again(path, program, { backend: "uring", pace: "recorded", speed: 2 });
    for (const found of [fast, paced]) expect(found).toMatchObject({ same: true, operations: 20 });
    // Ten pauses of 4 ms at twice the speed, the last of them before the last write.
    expect(paced.durationNs.now).toBeGreaterThanOrEqual(20_000_000);
    expect(paced.driftNs!.p50).toBeGreaterThanOrEqual(0);
    const wrong = again(path, program, { backend: "uring", pace: "recorded", speed: 0 });
    await expect(wrong).rejects.toThrow("speed must be a number above 0");
  });

  ring("replayOnto() cancels what was cancelled, at the same place", async () => {
    const program: Program = (io) =>
      io.run(async () => {
        const { reader, writer } = await io.open("pipe");
        const waiting = io.spawn(() => reader.read(64));
        await io.sleep(1_000_000);
        await waiting.cancel();
        await writer.write("afterwards");
        await reader.read(64);
        // Closing takes back what waits, too.
        const closed = reader.read(64).catch(() => {});
        await reader.close();
        await closed;
        await writer.close();
      });
    for (const [from, to] of [
      ["emulated", "uring"],
      ["uring", "emulated"],
    ] as const) {
      const path = await recorded(from, program);
      const found = await again(path, program, { backend: to });
      expect(found).toMatchObject({ same: true, operations: 4, agreed: 4, stalled: false });
    }
  });

  ring("replayOnto() gives up where nothing comes to an end, and names it", async () => {
    const program: Program = (io) =>
      io.run(async () => {
        const server = await io.listen();
        const client = await io.connect({ port: server.port });
        const accepted = await server.accept();
        // The kernel holds this, and nobody reads it; the emulated network does not.
        await client.write(new Uint8Array(1 << 21));
        await client.close();
        await accepted.close();
        await server.close();
      });
    const path = await recorded("uring", program);
    const found = await again(path, program, { backend: "emulated" });
    expect(found).toMatchObject({ same: false, stalled: true });
    expect(found.differences).toMatchObject([{ class: "missing", now: "no end" }]);
  });

  ring("replayOnto() gives each connection its own peer, however many come", async () => {
    for (const from of ["emulated", "uring"] as const) {
      const path = await recorded(from, echoes);
      for (const backend of ["emulated", "uring"] as const) {
        const found = await again(path, echoes, { backend });
        expect(found).toMatchObject({ same: true, differences: [], stalled: false });
        expect(found.agreed).toBe(found.operations);
        expect(found.streams).toBe(2 * CLIENTS);
      }
    }
  });

  ring(
    "replayOnto() knows by the bytes who was accepted as whom when frames were lost",
    async () => {
      const tcp = { otherLinks: { latencyNs: 1_000_000, lossRate: 0.2 } };
      for (const seed of [1, 2, 3]) {
        const path = await recorded("emulated", echoes, { permute: true, seed, settings: { tcp } });
        const found = await again(path, echoes, { backend: "uring" });
        expect(found).toMatchObject({ same: true, differences: [], stalled: false });
      }
    },
  );

  ring("replayOnto() refuses connections from and to the outside at once", async () => {
    const accepting: Program = (io) =>
      io.run(async () => {
        const server = await io.listen();
        const stranger = connect(server.port, "127.0.0.1");
        // In the replay nobody listens there any more.
        stranger.on("error", () => {});
        const connection = await server.accept();
        await connection.close();
        stranger.destroy();
        await server.close();
      });
    const first = again(await recorded("uring", accepting), accepting, { backend: "emulated" });
    await expect(first).rejects.toThrow("it accepted 1 connections from outside the session");

    using host = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const connecting: Program = (io) =>
      io.run(async () => {
        await (await io.connect({ port: host.port })).close();
      });
    const second = again(await recorded("uring", connecting), connecting, { backend: "uring" });
    await expect(second).rejects.toThrow(`it connects to 127.0.0.1:${host.port}, which is outside`);
    await expect(second).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });
});
