/** Programs on the emulated network: hosts, names, links from settings, faults by command. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../../core/clock.ts";
import { assertNothingLeft } from "../../core/testing/harness.ts";
import { start, type BothRuntime } from "../both.fixture.ts";
import { codeOf, counted, drain, text } from "./tcp.fixture.ts";

/** Runs a program on a network of its own, and sees that nothing is left. */
async function onNetwork(
  body: (io: BothRuntime) => Promise<void>,
  settings: object = {},
): Promise<void> {
  const io = await start({ settings: { tcp: settings } });
  try {
    await io.run(() => body(io));
  } finally {
    await io.close();
  }
  assertNothingLeft(io as never);
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "",
    (error: Error) => error.message,
  );
}

describe("hosts of the emulated network", () => {
  test("have names, addresses of both families, and a loopback each", () =>
    onNetwork(async (io) => {
      const bob = await io.listen({ host: "bob", port: 80 });
      const inside = await io.listen({ host: "127.0.0.1", from: "bob", port: 80 });
      const local = await io.listen({ host: "::1", port: 80 });
      expect(bob.address).toEqual({ family: "ipv4", host: "10.0.0.2", port: 80, path: "" });
      const client = await io.connect({ from: "alice", host: "bob", port: 80 });
      expect((await client.localAddress()).host).toBe("10.0.0.3");
      expect((await (await bob.accept()).peerAddress()).host).toBe("10.0.0.3");
      const six = await codeOf(io.connect({ host: "fd00::2", port: 80 }));
      // An IPv4 listener has no IPv6 address.
      expect(six).toBe("ECONNREFUSED");
      for (const [listener, from, host] of [
        [inside, "bob", "127.0.0.1"],
        [local, "", "::1"],
      ] as const) {
        const near = await io.connect({ from, host, port: 80 });
        const far = await listener.accept();
        expect(await near.localAddress()).toEqual(await far.peerAddress());
      }
      expect(await codeOf(io.connect({ from: "alice", host: "localhost", port: 80 }))).toBe(
        "ECONNREFUSED",
      );
    }));

  test("that do not exist are unreachable, not found, or not ours to listen on", () =>
    onNetwork(async (io) => {
      expect(await codeOf(io.connect({ host: "10.0.0.99", port: 80 }))).toBe("EHOSTUNREACH");
      expect(await codeOf(io.connect({ host: "192.0.2.1", port: 80 }))).toBe("EHOSTUNREACH");
      expect(await codeOf(io.connect({ host: "nobody.invalid", port: 80 }))).toBe("ENOTFOUND");
      expect(await codeOf(io.listen({ host: "10.0.0.99" }))).toBe("EADDRNOTAVAIL");
      expect(await codeOf(io.connect({ path: "/nowhere.sock" }))).toBe("ENOENT");
      expect(await codeOf(io.open("tcp", { role: "adopt", fd: 3 }))).toBe("ERR_UNSUPPORTED");
    }));

  test("come with the settings, in their order, with the links that are described", () =>
    onNetwork(
      async (io) => {
        const listener = await io.listen({ host: "near", port: 1 });
        expect(listener.address.host).toBe("10.0.0.3");
        const began = io.now();
        await io.connect({ from: "far", host: "near", port: 1 });
        expect(Math.round((io.now() - began) / ms(1))).toBe(100);
        const other = io.now();
        await io.connect({ host: "near", port: 1 });
        expect(Math.round((io.now() - other) / ms(1))).toBe(4);
      },
      {
        hosts: ["far", "near"],
        links: [{ between: ["far", "near"], latencyNs: ms(50) }],
        otherLinks: { latencyNs: ms(2) },
      },
    ));

  test("with names that none can have are refused when the runtime starts", async () => {
    const settings = { tcp: { hosts: ["localhost"] } };
    expect(await messageOf(start({ settings }))).toContain('"localhost": found a name');
    expect(await codeOf(start({ settings: { tcp: { hosts: 3 } } }))).toBe("TypeError");
  });
});

describe("network()", () => {
  test("partitions and heals: what was written meanwhile arrives afterwards", () =>
    onNetwork(async (io) => {
      const network = await io.network();
      const listener = await io.listen({ host: "b", port: 80 });
      const client = await io.connect({ from: "a", host: "b", port: 80 });
      const server = await listener.accept();
      await network.partition("a", "b");
      await client.write("are you there");
      expect(await codeOf(server.read(100, { timeoutNs: seconds(5) }))).toBe("ETIMEDOUT");
      await network.heal();
      expect(text(await server.read())).toBe("are you there");
      await network.partition("a", "b");
      const began = io.now();
      const patience = { from: "a", host: "b", port: 80, connectTimeoutNs: seconds(3) };
      expect(await codeOf(io.connect(patience))).toBe("ETIMEDOUT");
      expect(io.now() - began).toBe(seconds(3));
    }));

  test("clogs: nothing arrives until the clog is gone, and then nothing was lost", () =>
    onNetwork(async (io) => {
      const network = await io.network();
      const listener = await io.listen({ host: "b", port: 80 });
      const client = await io.connect({ from: "a", host: "b", port: 80 });
      const server = await listener.accept();
      await network.clog("a", "b");
      const sent = counted(100_000);
      const writing = io.spawn(async () => {
        await client.write(sent);
        await client.end();
      });
      expect(await codeOf(server.read(1, { timeoutNs: seconds(1) }))).toBe("ETIMEDOUT");
      await network.unclog("b", "a");
      expect(await drain(server)).toEqual(sent);
      await writing.join();
    }));

  test("sets links, and what was sent over a bad one arrives all the same", () =>
    onNetwork(async (io) => {
      const network = await io.network();
      const conditions = { lossRate: 0.2, reorderRate: 0.2, duplicateRate: 0.2, latencyNs: ms(5) };
      await network.link("a", "b", conditions);
      const listener = await io.listen({ host: "b", port: 80 });
      const client = await io.connect({ from: "a", host: "b", port: 80 });
      const server = await listener.accept();
      const sent = counted(300_000);
      io.spawn(async () => {
        await client.write(sent);
        await client.end();
      });
      expect(await drain(server)).toEqual(sent);
    }));

  test("says in words what is wrong with a command, and goes on with the next", () =>
    onNetwork(async (io) => {
      const network = await io.network();
      const wrong = network.link("a", "b", { lossRate: 2 });
      expect(await codeOf(wrong)).toBe("EINVAL");
      expect(await messageOf(wrong)).toContain("lossRate=2, wanted a number from 0 to 1");
      const unknown = network.command("explode a b");
      expect(await messageOf(unknown)).toContain('found the verb "explode"');
      expect(await codeOf(network.partition("a", "10.0.0.200"))).toBe("EHOSTUNREACH");
      expect(await codeOf(network.command("x".repeat(2000)))).toBe("EINVAL");
      await network.heal();
    }));

  test("is no connection: it cannot be read, ended, accepted from or named", () =>
    onNetwork(async (io) => {
      const end = await io.open("tcp", { role: "network" });
      for (const operation of ["end", "abort"]) {
        expect(await codeOf(end.perform(operation))).toBe("EOPNOTSUPP");
      }
      expect(await codeOf(end.perform("accept"))).toBe("EINVAL");
      expect(await codeOf(end.read(5))).toBe("EOPNOTSUPP");
      expect(await codeOf(end.perform("name", new Uint8Array(50)))).toBe("EOPNOTSUPP");
      const listener = io.end((await io.listen()).handle);
      expect(await codeOf(listener.read(5))).toBe("ENOTCONN");
      expect(await codeOf(listener.write("x"))).toBe("ENOTCONN");
    }));
});
