/**
 * Opening on the emulated network: addresses are worked out and the first segment is sent at once;
 * what can go wrong is told by the opening's operation, as on the kernel's sockets.
 */
import {
  ERRNO,
  REEL_ERROR_NUMBERS,
  ReelError,
  layer,
  struct,
  u53,
} from "../../../core/provider/index.ts";
import { timedOut } from "../waiting.ts";
import {
  IPV4,
  LOCAL_HOST,
  SCOPE_ANY,
  SCOPE_LOOPBACK,
  SCOPE_PATH,
  addressOf,
  familyOf,
  hostOf,
  scopeOf,
} from "../network/frame.ts";
import { NOT_FOUND, TOO_MANY_HOSTS } from "../network/hosts.ts";
import type { TcpOptions } from "../options.ts";
import { connect, isConnected, listen } from "../transport/calls.ts";
import { ROLE_CONNECTION, ROLE_LISTENER, ROLE_NETWORK, type Sockets } from "./sockets.ts";

const PATH_ADDRESS = addressOf(LOCAL_HOST, SCOPE_PATH, IPV4);

/** Begins to open a resource. @throws {ReelError} ERR_UNSUPPORTED, ENOMEM, ERR_LIMIT */
export function beginOpening(sockets: Sockets, resource: number, options: TcpOptions): void {
  const { role, host, path, port } = options;
  if (role === "adopt") {
    throw new ReelError("ERR_UNSUPPORTED", "Cannot adopt a descriptor: the network is emulated", {
      mend: "Run on the uring backend, whose descriptors are the process's",
    });
  }
  sockets.transport.bringUp();
  const isListener = role === "listen";
  const kinds = { connect: ROLE_CONNECTION, listen: ROLE_LISTENER, network: ROLE_NETWORK };
  const socket = sockets.begin(resource, kinds[role]);
  sockets.setTimeouts(socket, options);
  socket.connectTimeoutNs = options.connectTimeoutNs;
  if (role === "network") {
    sockets.labels[resource] = "network";
    return;
  }
  const numeric = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  sockets.labels[resource] = path === "" ? numeric : path;
  const number = isListener
    ? beginListener(sockets, resource, options)
    : beginConnection(sockets, resource, options);
  const record = sockets.at(resource);
  if (number < 0) record.failure = number;
  else record.connection = number;
}

/** @returns the transport's number, or an error number below zero */
function beginListener(sockets: Sockets, resource: number, options: TcpOptions): number {
  const { transport, paths } = sockets;
  if (options.path !== "") {
    const path = paths.numberOf(options.path);
    if (path === 0) return -ERRNO.ENOSPC;
    return listen(transport, resource, PATH_ADDRESS, path, options);
  }
  const address = resolve(sockets, options.host, options.from);
  if (address === -ERRNO.EHOSTUNREACH) return -ERRNO.EADDRNOTAVAIL;
  return address < 0 ? address : listen(transport, resource, address, options.port, options);
}

/** @returns the transport's number, or an error number below zero */
function beginConnection(sockets: Sockets, resource: number, options: TcpOptions): number {
  const { transport, paths } = sockets;
  if (options.path !== "") {
    const path = paths.find(options.path);
    if (path === 0) return -ERRNO.ENOENT;
    return connect(transport, resource, PATH_ADDRESS, PATH_ADDRESS, path, options);
  }
  const found = resolve(sockets, options.host, options.from);
  if (found < 0) return found;
  if (options.port === 0) return -ERRNO.ECONNREFUSED;
  const here = resolve(sockets, options.from || "localhost", "");
  if (here < 0) return -ERRNO.EADDRNOTAVAIL;
  // Connecting to any address is connecting to oneself, as on Linux.
  const family = familyOf(found);
  const isAny = scopeOf(found) === SCOPE_ANY;
  const remote = isAny ? addressOf(hostOf(found), SCOPE_LOOPBACK, family) : found;
  const local = addressOf(hostOf(here), scopeOf(remote), family);
  return connect(transport, resource, local, remote, options.port, options);
}

/**
 * What a name means to a program that is on a host.
 * @returns an address, or an error number below zero
 */
function resolve(sockets: Sockets, name: string, from: string): number {
  const { hosts } = sockets.device.wire;
  const here = from === "" ? LOCAL_HOST : hosts.find(from);
  const address = here === 0 ? NOT_FOUND : hosts.resolve(name, here);
  if (address >= 0) return address;
  if (address === TOO_MANY_HOSTS) return -REEL_ERROR_NUMBERS.ERR_LIMIT;
  return address === NOT_FOUND ? -REEL_ERROR_NUMBERS.ENOTFOUND : -ERRNO.EHOSTUNREACH;
}

/** Waits for the handshake. */
export function opening(sockets: Sockets) {
  return layer({
    name: "tcp.open",
    frame: struct({ deadlineNs: u53 }),
    wait(frame, run) {
      const socket = sockets.at(run.resource);
      const { connection, connectTimeoutNs, failure, role } = socket;
      if (failure !== 0) return run.ready(failure);
      if (role !== ROLE_CONNECTION) return run.ready(1);
      const result = isConnected(sockets.transport, connection);
      if (result !== 0) return run.ready(result);
      if (frame.deadlineNs === 0 && connectTimeoutNs > 0) {
        frame.deadlineNs = run.now() + connectTimeoutNs;
      }
      socket.wantsRoom = true;
      return sockets.await(run, socket.events, frame.deadlineNs);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(timedOut(result));
      return result === 0 ? run.again() : run.done(0);
    },
  });
}
