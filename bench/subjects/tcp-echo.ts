/**
 * ioreel's echo server, as its README shows it: a task for each connection, a loop over its chunks,
 * every write awaited. Arguments: `connections=N` for the tables' size, `record=full` for a session
 * that is recorded meanwhile with all that arrives.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReelError } from "../../core/errors.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { tcp } from "../../providers/tcp/provider.ts";
import { answerRequests } from "../peers/server.ts";

const CONNECTIONS_DEFAULT = 1024;
/** A connection is received on, read from and written to; a list is kept for each, and one more. */
const SLOTS_EACH = 3;
const LISTS_EACH = 4;

const words = new Map(process.argv.slice(2).map((word) => word.split("=") as [string, string]));
const most = Number(words.get("connections") ?? CONNECTIONS_DEFAULT);
const folder = words.has("record") ? mkdtempSync(join(tmpdir(), "ioreel-bench-")) : undefined;

function start() {
  return startRuntime({
    backend: "uring",
    providers: [tcp],
    seed: 1,
    limits: { ends: 2 * most, table: { slots: most * SLOTS_EACH, lists: most * LISTS_EACH } },
    ...(folder === undefined ? {} : { record: join(folder, "echo.reel") }),
  });
}

let connections = 0;

async function serve(io: Awaited<ReturnType<typeof start>>): Promise<void> {
  const listener = await io.listen();
  const { port } = listener;
  const close = () => listener.close();
  answerRequests({ port, connections: () => connections, close });
  for await (const connection of listener) {
    io.spawn(async () => {
      connections++;
      try {
        for await (const chunk of connection) await connection.write(chunk);
      } finally {
        connections--;
        await connection.close();
      }
    });
  }
}

try {
  const io = await start();
  await io.run(() => serve(io));
  await io.close();
} catch (error) {
  if (!isReelError(error, "ERR_BACKEND_UNAVAILABLE")) throw error;
  process.stdout.write(`${JSON.stringify({ unavailable: error.message })}\n`);
} finally {
  if (folder !== undefined) rmSync(folder, { recursive: true });
}
