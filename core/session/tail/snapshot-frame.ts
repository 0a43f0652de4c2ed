/**
 * The bytes of a snapshot's frame: of each part of the state, those 4 KiB that are not as the
 * snapshot before had them. A part's first snapshot has them all.
 *
 * All little-endian 32-bit words, then bytes: the number of parts; of each part the length of its
 * name in bytes, its version, length and CRC-32, how many chunks follow, their numbers, the name
 * and the chunks.
 */
import { CODEC_CHECKSUMS } from "../codec/format.ts";
import type { StatePart } from "../tap.ts";

/** Unit in which state is compared and stored. */
export const CHUNK_BYTES = 4096;
/** A frame of parts has a codec of its own: its number is that of the `state` event's. */
export const SNAPSHOT_CODEC = CODEC_CHECKSUMS;
const PART_WORDS = 5;

/** A part as a frame has it. */
export interface ChangedPart {
  readonly name: string;
  readonly stateVersion: number;
  readonly length: number;
  /** Of all its bytes. */
  readonly crc32: number;
  /** Numbers of the chunks that changed, rising, and their bytes: views of the frame. */
  readonly changed: readonly number[];
  readonly chunks: readonly Uint8Array[];
}

/** How many chunks so many bytes take. */
export function chunkCount(length: number): number {
  return Math.ceil(length / CHUNK_BYTES);
}

/** How long the chunk of this number is in a part of so many bytes. */
export function chunkLength(length: number, chunk: number): number {
  return Math.min(CHUNK_BYTES, length - chunk * CHUNK_BYTES);
}

interface Pending {
  readonly part: StatePart;
  readonly name: Uint8Array;
  readonly crc32: number;
  readonly changed: readonly number[];
}

/** What is known of a part from the snapshot before. */
interface Sums {
  readonly name: Uint8Array;
  /** Of each chunk, and of the whole. */
  readonly chunks: Uint32Array;
  readonly crc32: number;
  readonly length: number;
}

/**
 * Finds what changed from snapshot to snapshot, by each chunk's checksum, and writes it. Two chunks
 * of one checksum count as equal: a reader would notice that by the part's own one.
 */
export class SnapshotEncoder {
  /** The checksums of the snapshot before, by the part's name. */
  readonly #before = new Map<string, Sums>();
  #pending: Pending[] = [];
  #sizeBytes = 0;

  /**
   * Looks at a state.
   * @param parts whose bytes stay as they are until {@link write}
   * @param digests CRC-32 of each
   * @returns how many bytes its frame takes
   */
  measure(parts: readonly StatePart[], digests: readonly number[]): number {
    this.#pending = parts.map((part, at) => this.#compare(part, digests[at]!));
    let sizeBytes = 4;
    for (const { part, name, changed } of this.#pending) {
      sizeBytes += (PART_WORDS + changed.length) * 4 + name.length;
      for (const chunk of changed) sizeBytes += chunkLength(part.bytes.length, chunk);
    }
    this.#sizeBytes = sizeBytes;
    return sizeBytes;
  }

  #compare(part: StatePart, crc32: number): Pending {
    const { bytes } = part;
    const count = chunkCount(bytes.length);
    const before = this.#before.get(part.name);
    const isNew = before?.chunks.length !== count;
    const sums = isNew ? new Uint32Array(count) : before.chunks;
    const name = before?.name ?? new TextEncoder().encode(part.name);
    const changed: number[] = [];
    // Most parts are as they were, which one checksum says.
    if (before?.crc32 === crc32 && before.length === bytes.length) {
      return { part, name, crc32, changed };
    }
    for (let chunk = 0, at = 0; chunk < count; chunk++, at += CHUNK_BYTES) {
      const sum = Bun.hash.crc32(bytes.subarray(at, at + CHUNK_BYTES));
      if (!isNew && sums[chunk] === sum) continue;
      sums[chunk] = sum;
      changed.push(chunk);
    }
    this.#before.set(part.name, { name, chunks: sums, crc32, length: bytes.length });
    return { part, name, crc32, changed };
  }

  /** Forgets what was measured last and is not kept: the next frame has all chunks. */
  forget(): void {
    this.#before.clear();
    this.#pending = [];
  }

  /** Writes what {@link measure} found, into as many bytes as it said. */
  write(room: Uint8Array): void {
    const view = new DataView(room.buffer, room.byteOffset, this.#sizeBytes);
    let at = 0;
    const word = (value: number): void => {
      view.setUint32(at, value, true);
      at += 4;
    };
    const block = (bytes: Uint8Array): void => {
      room.set(bytes, at);
      at += bytes.length;
    };
    word(this.#pending.length);
    for (const { part, name, crc32, changed } of this.#pending) {
      for (const value of [name.length, part.version, part.bytes.length, crc32]) word(value);
      word(changed.length);
      for (const chunk of changed) word(chunk);
      block(name);
      for (const chunk of changed) {
        const from = chunk * CHUNK_BYTES;
        block(part.bytes.subarray(from, from + CHUNK_BYTES));
      }
    }
    this.#pending = [];
  }
}

/** What a frame has of a state. @param bytes of a sealed frame whose checksum holds */
export function readSnapshot(bytes: Uint8Array): ChangedPart[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const word = (): number => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const block = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const parts: ChangedPart[] = [];
  for (let left = word(); left > 0; left--) {
    const nameLength = word();
    const [stateVersion, length, crc32, count] = [word(), word(), word(), word()];
    const changed: number[] = [];
    for (let i = 0; i < count; i++) changed.push(word());
    const name = new TextDecoder().decode(block(nameLength));
    const chunks = changed.map((chunk) => block(chunkLength(length, chunk)));
    parts.push({ name, stateVersion, length, crc32, changed, chunks });
  }
  return parts;
}
