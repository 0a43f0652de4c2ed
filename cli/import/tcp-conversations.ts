/**
 * What was said on the TCP connections of a capture: messages, in the order of the capture, each
 * all that one side sent before the other sent something. Bytes that were sent again count once;
 * bytes that came out of order wait for those before them; bytes that the capture missed count as
 * unknown ones.
 */
import { TCP_FLAG } from "../../core/session/export/segments.ts";
import type { CapturedPacket } from "./capture.ts";
import { refuseImport } from "./mistake.ts";
import { tcpPacket, type TcpPacket } from "./tcp-packet.ts";

export interface Message {
  readonly fromClient: boolean;
  readonly beginNs: number;
  endNs: number;
  length: number;
  /** Its bytes as they came; fewer than `length` when some are unknown. */
  readonly parts: Uint8Array[];
}

export interface Conversation {
  readonly client: string;
  readonly server: string;
  readonly serverPort: number;
  readonly beginNs: number;
  readonly messages: Message[];
}

/** Limits of what is imported: each connection becomes two tasks and a listener. */
const CONVERSATIONS_MAX = 100;
export const MESSAGES_MAX = 3000;
/** Segments that wait for those before them, of one side. */
const WAITING_MAX = 64;
/** Bytes that a capture may have missed at one place. */
const GAP_BYTES_MAX = 64 << 20;

const { ACK, SYN } = TCP_FLAG;

/** One side's bytes on their way into messages. */
interface Side {
  next: number | undefined;
  waiting: TcpPacket[];
}

class Connection implements Conversation {
  readonly client: string;
  readonly server: string;
  readonly serverPort: number;
  readonly beginNs: number;
  readonly messages: Message[] = [];
  readonly #clientSide: Side = { next: undefined, waiting: [] };
  readonly #serverSide: Side = { next: undefined, waiting: [] };

  constructor(packet: TcpPacket, timeNs: number) {
    const opens = (packet.flags & SYN) !== 0;
    const answers = opens && (packet.flags & ACK) !== 0;
    // Without its beginning in the capture, the side with the lower port is the server.
    const isClient = opens ? !answers : packet.fromPort >= packet.toPort;
    this.client = isClient ? packet.from : packet.to;
    this.server = isClient ? packet.to : packet.from;
    this.serverPort = isClient ? packet.toPort : packet.fromPort;
    this.beginNs = timeNs;
  }

  take(packet: TcpPacket, timeNs: number): void {
    const fromClient = packet.from === this.client;
    const side = fromClient ? this.#clientSide : this.#serverSide;
    if ((packet.flags & SYN) !== 0) side.next = (packet.sequence + 1) >>> 0;
    if (packet.length === 0 || (packet.flags & SYN) !== 0) return;
    side.next ??= packet.sequence;
    this.#place(side, fromClient, packet, timeNs);
    if (side.waiting.length > WAITING_MAX) this.#skip(side, fromClient, timeNs);
  }

  /** Gives up waiting, at the capture's end. */
  finish(timeNs: number): void {
    while (this.#clientSide.waiting.length > 0) this.#skip(this.#clientSide, true, timeNs);
    while (this.#serverSide.waiting.length > 0) this.#skip(this.#serverSide, false, timeNs);
  }

  #place(side: Side, fromClient: boolean, packet: TcpPacket, timeNs: number): void {
    const ahead = (packet.sequence - side.next!) | 0;
    if (ahead > 0) {
      side.waiting.push(packet);
      return;
    }
    const known = -ahead;
    if (known >= packet.length) return;
    side.next = (packet.sequence + packet.length) >>> 0;
    const length = packet.length - known;
    this.#say(fromClient, length, packet.payload.subarray(known), timeNs);
    this.#unblock(side, fromClient, timeNs);
  }

  /** Takes what was waiting for what has just come. */
  #unblock(side: Side, fromClient: boolean, timeNs: number): void {
    const { next, waiting } = side;
    const ready = waiting.findIndex(({ sequence }) => ((sequence - next!) | 0) <= 0);
    if (ready === -1) return;
    const [packet] = waiting.splice(ready, 1);
    this.#place(side, fromClient, packet!, timeNs);
    if (side.next === next) this.#unblock(side, fromClient, timeNs);
  }

  /** Takes what is missing before the first that waits for unknown bytes. */
  #skip(side: Side, fromClient: boolean, timeNs: number): void {
    const gaps = side.waiting.map(({ sequence }) => (sequence - side.next!) | 0);
    const gap = Math.min(...gaps);
    if (gap > GAP_BYTES_MAX) {
      side.waiting.splice(gaps.indexOf(gap), 1);
      return;
    }
    side.next = (side.next! + gap) >>> 0;
    this.#say(fromClient, gap, new Uint8Array(0), timeNs);
    this.#unblock(side, fromClient, timeNs);
  }

  #say(fromClient: boolean, length: number, bytes: Uint8Array, timeNs: number): void {
    let message = this.messages.at(-1);
    if (message?.fromClient !== fromClient) {
      message = { fromClient, beginNs: timeNs, endNs: timeNs, length: 0, parts: [] };
      this.messages.push(message);
    }
    message.length += length;
    message.endNs = timeNs;
    if (bytes.length > 0) message.parts.push(bytes);
  }
}

/**
 * The connections of a capture on which something was said, in the order of their beginnings.
 * @param path what the capture is called in errors
 * @throws {ReelError} ERR_USAGE when there are none, or more than a scenario can have
 */
export function tcpConversations(
  path: string,
  packets: Iterable<CapturedPacket>,
): readonly Conversation[] {
  const live = new Map<string, Connection>();
  const all: Connection[] = [];
  let lastNs = 0;
  for (const { bytes, linkType, number, timeNs } of packets) {
    const packet = tcpPacket(linkType, bytes);
    if (packet === undefined) continue;
    lastNs = Math.max(lastNs, timeNs);
    const key = [packet.from, packet.to].toSorted().join(" ");
    let connection = live.get(key);
    const opens = (packet.flags & (SYN | ACK)) === SYN;
    // The same ports again: a new connection, unless it is its first packet that came twice.
    if (connection === undefined || (opens && connection.messages.length > 0)) {
      connection = new Connection(packet, timeNs);
      if (all.length === CONVERSATIONS_MAX) {
        const found = `it begins connection ${CONVERSATIONS_MAX + 1}`;
        refuseImport(path, `packet ${number}`, found, "Filter the capture, as with tshark -Y");
      }
      live.set(key, connection);
      all.push(connection);
    }
    connection.take(packet, timeNs);
  }
  for (const connection of all) connection.finish(lastNs);
  const spoken = all.filter(({ messages }) => messages.length > 0);
  if (spoken.length === 0) {
    refuseImport(path, "", "it has no TCP payload", "Give a capture of a TCP connection");
  }
  return spoken;
}
