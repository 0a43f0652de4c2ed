/** The memory that requests may name: kept alive until the end, and found again by address. */
import { ptr } from "bun:ffi";

export interface Pinned {
  readonly bytes: Uint8Array;
  readonly address: number;
}

export class PinnedMemories {
  readonly #pinned = new Map<Uint8Array, Pinned>();

  /** Keeps memory alive. @returns the absolute address of its first byte */
  add(bytes: Uint8Array): number {
    const address = ptr(bytes);
    this.#pinned.set(bytes, { bytes, address });
    return address;
  }

  /** The bytes at an address; undefined when not all of them are pinned. */
  find(address: number, length: number): Uint8Array | undefined {
    for (const { bytes, address: first } of this.#pinned.values()) {
      const at = address - first;
      if (at >= 0 && at + length <= bytes.length) return bytes.subarray(at, at + length);
    }
    return undefined;
  }

  /** All of it. */
  all(): Iterable<Pinned> {
    return this.#pinned.values();
  }

  clear(): void {
    this.#pinned.clear();
  }
}
