/** TCP on the real kernel, with what only the real kernel has: descriptors, foreign peers, DNS. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { whyUnavailable } from "../../core/testing/harness.ts";
import { start } from "../both.fixture.ts";
import { decodeAddress, encodeInet } from "./uring/address.ts";
import { codeOf, drain, pair, text, type TcpRuntime } from "./tcp.fixture.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: TCP on the kernel: ${missing}`);

/** A test with a runtime of its own, after which no descriptor may be left. */
function onKernel(title: string, body: (io: TcpRuntime) => Promise<void>): void {
  test.skipIf(missing !== undefined)(
    title,
    async () => {
      const io = await start({ backend: "uring" });
      const before = descriptors();
      try {
        await body(io);
        expect(io.counters()["faults"]).toBe(0);
      } finally {
        await io.close();
      }
      expect(descriptors()).toBeLessThanOrEqual(before);
    },
    60_000,
  );
}

const AF_INET = 2;
const SOCK_STREAM = 1;

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** Everything that a foreign socket receives until its end. */
function received(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    socket.on("data", (chunk) => (all += chunk.toString()));
    socket.on("end", () => resolve(all));
    socket.on("error", reject);
  });
}

describe("listen()", () => {
  onKernel("serves a client of another kind, with half-close in both directions", async (io) => {
    const listener = await io.listen();
    const socket = createConnection({
      port: listener.port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    const answer = received(socket);
    socket.end("question");
    const server = await listener.accept();
    expect(text(await drain(server))).toBe("question");
    await server.end("answer");
    expect(await answer).toBe("answer");
    await server.close();
    socket.destroy();
  });

  onKernel("shares a port between listeners with reusePort, and only with it", async (io) => {
    const first = await io.listen({ reusePort: true });
    const second = await io.listen({ reusePort: true, port: first.port });
    expect(second.port).toBe(first.port);
    expect(await codeOf(io.listen(first.port))).toBe("EADDRINUSE");
  });

  test.skipIf(missing !== undefined)(
    "pauses at the limit of descriptors and goes on when some are free",
    async () => {
      const limit = 64;
      const clients = 150;
      const fixture = new URL("./descriptor-limit.fixture.ts", import.meta.url).pathname;
      const command = `ulimit -n ${limit}; exec ${process.execPath} ${fixture} ${clients}`;
      const child = Bun.spawn(["bash", "-c", command], { stdout: "pipe", stderr: "inherit" });
      const output = child.stdout.getReader();
      const port = Number(text((await output.read()).value!));
      let greeted = 0;
      const sockets = Array.from({ length: clients }, () => createConnection(port, "127.0.0.1"));
      const ends = sockets.map(async (socket) => {
        socket.on("data", () => greeted++);
        while (greeted === 0) await Bun.sleep(5);
        // Whoever was greeted stays until nobody else can be: then the limit is reached.
        for (let seen = -1; seen !== greeted; await Bun.sleep(150)) seen = greeted;
        socket.end();
      });
      await Promise.all(ends);
      let rest = "";
      for (;;) {
        const { done, value } = await output.read();
        if (done) break;
        rest += text(value);
      }
      expect(greeted).toBe(clients);
      expect(JSON.parse(rest).most).toBeLessThan(limit);
      expect(await child.exited).toBe(0);
    },
    60_000,
  );
});

describe("connect()", () => {
  onKernel("talks to a server of another kind, over IPv4 and a Unix-domain path", async (io) => {
    const path = `/tmp/ioreel-foreign-${process.pid}.sock`;
    for (const where of [{ host: "127.0.0.1" }, { path }]) {
      const server = createServer((socket) => socket.pipe(socket));
      const options = "path" in where ? { path } : { host: where.host, port: 0 };
      await new Promise<void>((resolve) => server.listen(options, resolve));
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const client = await io.connect({ ...where, port });
      await client.end("round trip");
      expect(text(await drain(client))).toBe("round trip");
      await client.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  onKernel("binds the local address that `from` names", async (io) => {
    const listener = await io.listen({ host: "0.0.0.0" });
    const client = await io.connect({ port: listener.port, from: "127.0.0.9" });
    expect((await client.localAddress()).host).toBe("127.0.0.9");
    expect(await codeOf(io.connect({ port: listener.port, from: "203.0.113.7" }))).toBe(
      "EADDRNOTAVAIL",
    );
  });

  onKernel("fails with ETIMEDOUT when nobody answers in time", async (io) => {
    // A listener that accepts nobody, and whose backlog is full, does not answer.
    const host = io.engine.state.backend.host!;
    const file = host.socket(AF_INET, SOCK_STREAM, 0);
    host.bind(file, encodeInet("127.0.0.1", 0));
    host.listen(file, 0);
    const { port } = decodeAddress(host.socketName(file, false));
    const codes = [];
    for (let i = 0; i < 4; i++) {
      codes.push(await codeOf(io.connect({ port, connectTimeoutNs: 50_000_000 })));
    }
    host.close(file);
    expect(codes[0]).toBe("resolved");
    expect(codes[3]).toBe("ETIMEDOUT");
  });

  test.skipIf(missing !== undefined)("says ENETUNREACH where no way leads", async () => {
    const fixture = new URL("./unreachable.fixture.ts", import.meta.url).pathname;
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["unshare", "--net", process.execPath, fixture],
      { stdout: "pipe", stderr: "pipe" },
    );
    if (stderr.toString().includes("unshare failed")) {
      console.warn("SKIPPED: ENETUNREACH: this process may not make a network namespace");
      return;
    }
    expect([exitCode, stdout.toString()]).toEqual([0, "ENETUNREACH 192.0.2.1:9\n"]);
  });
});

describe("connections that come and go", () => {
  onKernel("leave no descriptor, slot or buffer behind, 10,000 of them", async (io) => {
    const rounds = 10_000;
    const before = descriptors();
    await io.run(async () => {
      const listener = await io.listen();
      const serving = io.spawn(async () => {
        for (let i = 0; i < rounds; i++) {
          const server = await listener.accept();
          io.spawn(async () => {
            await server.write("welcome");
            await server.read().catch(() => {});
            await server.close();
          });
        }
      });
      const clients = Array.from({ length: 16 }, () =>
        io.spawn(async () => {
          for (let i = 0; i < rounds / 16; i++) {
            const client = await io.connect(listener.port);
            await client.read();
            if (i % 3 === 0) await client.write("hi");
            // A reset leaves no TIME_WAIT, so that the ports last.
            await client.abort();
          }
        }),
      );
      for (const client of clients) await client.join();
      await serving.join();
      await listener.close();
    });
    expect(descriptors()).toBeLessThanOrEqual(before + 1);
    expect(io.engine.state.ends.used).toBe(0);
    expect(io.engine.state.table.used).toBe(0);
  });
});

describe("zero-copy sends", () => {
  onKernel("bring the same bytes, and the buffer is free at the notification", async (io) => {
    const { client, server } = await pair(io, {}, { zeroCopyFromBytes: 1 });
    const buffer = io.buffer(300_000);
    buffer.bytes.fill(7);
    await io.run(async () => {
      const all = io.spawn(() => drain(server));
      await client.write(buffer);
      expect(buffer.isBorrowed).toBe(false);
      await client.end();
      const bytes = await all.join();
      expect(bytes.length).toBe(300_000);
      expect(bytes.every((byte) => byte === 7)).toBe(true);
    });
    buffer.dispose();
  });
});
