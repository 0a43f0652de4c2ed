/**
 * A provider's own state: an array of records of one layout in one slab, so that all of it is
 * saved by a copy and shown by field name, without the provider writing a line for it.
 */
import { ReelError } from "../errors.ts";
import { allocateSlab, type Slab } from "./slab.ts";
import type { Struct, StructShape, View } from "./struct.ts";

/** Records of one layout, addressed by index. */
export class Records<S extends StructShape = StructShape> {
  readonly name: string;
  readonly layout: Struct<S>;
  readonly count: number;
  readonly slab: Slab;
  readonly #view: View<S>;

  /**
   * @param name names the records in snapshots, reports and errors
   * @param count how many records there are, 1 to 65,536
   * @throws {RangeError} for another count
   */
  constructor(name: string, layout: Struct<S>, count: number) {
    if (!Number.isInteger(count) || count < 1 || count > 65536) {
      throw new RangeError(`Cannot make ${name} records: count must be 1 to 65536: found ${count}`);
    }
    this.name = name;
    this.layout = layout;
    this.count = count;
    this.slab = allocateSlab(count * layout.sizeBytes);
    this.#view = layout.view(this.slab, name);
  }

  /**
   * The one shared view, pointed at a record. It is valid until the next call of `at`; for two
   * records at once, take a second view with {@link view}.
   * @throws {RangeError} when there is no such record
   */
  at(index: number): View<S> {
    this.#check(index);
    this.#view.$base = index * this.layout.sizeBytes;
    return this.#view;
  }

  /** A view of its own, pointed at a record. Allocates: not for every operation. */
  view(index: number): View<S> {
    this.#check(index);
    const view = this.layout.view(this.slab, this.name);
    view.$base = index * this.layout.sizeBytes;
    return view;
  }

  /** Sets all of a record's bytes to zero. */
  clear(index: number): void {
    this.#check(index);
    const base = index * this.layout.sizeBytes;
    this.slab.u8.fill(0, base, base + this.layout.sizeBytes);
  }

  /** A window on a record's bytes, for snapshots. */
  bytesOf(index: number): Uint8Array {
    this.#check(index);
    const base = index * this.layout.sizeBytes;
    return this.slab.u8.subarray(base, base + this.layout.sizeBytes);
  }

  /** Puts a record's bytes back. @throws {RangeError} when they are not as many as a record's */
  setBytes(index: number, bytes: Uint8Array): void {
    if (bytes.length !== this.layout.sizeBytes) {
      throw new RangeError(
        `Cannot set ${this.name} record ${index}: it has ${this.layout.sizeBytes} bytes: ` +
          `found ${bytes.length}`,
      );
    }
    this.bytesOf(index).set(bytes);
  }

  snapshot(): Uint8Array {
    return this.slab.u8.slice();
  }

  /**
   * Puts a snapshot's bytes back.
   * @throws {ReelError} ERR_STATE_CORRUPT when the size is another's
   */
  restore(bytes: Uint8Array): void {
    if (bytes.length !== this.slab.u8.length) {
      throw new ReelError(
        "ERR_STATE_CORRUPT",
        `Cannot restore ${this.name} records: found ${bytes.length} bytes, ` +
          `wanted ${this.slab.u8.length}`,
        { mend: "Restore a snapshot made with the same provider version and limits" },
      );
    }
    this.slab.u8.set(bytes);
  }

  #check(index: number): void {
    if (!(index >= 0 && index < this.count)) {
      throw new RangeError(
        `Cannot reach ${this.name} record ${index}: there are ${this.count}, from 0`,
      );
    }
  }
}
