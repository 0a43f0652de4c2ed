/**
 * The emulated driver's resources: which connection of the transport each one is, and who waits for
 * something to happen on it.
 */
import {
  ERRNO,
  ReelError,
  bool,
  i32,
  struct,
  u32,
  u53,
  u8,
  type DriverContext,
  type LayerContext,
  type Wait,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import type { NetworkDevice } from "../device.ts";
import { LOCAL_HOST, SCOPE_PATH, hostOf, scopeOf } from "../network/frame.ts";
import type { TcpOptions } from "../options.ts";
import { release } from "../transport/calls.ts";
import { LISTEN } from "../transport/layout.ts";
import { Transport } from "../transport/transport.ts";
import { Paths } from "./paths.ts";

export const ROLE_CONNECTION = 1;
export const ROLE_LISTENER = 2;
export const ROLE_NETWORK = 3;

const socketState = struct({
  role: u8,
  /** The transport's number of it; 0 for one that has none. */
  connection: u32,
  /** Why opening is to fail: an error number below zero. */
  failure: i32,
  /** Where readers, accepters, the opening, and the writer whose turn it is wait. */
  events: u32,
  /** Where those wait who want to write or to end, until it is their turn. */
  turns: u32,
  /** Somebody has the turn. */
  sending: bool,
  /** Bytes of the writes that wait for theirs. */
  waitingBytes: u32,
  /** Somebody waits for a connection to be made, or for room to send. */
  wantsRoom: bool,
  readTimeoutNs: u53,
  writeTimeoutNs: u53,
  connectTimeoutNs: u53,
});

export type SocketView = ReturnType<Sockets["at"]>;

export class Sockets {
  readonly cx: DriverContext;
  readonly device: NetworkDevice;
  readonly transport: Transport;
  readonly paths = new Paths();
  /** By resource: what it was opened with, as people write it. Only for reports. */
  readonly labels: (string | undefined)[] = [];
  readonly #records;
  /** A view for those that are woken, so that a layer's own stays where it is. */
  readonly #woken;

  constructor(cx: DriverContext, device: NetworkDevice) {
    this.cx = cx;
    this.device = device;
    this.#records = cx.records("socket", socketState);
    this.#woken = this.#records.view(0);
    const { machine, random } = cx;
    this.transport = new Transport({
      machine,
      random,
      now: () => machine.now(),
      readable: (resource) => {
        const socket = this.#wake(resource);
        if (socket.role !== 0) cx.wake(socket.events as WaitQueue);
      },
      writable: (resource) => {
        const socket = this.#wake(resource);
        if (!socket.wantsRoom || socket.role === 0) return;
        socket.wantsRoom = false;
        cx.wake(socket.events as WaitQueue);
      },
    });
  }

  /** The shared view of a resource's record. */
  at(resource: number) {
    return this.#records.at(resource);
  }

  /** Makes a resource ready for use. @throws {ReelError} ERR_LIMIT */
  begin(resource: number, role: number): SocketView {
    const events = this.cx.queue();
    let turns: WaitQueue;
    try {
      turns = this.cx.queue();
    } catch (error) {
      this.cx.dispose(events);
      throw error;
    }
    const socket = this.at(resource);
    socket.role = role;
    socket.events = events;
    socket.turns = turns;
    return socket;
  }

  /** Takes over how long the operations of a connection may take. */
  setTimeouts(socket: SocketView, from: Pick<TcpOptions, "readTimeoutNs" | "writeTimeoutNs">) {
    socket.readTimeoutNs = from.readTimeoutNs;
    socket.writeTimeoutNs = from.writeTimeoutNs;
  }

  /** Looks whether a restored record is one. @throws {ReelError} ERR_STATE_CORRUPT */
  check(resource: number): void {
    const { connection, role } = this.at(resource);
    if (connection === 0 || role === 0) return;
    const { isUp, memory } = this.transport;
    const known = isUp && connection <= memory.root.connectionsMade;
    const held = known && this.transport.at(connection).holder === resource + 1;
    if (held && role <= ROLE_LISTENER) return;
    throw new ReelError("ERR_STATE_CORRUPT", `Cannot restore tcp ${resource}: nobody holds it`);
  }

  /** Lets go of a resource. */
  forget(resource: number): void {
    const socket = this.at(resource);
    const { connection, events, role, turns } = socket;
    if (role === 0) return;
    socket.role = 0;
    socket.connection = 0;
    this.labels[resource] = undefined;
    if (connection !== 0) release(this.transport, connection);
    this.cx.dispose(events as WaitQueue);
    this.cx.dispose(turns as WaitQueue);
  }

  /** Waits in one of a socket's queues, until a deadline unless that is 0. */
  await(run: LayerContext, queue: number, deadlineNs: number): Wait {
    const wait = run.queue(queue as WaitQueue);
    return deadlineNs > 0 ? run.within(deadlineNs - run.now(), wait) : wait;
  }

  /** The text of an address, as the `name` operation brings it. */
  nameOf(address: number, port: number): string {
    // The client of a path has no name of its own, as on Linux (unix(7)).
    if (scopeOf(address) === SCOPE_PATH) return `unix ${this.paths.nameOf(port)}`;
    const host = this.device.wire.hosts.format(address);
    return `${host.includes(":") ? "ipv6" : "ipv4"} ${host} ${port}`;
  }

  /** What a resource is, for errors. */
  describe(resource: number): string {
    const label = this.labels[resource];
    if (label !== undefined) return label;
    const { connection } = this.at(resource);
    if (connection === 0) return "a closed connection";
    const c = this.transport.at(connection);
    const address = c.state === LISTEN ? c.local : c.remote;
    const port = c.state === LISTEN ? c.localPort : c.remotePort;
    if (scopeOf(address) === SCOPE_PATH) return this.paths.nameOf(port) || "an unnamed socket";
    const { hosts } = this.device.wire;
    const host = hostOf(address);
    const text = host === LOCAL_HOST ? hosts.format(address) : hosts.nameOf(host);
    return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
  }

  #wake(resource: number): SocketView {
    this.#woken.$base = resource * socketState.sizeBytes;
    return this.#woken;
  }
}

/** Why an operation on a connection is none for this role: an error number below zero, or 0. */
export function wrongRole(socket: SocketView): number {
  if (socket.role === ROLE_CONNECTION) return 0;
  return socket.role === ROLE_NETWORK ? -ERRNO.EOPNOTSUPP : -ERRNO.ENOTCONN;
}
