/**
 * All connections of all hosts: which are free, which one a segment belongs to, which ports are
 * taken. Everything lies in the machine's memory; lists go through the control blocks themselves.
 */
import {
  IPV6,
  SCOPE_ANY,
  SCOPE_PATH,
  addressOf,
  familyOf,
  hostOf,
  scopeOf,
} from "../network/frame.ts";
import type { DeadlineHeap } from "./deadlines.ts";
import { FREE, LISTEN, type Connection } from "./layout.ts";
import { CONNECTION_BYTES, type TransportMemory } from "./memory.ts";

export const BUCKETS = 4096;
/** Ports for those who do not care, as Linux hands them out (ip(7), ip_local_port_range). */
const PORT_FIRST = 32768;
const PORT_LAST = 60999;

export class Connections {
  readonly #memory: TransportMemory;
  readonly #heap: DeadlineHeap;
  /** A view for neighbours in lists, so that the caller's own stays where it is. */
  readonly #other: Connection;

  constructor(memory: TransportMemory, heap: DeadlineHeap) {
    this.#memory = memory;
    this.#heap = heap;
    this.#other = memory.connection();
  }

  /** Takes memory for the buckets. @throws {ReelError} ENOMEM */
  bringUp(): void {
    this.#memory.root.buckets = this.#memory.allocate(BUCKETS * 4);
    this.#memory.root.nextPort = PORT_FIRST;
  }

  /** Points a view at a connection. */
  at(view: Connection, number: number): Connection {
    return this.#memory.point(view, number);
  }

  /** Takes a control block, zeroed. @returns its number, or 0 when there is none to be had */
  take(): number {
    const { root, u8 } = this.#memory;
    if (root.freeConnection === 0) {
      const made = this.#heap.fit(root.connectionsMade + 64);
      if (!made || !this.#memory.makeChunk((number) => this.#putFree(number))) return 0;
    }
    const number = root.freeConnection;
    const other = this.#at(number);
    root.freeConnection = other.next;
    u8.fill(0, other.$base, other.$base + CONNECTION_BYTES);
    other.number = number;
    root.connectionsUsed += 1;
    return number;
  }

  /** Gives a control block back. It is in no list any more. */
  give(number: number): void {
    this.#memory.root.connectionsUsed -= 1;
    this.#putFree(number);
  }

  /** The connection between two addresses, or 0. */
  find(local: number, localPort: number, remote: number, remotePort: number): number {
    const { u32, root } = this.#memory;
    let number = u32[(root.buckets >> 2) + bucketOf(local, localPort, remote, remotePort)]!;
    while (number !== 0) {
      const other = this.#at(number);
      if (
        other.remotePort === remotePort &&
        other.localPort === localPort &&
        other.remote === remote &&
        other.local === local &&
        other.state !== LISTEN
      ) {
        return number;
      }
      number = other.nextInBucket;
    }
    return 0;
  }

  /**
   * The listener for connections to an address, or 0.
   * @param chance picks one of several that share the port (SO_REUSEPORT), the same for the same
   *   chance
   */
  findListener(local: number, port: number, chance: number): number {
    let matches = 0;
    for (let number = this.#firstListener(local, port); number !== 0;) {
      const other = this.#at(number);
      if (isListener(other, local, port)) matches++;
      number = other.nextInBucket;
    }
    let skip = matches === 0 ? 0 : chance % matches;
    for (let number = this.#firstListener(local, port); number !== 0;) {
      const other = this.#at(number);
      if (isListener(other, local, port) && skip-- === 0) return number;
      number = other.nextInBucket;
    }
    return 0;
  }

  /** Whether a listener on an address would take a port that another one has. */
  isTaken(local: number, port: number, reusePort: boolean): boolean {
    for (let number = this.#firstListener(local, port); number !== 0;) {
      const other = this.#at(number);
      const meets = isListener(other, local, port) || meetsAny(other, local, port);
      if (meets && !(reusePort && other.reusePort)) return true;
      number = other.nextInBucket;
    }
    return false;
  }

  /** A port on which nobody listens at an address, or 0. */
  freePort(local: number): number {
    return this.#port((port) => !this.isTaken(local, port, false));
  }

  /** A port from which nobody is connected to a peer, or 0. */
  freePortTo(local: number, remote: number, remotePort: number): number {
    return this.#port(
      (port) =>
        this.find(local, port, remote, remotePort) === 0 && !this.isTaken(local, port, false),
    );
  }

  /** Makes a connection or a listener findable by its addresses. */
  insert(c: Connection): void {
    const { u32, root } = this.#memory;
    const at = (root.buckets >> 2) + bucketOfConnection(c);
    c.nextInBucket = u32[at]!;
    u32[at] = c.number;
  }

  /** Takes a connection or a listener out of its bucket. */
  remove(c: Connection): void {
    const { u32, root } = this.#memory;
    const { number } = c;
    const at = (root.buckets >> 2) + bucketOfConnection(c);
    if (u32[at] === number) {
      u32[at] = c.nextInBucket;
      return;
    }
    for (let before = u32[at]!; before !== 0;) {
      const other = this.#at(before);
      if (other.nextInBucket === number) {
        other.nextInBucket = c.nextInBucket;
        return;
      }
      before = other.nextInBucket;
    }
  }

  /** Calls back with each connection that came to a listener and was not accepted. */
  eachComer(listener: number, visit: (number: number) => void): void {
    for (let number = 1; number <= this.#memory.root.connectionsMade; number++) {
      const other = this.#at(number);
      if (other.state !== FREE && other.parent === listener) visit(number);
    }
  }

  #at(number: number): Connection {
    return this.#memory.point(this.#other, number);
  }

  #putFree(number: number): void {
    const other = this.#at(number);
    other.state = FREE;
    other.next = this.#memory.root.freeConnection;
    this.#memory.root.freeConnection = number;
  }

  #firstListener(local: number, port: number): number {
    const { u32, root } = this.#memory;
    return u32[(root.buckets >> 2) + bucketOfListener(local, port)]!;
  }

  #port(isFree: (port: number) => boolean): number {
    const { root } = this.#memory;
    for (let tries = PORT_FIRST; tries <= PORT_LAST; tries++) {
      const port = root.nextPort;
      root.nextPort = port === PORT_LAST ? PORT_FIRST : port + 1;
      if (isFree(port)) return port;
    }
    return 0;
  }
}

/** Whether a listener takes connections to an address: its own, or any of its host's. */
function isListener(c: Connection, local: number, port: number): boolean {
  if (c.state !== LISTEN || c.localPort !== port || hostOf(c.local) !== hostOf(local)) return false;
  if (c.local === local) return true;
  // "::" takes IPv4 connections too (ipv6(7), IPV6_V6ONLY).
  const any = scopeOf(c.local) === SCOPE_ANY && scopeOf(local) !== SCOPE_PATH;
  return any && (familyOf(c.local) === IPV6 || familyOf(local) === familyOf(c.local));
}

/** Whether an address stands for all of a host's, among which a listener's is. */
function meetsAny(c: Connection, local: number, port: number): boolean {
  if (c.state !== LISTEN || c.localPort !== port || hostOf(c.local) !== hostOf(local)) return false;
  const any = scopeOf(local) === SCOPE_ANY && scopeOf(c.local) !== SCOPE_PATH;
  return any && (familyOf(local) === IPV6 || familyOf(local) === familyOf(c.local));
}

function bucketOf(local: number, localPort: number, remote: number, remotePort: number): number {
  const ports = Math.imul((localPort << 16) | remotePort, 0x9e3779b1);
  const addresses = Math.imul((local << 11) ^ remote, 0x85ebca6b);
  const mixed = ports ^ addresses ^ (ports >>> 15);
  return (Math.imul(mixed, 0xc2b2ae35) >>> 20) & (BUCKETS - 1);
}

/** Listeners of a host's port lie in one bucket, whatever addresses they listen on. */
function bucketOfListener(local: number, port: number): number {
  return bucketOf(addressOf(hostOf(local), SCOPE_ANY, 0), port, 0, 0);
}

function bucketOfConnection(c: Connection): number {
  if (c.state === LISTEN) return bucketOfListener(c.local, c.localPort);
  return bucketOf(c.local, c.localPort, c.remote, c.remotePort);
}
