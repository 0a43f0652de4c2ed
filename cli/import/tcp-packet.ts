/**
 * The TCP segment in a captured packet, if there is one: behind the header of its link layer and
 * that of IPv4 or IPv6. A packet that was cut off says how much it carried all the same.
 */

export interface TcpPacket {
  /** Address and port, as text that only has to be the same for the same. */
  readonly from: string;
  readonly to: string;
  readonly toPort: number;
  readonly fromPort: number;
  readonly sequence: number;
  readonly flags: number;
  /** Bytes that it carried, of which `payload` holds the first. */
  readonly length: number;
  readonly payload: Uint8Array;
}

const ETHERNET_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const VLAN_BYTES = 4;
const PROTOCOL_TCP = 6;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;

/** Where the IP header begins, by the link layers' numbers; undefined where there is none. */
function ipOffset(linkType: number, view: DataView): number | undefined {
  switch (linkType) {
    case 0: // NULL, LOOP: the address family
    case 108:
      return 4;
    case 1: {
      let at = ETHERNET_BYTES;
      if (view.byteLength < at + VLAN_BYTES) return undefined;
      let type = view.getUint16(at - 2);
      if (type === ETHERTYPE_VLAN) type = view.getUint16((at += VLAN_BYTES) - 2);
      return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? at : undefined;
    }
    case 12: // RAW, as some systems number it
    case 14:
    case 101:
    case 228:
    case 229:
      return 0;
    case 113: // LINUX_SLL
      return 16;
    case 276: // LINUX_SLL2
      return 20;
    default:
      return undefined;
  }
}

interface Carried {
  readonly at: number;
  /** Bytes of the TCP segment, whether captured or not. */
  readonly length: number;
  readonly from: string;
  readonly to: string;
}

function inIpv4(bytes: Uint8Array, view: DataView, at: number): Carried | undefined {
  if (view.byteLength < at + IPV4_BYTES) return undefined;
  const headerBytes = (bytes[at]! & 0xf) * 4;
  const isFragment = (view.getUint16(at + 6) & 0x3fff) !== 0;
  const length = view.getUint16(at + 2) - headerBytes;
  if (headerBytes < IPV4_BYTES || isFragment || bytes[at + 9] !== PROTOCOL_TCP) return undefined;
  const [from, to] = [bytes.subarray(at + 12, at + 16), bytes.subarray(at + 16, at + 20)];
  return { at: at + headerBytes, length, from: from.join("."), to: to.join(".") };
}

function inIpv6(bytes: Uint8Array, view: DataView, at: number): Carried | undefined {
  if (view.byteLength < at + IPV6_BYTES || bytes[at + 6] !== PROTOCOL_TCP) return undefined;
  const length = view.getUint16(at + 4);
  const [from, to] = [bytes.subarray(at + 8, at + 24), bytes.subarray(at + 24, at + 40)];
  return { at: at + IPV6_BYTES, length, from: from.toHex(), to: to.toHex() };
}

/** @returns undefined when the packet holds no whole header of TCP */
export function tcpPacket(linkType: number, bytes: Uint8Array): TcpPacket | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ip = ipOffset(linkType, view);
  if (ip === undefined || ip >= bytes.length) return undefined;
  const version = bytes[ip]! >> 4;
  const read = version === 4 ? inIpv4 : version === 6 ? inIpv6 : undefined;
  const carried = read?.(bytes, view, ip);
  if (carried === undefined || view.byteLength < carried.at + TCP_BYTES) return undefined;
  const { at } = carried;
  const headerBytes = (bytes[at + 12]! >> 4) * 4;
  const length = carried.length - headerBytes;
  if (headerBytes < TCP_BYTES || length < 0) return undefined;
  const [fromPort, toPort] = [view.getUint16(at), view.getUint16(at + 2)];
  const begin = at + headerBytes;
  return {
    from: `${carried.from} ${fromPort}`,
    to: `${carried.to} ${toPort}`,
    fromPort,
    toPort,
    sequence: view.getUint32(at + 4),
    flags: bytes[at + 13]!,
    length,
    // A frame can be longer than its packet, and a capture shorter.
    payload: bytes.subarray(begin, Math.max(begin, Math.min(begin + length, bytes.length))),
  };
}
