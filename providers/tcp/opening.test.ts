/** Listening, connecting and accepting: what works, and how it fails, on both backends. */
import { describe, expect } from "bun:test";
import { ms } from "../../core/clock.ts";
import { onBoth } from "../both.fixture.ts";
import { codeOf, drain, pair, text } from "./tcp.fixture.ts";

describe("listen()", () => {
  onBoth("gives a free port when asked for none, and says which", async (io) => {
    const first = await io.listen();
    const second = await io.listen();
    expect(first.address.host).toBe("127.0.0.1");
    expect(first.port).toBeGreaterThan(0);
    expect(second.port).not.toBe(first.port);
  });

  onBoth("fails with EADDRINUSE for a port in use, and works once it is free", async (io) => {
    const first = await io.listen();
    const error = await io.listen(first.port).catch((reason) => reason);
    expect(error.code).toBe("EADDRINUSE");
    expect(error.message).toContain(`127.0.0.1:${first.port}`);
    await first.close();
    const again = await io.listen(first.port);
    expect(again.port).toBe(first.port);
  });

  onBoth("refuses options that are none, naming them", async (io) => {
    expect(await codeOf(io.listen({ port: 70_000 }))).toBe("TypeError");
    expect(await codeOf(io.listen({ prt: 1 } as never))).toBe("TypeError");
  });

  onBoth("serves IPv6 and tells both ends their addresses", async (io) => {
    const listener = await io.listen({ host: "::1" });
    const client = await io.connect({ host: "::1", port: listener.port });
    const server = await listener.accept();
    const [near, far] = [await client.localAddress(), await server.peerAddress()];
    expect(near).toEqual(far);
    expect(await client.peerAddress()).toEqual({
      family: "ipv6",
      host: "::1",
      port: listener.port,
      path: "",
    });
  });

  onBoth("serves a Unix-domain path", async (io) => {
    const path = `/tmp/ioreel-${process.pid}-${io.backend}.sock`;
    const listener = await io.listen({ path });
    const client = await io.connect({ path });
    const server = await listener.accept();
    await client.end("through a path");
    expect(text(await drain(server))).toBe("through a path");
    expect(listener.address).toEqual({ family: "unix", host: "", port: 0, path });
    await listener.close();
    expect(["ENOENT", "ECONNREFUSED"]).toContain(await codeOf(io.connect({ path })));
  });
});

describe("connect()", () => {
  onBoth("fails with ECONNREFUSED where nobody listens, naming the address", async (io) => {
    const listener = await io.listen();
    const { port } = listener;
    await listener.close();
    const error = await io.connect(port).catch((reason) => reason);
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(error.details.operation).toBe("open");
  });

  onBoth("resolves localhost, and says ENOTFOUND for a name that nobody knows", async (io) => {
    const listener = await io.listen({ host: "localhost" });
    const client = await io.connect({ host: "localhost", port: listener.port });
    await client.close();
    const code = await codeOf(io.connect({ host: "no-such-host.invalid", port: 1 }));
    expect(["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]).toContain(code);
  });

  onBoth("gives up when its signal is aborted, and leaves nothing", async (io) => {
    expect(
      await codeOf(io.connect({ port: 1, signal: AbortSignal.abort(new RangeError("no")) })),
    ).toBe("RangeError");
  });
});

describe("accept()", () => {
  onBoth("hands connections out in the order in which they came", async (io) => {
    const listener = await io.listen();
    const clients = [];
    for (let i = 0; i < 5; i++) {
      clients.push(await io.connect(listener.port));
      await clients[i]!.write(String(i));
    }
    for (let i = 0; i < 5; i++) {
      const server = await listener.accept();
      expect(text(await server.read())).toBe(String(i));
    }
  });

  onBoth("that loses the race to its cancellation loses no connection", async (io) => {
    const listener = await io.listen();
    let accepted = 0;
    for (let round = 0; round < 40; round++) {
      const abort = new AbortController();
      const accepting = listener.accept({ signal: abort.signal });
      const client = await io.connect(listener.port);
      if (round % 3 === 0) await io.sleep(ms(1));
      abort.abort();
      const server = await accepting.catch(() => undefined);
      if (server !== undefined) {
        accepted++;
        await server.close();
      } else {
        await (await listener.accept()).close();
      }
      await client.close();
    }
    expect(accepted).toBeGreaterThan(0);
  });

  onBoth("goes on while others are cancelled: every connection is served once", async (io) => {
    await io.run(async () => {
      const { listener, client, server } = await pair(io);
      await client.end("0");
      expect(text(await drain(server))).toBe("0");
      const served = io.spawn(async () => {
        const words: string[] = [];
        for await (const connection of listener) {
          words.push(text(await drain(connection)));
          await connection.close();
        }
        return words;
      });
      for (let i = 1; i <= 20; i++) {
        const next = await io.connect(listener.port);
        await next.end(String(i));
        await next.read();
        await next.close();
      }
      await listener.close();
      expect(await served.join()).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)));
    });
  });

  onBoth("is EINVAL on a connection, and a listener reads and writes nothing", async (io) => {
    const { listener, client, server } = await pair(io);
    await client.write("unread");
    await io.connect(listener.port);
    await io.sleep(ms(5));
    // Whatever waits in a listener's list or a connection's inbox is none of the other's.
    const [connection, listening] = [io.end(server.handle), io.end(listener.handle)];
    expect(await codeOf(connection.perform("accept"))).toBe("EINVAL");
    expect(await codeOf(listening.read(16))).toBe("ENOTCONN");
    expect(await codeOf(listening.write("x"))).toBe("ENOTCONN");
    expect(text(await server.read())).toBe("unread");
    expect(await codeOf((await listener.accept()).close())).toBe("resolved");
  });
});
