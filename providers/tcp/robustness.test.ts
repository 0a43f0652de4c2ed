/** Peers that behave badly and programs that change their mind, on both backends. */
import { describe, expect } from "bun:test";
import { ms, us } from "../../core/clock.ts";
import { Random } from "../../core/random.ts";
import { onBoth } from "../both.fixture.ts";
import { codeOf, counted, drain, pair, sha, text, type Pair } from "./tcp.fixture.ts";

describe("a peer", () => {
  onBoth("that sends a byte at a time is served as well as any other", async (io) => {
    const { client, server } = await pair(io);
    await io.run(async () => {
      const received = io.spawn(() => drain(server));
      for (const letter of "one byte at a time") {
        await client.write(letter);
        await io.sleep(ms(1));
      }
      await client.end();
      expect(text(await received.join())).toBe("one byte at a time");
    });
  });

  onBoth("that resets in the middle of a transfer ends it with its code", async (io) => {
    const { client, server } = await pair(io);
    await io.run(async () => {
      const writing = io.spawn(() => codeOf(client.write(new Uint8Array(32 << 20))));
      await server.read();
      await server.abort();
      expect(["ECONNRESET", "EPIPE"]).toContain(await writing.join());
    });
  });

  onBoth("that half-closes can be answered for as long as it listens", async (io) => {
    const { client, server } = await pair(io);
    const answer = counted(500_000);
    await io.run(async () => {
      await client.end("question");
      const received = io.spawn(() => drain(client));
      expect(text(await drain(server))).toBe("question");
      await server.write(answer);
      await server.end();
      expect(sha(await received.join())).toBe(sha(answer));
    });
  });

  onBoth(
    "that never reads makes a write time out, and nothing is lost of the program",
    async (io) => {
      const { client } = await pair(io, { inboxBytes: 1 << 14 }, { writeTimeoutNs: ms(100) });
      const begun = io.now();
      expect(await codeOf(client.write(new Uint8Array(64 << 20)))).toBe("ETIMEDOUT");
      expect(io.now() - begun).toBeGreaterThanOrEqual(ms(100));
    },
  );
});

describe("read() in a race with its cancellation", () => {
  onBoth("brings every byte exactly once, whoever wins", async (io) => {
    const { client, server } = await pair(io);
    const random = new Random(11);
    const sent = counted(4000);
    await io.run(async () => {
      const writing = io.spawn(async () => {
        for (let at = 0; at < sent.length; at += 40) {
          await client.write(sent.subarray(at, at + 40));
          if (random.chance(0.3)) await io.sleep(ms(1));
          else await io.yieldNow();
        }
        await client.end();
      });
      const received: Uint8Array[] = [];
      for (let over = false; !over;) {
        const abort = new AbortController();
        const read = server.read(1 + random.below(99), { signal: abort.signal });
        if (random.chance(0.5)) await io.yieldNow();
        abort.abort();
        const chunk = await read.catch(() => undefined);
        // Time has to pass, or virtual time would stand still for a program that never waits.
        if (chunk === undefined) await io.sleep(us(1));
        else if (chunk.length === 0) over = true;
        else received.push(chunk);
      }
      await writing.join();
      expect(sha(Buffer.concat(received))).toBe(sha(sent));
    });
  });
});

describe("many connections", () => {
  onBoth("echo at once, each its own bytes", async (io) => {
    await io.run(async () => {
      const listener = await io.listen();
      io.spawn(async () => {
        for await (const connection of listener) {
          io.spawn(async () => {
            for await (const chunk of connection) await connection.write(chunk);
            await connection.end();
          });
        }
      });
      const clients = Array.from({ length: 60 }, (_, salt) =>
        io.spawn(async () => {
          await using client = await io.connect(listener.port);
          const sent = counted(9000, salt);
          const [received] = await Promise.all([
            drain(client),
            client.write(sent).then(() => client.end()),
          ]);
          return sha(received) === sha(sent);
        }),
      );
      for (const client of clients) expect(await client.join()).toBe(true);
      await listener.close();
    });
  });
});

describe("receive buffers that ran dry", () => {
  onBoth(
    "make receiving pause, and it goes on when they are read [A2.10]",
    async (io) => {
      const pairs: Pair[] = [];
      for (let salt = 0; salt < 6; salt++) pairs.push(await pair(io));
      await io.run(async () => {
        for (const [salt, { client }] of pairs.entries()) {
          io.spawn(async () => {
            await client.write(counted(40_000, salt));
            await client.end();
          });
        }
        await io.sleep(ms(50));
        for (const [salt, { server }] of pairs.entries()) {
          expect(sha(await drain(server))).toBe(sha(counted(40_000, salt)));
        }
      });
    },
    { settings: { tcp: { receiveBuffers: 8, receiveBufferBytes: 1024 } } },
  );
});
