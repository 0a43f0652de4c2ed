/** Servers in every thread of a pool that share one port: the kernel hands out the connections. */
import { expect, test } from "bun:test";

import { Runtime } from "../../index.ts";
import { whyUnavailable } from "../testing/harness.ts";
import { JOBS, SHARED, sharedWords } from "./jobs.fixture.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: servers in a pool: ${missing}`);

/** What a server says to somebody who has said something. */
function ask(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  void Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write("who?"),
      data: (_socket, bytes) => void (said += bytes.toString()),
      close: () => resolve(said),
      connectError: (_socket, error) => reject(error),
    },
  });
  return promise;
}

for (const blocking of [false, true]) {
  test.skipIf(missing !== undefined)(
    `a port that all threads listen on is served by all of them (blocking: ${blocking})`,
    async () => {
      await using pool = await Runtime.pool({ threads: 2, backend: "uring", blocking });
      const words = sharedWords();
      const servers = [];
      for (let thread = 0; thread < 2; thread++) {
        servers.push(pool.runOn(thread, JOBS, "serveName", words, thread));
        const listening = Atomics.waitAsync(words, SHARED.ARRIVED, thread);
        if (listening.async) await listening.value;
      }
      const answers = new Set<string>();
      // By its hash each connection goes to either, so both are soon heard of.
      for (let asked = 0; answers.size < 2 && asked < 1000; asked++) {
        answers.add(await ask(words[SHARED.PORT]!));
      }
      expect([...answers].sort()).toEqual(["thread 0", "thread 1"]);
      for (const server of servers) await server.cancel();
      // Nobody listens any more.
      await expect(ask(words[SHARED.PORT]!)).rejects.toThrow();
    },
  );
}
