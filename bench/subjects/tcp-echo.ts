/**
 * ioreel's echo servers. Arguments: the form, `tasks` (a task for each connection that loops over
 * its chunks and awaits every write) or `handlers` (`io.serve`: a call for each chunk, no promise),
 * and for a session that is recorded meanwhile what is kept of what arrives: `full` or `none`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReelError } from "../../core/errors.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { tcp } from "../../providers/tcp/provider.ts";
import { answerRequests } from "../peers/server.ts";

const [form, payload] = process.argv.slice(2) as [string, ("full" | "none")?];
const folder = payload === undefined ? undefined : mkdtempSync(join(tmpdir(), "ioreel-bench-"));

function start() {
  const path = folder && join(folder, "echo.reel");
  const record = path === undefined || payload === undefined ? {} : { record: { path, payload } };
  return startRuntime({ backend: "uring", providers: [tcp], seed: 1, ...record });
}

type Io = Awaited<ReturnType<typeof start>>;

async function byTasks(io: Io): Promise<void> {
  const listener = await io.listen();
  let connections = 0;
  const { port } = listener;
  answerRequests({ port, connections: () => connections, close: () => listener.close() });
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

async function byHandlers(io: Io): Promise<void> {
  const server = await io.serve(0, { data: (connection, chunk) => connection.send(chunk) });
  const { port } = server;
  answerRequests({ port, connections: () => server.connections, close: () => server.close() });
  await server.closed;
}

try {
  const io = await start();
  await io.run(() => (form === "handlers" ? byHandlers(io) : byTasks(io)));
  await io.close();
} catch (error) {
  if (!isReelError(error, "ERR_BACKEND_UNAVAILABLE")) throw error;
  process.stdout.write(`${JSON.stringify({ unavailable: error.message })}\n`);
} finally {
  if (folder !== undefined) rmSync(folder, { recursive: true });
}
