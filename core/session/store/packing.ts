/**
 * Segments are stored packed with zstd where that is smaller: `data` shorter than `raw_length` says
 * so. Checksums and links are of the bytes before.
 */

/** The fastest: what is recorded has few repetitions beyond those that the codec leaves out. */
const LEVEL = 1;

/** What to store of a segment's bytes: them, or what they pack to. */
export function packSegment(bytes: Uint8Array): Uint8Array {
  const packed = Bun.zstdCompressSync(bytes, { level: LEVEL });
  return packed.length < bytes.length ? packed : bytes;
}

/**
 * A segment's bytes again. What is stored may be hostile: nothing is unpacked that does not say
 * itself that it is as long as it has to be.
 * @param length of the bytes, which the caller has bounded; the data are shorter
 * @returns the bytes, or why there are none
 */
export function unpackSegment(data: Uint8Array, length: number): Uint8Array | string {
  const said = contentSize(data);
  if (said !== length) return `found ${said ?? "no"} bytes in a pack of zstd, wanted ${length}`;
  try {
    const bytes = Bun.zstdDecompressSync(data);
    return bytes.length === length ? bytes : `found ${bytes.length} bytes, wanted ${length}`;
  } catch {
    return "found a damaged pack of zstd";
  }
}

const FRAME_MAGIC = 0xfd2fb528;
const HEADER_BYTES_MAX = 14;
const DICTIONARY_BYTES = [0, 1, 2, 4];
/** Type of a block that repeats one byte. */
const REPEATED = 1;

/**
 * How many bytes a single zstd frame says that it holds (RFC 8878 §3.1.1).
 * @returns undefined when it does not say, or when these bytes are no such frame or more than one:
 *   each could hold any number of bytes
 */
function contentSize(data: Uint8Array): number | undefined {
  if (data.length < HEADER_BYTES_MAX) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (view.getUint32(0, true) !== FRAME_MAGIC) return undefined;
  const descriptor = data[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 4) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + DICTIONARY_BYTES[descriptor & 3]!;
  const width = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  const end = endOfBlocks(data, at + width) + (hasChecksum ? 4 : 0);
  return end === data.length ? sizeAt(view, at, width) : undefined;
}

function sizeAt(view: DataView, at: number, width: number): number | undefined {
  switch (width) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return undefined;
  }
}

/** Where the blocks of a frame end: Infinity when the bytes do before. */
function endOfBlocks(data: Uint8Array, from: number): number {
  let at = from;
  while (at + 3 <= data.length) {
    const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    const isRepeated = ((header >>> 1) & 3) === REPEATED;
    at += 3 + (isRepeated ? 1 : header >>> 3);
    if ((header & 1) === 1) return at;
  }
  return Infinity;
}
