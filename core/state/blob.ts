/**
 * Framed state blobs: the envelope in which a provider's, a machine's or the table's state leaves
 * the process. The frame names what is inside and in which version, and refuses to open when a
 * single bit differs, so that nobody restores half a state.
 *
 * Layout, little-endian: magic "RLB1" (4), crc32 of everything after it (4), version (4), payload
 * length (4), kind length (1), kind (ASCII), payload.
 */
import { ReelError } from "../errors.ts";

const MAGIC = 0x31424c52;
const FIXED_BYTES = 17;
/** The largest payload that a frame takes: a limit for hostile input, far above any real state. */
export const BLOB_BYTES_MAX = 1 << 30;
const KIND_PATTERN = /^[\x21-\x7e]{1,64}$/;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

/**
 * Frames a payload.
 * @param kind what the payload is, 1 to 64 printable ASCII characters: `provider.pipe`
 * @param version the version of the payload's layout, 0 to 2³² − 1
 * @throws {RangeError} for a kind, version or size outside these limits
 */
export function encodeBlob(kind: string, version: number, payload: Uint8Array): Uint8Array {
  if (!KIND_PATTERN.test(kind)) {
    throw new RangeError(
      `Cannot frame a state blob: kind must be 1 to 64 ASCII characters: ${kind}`,
    );
  }
  if (!Number.isInteger(version) || version < 0 || version > 0xffffffff) {
    throw new RangeError(`Cannot frame ${kind}: version must be 0 to 2^32 - 1: found ${version}`);
  }
  if (payload.length > BLOB_BYTES_MAX) {
    throw new RangeError(`Cannot frame ${kind}: ${payload.length} bytes exceed ${BLOB_BYTES_MAX}`);
  }
  const kindBytes = textEncoder.encode(kind);
  const bytes = new Uint8Array(FIXED_BYTES + kindBytes.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, version, true);
  view.setUint32(12, payload.length, true);
  view.setUint8(16, kindBytes.length);
  bytes.set(kindBytes, FIXED_BYTES);
  bytes.set(payload, FIXED_BYTES + kindBytes.length);
  view.setUint32(4, Bun.hash.crc32(bytes.subarray(8)), true);
  return bytes;
}

export interface DecodedBlob {
  version: number;
  /** A view into the frame, not a copy. */
  payload: Uint8Array;
}

/**
 * Opens a frame.
 * @param bytes exactly one frame
 * @param kind what must be inside
 * @throws {ReelError} ERR_STATE_CORRUPT when the frame is damaged, truncated or of another kind
 */
export function decodeBlob(bytes: Uint8Array, kind: string): DecodedBlob {
  const refuse = (found: string, wanted: string): never => {
    throw new ReelError("ERR_STATE_CORRUPT", `Cannot open ${kind} state: found ${found}`, {
      mend: `Give the bytes of an undamaged ${kind} snapshot (wanted ${wanted})`,
      details: { kind, found, wanted },
    });
  };
  if (bytes.length < FIXED_BYTES) refuse(`${bytes.length} bytes`, `at least ${FIXED_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) refuse("no frame magic", "RLB1");
  const kindLength = view.getUint8(16);
  const payloadLength = view.getUint32(12, true);
  const wanted = FIXED_BYTES + kindLength + payloadLength;
  if (bytes.length !== wanted) refuse(`${bytes.length} bytes`, `${wanted} bytes`);
  const crc = Bun.hash.crc32(bytes.subarray(8));
  const recorded = view.getUint32(4, true);
  if (crc !== recorded) refuse(`checksum ${crc.toString(16)}`, recorded.toString(16));
  const found = textDecoder.decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + kindLength));
  if (found !== kind) refuse(`a blob of ${found}`, kind);
  return { version: view.getUint32(8, true), payload: bytes.subarray(FIXED_BYTES + kindLength) };
}

/** Frames end to end, each with its own length: the form in which several blobs travel as one. */
export function joinBlobs(blobs: readonly Uint8Array[]): Uint8Array {
  let total = 4;
  for (const blob of blobs) total += 4 + blob.length;
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, blobs.length, true);
  let at = 4;
  for (const blob of blobs) {
    view.setUint32(at, blob.length, true);
    bytes.set(blob, at + 4);
    at += 4 + blob.length;
  }
  return bytes;
}

/**
 * Takes apart what {@link joinBlobs} joined.
 * @throws {ReelError} ERR_STATE_CORRUPT when the lengths do not add up
 */
export function splitBlobs(bytes: Uint8Array): Uint8Array[] {
  const corrupt = (): never => {
    throw new ReelError(
      "ERR_STATE_CORRUPT",
      "Cannot take joined state apart: lengths do not add up",
    );
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) corrupt();
  const count = view.getUint32(0, true);
  const blobs: Uint8Array[] = [];
  let at = 4;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) corrupt();
    const length = view.getUint32(at, true);
    if (at + 4 + length > bytes.length) corrupt();
    blobs.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  if (at !== bytes.length) corrupt();
  return blobs;
}
