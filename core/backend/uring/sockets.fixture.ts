/**
 * Sockets for tests: listening ones, connected pairs, and peers that are driven without the ring,
 * so that what the ring does with the other end is all that happens there.
 */
import { dlopen } from "bun:ffi";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OPCODE } from "../contract.ts";
import { SOCK_CLOEXEC } from "./abi.ts";
import { libc } from "./libc.ts";
import { RecordingSink, pollFor } from "./ring.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const SOCK_STREAM = 1;
export const SOL_SOCKET = 1;
const BACKLOG = 64;

let bound: ReturnType<typeof bindCalls> | undefined;

function bindCalls() {
  return dlopen(libc().name, {
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
    shutdown: { args: ["i32", "i32"], returns: "i32" },
  }).symbols;
}

function calls(): ReturnType<typeof bindCalls> {
  return (bound ??= bindCalls());
}

/** A sockaddr_in of this host. */
export function loopback(port: number): Uint8Array {
  const address = new Uint8Array(new ArrayBuffer(16));
  address.set([AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1]);
  return address;
}

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
  backend.host.bind(file, address);
  backend.host.listen(file, BACKLOG);
  return { file, path };
}

/** Makes a listening TCP socket on a free port of this host. */
export function listenTcp(backend: UringBackend): { file: number; port: number } {
  const file = backend.host.socket(AF_INET, SOCK_STREAM, 0);
  backend.host.bind(file, loopback(0));
  backend.host.listen(file, BACKLOG);
  const name = backend.host.socketName(file, false);
  return { file, port: name[2]! * 256 + name[3]! };
}

/** Connects to a listening TCP socket of this host, without the ring. @returns a descriptor */
export function connectTcp(port: number): number {
  const fd = libc().socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (calls().connect(fd, loopback(port), 16) === 0) return fd;
  throw new Error(`connect gave ${libc().errno()}`);
}

/** A connected pair: a ring file, and the descriptor of a peer that the ring knows nothing of. */
export function tcpPair(backend: UringBackend): { file: number; peer: number } {
  const { file: listener, port } = listenTcp(backend);
  const peer = connectTcp(port);
  const fd = calls().accept4(backend.ring.files.fdOf(listener), null, null, SOCK_CLOEXEC);
  if (fd < 0) throw new Error(`accept4 gave ${libc().errno()}`);
  backend.host.close(listener);
  return { file: backend.ring.files.add(fd), peer };
}

/** Sends everything from a peer. */
export function sendNow(peer: number, bytes: Uint8Array): void {
  const sent = libc().write(peer, bytes, bytes.length);
  if (sent !== bytes.length) throw new Error(`write gave ${sent}, errno ${libc().errno()}`);
}

/** Ends a peer's sending. */
export function finishNow(peer: number): void {
  const SHUT_WR = 1;
  calls().shutdown(peer, SHUT_WR);
}

/** Connects to a listening Unix socket, without the ring. */
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
