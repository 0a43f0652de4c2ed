/**
 * A server that speaks the Redis protocol (RESP2), as far as redis-cli and redis-benchmark need it:
 * strings, numbers, lists, hashes, expiry, KEYS and SCAN, pipelining, typed commands. Everything is
 * in memory and nothing is written to a disk, but a recording holds what every client has sent:
 * `--replay` comes to the same keys with no network at all.
 *
 * On the emulated machine there is nobody outside, so clients inside the program talk to the
 * server; `--visit` does so on io_uring too. Ctrl-C stops the server.
 *
 *     bun examples/redis/server.ts --port 6379 --record keys.reel
 *     redis-benchmark -p 6379 -t ping,set,get -n 200000 -c 50
 *
 * Run: bun examples/redis/server.ts --visit --backend emulated
 * Expect: ready to accept connections on 127.0.0.1:
 * Expect: every reply was as it should be
 * Run: bun examples/redis/server.ts --visit
 * Expect: every reply was as it should be
 * Needs: io_uring
 */
import { parseArgs } from "node:util";
import { Runtime, isReelError, openRecording } from "ioreel";
import { serveConnection, type Database } from "./exchange.ts";
import { Keyspace } from "./keyspace.ts";
import { visit } from "./visitor.ts";

const CONNECTIONS_MAX = 4096;
const EXIT_INTERRUPTED = 130;
const PROGRAM = "redis";

/** Everything that decides what the program does: a replay has it from the recording. */
interface Settings {
  readonly host: string;
  readonly port: number;
  /** What the keys may take. */
  readonly bytesMax: number;
  /** Whether clients inside the program talk to the server; always when it is emulated. */
  readonly visit: boolean;
}

async function serve(io: Runtime, settings: Settings): Promise<void> {
  const { bytesMax, host, port } = settings;
  const database: Database = { keys: new Keyspace(), bytesMax, commands: 0, connections: 0 };
  try {
    await io.run(async () => {
      await using listener = await io.listen({ host, port });
      console.log(`ready to accept connections on ${listener.address.host}:${listener.port}`);
      const accepting = io.spawn(async () => {
        const places = io.semaphore({ name: "connections", permits: CONNECTIONS_MAX });
        for (;;) {
          const place = await places.acquire();
          const connection = await listener.accept();
          io.spawn(async () => {
            using _place = place;
            await serveConnection(io, connection, database);
          });
        }
      });
      if (!settings.visit && io.backend !== "emulated") return await accepting.join();
      const commands = await visit(io, listener.port);
      console.log(`every reply was as it should be: ${commands} commands`);
      await accepting.cancel();
    });
  } finally {
    const { commands, connections, keys } = database;
    console.log(`${commands} commands on ${connections} connections left ${keys.count} keys`);
  }
}

/** Ctrl-C is recorded as an input: a replay ends at the same place. The second one ends at once. */
function stopOnInterrupt(io: Runtime): void {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      if (asked) process.exit(EXIT_INTERRUPTED);
      asked = true;
      io.interrupt();
    });
  }
}

async function live(flags: Flags): Promise<void> {
  const settings: Settings = {
    host: flags.host,
    port: Number(flags.port),
    bytesMax: Number(flags["memory-mib"]) * (1 << 20),
    visit: flags.visit,
  };
  const program = { kind: PROGRAM, settings };
  const io = await Runtime.start({
    backend: flags.backend as "auto" | "uring" | "emulated",
    // Each connection waits with a read, and may have a write beside it.
    limits: { table: { slots: 4 * CONNECTIONS_MAX }, ends: 2 * CONNECTIONS_MAX },
    ...(flags.record === undefined ? {} : { record: { path: flags.record, program } }),
  });
  stopOnInterrupt(io);
  try {
    await serve(io, settings);
  } catch (error) {
    if (!isReelError(error, "ERR_INTERRUPTED")) throw error;
    console.log("stopped");
  } finally {
    await io.close();
  }
}

/** Runs the program on what a recording holds. */
async function again(path: string): Promise<void> {
  using recording = openRecording(path);
  const { program } = recording.info.options as {
    program: { kind?: unknown; settings: Settings } | null;
  };
  if (program?.kind !== PROGRAM) throw new Error(`Cannot replay ${path}: another program made it`);
  const io = Runtime.replay(recording, {
    reproduce: `bun examples/redis/server.ts --replay ${path}`,
  });
  try {
    await serve(io, program.settings);
  } catch (error) {
    if (!isReelError(error, "ERR_INTERRUPTED")) throw error;
  } finally {
    await io.close();
  }
  if (io.session?.identical !== true) throw io.session?.failure ?? new Error("the replay was cut");
  console.log(`replay: identical, ${io.session.events} events`);
}

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "auto" },
    host: { type: "string", default: "127.0.0.1" },
    "memory-mib": { type: "string", default: "512" },
    port: { type: "string", default: "0" },
    record: { type: "string" },
    replay: { type: "string" },
    visit: { type: "boolean", default: false },
  },
});
type Flags = typeof values;

await (values.replay === undefined ? live(values) : again(values.replay));
