/** Pipe capacities: a power of two of whole pages, as Linux rounds them (F_SETPIPE_SZ). */

const PAGE_BYTES = 4096;

/** The capacity that a pipe gets when so many bytes are asked for. */
export function roundedCapacity(sizeBytes: number): number {
  return Math.max(PAGE_BYTES, 2 ** Math.ceil(Math.log2(sizeBytes)));
}
