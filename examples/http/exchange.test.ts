/**
 * Tests of the file server's patience with slow peers, on the emulated network: its time is
 * virtual, so half a minute of silence takes no time.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runtime, seconds, type Connection } from "../../index.ts";
import { serveConnection, type Tally } from "./exchange.ts";
import { readSite } from "./site.ts";

const FILE_BYTES = 4 << 20;

/**
 * Serves one connection, and lets a peer be as it is.
 * @returns what was done, and how long it took
 */
async function serve(
  peer: (io: Runtime, connection: Connection) => Promise<void>,
): Promise<{ tally: Tally; tookS: number }> {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-example-"));
  const tally: Tally = { connections: 0, answers: new Map(), broken: 0 };
  try {
    writeFileSync(join(folder, "large"), Buffer.alloc(FILE_BYTES));
    const site = readSite(folder);
    await using io = await Runtime.start({ backend: "emulated", seed: 1 });
    const tookNs = await io.run(async () => {
      const patience = { readTimeoutNs: seconds(30), writeTimeoutNs: seconds(30) };
      await using listener = await io.listen(patience);
      await using connection = await io.connect(listener.port);
      const visiting = io.spawn(() => peer(io, connection));
      await serveConnection(io, await listener.accept(), site, tally);
      const endNs = io.now();
      await visiting.cancel();
      return endNs;
    });
    return { tally, tookS: Math.floor(tookNs / seconds(1)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("serveConnection() answers 408 when a request drips in byte by byte", async () => {
  let received = "";
  const { tally, tookS } = await serve(async (io, connection) => {
    const dripping = io.spawn(async () => {
      for (const letter of "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
        await connection.write(letter);
        await io.sleep(seconds(1));
      }
    });
    received = new TextDecoder().decode(await connection.read());
    await dripping.cancel();
    await connection.end();
  });
  expect(received).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
  expect([[...tally.answers], tookS]).toEqual([[[408, 1]], 10]);
});

test("serveConnection() leaves a peer that says nothing, before and between requests", async () => {
  const silent = await serve((io) => io.sleep(seconds(100)));
  expect([silent.tally.broken, silent.tookS]).toEqual([1, 30]);
  const { tally, tookS } = await serve(async (io, connection) => {
    await io.sleep(seconds(20));
    await connection.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    await io.sleep(seconds(100));
  });
  expect([[...tally.answers], tally.broken, tookS]).toEqual([[[200, 1]], 1, 50]);
});

test("serveConnection() leaves a peer that takes nothing of its answer", async () => {
  const { tally, tookS } = await serve(async (io, connection) => {
    await connection.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    await io.sleep(seconds(100));
  });
  expect([tally.broken, tookS]).toEqual([1, 30]);
});
