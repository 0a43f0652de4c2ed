/**
 * Segments and chunks of state are stored packed with zstd where that is smaller: `data` shorter
 * than what they are long says so. Checksums, hashes and links are of the bytes before.
 */
import { zstdDecompressSync } from "node:zlib";

/** The fastest: what is recorded has few repetitions beyond those that the codec leaves out. */
const LEVEL = 1;

/** Of that many bytes or more a sample from their middle says whether they are worth packing. */
const SAMPLED_BYTES = 32 * 1024;
const SAMPLE_BYTES = 4096;

/** What to store of some bytes: them, or what they pack to. */
export function pack(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= SAMPLED_BYTES) {
    const from = (bytes.length - SAMPLE_BYTES) >>> 1;
    const sample = bytes.subarray(from, from + SAMPLE_BYTES);
    // Payloads that are packed, encrypted or noise already: a sixth of the archive's work on them.
    if (Bun.zstdCompressSync(sample, { level: LEVEL }).length >= SAMPLE_BYTES) return bytes;
  }
  const packed = Bun.zstdCompressSync(bytes, { level: LEVEL });
  return packed.length < bytes.length ? packed : bytes;
}

/** What is unpacked at a time; nothing larger is allocated before it is known to be there. */
const CHUNK_BYTES = 1024 * 1024;
/** The least that zlib takes for a chunk. */
const CHUNK_BYTES_MIN = 64;

/**
 * The bytes that were packed. What is stored may be hostile: no more than the length is unpacked,
 * even of frames that say less than they hold.
 * @param length of the bytes, which the caller has bounded
 * @returns undefined when the stored bytes do not come to so many
 */
export function unpack(data: Uint8Array, length: number): Uint8Array | undefined {
  if (data.length === length) return data;
  if (data.length > length) return undefined;
  const chunkSize = Math.max(Math.min(length, CHUNK_BYTES), CHUNK_BYTES_MIN);
  try {
    const bytes = zstdDecompressSync(data, { maxOutputLength: length, chunkSize });
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
