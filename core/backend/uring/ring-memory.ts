/**
 * The memory that the rings live in, and the views through which both sides read and write it.
 *
 * The kernel keeps looking at this memory for as long as the ring is open, so whoever opened the
 * ring holds the {@link RingMemory} until it is closed, and then calls `release`.
 */
import { ptr, toArrayBuffer } from "bun:ffi";
import type { Pointer } from "bun:ffi";

import { codeOfResult, ReelError } from "../../errors.ts";
import {
  COMPLETION_BYTES,
  ENTRY_BYTES,
  MADV_DONTNEED,
  MAP_SHARED_POPULATE,
  MMAP_OFFSET_ENTRIES,
  MMAP_OFFSET_RINGS,
  PARAMS,
  PROT_READ_WRITE,
} from "./abi.ts";
import { libc } from "./libc.ts";
import type { RingMemoryKind } from "./options.ts";

/** The largest page of the machines that Bun runs on (arm64 can use 64 KiB): a multiple of all. */
const PAGE_BYTES = 65536;
/** struct io_rings before its completions is 320 bytes on 6.18; a page leaves it room to grow. */
const RINGS_HEAD_BYTES = 4096;

export interface RingMemory {
  readonly kind: RingMemoryKind;
  /** The rings: heads, tails, flags and completions, as signed words. */
  readonly rings: Int32Array;
  /** The submission entries, as signed words and as doubles over the same bytes. */
  readonly entries: Int32Array;
  readonly entryDoubles: Float64Array;
  /** Takes the memory away from the closed ring. Mapped views must not be touched afterwards. */
  release(): void;
}

/** A page-aligned stretch of memory of our own, for a ring that is set up inside it. */
export interface RingRegion {
  readonly buffer: SharedArrayBuffer;
  readonly ringsOffset: number;
  readonly ringsAddress: number;
  readonly ringsBytes: number;
  readonly entriesOffset: number;
  readonly entriesAddress: number;
  readonly entriesBytes: number;
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

/** Memory that starts at a page, for as long as its buffer is held. */
export interface Pages {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly address: number;
}

/** Takes whole pages of memory. */
export function takePages(bytes: number): Pages {
  // A SharedArrayBuffer cannot be detached or moved. Its start is aligned by chance only.
  const buffer = new SharedArrayBuffer(wholePages(bytes) + PAGE_BYTES);
  const start = ptr(new Uint8Array(buffer));
  const address = wholePages(start);
  return { buffer, offset: address - start, address };
}

/** Takes memory for rings of the given sizes. */
export function takeRegion(entries: number, completionEntries: number): RingRegion {
  const ringsBytes = wholePages(
    RINGS_HEAD_BYTES +
      completionEntries * COMPLETION_BYTES +
      entries * Int32Array.BYTES_PER_ELEMENT,
  );
  const entriesBytes = wholePages(entries * ENTRY_BYTES);
  const { buffer, offset, address } = takePages(ringsBytes + entriesBytes);
  return {
    buffer,
    ringsOffset: offset,
    ringsAddress: address,
    ringsBytes,
    entriesOffset: offset + ringsBytes,
    entriesAddress: address + ringsBytes,
    entriesBytes,
  };
}

/** The views of a ring that was set up inside a region (IORING_SETUP_NO_MMAP). */
export function viewRegion(region: RingRegion): RingMemory {
  const { buffer, ringsOffset, ringsBytes, entriesOffset, entriesBytes } = region;
  return {
    kind: "shared",
    rings: new Int32Array(buffer, ringsOffset, ringsBytes / 4),
    entries: new Int32Array(buffer, entriesOffset, entriesBytes / 4),
    entryDoubles: new Float64Array(buffer, entriesOffset, entriesBytes / 8),
    release: () => leavePages(region),
  };
}

/** Memory that a closed ring may still write to, because its pages could not be exchanged. */
const abandoned = new Set<RingRegion>();

/**
 * Leaves a region's pages to the kernel. It takes a ring down in the background, long after
 * close(2) has returned, and publishes its completion tail once more while it does (seen on 6.18).
 * By then the memory may belong to somebody else, for instance to the next ring, which would take
 * that tail for its own. With other pages behind the same addresses, only the kernel still has the
 * old ones.
 */
function leavePages(region: RingRegion): void {
  const { ringsAddress, ringsBytes, entriesBytes } = region;
  const given = libc().madvise(ringsAddress, ringsBytes + entriesBytes, MADV_DONTNEED);
  if (given !== 0) abandoned.add(region);
}

/**
 * Maps a ring that the kernel allocated.
 * @param params the words that io_uring_setup filled in
 * @throws {ReelError} the errno's code
 */
export function mapRing(fd: number, params: Uint32Array): RingMemory {
  const entries = params[PARAMS.SQ_ENTRIES]!;
  const ringsBytes = wholePages(
    Math.max(
      params[PARAMS.CQ_CQES]! + params[PARAMS.CQ_ENTRIES]! * COMPLETION_BYTES,
      params[PARAMS.SQ_ARRAY]! + entries * Int32Array.BYTES_PER_ELEMENT,
    ),
  );
  const entriesBytes = wholePages(entries * ENTRY_BYTES);
  const ringsAddress = map(fd, ringsBytes, MMAP_OFFSET_RINGS, "rings");
  let entriesAddress: number;
  try {
    entriesAddress = map(fd, entriesBytes, MMAP_OFFSET_ENTRIES, "submission entries");
  } catch (error) {
    libc().munmap(ringsAddress, ringsBytes);
    throw error;
  }
  const rings = toArrayBuffer(ringsAddress as Pointer, 0, ringsBytes);
  const entriesBuffer = toArrayBuffer(entriesAddress as Pointer, 0, entriesBytes);
  return {
    kind: "mapped",
    rings: new Int32Array(rings),
    entries: new Int32Array(entriesBuffer),
    entryDoubles: new Float64Array(entriesBuffer),
    release: () => {
      libc().munmap(ringsAddress, ringsBytes);
      libc().munmap(entriesAddress, entriesBytes);
    },
  };
}

function map(fd: number, bytes: number, offset: number, what: string): number {
  const address = libc().mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
  if (address !== -1) return address;
  const code = codeOfResult(-libc().errno());
  throw new ReelError(code, `Cannot map the io_uring ${what}: mmap of ${bytes} bytes gave ${code}`);
}
