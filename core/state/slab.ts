/**
 * Typed windows over one block of shared memory. The descriptor table and every provider's records
 * live in such blocks, so that a snapshot of them is a copy and another thread can look on.
 */

export interface Slab {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
}

/**
 * Allocates a zeroed slab.
 * @param sizeBytes rounded up to whole 8-byte words
 */
export function allocateSlab(sizeBytes: number): Slab {
  return slabOver(new SharedArrayBuffer((sizeBytes + 7) & ~7));
}

/** Windows over memory that exists; its size must be whole words. */
export function slabOver(buffer: SharedArrayBuffer): Slab {
  return {
    buffer,
    u8: new Uint8Array(buffer),
    i8: new Int8Array(buffer),
    u16: new Uint16Array(buffer),
    i16: new Int16Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
  };
}
