/**
 * Socket addresses as the kernel lays them out: sockaddr_in, sockaddr_in6 and sockaddr_un (Linux,
 * include/uapi/linux/in.h, in6.h, un.h), to and from what people write.
 */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sizeof(struct sockaddr_un): the largest of the three. */
export const ADDRESS_BYTES_MAX = 110;
const INET_BYTES = 16;
const INET6_BYTES = 28;
const PATH_AT = 2;

/** A numeric address and a port, or a path. */
export interface Address {
  readonly family: "ipv4" | "ipv6" | "unix";
  /** Numeric; empty for a path. */
  readonly host: string;
  readonly port: number;
  /** A path that starts with NUL is of the abstract name space (unix(7)). */
  readonly path: string;
}

/** The family number of a numeric address, or undefined for a name. */
export function familyOf(host: string): typeof AF_INET | typeof AF_INET6 | undefined {
  if (parseIpv4(host) !== undefined) return AF_INET;
  return parseIpv6(host) === undefined ? undefined : AF_INET6;
}

/**
 * A sockaddr.
 * @param host a numeric address
 */
export function encodeInet(host: string, port: number): Uint8Array {
  const four = parseIpv4(host);
  const bytes = new Uint8Array(four === undefined ? INET6_BYTES : INET_BYTES);
  bytes[0] = four === undefined ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  if (four === undefined) bytes.set(parseIpv6(host) ?? new Uint8Array(16), 8);
  else bytes.set(four, 4);
  return bytes;
}

/** @throws {RangeError} for a path that does not fit */
export function encodeUnix(path: string): Uint8Array {
  const text = new TextEncoder().encode(path);
  if (text.length > ADDRESS_BYTES_MAX - PATH_AT - 1) {
    throw new RangeError(`Cannot name a socket: the path has ${text.length} bytes, wanted 107`);
  }
  // An abstract name ends where the length says; a path ends with NUL.
  const abstract = text[0] === 0;
  const bytes = new Uint8Array(PATH_AT + text.length + (abstract ? 0 : 1));
  bytes[0] = AF_UNIX;
  bytes.set(text, PATH_AT);
  return bytes;
}

/** Reads a sockaddr. A socket without a name (an unbound Unix-domain client) has an empty path. */
export function decodeAddress(bytes: Uint8Array): Address {
  const family = bytes[0];
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === AF_INET) {
    return { family: "ipv4", host: bytes.subarray(4, 8).join("."), port, path: "" };
  }
  if (family === AF_INET6) {
    return { family: "ipv6", host: formatIpv6(bytes.subarray(8, 24)), port, path: "" };
  }
  const name = bytes.subarray(PATH_AT);
  const end = name[0] === 0 ? name.length : name.indexOf(0);
  const path = new TextDecoder().decode(end === -1 ? name : name.subarray(0, end));
  return { family: "unix", host: "", port: 0, path };
}

/** An address as people write it: 127.0.0.1:80, [::1]:80, /run/app.sock. */
export function formatAddress({ family, host, port, path }: Address): string {
  if (family === "unix") return path === "" ? "an unnamed socket" : path;
  return family === "ipv6" ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseIpv4(host: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return undefined;
  const parts = host.split(".").map(Number);
  return parts.every((part) => part <= 255) ? parts : undefined;
}

/** Sixteen bytes of an IPv6 address in any of its spellings (RFC 4291, section 2.2). */
function parseIpv6(host: string): Uint8Array | undefined {
  if (!/^[0-9a-f:.]+$/i.test(host) || !host.includes(":")) return undefined;
  let text = host;
  const lastColon = text.lastIndexOf(":");
  const four = parseIpv4(text.slice(lastColon + 1));
  if (four !== undefined) {
    const [a, b, c, d] = four as [number, number, number, number];
    const words = [(a << 8) | b, (c << 8) | d].map((word) => word.toString(16));
    text = `${text.slice(0, lastColon + 1)}${words.join(":")}`;
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = groups.flat();
  if (given.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - given.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const words = [...groups[0]!, ...Array<string>(halves.length === 2 ? missing : 0).fill("0")];
  words.push(...(groups[1] ?? []));
  const bytes = new Uint8Array(16);
  for (const [i, word] of words.entries()) {
    const value = Number.parseInt(word, 16);
    bytes[i * 2] = value >> 8;
    bytes[i * 2 + 1] = value & 0xff;
  }
  return bytes;
}

/** The canonical spelling: the longest run of zero groups is left out (RFC 5952, section 4). */
function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8) | bytes[i * 2 + 1]!);
  let best = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0) length++;
    if (length > bestLength) [best, bestLength] = [start, length];
  }
  const hex = words.map((word) => word.toString(16));
  if (best === -1) return hex.join(":");
  return `${hex.slice(0, best).join(":")}::${hex.slice(best + bestLength).join(":")}`;
}
