/** Listening sockets for tests of requests whose result is a descriptor. */
import { dlopen } from "bun:ffi";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import { RecordingSink, pollFor } from "./ring.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

export const AF_UNIX = 1;
const SOCK_STREAM = 1;
const BACKLOG = 64;

/** Makes a listening Unix socket, asking the ring for the socket itself. */
export function listen(backend: UringBackend): { file: number; path: string } {
  const path = join(mkdtempSync(join(tmpdir(), "uring-")), "socket");
  const sink = new RecordingSink();
  backend.ring.prepare(OPCODE.SOCKET, 0, 999, -1, AF_UNIX, 0, SOCK_STREAM, 0);
  pollFor(backend, sink, 1);
  const file = sink.results[0]!.result;
  const address = new Uint8Array(new ArrayBuffer(110));
  address[0] = AF_UNIX;
  address.set(new TextEncoder().encode(path), 2);
  const { bind, listen: start } = dlopen(libc().name, {
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
  }).symbols;
  const fd = backend.ring.files.fdOf(file);
  if (bind(fd, address, address.length) !== 0) throw new Error(`bind gave ${libc().errno()}`);
  if (start(fd, BACKLOG) !== 0) throw new Error(`listen gave ${libc().errno()}`);
  return { file, path };
}

/** Connects to a listening socket, without the ring. */
export async function connect(path: string): Promise<{ end(): Promise<void> }> {
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    unix: path,
    socket: { data() {}, close: () => closed.resolve() },
  });
  return {
    end() {
      socket.end();
      return closed.promise;
    },
  };
}
