/** Connections as people use them, with the same assertions on the kernel and on the network. */
import { describe, expect } from "bun:test";
import { ms } from "../../core/clock.ts";
import { onBoth } from "../both.fixture.ts";
import { codeOf, counted, drain, pair, sha, text } from "./tcp.fixture.ts";

const MIB = 1 << 20;

describe("read()", () => {
  onBoth("brings what the peer wrote, and nothing at the end of its stream [O4]", async (io) => {
    const { client, server } = await pair(io);
    await client.write("hello");
    expect(text(await server.read())).toBe("hello");
    await client.end("bye");
    expect(text(await server.read())).toBe("bye");
    expect((await server.read()).length).toBe(0);
    expect((await server.read()).length).toBe(0);
  });

  onBoth("brings no more than it was asked for, and the rest later", async (io) => {
    const { client, server } = await pair(io);
    await client.write("abcdef");
    const parts: string[] = [];
    while (parts.join("").length < 6) parts.push(text(await server.read(2)));
    expect(parts.every((part) => part.length <= 2)).toBe(true);
    expect(parts.join("")).toBe("abcdef");
  });

  onBoth("serves several readers of one connection, each with bytes of its own", async (io) => {
    const { client, server } = await pair(io);
    const reads = [server.read(1), server.read(1), server.read(1)];
    await client.write("xyz");
    expect((await Promise.all(reads)).map(text).toSorted()).toEqual(["x", "y", "z"]);
  });

  onBoth("fails with ETIMEDOUT when nothing comes in time, and can be asked again", async (io) => {
    const { client, server } = await pair(io, { readTimeoutNs: ms(20) });
    const begun = io.now();
    expect(await codeOf(server.read())).toBe("ETIMEDOUT");
    expect(io.now() - begun).toBeGreaterThanOrEqual(ms(20));
    expect(await codeOf(client.read(16, { timeoutNs: ms(1) }))).toBe("ETIMEDOUT");
    await client.write("late");
    expect(text(await server.read())).toBe("late");
  });

  onBoth("ends with the reason of its AbortSignal, and loses no bytes", async (io) => {
    const { client, server } = await pair(io);
    const abort = new AbortController();
    const read = server.read(16, { signal: abort.signal });
    read.catch(() => {});
    await io.sleep(ms(1));
    abort.abort(new Error("enough"));
    expect(await read.catch((error: Error) => error.message)).toBe("enough");
    await client.write("kept");
    expect(text(await server.read())).toBe("kept");
  });
});

describe("write()", () => {
  onBoth("carries a megabyte whole and in order, through many small reads", async (io) => {
    const { client, server } = await pair(io);
    const sent = counted(MIB);
    await io.run(async () => {
      const received = io.spawn(() => drain(server));
      for (let at = 0; at < MIB; at += 100_000) {
        await client.write(sent.subarray(at, Math.min(MIB, at + 100_000)));
      }
      await client.end();
      expect(sha(await received.join())).toBe(sha(sent));
    });
  });

  onBoth("waits for a peer that does not read, and ends when it does", async (io) => {
    const { client, server } = await pair(io, { inboxBytes: 1 << 16 });
    const sent = counted(24 * MIB);
    await io.run(async () => {
      let done = false;
      const writing = io.spawn(async () => {
        await client.write(sent);
        done = true;
        await client.end();
      });
      await io.sleep(ms(200));
      expect(done).toBe(false);
      expect(sha(await drain(server))).toBe(sha(sent));
      await writing.join();
    });
  });

  onBoth(
    "keeps the bytes of writes that run at once apart, in the order of the calls",
    async (io) => {
      const { client, server } = await pair(io);
      const parts = [1, 2, 3, 4].map((value) => new Uint8Array(200_000).fill(value));
      await io.run(async () => {
        const received = io.spawn(() => drain(server));
        await Promise.all(parts.map((part) => client.write(part)));
        await client.end();
        expect(sha(await received.join())).toBe(sha(Buffer.concat(parts)));
      });
    },
  );

  onBoth("refuses with ERR_LIMIT what nobody awaits, and sends what it took", async (io) => {
    const { client, server } = await pair(io);
    const taken = [client.write(counted(900_000)), client.write(counted(900_000))];
    expect(await codeOf(client.write(new Uint8Array(200_000)))).toBe("ERR_LIMIT");
    await io.run(async () => {
      const received = io.spawn(() => drain(server));
      await Promise.all(taken);
      await client.end();
      expect((await received.join()).length).toBe(1_800_000);
    });
  });

  onBoth("is EPIPE after the program's own end, while reading goes on", async (io) => {
    const { client, server } = await pair(io);
    await client.end();
    expect(await codeOf(client.write("x"))).toBe("EPIPE");
    expect((await server.read()).length).toBe(0);
    await server.write("still here");
    expect(text(await client.read())).toBe("still here");
  });

  onBoth("tells a peer that is gone by EPIPE or ECONNRESET, with its address", async (io) => {
    const { client, listener, server } = await pair(io);
    await server.close();
    let failure: { code?: string; message: string } | undefined;
    for (let i = 0; failure === undefined && i < 50; i++) {
      await client.write("x").catch((error) => (failure = error));
      await io.sleep(ms(1));
    }
    expect(["EPIPE", "ECONNRESET"]).toContain(failure!.code!);
    expect(failure!.message).toContain(`127.0.0.1:${listener.port}`);
  });
});

describe("writev()", () => {
  onBoth("sends small and large lists as one stream of bytes", async (io) => {
    const { client, server } = await pair(io);
    const large = [counted(90_000), "middle", counted(80_000, 3)];
    await io.run(async () => {
      const received = io.spawn(() => drain(server));
      expect(await client.writev(["a", new Uint8Array([98]), ""])).toBe(2);
      await client.writev(large);
      await client.end();
      const wanted = Buffer.concat([Buffer.from("ab"), ...large.map((part) => Buffer.from(part))]);
      expect(sha(await received.join())).toBe(sha(wanted));
    });
  });
});

describe("abort()", () => {
  onBoth("resets: the peer's reads fail with ECONNRESET", async (io) => {
    const { client, server } = await pair(io);
    const read = codeOf(server.read());
    await client.abort();
    expect(await read).toBe("ECONNRESET");
    expect(await codeOf(server.read())).toBe("ECONNRESET");
  });
});

describe("close()", () => {
  onBoth("cancels what is in flight and leaves nothing, however often it is called", async (io) => {
    const { client, listener, server } = await pair(io);
    const read = codeOf(server.read());
    const accept = codeOf(listener.accept());
    await Promise.all([server.close(), server.close(), listener.close()]);
    expect(await read).toBe("ECANCELED");
    expect(await accept).toBe("ECANCELED");
    expect((await client.read().catch(() => new Uint8Array(0))).length).toBe(0);
    expect(await codeOf(server.read())).toBe("ERR_CLOSED");
  });

  onBoth("of a listener turns away those who wait to be accepted", async (io) => {
    const listener = await io.listen();
    const clients = await Promise.all([1, 2, 3].map(() => io.connect(listener.port)));
    await io.sleep(ms(5));
    await listener.close();
    for (const client of clients) {
      expect((await client.read().catch(() => new Uint8Array(0))).length).toBe(0);
    }
  });
});

describe("streams()", () => {
  onBoth(
    "pipes a connection through WHATWG streams, with the half-close at the end",
    async (io) => {
      const { client, server } = await pair(io);
      const sent = counted(300_000);
      const { readable, writable } = server.streams();
      const echo = readable.pipeTo(writable);
      const received = drain(client);
      await client.write(sent);
      await client.end();
      expect(sha(await received)).toBe(sha(sent));
      await echo;
    },
  );
});
