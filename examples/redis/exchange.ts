/**
 * One connection of a client: commands come in, replies go out in their order. The replies to
 * everything that came in one piece go out in one write.
 */
import { isReelError, type Connection, type Runtime } from "ioreel";
import { execute } from "./commands/index.ts";
import type { CommandContext } from "./commands/command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { ProtocolError, RequestReader } from "./request-reader.ts";

/** Replies are written out when there is so much of them, before the next command. */
const REPLY_BYTES_MAX = 64 << 10;

/** Failures that are the peer's: the connection ends, the server goes on. */
const PEER_FAILURES = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);

export interface Database {
  readonly keys: Keyspace;
  /** What the keys may take. */
  readonly bytesMax: number;
  /** What was done so far. */
  commands: number;
  connections: number;
}

/** Serves one connection to its end and closes it. Never throws for what a peer does. */
export async function serveConnection(
  io: Runtime,
  connection: Connection,
  database: Database,
): Promise<void> {
  database.connections++;
  try {
    await exchange(io, connection, database);
  } catch (error) {
    if (!isReelError(error) || !PEER_FAILURES.has(error.code)) throw error;
  } finally {
    await connection.close();
  }
}

async function exchange(io: Runtime, connection: Connection, database: Database): Promise<void> {
  const { bytesMax, keys } = database;
  const reader = new RequestReader();
  const reply = new ReplyWriter();
  let over = false;
  const cx: CommandContext = { keys, reply, quit: () => void (over = true) };
  const flush = async (): Promise<void> => {
    if (reply.sizeBytes === 0) return;
    await connection.write(reply.bytes);
    reply.clear();
  };
  while (!over) {
    const chunk = await connection.read();
    if (chunk.length === 0) return;
    reader.feed(chunk);
    keys.tick(io.now());
    for (let found = reader.next(); found !== undefined && !over; found = reader.next()) {
      if (found instanceof ProtocolError) {
        reply.error(found.message);
        over = true;
        break;
      }
      database.commands++;
      execute(cx, found, bytesMax);
      if (reply.sizeBytes > REPLY_BYTES_MAX) {
        await flush();
        keys.tick(io.now());
      }
    }
    await flush();
  }
  await connection.end();
}
