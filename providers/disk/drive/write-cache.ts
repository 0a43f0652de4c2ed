/**
 * The volatile write cache, as a list of what it hides: written sectors go to the medium at once,
 * and the contents that they replaced are kept until a flush. When the power goes, those are put
 * back, newest first, and the disk is as if the cache had never been written out. A full cache
 * writes its oldest sectors out, as a real one would.
 */
import type { Medium } from "../medium.ts";

const CAPACITY_SECTORS = 16384;

export class WriteCache {
  readonly #medium: Medium;
  #lbas = new Float64Array(0);
  #old = new Uint8Array(0);
  #start = 0;
  #used = 0;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  /** Sectors that a power loss would take back. */
  get dirty(): number {
    return this.#used;
  }

  /** Keeps what sectors hold before they are written. */
  remember(lba: number, sectors: number): void {
    const size = this.#medium.sectorBytes;
    for (let i = 0; i < sectors; i++) {
      if (this.#used === this.#lbas.length) this.#grow();
      const slot = (this.#start + this.#used) % this.#lbas.length;
      if (this.#medium.read(lba + i, 1, this.#old, slot * size) < 1) return;
      this.#lbas[slot] = lba + i;
      this.#used += 1;
    }
  }

  /** Sectors written through: what the cache held of them is durable too. */
  forget(lba: number, sectors: number): void {
    for (let i = 0; i < this.#used; i++) {
      const slot = (this.#start + i) % this.#lbas.length;
      const held = this.#lbas[slot]!;
      if (held >= lba && held < lba + sectors) this.#lbas[slot] = -1;
    }
  }

  /** All of it is durable now. */
  clear(): void {
    this.#start = 0;
    this.#used = 0;
  }

  /** The power went. */
  lose(): void {
    const size = this.#medium.sectorBytes;
    for (let i = this.#used - 1; i >= 0; i--) {
      const slot = (this.#start + i) % this.#lbas.length;
      if (this.#lbas[slot]! >= 0) this.#medium.write(this.#lbas[slot]!, 1, this.#old, slot * size);
    }
    this.clear();
  }

  #grow(): void {
    const capacity = this.#lbas.length;
    if (capacity === CAPACITY_SECTORS) {
      this.#start = (this.#start + 1) % capacity;
      this.#used -= 1;
      return;
    }
    // Not yet at its full size, the list has never wrapped.
    const next = Math.min(CAPACITY_SECTORS, Math.max(64, capacity * 4));
    const lbas = new Float64Array(next);
    const old = new Uint8Array(next * this.#medium.sectorBytes);
    lbas.set(this.#lbas);
    old.set(this.#old);
    this.#lbas = lbas;
    this.#old = old;
  }

  save(): { lbas: number[]; old: Uint8Array } {
    const size = this.#medium.sectorBytes;
    const lbas: number[] = [];
    const old = new Uint8Array(this.#used * size);
    for (let i = 0; i < this.#used; i++) {
      const slot = (this.#start + i) % this.#lbas.length;
      lbas.push(this.#lbas[slot]!);
      old.set(this.#old.subarray(slot * size, (slot + 1) * size), i * size);
    }
    return { lbas, old };
  }

  load(saved: { lbas: number[]; old: Uint8Array }): void {
    this.clear();
    const size = this.#medium.sectorBytes;
    for (const [i, lba] of saved.lbas.slice(0, CAPACITY_SECTORS).entries()) {
      if (this.#used === this.#lbas.length) this.#grow();
      this.#lbas[i] = lba;
      this.#old.set(saved.old.subarray(i * size, (i + 1) * size), i * size);
      this.#used += 1;
    }
  }
}
