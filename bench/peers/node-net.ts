/**
 * Peer: an echo server with `node:net`, on Bun and on Node. Argument: `pipe` for
 * socket.pipe(socket), `write` for a write in the data event, which pauses the socket until it has
 * drained.
 */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { answerRequests } from "./server.ts";

const BACKLOG = 4096;

let connections = 0;

function echoByWrites(socket: Socket): void {
  socket.on("data", (chunk) => {
    if (!socket.write(chunk)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", () => socket.end());
}

const echo = process.argv[2] === "pipe" ? (socket: Socket) => socket.pipe(socket) : echoByWrites;

const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  connections++;
  socket.on("close", () => connections--);
  socket.on("error", () => {});
  echo(socket);
});

server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () =>
  answerRequests({
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close: () => void server.close(),
  }),
);
