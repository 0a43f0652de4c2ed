/**
 * The host's resolver: which addresses a name has. Both ways of asking it end in getaddrinfo(3), so
 * they give the same answers: on Bun's threads while the event loop runs, and on this thread where
 * somebody holds it in a poll that waits, so that no answer from another thread could come through.
 */
import { read } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { domainToASCII } from "node:url";

import { REEL_ERROR_NUMBERS } from "../../errors.ts";
import { libc } from "./libc.ts";

/** Numeric addresses, without repetitions, the one to try first in front; or a negative result. */
export type Answer = readonly string[] | number;

/** Neither way throws or rejects. */
export interface Resolver {
  /** @param family 4, 6, or 0 for both */
  later(name: string, family: number): Promise<Answer>;
  now(name: string, family: number): Answer;
}

const NOT_FOUND = -REEL_ERROR_NUMBERS.ENOTFOUND;
const TRY_AGAIN = -REEL_ERROR_NUMBERS.EAI_AGAIN;

// sys/socket.h and netdb.h, where glibc and musl agree.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
/** "No such name", "no data", and "no address of this family". */
const EAI_PERMANENT = new Set([-2, -5, -9]);
/** struct addrinfo: flags, family, type, protocol, length; then address, name and next. */
const HINT_WORDS = 12;
const INFO_FAMILY = 4;
const INFO_ADDRESS = 24;
const INFO_NEXT = 40;
/** Where the address is in a sockaddr_in and in a sockaddr_in6. */
const IPV4_AT = 4;
const IPV6_AT = 8;
const ADDRESS_TEXT_BYTES = 64;

/** How Bun names failures that are the answer; the others are the lack of one. */
const NO_SUCH_NAME = /ENOTFOUND|ENODATA|EBADNAME|ENONAME/;

export const hostResolver: Resolver = {
  async later(name, family) {
    const host = hostName(name);
    if (host === undefined) return NOT_FOUND;
    try {
      const found = await Bun.dns.lookup(host, {
        family: family === 0 ? "any" : family === 4 ? "IPv4" : "IPv6",
        backend: "libc",
      });
      return answer(found.map(({ address }) => address));
    } catch (error) {
      const { code } = error as { code?: unknown };
      return NO_SUCH_NAME.test(String(code)) ? NOT_FOUND : TRY_AGAIN;
    }
  },

  now(name, family) {
    const host = hostName(name);
    return host === undefined ? NOT_FOUND : askNow(host, family);
  },
};

/** The name as resolvers know it. Nothing for what cannot be a name. */
function hostName(name: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- anything but ASCII goes through the IDNA mapping
  const host = /^[\x01-\x7f]*$/.test(name) ? name : domainToASCII(name);
  return host === "" || host.includes("\0") ? undefined : host;
}

function answer(addresses: readonly string[]): Answer {
  return addresses.length === 0 ? NOT_FOUND : [...new Set(addresses)];
}

function askNow(host: string, family: number): Answer {
  const hints = new Int32Array(new ArrayBuffer(HINT_WORDS * 4));
  hints[1] = family === 0 ? 0 : family === 4 ? AF_INET : AF_INET6;
  hints[2] = SOCK_STREAM;
  const list = new Uint32Array(new ArrayBuffer(8));
  const name = new TextEncoder().encode(`${host}\0`);
  const failure = libc().getaddrinfo(name, null, hints, list);
  if (failure !== 0) return EAI_PERMANENT.has(failure) ? NOT_FOUND : TRY_AGAIN;
  const first = list[0]! + list[1]! * 4294967296;
  try {
    const addresses: string[] = [];
    for (let info = first; info !== 0; info = read.ptr(info as Pointer, INFO_NEXT) as number) {
      const text = addressText(info);
      if (text !== undefined) addresses.push(text);
    }
    return answer(addresses);
  } finally {
    libc().freeaddrinfo(first);
  }
}

function addressText(info: number): string | undefined {
  const family = read.i32(info as Pointer, INFO_FAMILY);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const address = read.ptr(info as Pointer, INFO_ADDRESS) as number;
  const text = new Uint8Array(new ArrayBuffer(ADDRESS_TEXT_BYTES));
  const at = family === AF_INET ? IPV4_AT : IPV6_AT;
  if (libc().inet_ntop(family, address + at, text, text.length) === null) return undefined;
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}
