/** Framed state: what went in comes out, and no single changed bit or missing byte goes unseen. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeBlob, encodeBlob, joinBlobs, splitBlobs } from "./blob.ts";

const corrupt = expect.objectContaining({ code: "ERR_STATE_CORRUPT" });
const payloads = fc.uint8Array({ maxLength: 60 });
const versions = fc.integer({ min: 0, max: 0xffffffff });

describe("encodeBlob() and decodeBlob()", () => {
  test("what was framed comes out, also from the middle of other memory", () => {
    const property = fc.property(payloads, versions, (payload, version) => {
      const frame = encodeBlob("provider.pipe", version, payload);
      const inside = new Uint8Array(frame.length + 7);
      inside.set(frame, 3);
      const found = decodeBlob(inside.subarray(3, 3 + frame.length), "provider.pipe");
      expect(found.version).toBe(version);
      expect(found.payload).toEqual(payload);
    });
    fc.assert(property, { seed: 61, numRuns: 200 });
  });

  test("every single changed bit is noticed", () => {
    const frame = encodeBlob(
      "machine",
      3,
      Uint8Array.from({ length: 40 }, (_, i) => i),
    );
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = frame.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeBlob(damaged, "machine")).toThrow(corrupt);
    }
  });

  test("every length but the right one is refused, and so is another kind", () => {
    const frame = encodeBlob("machine", 3, new Uint8Array(20));
    for (let length = 0; length < frame.length; length++) {
      expect(() => decodeBlob(frame.subarray(0, length), "machine")).toThrow(corrupt);
    }
    const longer = new Uint8Array(frame.length + 1);
    longer.set(frame);
    expect(() => decodeBlob(longer, "machine")).toThrow(corrupt);
    expect(() => decodeBlob(frame, "table")).toThrow(corrupt);
  });

  test("encodeBlob() refuses kinds and versions that would not come back", () => {
    for (const kind of ["", "two words", "é", "x".repeat(65)]) {
      expect(() => encodeBlob(kind, 1, new Uint8Array(0))).toThrow(RangeError);
    }
    for (const version of [-1, 1.5, 2 ** 32, NaN]) {
      expect(() => encodeBlob("x", version, new Uint8Array(0))).toThrow(RangeError);
    }
  });
});

describe("joinBlobs() and splitBlobs()", () => {
  test("blobs come apart as they were joined; cut or lengthened they are refused", () => {
    const property = fc.property(fc.array(payloads, { maxLength: 6 }), (blobs) => {
      const joined = joinBlobs(blobs);
      expect(splitBlobs(joined)).toEqual(blobs);
      for (let length = 0; length < joined.length; length++) {
        expect(() => splitBlobs(joined.subarray(0, length))).toThrow(corrupt);
      }
      const longer = new Uint8Array(joined.length + 1);
      longer.set(joined);
      expect(() => splitBlobs(longer)).toThrow(corrupt);
    });
    fc.assert(property, { seed: 62, numRuns: 100 });
  });
});
