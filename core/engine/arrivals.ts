/** Buffers that came back from operations with a buffer queue, on their way to the program. */

/** Numbers that an arrival takes: handle, buffer, bytes. */
const FIELDS = 3;

/** A queue of arrivals, first in first out. It allocates when it grows, and not otherwise. */
export class ArrivalQueue {
  #ring = new Float64Array(16 * FIELDS);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(handle: number, buffer: number, bytes: number): void {
    const places = this.#ring.length / FIELDS;
    if (this.#size === places) this.#grow();
    const at = this.#at(this.#size);
    this.#ring[at] = handle;
    this.#ring[at + 1] = buffer;
    this.#ring[at + 2] = bytes;
    this.#size++;
  }

  /** Takes the oldest out. @returns where its fields stay readable until the next push */
  shift(): number {
    const at = this.#at(0);
    this.#head = (this.#head + 1) % (this.#ring.length / FIELDS);
    this.#size--;
    return at;
  }

  field(at: number, index: 0 | 1 | 2): number {
    return this.#ring[at + index]!;
  }

  /** All fields of all arrivals, the oldest first, for a snapshot. */
  toArray(): number[] {
    const fields: number[] = [];
    for (let i = 0; i < this.#size; i++) {
      const at = this.#at(i);
      fields.push(...this.#ring.subarray(at, at + FIELDS));
    }
    return fields;
  }

  #at(place: number): number {
    return ((this.#head + place) % (this.#ring.length / FIELDS)) * FIELDS;
  }

  #grow(): void {
    const fields = this.toArray();
    this.#ring = new Float64Array(this.#ring.length * 2);
    this.#ring.set(fields);
    this.#head = 0;
  }
}
