/** Where a `write` step takes its bytes from: memory, or a pattern that is made on the way. */
import type { Random } from "../../core/random.ts";
import type { Pattern } from "./resolved.ts";

export interface ByteSource {
  readonly sizeBytes: number;
  /** What it is, for people: "text", "a literal", "counter bytes". */
  readonly name: string;
  /**
   * The next bytes.
   * @param length at most what is left
   * @returns valid until the next call
   */
  next(length: number): Uint8Array;
}

export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  let at = 0;
  return {
    sizeBytes: bytes.length,
    name,
    next: (length) => bytes.subarray(at, (at += length)),
  };
}

/**
 * @param chunkBytes the longest piece that is asked for
 * @param random used by the random pattern alone
 */
export function patternSource(
  pattern: Pattern,
  sizeBytes: number,
  chunkBytes: number,
  random: Random,
): ByteSource {
  const piece = new Uint8Array(Math.min(chunkBytes, sizeBytes));
  let at = 0;
  return {
    sizeBytes,
    name: `${pattern} bytes`,
    next(length) {
      const bytes = piece.subarray(0, length);
      if (pattern === "random") random.fill(bytes);
      if (pattern === "counter") for (let i = 0; i < length; i++) bytes[i] = (at + i) & 0xff;
      at += length;
      return bytes;
    },
  };
}
