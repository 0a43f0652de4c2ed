/**
 * What a frame looks like on the wire: 20 bytes that stand for the headers of Ethernet and IP, then
 * a segment of the transport. Numbers are in network byte order.
 *
 * An address is a number: the host's (its last byte in 10.0.0.n or fd00::n), the scope in which the
 * address is meant, and the family. So an address of either family takes four bytes, and every
 * address of a host leads to it.
 */

/** Offset of the receiver's address. */
export const FRAME_TO = 0;
/** Offset of the sender's address. */
export const FRAME_FROM = 4;
/** What an IPv4 header without options takes ([RFC 791], section 3.1); the rest is zero. */
export const FRAME_HEADER_BYTES = 20;

/** Most hosts of a network: the last byte of an address, without 0 and 255. */
export const HOSTS_MAX = 254;
/** The host that programs are on unless they say otherwise. */
export const LOCAL_HOST = 1;

/** Every address of a host: 0.0.0.0, ::. Only listeners have it. */
export const SCOPE_ANY = 0;
/** 127.0.0.1, ::1. */
export const SCOPE_LOOPBACK = 1;
/** 10.0.0.n, fd00::n. */
export const SCOPE_NETWORK = 2;
/** A path of the host's file system, whose number takes the port's place. */
export const SCOPE_PATH = 3;

export const IPV4 = 0;
export const IPV6 = 1;

const HOST_SHIFT = 3;

/** Puts an address together. */
export function addressOf(host: number, scope: number, family: number): number {
  return (host << HOST_SHIFT) | (scope << 1) | family;
}

export function hostOf(address: number): number {
  return address >>> HOST_SHIFT;
}

export function scopeOf(address: number): number {
  return (address >> 1) & 3;
}

export function familyOf(address: number): number {
  return address & 1;
}

/** Reads a 32-bit number. */
export function read32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** Writes a 32-bit number. */
export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
