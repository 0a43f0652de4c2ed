/**
 * TCP segments in IP packets, made up: addresses and ports of the caller's choice, checksums as a
 * network card would have put them there (RFC 791, RFC 8200, RFC 9293, RFC 1071).
 */

export const TCP_FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

/** One side of a connection. */
export interface Endpoint {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

export interface Segment {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  /** What it carries, or how much when that is not known. */
  readonly payload: Uint8Array | number;
}

const TCP_BYTES = 20;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const PROTOCOL_TCP = 6;
const HOPS = 64;
const WINDOW = 65_535;
const FRAGMENTS_FORBIDDEN = 0x4000;

/** Adds 16-bit words, the carries not yet folded back. */
function sum(view: DataView, offset: number, length: number): number {
  let total = 0;
  const even = offset + (length & ~1);
  for (let at = offset; at < even; at += 2) total += view.getUint16(at);
  if ((length & 1) !== 0) total += view.getUint8(even) << 8;
  return total;
}

/** The internet checksum of a sum. */
function folded(total: number): number {
  let rest = total;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return ~rest & 0xffff;
}

const EMPTY = new Uint8Array(0);

/** Builds packets in one buffer: each is valid until the next. */
export class SegmentBuilder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #identification = 0;

  /** @param payloadBytesMax of one segment */
  constructor(payloadBytesMax: number) {
    this.#bytes = new Uint8Array(IPV6_BYTES + TCP_BYTES + payloadBytesMax);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The packet as far as it is known: without its payload when that is not. */
  build(segment: Segment): { captured: Uint8Array; wholeBytes: number } {
    const { from, payload, to } = segment;
    const known = typeof payload === "number" ? EMPTY : payload;
    const payloadBytes = typeof payload === "number" ? payload : payload.length;
    const isV6 = from.address.length === 16;
    const at = isV6 ? IPV6_BYTES : IPV4_BYTES;
    const tcpBytes = TCP_BYTES + payloadBytes;
    if (isV6) this.#ipv6(from, to, tcpBytes);
    else this.#ipv4(from, to, tcpBytes);
    this.#tcp(segment, at);
    this.#bytes.set(known, at + TCP_BYTES);
    if (known.length === payloadBytes) this.#checksum(from, to, at, tcpBytes);
    const captured = this.#bytes.subarray(0, at + TCP_BYTES + known.length);
    return { captured, wholeBytes: at + tcpBytes };
  }

  #ipv4(from: Endpoint, to: Endpoint, tcpBytes: number): void {
    const view = this.#view;
    this.#identification = (this.#identification + 1) & 0xffff;
    view.setUint16(0, 0x4500);
    view.setUint16(2, IPV4_BYTES + tcpBytes);
    view.setUint16(4, this.#identification);
    view.setUint16(6, FRAGMENTS_FORBIDDEN);
    view.setUint8(8, HOPS);
    view.setUint8(9, PROTOCOL_TCP);
    view.setUint16(10, 0);
    this.#bytes.set(from.address, 12);
    this.#bytes.set(to.address, 16);
    view.setUint16(10, folded(sum(view, 0, IPV4_BYTES)));
  }

  #ipv6(from: Endpoint, to: Endpoint, tcpBytes: number): void {
    const view = this.#view;
    view.setUint32(0, 0x60000000);
    view.setUint16(4, tcpBytes);
    view.setUint8(6, PROTOCOL_TCP);
    view.setUint8(7, HOPS);
    this.#bytes.set(from.address, 8);
    this.#bytes.set(to.address, 24);
  }

  #tcp(segment: Segment, at: number): void {
    const view = this.#view;
    view.setUint16(at, segment.from.port);
    view.setUint16(at + 2, segment.to.port);
    view.setUint32(at + 4, segment.sequence);
    view.setUint32(at + 8, segment.acknowledged);
    view.setUint8(at + 12, (TCP_BYTES / 4) << 4);
    view.setUint8(at + 13, segment.flags);
    view.setUint16(at + 14, WINDOW);
    view.setUint16(at + 16, 0);
    view.setUint16(at + 18, 0);
  }

  /** Over the segment and a header made of addresses, protocol and length. */
  #checksum(from: Endpoint, to: Endpoint, at: number, tcpBytes: number): void {
    const view = this.#view;
    const addressBytes = from.address.length + to.address.length;
    const addresses = sum(view, at - addressBytes, addressBytes);
    const total = addresses + PROTOCOL_TCP + tcpBytes + sum(view, at, tcpBytes);
    view.setUint16(at + 16, folded(total));
  }
}
