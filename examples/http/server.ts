/**
 * A file server for HTTP/1.1, good enough for curl, browsers and wrk: keep-alive, pipelining,
 * ranges, conditional requests, limits for everything that a peer can make large or slow.
 *
 * The folder is read before the run begins and served from memory. A recording keeps the files, so
 * `--replay` needs neither the folder nor a network: the same program runs again, and is told what
 * the recorded one was told. On the emulated machine there is nobody outside, so a visitor inside
 * the program asks for every file; `--visit` does so on io_uring too. Ctrl-C stops the server.
 *
 *     bun examples/http/server.ts --port 8080 --root docs --record served.reel
 *     bun examples/http/server.ts --replay served.reel
 *
 * Run: bun examples/http/server.ts --root examples --backend emulated --record $TMP/http.reel
 * Expect: listening on http://127.0.0.1:
 * Expect: the visitor found every file as it should be
 * Run: bun examples/http/server.ts --root examples --visit
 * Expect: the visitor found every file as it should be
 * Needs: io_uring
 */
import { parseArgs } from "node:util";
import { Runtime, isReelError, openRecording, seconds } from "ioreel";
import { serveConnection, type Tally } from "./exchange.ts";
import { attachmentsOf, readSite, recordedSite, type Site, type SiteTimes } from "./site.ts";
import { visit } from "./visitor.ts";

/** Between two requests on one connection. */
const IDLE_NS_MAX = seconds(30);
/** For a peer that takes nothing of an answer. */
const WRITE_NS_MAX = seconds(30);
const CONNECTIONS_MAX = 4096;
const EXIT_INTERRUPTED = 130;
const PROGRAM = "http-files";

/** Everything that decides what the program does: a replay has it from the recording. */
interface Settings {
  readonly host: string;
  readonly port: number;
  /** Whether a visitor asks for every file, after which the server ends; always when emulated. */
  readonly visit: boolean;
}

async function serve(io: Runtime, site: Site, settings: Settings): Promise<void> {
  const tally: Tally = { connections: 0, answers: new Map(), broken: 0 };
  try {
    await io.run(async () => {
      await using listener = await io.listen({
        host: settings.host,
        port: settings.port,
        readTimeoutNs: IDLE_NS_MAX,
        writeTimeoutNs: WRITE_NS_MAX,
      });
      console.log(`listening on http://${listener.address.host}:${listener.port}`);
      const accepting = io.spawn(async () => {
        const places = io.semaphore({ name: "connections", permits: CONNECTIONS_MAX });
        for (;;) {
          const place = await places.acquire();
          const connection = await listener.accept();
          io.spawn(async () => {
            using _place = place;
            await serveConnection(io, connection, site, tally);
          });
        }
      });
      if (!settings.visit && io.backend !== "emulated") return await accepting.join();
      const found = await visit(io, listener.port, site);
      console.log(`the visitor found every file as it should be: ${found} files`);
      await accepting.cancel();
    });
  } finally {
    const answers = [...tally.answers].map(([status, count]) => `${count} × ${status}`);
    const served = answers.length === 0 ? "nothing" : answers.join(", ");
    console.log(`answered ${served}; ${tally.connections} connections, ${tally.broken} broken off`);
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
  const site = readSite(flags.root);
  const { attachments, times } = attachmentsOf(site);
  const asked: Settings = { host: flags.host, port: Number(flags.port), visit: flags.visit };
  const program = { kind: PROGRAM, settings: asked, times };
  const io = await Runtime.start({
    backend: flags.backend as "auto" | "uring" | "emulated",
    // Each connection waits with a read, and may have a write beside it.
    limits: { table: { slots: 4 * CONNECTIONS_MAX }, ends: 2 * CONNECTIONS_MAX },
    ...(flags.record === undefined ? {} : { record: { path: flags.record, attachments, program } }),
  });
  stopOnInterrupt(io);
  try {
    await serve(io, site, asked);
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
    program: { kind?: unknown; settings: Settings; times: SiteTimes } | null;
  };
  if (program?.kind !== PROGRAM) throw new Error(`Cannot replay ${path}: another program made it`);
  const io = Runtime.replay(recording, {
    reproduce: `bun examples/http/server.ts --replay ${path}`,
  });
  try {
    await serve(io, recordedSite(recording, program.times), program.settings);
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
    port: { type: "string", default: "0" },
    record: { type: "string" },
    replay: { type: "string" },
    root: { type: "string", default: "." },
    visit: { type: "boolean", default: false },
  },
});
type Flags = typeof values;

await (values.replay === undefined ? live(values) : again(values.replay));
