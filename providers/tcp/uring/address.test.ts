/** Socket addresses against what the host's own parser and formatter say. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isIPv4, isIPv6 } from "node:net";
import { decodeAddress, encodeInet, encodeUnix, familyOf, formatAddress } from "./address.ts";

const SPELLINGS = [
  ["::", "::"],
  ["::1", "::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ["FE80::A", "fe80::a"],
] as const;

describe("familyOf()", () => {
  test("tells addresses from names as the host does, whatever the text", () => {
    const piece = fc.constantFrom("1", "255", "256", "0", "a", "ffff", "g", ":", "::", ".", "");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        // A part with leading zeros is refused by some parsers and read as octal by others.
        if (/(^|\D)0\d/.test(text)) return;
        const wanted = isIPv4(text) ? 2 : isIPv6(text) ? 10 : undefined;
        expect([text, familyOf(text)]).toEqual([text, wanted]);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});

describe("encodeInet() and decodeAddress()", () => {
  test("agree for every IPv4 address and port", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65535), (host, port) => {
        const address = decodeAddress(encodeInet(host, port));
        expect(address).toEqual({ family: "ipv4", host, port, path: "" });
      }),
      { seed: 3 },
    );
  });

  test("spell IPv6 addresses as RFC 5952 does, and read every spelling", () => {
    for (const [given, wanted] of SPELLINGS) {
      expect(decodeAddress(encodeInet(given, 80)).host).toBe(wanted);
      expect(decodeAddress(encodeInet(wanted, 80)).host).toBe(wanted);
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const sockaddr = new Uint8Array(28);
        sockaddr[0] = 10;
        sockaddr.set(bytes, 8);
        const { host } = decodeAddress(sockaddr);
        expect(isIPv6(host)).toBe(true);
        expect([...encodeInet(host, 0).subarray(8, 24)]).toEqual([...bytes]);
      }),
      { seed: 3 },
    );
  });
});

describe("encodeUnix() and formatAddress()", () => {
  test("keep paths and abstract names, and refuse what does not fit", () => {
    for (const path of ["/run/app.sock", "\0abstract", "/tmp/ä"]) {
      const address = decodeAddress(encodeUnix(path));
      expect(address).toEqual({ family: "unix", host: "", port: 0, path });
      expect(formatAddress(address)).toBe(path);
    }
    expect(() => encodeUnix("x".repeat(108))).toThrow("108 bytes");
    expect(formatAddress(decodeAddress(encodeInet("::1", 8)))).toBe("[::1]:8");
  });
});
