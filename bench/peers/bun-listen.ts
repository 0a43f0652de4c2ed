/**
 * Peer: an echo server with `Bun.listen`. What a socket does not take at once waits for `drain`,
 * and meanwhile the socket is not read from.
 */
import type { Socket } from "bun";
import { answerRequests } from "./server.ts";

interface Waiting {
  chunks: Uint8Array[];
}

let connections = 0;

/** Writes what waits. @returns whether all of it is gone */
function flush(socket: Socket<Waiting>): boolean {
  const { chunks } = socket.data;
  while (chunks.length > 0) {
    const chunk = chunks[0]!;
    const written = Math.max(0, socket.write(chunk));
    if (written < chunk.length) {
      chunks[0] = chunk.subarray(written);
      return false;
    }
    chunks.shift();
  }
  return true;
}

const listener = Bun.listen<Waiting>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      connections++;
      socket.data = { chunks: [] };
    },
    data(socket, chunk) {
      const { chunks } = socket.data;
      const written = chunks.length === 0 ? Math.max(0, socket.write(chunk)) : 0;
      if (written === chunk.length) return;
      if (chunks.length === 0) socket.pause();
      chunks.push(chunk.subarray(written));
    },
    drain(socket) {
      if (socket.data.chunks.length > 0 && flush(socket)) socket.resume();
    },
    close() {
      connections--;
    },
    error() {},
  },
});

answerRequests({
  port: listener.port,
  connections: () => connections,
  close: () => listener.stop(true),
});
