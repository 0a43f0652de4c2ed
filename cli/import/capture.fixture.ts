/** Captures made by hand: packets with chosen sequence numbers, in several containers. */
import { SegmentBuilder, TCP_FLAG, type Endpoint } from "../../core/session/export/segments.ts";

const CLIENT_V4 = new Uint8Array([192, 0, 2, 1]);
const SERVER_V4 = new Uint8Array([198, 51, 100, 7]);
const v6 = (last: number): Uint8Array => {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8]);
  address[15] = last;
  return address;
};

/** A packet: who sends, with which sequence number, what. */
export interface Said {
  readonly atMs: number;
  readonly by: "client" | "server";
  readonly sequence: number;
  readonly text?: string;
  readonly flags?: number;
}

const { ACK, SYN } = TCP_FLAG;
const MAC_BYTES = 12;

export interface Container {
  readonly linkType: number;
  readonly little: boolean;
  readonly isV6: boolean;
}

/** The handshake that begins a connection whose sides count from 100 and from 500. */
export const HANDSHAKE: readonly Said[] = [
  { atMs: 0, by: "client", sequence: 99, flags: SYN },
  { atMs: 0, by: "server", sequence: 499, flags: SYN | ACK },
];

function frames(said: readonly Said[], { isV6, linkType }: Container): Uint8Array[] {
  const builder = new SegmentBuilder(2000);
  const client: Endpoint = { address: isV6 ? v6(1) : CLIENT_V4, port: 50_000 };
  const server: Endpoint = { address: isV6 ? v6(2) : SERVER_V4, port: 80 };
  return said.map(({ by, flags = ACK, sequence, text = "" }) => {
    const [from, to] = by === "client" ? [client, server] : [server, client];
    const payload = new TextEncoder().encode(text);
    const { captured } = builder.build({ from, to, sequence, acknowledged: 1, flags, payload });
    if (linkType !== 1) return captured.slice();
    const type = isV6 ? [0x86, 0xdd] : [0x08, 0x00];
    return new Uint8Array([...new Uint8Array(MAC_BYTES), ...type, ...captured]);
  });
}

function words(little: boolean, ...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => view.setUint32(index * 4, value, little));
  return new Uint8Array(view.buffer);
}

/** Classic pcap, in microseconds. */
export function classicCapture(said: readonly Said[], container: Container): Uint8Array {
  const { linkType, little } = container;
  const parts = [words(little, 0xa1b2c3d4), new Uint8Array(little ? [2, 0, 4, 0] : [0, 2, 0, 4])];
  parts.push(words(little, 0, 0, 65_535, linkType));
  for (const [index, frame] of frames(said, container).entries()) {
    const { atMs } = said[index]!;
    const time = [Math.floor(atMs / 1000), (atMs % 1000) * 1000] as const;
    parts.push(words(little, ...time, frame.length, frame.length), frame);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** pcapng: a section, an interface in microseconds, a block of an unknown type, the packets. */
export function nextGenerationCapture(said: readonly Said[], container: Container): Uint8Array {
  const { linkType, little } = container;
  const block = (type: number, body: Uint8Array): Uint8Array => {
    const padded = new Uint8Array(Math.ceil(body.length / 4) * 4);
    padded.set(body);
    const length = padded.length + 12;
    return Buffer.concat([words(little, type, length), padded, words(little, length)]);
  };
  const half = new Uint8Array(little ? [1, 0, 0, 0] : [0, 1, 0, 0]);
  const section = Buffer.concat([
    words(little, 0x1a2b3c4d),
    half,
    words(little, 0xffffffff, 0xffffffff),
  ]);
  const type = new Uint8Array(little ? [linkType, 0, 0, 0] : [0, linkType, 0, 0]);
  const parts = [block(0x0a0d0d0a, section), block(1, Buffer.concat([type, words(little, 0)]))];
  parts.push(block(0xbad, new Uint8Array(5)));
  for (const [index, frame] of frames(said, container).entries()) {
    const head = words(little, 0, 0, said[index]!.atMs * 1000, frame.length, frame.length);
    parts.push(block(6, Buffer.concat([head, frame])));
  }
  return new Uint8Array(Buffer.concat(parts));
}
