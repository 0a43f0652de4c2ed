/** What programs do wrong with connections, and handlers that fail: each is told in words. */
import { describe, expect, test } from "bun:test";
import { ms } from "../../core/clock.ts";
import { onBoth, start } from "../both.fixture.ts";
import { pair } from "./tcp.fixture.ts";

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "resolved",
    (error: Error) => error.message,
  );

describe("a mistake", () => {
  onBoth("in what is given to a method is told, and the connection stands", async (io) => {
    const { client, listener, server } = await pair(io);
    const wrong = (value: unknown): never => value as never;
    expect(await messageOf(io.connect(wrong(undefined)))).toContain(
      "found undefined, wanted a port",
    );
    expect(await messageOf(io.listen(wrong("80")))).toContain('found "80", wanted a port');
    expect(await messageOf(io.connect({ port: 1, signal: wrong(5) }))).toContain("an AbortSignal");
    expect(await messageOf(io.listen(wrong({ signal: AbortSignal.abort() })))).toContain(
      "plain data",
    );
    expect(await messageOf(io.listen({ path: `/tmp/${"é".repeat(80)}` }))).toContain("165 bytes");
    expect(await messageOf(listener.accept({ signal: wrong(5) }))).toContain("an AbortSignal");
    expect(await messageOf(client.write(wrong(5)))).toContain(
      "found 5, wanted a Uint8Array, a string",
    );
    expect(await messageOf(client.write(wrong(undefined)))).toContain("found undefined");
    expect(await messageOf(client.writev(wrong([5])))).toContain("found 5");
    expect(await messageOf(client.writev(wrong("abc")))).toContain("wanted a list");
    expect(await messageOf(client.readInto(wrong(undefined)))).toContain("found undefined");
    for (const timeoutNs of [-1, Number.NaN, 1.5]) {
      expect(await messageOf(client.read(1, { timeoutNs }))).toContain("from 0: found");
    }
    await client.writev(["\ud83d", new Uint8Array(0), "ok"]);
    expect(Buffer.from(await server.read()).toString()).toBe("\ufffdok");
    expect(io.counters()["faults"]).toBe(0);
  });
});

/** What other makers of promises give: it has the method, and is none of the host's. */
function foreign<T>(promise: Promise<T>): PromiseLike<T> {
  return new Proxy(promise, {
    get: (target, name) => (name === "then" ? target.then.bind(target) : undefined),
    getPrototypeOf: () => Object.prototype,
  });
}

describe("a handler's promise", () => {
  for (const kind of ["promise", "thenable"] as const) {
    for (const backend of ["emulated", "uring"] as const) {
      test(`(${kind}) ends the run when nobody else is told on ${backend}`, async () => {
        const io = await start({ backend });
        const data = (): PromiseLike<void> => {
          const failed = Promise.reject<void>(new Error("lost"));
          return kind === "promise" ? failed : foreign(failed);
        };
        const run = io.run(async () => {
          const server = await io.serve(0, { data });
          const client = await io.connect(server.port);
          await client.write("x");
          await client.read().catch(() => {});
          await io.sleep(ms(1));
        });
        expect(await messageOf(run)).toBe("lost");
        await io.close();
      });
    }
  }

  test("goes on before virtual time does", async () => {
    await using io = await start({ backend: "emulated" });
    const answered = await io.run(async () => {
      await using server = await io.serve(0, {
        async data(connection, chunk) {
          for (let hop = 0; hop < 20; hop++) await Promise.resolve();
          await io.sleep(ms(1));
          for (let hop = 0; hop < 20; hop++) await Promise.resolve();
          connection.send(chunk);
        },
      });
      await using client = await io.connect(server.port);
      const began = io.now();
      await client.write("x");
      const { length } = await client.read(1, { timeoutNs: ms(50) });
      return { length, tookMs: Math.floor((io.now() - began) / ms(1)) };
    });
    expect(answered).toEqual({ length: 1, tookMs: 1 });
  });
});
