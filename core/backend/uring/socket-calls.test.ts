/** What sockets are told before they are used, on the real kernel. */
import { expect } from "bun:test";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  closesOnExec,
  openBlocking,
  openDescriptors,
  pollOut,
  ringTest as test,
} from "./ring.fixture.ts";
import {
  AF_INET,
  AF_UNIX,
  SOCK_STREAM,
  SOL_SOCKET,
  connectTcp,
  listenTcp,
  loopback,
} from "./sockets.fixture.ts";

const SO_REUSEADDR = 2;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

/** The code of the error that a call throws. */
function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isReelError(error)) return error.code;
    throw error;
  }
  return "none";
}

function int(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

test("socket() to socketName() make a listener that clients find by its name", () => {
  const backend = openBlocking();
  const { file, port } = listenTcp(backend);
  expect(closesOnExec(backend.ring.files.fdOf(file))).toBe(true);
  expect(backend.host.socketName(file, false)).toEqual(loopback(port));
  expect(codeOf(() => backend.host.socketName(file, true))).toBe("ENOTCONN");
  const sink = new RecordingSink();
  const client = connectTcp(port);
  backend.ring.prepare(OPCODE.ACCEPT, 1, 1, file, 0, 0, 0, 0);
  pollOut(backend, sink);
  const accepted = sink.results[0]!.result;
  const adopted = backend.host.adopt(client);
  expect(backend.host.socketName(accepted, true)).toEqual(backend.host.socketName(adopted, false));
  expect(backend.host.socketName(adopted, true)).toEqual(loopback(port));
});

test("calls on sockets give the host's own reason when they fail", () => {
  const backend = openBlocking();
  const { host } = backend;
  const { file, port } = listenTcp(backend);
  const other = host.socket(AF_INET, SOCK_STREAM, 0);
  const plain = host.open("/dev/null", 0, 0);
  const before = openDescriptors().length;
  for (const [code, call] of [
    ["EAFNOSUPPORT", () => host.socket(250, SOCK_STREAM, 0)],
    ["EPROTONOSUPPORT", () => host.socket(AF_INET, SOCK_STREAM, 17)],
    ["EADDRINUSE", () => host.bind(other, loopback(port))],
    ["EADDRNOTAVAIL", () => host.bind(other, loopback(0).fill(9, 4, 8))],
    ["EINVAL", () => host.bind(other, new Uint8Array(0))],
    ["ENOTSOCK", () => host.listen(plain, 1)],
    ["ENOPROTOOPT", () => host.setSocketOption(file, SOL_SOCKET, 9999, int(1))],
    ["EINVAL", () => host.setSocketOption(file, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(0))],
    ["EBADF", () => host.socketName(77, false)],
    ["EBADF", () => host.bind(-1, loopback(0))],
    ["ENOENT", () => host.unlink("/no/such/socket")],
    ["ENOTDIR", () => host.unlink("/dev/null/socket")],
    ["EISDIR", () => host.unlink("/tmp")],
  ] as const) {
    expect({ call: String(call), code: codeOf(call) }).toEqual({ call: String(call), code });
  }
  expect(() => host.unlink("a\0b")).toThrow(TypeError);
  expect(openDescriptors().length).toBe(before);
  host.setSocketOption(other, IPPROTO_TCP, TCP_NODELAY, int(1));
});

test("unlink() removes the name that a Unix-domain socket was given", () => {
  const backend = openBlocking();
  const path = join(mkdtempSync(join(tmpdir(), "uring-")), "socket");
  const address = new Uint8Array([AF_UNIX, 0, ...new TextEncoder().encode(path), 0]);
  const file = backend.host.socket(AF_UNIX, SOCK_STREAM, 0);
  backend.host.bind(file, address);
  expect(existsSync(path)).toBe(true);
  expect(backend.host.socketName(file, false)).toEqual(address);
  backend.host.unlink(path);
  expect(existsSync(path)).toBe(false);
});

test("adopt() takes charge of an inherited descriptor, and of nothing else", () => {
  const backend = openBlocking();
  const pair = new Int32Array(new ArrayBuffer(8));
  libc().pipe2(pair, 0);
  const [reader, writer] = [pair[0]!, pair[1]!];
  expect(closesOnExec(reader)).toBe(false);
  const file = backend.host.adopt(reader);
  expect(backend.ring.files.fdOf(file)).toBe(reader);
  expect(closesOnExec(reader)).toBe(true);
  expect(codeOf(() => backend.host.adopt(reader))).toBe("EBUSY");
  for (const wrong of [-1, 1.5, Number.NaN, 2 ** 31, 1_000_000]) {
    expect(codeOf(() => backend.host.adopt(wrong))).toBe("EBADF");
  }
  backend.host.adopt(writer);
  backend.close();
  expect(openDescriptors().filter((link) => link.startsWith(`${reader} pipe`))).toEqual([]);
});
