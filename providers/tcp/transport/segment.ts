/**
 * Segments: the header of [RFC 9293] section 3.1 behind a frame's own, with the two options that
 * this transport knows, both in SYN segments only: the maximum segment size, and the window scale
 * of [RFC 7323] section 2. The checksum is left to the device, as controllers offer, and so is
 * zero.
 */
import {
  FRAME_FROM,
  FRAME_HEADER_BYTES,
  FRAME_TO,
  read16,
  read32,
  write16,
  write32,
} from "../network/frame.ts";

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** Header without options. */
export const HEADER_BYTES = 20;
/** Options of a SYN: size, scale, and a byte of padding. */
export const SYN_OPTION_BYTES = 8;
/** From a frame's start to the segment's data, in frames without options. */
export const DATA_AT = FRAME_HEADER_BYTES + HEADER_BYTES;
const OPTION_END = 0;
const OPTION_NOTHING = 1;
const OPTION_SIZE = 2;
const OPTION_SCALE = 3;
/** [RFC 9293] section 3.7.1: what is assumed of a peer that does not say. */
const SEGMENT_BYTES_DEFAULT = 536;
/** [RFC 7323] section 2.3. */
export const SCALE_MAX = 14;

/** A segment as it was read. One object serves for all. */
export class Segment {
  from = 0;
  to = 0;
  fromPort = 0;
  toPort = 0;
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  window = 0;
  /** Address and number of the data bytes. */
  dataAt = 0;
  length = 0;
  segmentBytesMax = SEGMENT_BYTES_DEFAULT;
  /** -1 when the sender does not scale its windows. */
  scale = -1;

  /** Reads a frame's segment. @returns false when it is none; nothing is to be used then */
  read(bytes: Uint8Array, at: number, frameBytes: number): boolean {
    const header = at + FRAME_HEADER_BYTES;
    if (frameBytes < DATA_AT) return false;
    const headerBytes = (bytes[header + 12]! >> 4) * 4;
    if (headerBytes < HEADER_BYTES || FRAME_HEADER_BYTES + headerBytes > frameBytes) return false;
    this.to = read32(bytes, at + FRAME_TO);
    this.from = read32(bytes, at + FRAME_FROM);
    this.fromPort = read16(bytes, header);
    this.toPort = read16(bytes, header + 2);
    this.sequence = read32(bytes, header + 4);
    this.acknowledgement = read32(bytes, header + 8);
    this.flags = bytes[header + 13]!;
    this.window = read16(bytes, header + 14);
    this.dataAt = header + headerBytes;
    this.length = frameBytes - FRAME_HEADER_BYTES - headerBytes;
    if ((this.flags & SYN) !== 0) this.#readOptions(bytes, header + HEADER_BYTES);
    return true;
  }

  #readOptions(bytes: Uint8Array, from: number): void {
    this.segmentBytesMax = SEGMENT_BYTES_DEFAULT;
    this.scale = -1;
    for (let at = from; at < this.dataAt;) {
      const kind = bytes[at]!;
      if (kind === OPTION_END) return;
      if (kind === OPTION_NOTHING) {
        at++;
        continue;
      }
      const length = bytes[at + 1]!;
      if (length < 2 || at + length > this.dataAt) return;
      if (kind === OPTION_SIZE && length === 4) {
        this.segmentBytesMax = Math.max(1, read16(bytes, at + 2));
      }
      if (kind === OPTION_SCALE && length === 3) this.scale = Math.min(SCALE_MAX, bytes[at + 2]!);
      at += length;
    }
  }
}

/**
 * Writes frame header and segment header.
 * @param at where the frame begins
 * @param window as it goes into the header: scaled
 */
export function writeHeader(
  bytes: Uint8Array,
  at: number,
  to: number,
  from: number,
  toPort: number,
  fromPort: number,
  sequence: number,
  acknowledgement: number,
  flags: number,
  window: number,
): void {
  write32(bytes, at + FRAME_TO, to);
  write32(bytes, at + FRAME_FROM, from);
  for (let zero = at + 8; zero < at + FRAME_HEADER_BYTES; zero += 4) write32(bytes, zero, 0);
  const header = at + FRAME_HEADER_BYTES;
  write16(bytes, header, fromPort);
  write16(bytes, header + 2, toPort);
  write32(bytes, header + 4, sequence);
  write32(bytes, header + 8, acknowledgement);
  bytes[header + 12] = (HEADER_BYTES / 4) << 4;
  bytes[header + 13] = flags;
  write16(bytes, header + 14, window);
  write32(bytes, header + 16, 0);
}

/** Adds a SYN's options behind its header. @returns bytes that they take */
export function writeSynOptions(
  bytes: Uint8Array,
  at: number,
  segmentBytesMax: number,
  scale: number,
): number {
  const header = at + FRAME_HEADER_BYTES;
  bytes[header + 12] = ((HEADER_BYTES + SYN_OPTION_BYTES) / 4) << 4;
  const options = header + HEADER_BYTES;
  bytes[options] = OPTION_SIZE;
  bytes[options + 1] = 4;
  write16(bytes, options + 2, segmentBytesMax);
  bytes[options + 4] = OPTION_SCALE;
  bytes[options + 5] = 3;
  bytes[options + 6] = scale;
  bytes[options + 7] = OPTION_END;
  return SYN_OPTION_BYTES;
}
