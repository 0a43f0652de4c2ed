/**
 * What a program asks of the transport, in the manner of socket calls that do not wait. Each is a
 * turn of its own. Connections are named by number; errors are error numbers below zero.
 */
import { ERRNO, seconds } from "../../../core/provider/index.ts";
import { abandon, endSending } from "./closing.ts";
import { beginConnection } from "./input.ts";
import {
  CLOSED,
  CLOSE_WAIT,
  ESTABLISHED,
  LISTEN,
  SYN_RECEIVED,
  SYN_SENT,
  type Connection,
} from "./layout.ts";
import { consume, readableBytes } from "./receive.ts";
import { RECEIVE_RING, SEND_RING } from "./streams.ts";
import type { Transport } from "./transport.ts";

/** Bytes that a connection takes for sending before the peer has acknowledged any. */
export const SEND_BYTES_MAX = 1 << 18;
/** tcp_keepalive_time of Linux: 2 hours. Linux counts in seconds. */
const KEEP_ALIVE_DELAY_NS = seconds(7200);
export const KEEP_ALIVE_DELAY_NS_MIN = seconds(1);

export interface SocketOptions {
  backlog: number;
  reusePort: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** 0 for the system's. */
  keepAliveDelayNs: number;
  /** Bytes received and not yet read: the largest window. */
  inboxBytes: number;
}

/**
 * Listens on an address.
 * @param port 0 for any free one
 * @returns the listener's number, or EADDRINUSE, ENOBUFS
 */
export function listen(
  t: Transport,
  holder: number,
  local: number,
  port: number,
  options: SocketOptions,
): number {
  t.beginTurn();
  const { connections } = t;
  const chosen = port === 0 ? connections.freePort(local) : port;
  if (chosen === 0) return -ERRNO.EADDRINUSE;
  if (port !== 0 && connections.isTaken(local, port, options.reusePort)) return -ERRNO.EADDRINUSE;
  const number = connections.take();
  if (number === 0) return -ERRNO.ENOBUFS;
  const c = t.at(number);
  c.state = LISTEN;
  c.holder = holder + 1;
  c.local = local;
  c.localPort = chosen;
  c.backlog = options.backlog;
  setOptions(c, options);
  connections.insert(c);
  return number;
}

/**
 * Begins to connect. The holder may write once {@link isConnected} says so.
 * @returns the connection's number, or EADDRNOTAVAIL, ENOBUFS
 */
export function connect(
  t: Transport,
  holder: number,
  local: number,
  remote: number,
  port: number,
  options: SocketOptions,
): number {
  t.beginTurn();
  const { connections } = t;
  const localPort = connections.freePortTo(local, remote, port);
  if (localPort === 0) return -ERRNO.EADDRNOTAVAIL;
  const number = connections.take();
  if (number === 0) return -ERRNO.ENOBUFS;
  const c = t.at(number);
  c.holder = holder + 1;
  c.local = local;
  c.localPort = localPort;
  c.remote = remote;
  c.remotePort = port;
  setOptions(c, options);
  beginConnection(t, c, SYN_SENT);
  connections.insert(c);
  t.queues.queueOutput(c);
  t.finishTurn();
  return number;
}

/** @returns 1 for a connection that is made, 0 for one that is not yet, or why it is not */
export function isConnected(t: Transport, number: number): number {
  const c = t.at(number);
  if (c.state === SYN_SENT || c.state === SYN_RECEIVED) return 0;
  if (c.state !== CLOSED || c.failure === 0) return 1;
  return -c.failure;
}

/** Whether a listener has somebody to accept. */
export function hasComer(t: Transport, number: number): boolean {
  return t.at(number).acceptCount > 0;
}

/** Takes the oldest connection of a listener. @returns its number, or 0 when there is none */
export function accept(t: Transport, number: number, holder: number): number {
  const accepted = t.queues.takeAccepted(t.at(number));
  if (accepted !== 0) t.at(accepted).holder = holder + 1;
  return accepted;
}

/** @returns bytes to read, 0 when none have come yet, or why none will: 1 below for the end */
export function readable(t: Transport, number: number): number {
  const c = t.at(number);
  const bytes = readableBytes(c);
  if (bytes > 0) return bytes;
  if (c.ended) return AT_END;
  return c.failure === 0 ? 0 : -c.failure;
}

/** Answer of {@link readable} at the end of the stream: no error has this number. */
export const AT_END = -(1 << 16);

/** Address of a byte to read, the first by default; {@link straightBytes} follow that. */
export function readAddress(t: Transport, number: number, skip = 0): number {
  const c = t.at(number);
  return t.streams.addressOf(c.$base + RECEIVE_RING, (c.readNext + skip) >>> 0);
}

/** Bytes from there that lie in one piece, whether received or not. */
export function straightBytes(t: Transport, number: number): number {
  const c = t.at(number);
  return t.streams.straight(c.$base + RECEIVE_RING, c.readNext);
}

/** Takes bytes that were read. */
export function take(t: Transport, number: number, count: number): void {
  t.beginTurn();
  const c = t.at(number);
  consume(t, c, count);
  if (c.failure !== 0 && readableBytes(c) === 0) c.pendingError = 0;
  t.finishTurn();
}

/** A read has reported the connection's error: writes have nothing but EPIPE to add. */
export function reportFailure(t: Transport, number: number): void {
  t.at(number).pendingError = 0;
}

/**
 * Room for bytes to send.
 * @returns how many may be sent, 0 when none may yet, or why none may: EPIPE, or the connection's
 *   error, which is reported once
 */
export function writable(t: Transport, number: number): number {
  const c = t.at(number);
  if (c.finQueued) return -ERRNO.EPIPE;
  if (c.state !== ESTABLISHED && c.state !== CLOSE_WAIT) {
    const { pendingError } = c;
    c.pendingError = 0;
    return pendingError === 0 ? -ERRNO.EPIPE : -pendingError;
  }
  const queued = (c.sendEnd - c.sendFirst) >>> 0;
  return Math.max(0, c.sendLimit - queued);
}

/**
 * Sends bytes, for which there is room.
 * @param more whether others follow at once, so that a segment need not leave half full
 * @returns how many were taken, or ENOBUFS
 */
export function send(
  t: Transport,
  number: number,
  source: Uint8Array,
  from: number,
  count: number,
  more: boolean,
): number {
  t.beginTurn();
  const c = t.at(number);
  const ring = c.$base + SEND_RING;
  const queued = (c.sendEnd - c.sendFirst) >>> 0;
  if (!t.streams.fit(ring, c.sendFirst, queued, queued + count)) return -ERRNO.ENOBUFS;
  t.streams.put(ring, c.sendEnd, source, from, count);
  c.sendEnd = (c.sendEnd + count) >>> 0;
  c.more = more;
  t.queues.queueOutput(c);
  t.finishTurn();
  return count;
}

/** Ends the sending side. Of a connection that is gone there is nothing left to end. */
export function end(t: Transport, number: number): void {
  t.beginTurn();
  const c = t.at(number);
  if (c.state !== CLOSED) endSending(t, c);
  c.finQueued = true;
  t.finishTurn();
}

/** Makes closing reset the connection. */
export function makeAbortive(t: Transport, number: number): void {
  t.at(number).abortive = true;
}

/** Lets a connection or a listener go. What was written is still sent. */
export function release(t: Transport, number: number): void {
  t.beginTurn();
  abandon(t, t.at(number));
  t.finishTurn();
}

function setOptions(c: Connection, options: SocketOptions): void {
  c.receiveLimit = options.inboxBytes;
  c.sendLimit = SEND_BYTES_MAX;
  c.noDelay = options.noDelay;
  c.keepAlive = options.keepAlive;
  c.reusePort = options.reusePort;
  const delayNs = options.keepAliveDelayNs || KEEP_ALIVE_DELAY_NS;
  c.keepAliveDelayNs = Math.max(KEEP_ALIVE_DELAY_NS_MIN, delayNs);
}
