/** Frames of state: they open as what they are, and not at all when a single bit differs. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../errors.ts";
import { decodeBlob, encodeBlob, joinBlobs, splitBlobs } from "./blob.ts";

const payload = Uint8Array.from({ length: 50 }, (_, i) => i);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isReelError(error) ? error.code : String(error);
  }
  return "nothing";
}

test("decodeBlob() gives back kind, version and payload", () => {
  const decoded = decodeBlob(encodeBlob("provider.pipe", 7, payload), "provider.pipe");
  expect(decoded.version).toBe(7);
  expect([...decoded.payload]).toEqual([...payload]);
});

test("decodeBlob() refuses a frame in which any one bit differs", () => {
  const frame = encodeBlob("machine", 1, payload);
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const bent = frame.slice();
    bent[bit >> 3]! ^= 1 << (bit & 7);
    expect(codeOf(() => decodeBlob(bent, "machine"))).toBe("ERR_STATE_CORRUPT");
  }
});

test("decodeBlob() refuses every truncation, every extension and every other kind", () => {
  const frame = encodeBlob("machine", 1, payload);
  for (let length = 0; length < frame.length; length++) {
    expect(codeOf(() => decodeBlob(frame.subarray(0, length), "machine"))).toBe(
      "ERR_STATE_CORRUPT",
    );
  }
  const longer = new Uint8Array(frame.length + 1);
  longer.set(frame);
  expect(codeOf(() => decodeBlob(longer, "machine"))).toBe("ERR_STATE_CORRUPT");
  expect(codeOf(() => decodeBlob(frame, "engine"))).toBe("ERR_STATE_CORRUPT");
});

test("encodeBlob() refuses kinds and versions that a frame cannot say", () => {
  expect(() => encodeBlob("", 1, payload)).toThrow(RangeError);
  expect(() => encodeBlob("a kind", 1, payload)).toThrow(RangeError);
  expect(() => encodeBlob("x".repeat(65), 1, payload)).toThrow(RangeError);
  expect(() => encodeBlob("x", -1, payload)).toThrow(RangeError);
  expect(() => encodeBlob("x", 2 ** 32, payload)).toThrow(RangeError);
});

test("splitBlobs() undoes joinBlobs() and refuses lengths that do not add up", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (blobs) => {
      const joined = joinBlobs(blobs);
      expect(splitBlobs(joined).map((blob) => [...blob])).toEqual(blobs.map((blob) => [...blob]));
      const cut = joined.subarray(0, joined.length - 1);
      expect(codeOf(() => splitBlobs(cut))).toBe("ERR_STATE_CORRUPT");
    }),
    { seed: 20_250_802, numRuns: 200 },
  );
});
