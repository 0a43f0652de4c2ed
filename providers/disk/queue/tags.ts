/** What a disk's queue remembers of the commands under way: a value for each tag, in columns. */
import { bytes, struct, type DriverContext } from "../../../core/provider/index.ts";
import { TAGS_MAX } from "./table.ts";

/** How far a command is; a broken one lost a request before it began. */
export const FLAG = { STARTED: 1, OVER: 2, BROKEN: 4 } as const;

/** @returns the first of so many tags that is not held, or -1 */
export function freeTag(tags: number, held: number): number {
  const all = tags === TAGS_MAX ? -1 : (1 << tags) - 1;
  const free = all & ~held;
  return free === 0 ? -1 : 31 - Math.clz32(free & -free);
}

/** The columns, at `resource * TAGS_MAX + tag`. */
export class TagTable {
  /** The first and the last request, plus one. */
  readonly head: Uint8Array;
  readonly last: Uint8Array;
  /** Requests that the command was made of, that are still in it, and whose data are missing. */
  readonly count: Uint8Array;
  readonly present: Uint8Array;
  readonly missing: Uint8Array;
  readonly flags: Uint8Array;
  readonly result: Int32Array;
  readonly lba: Float64Array;
  readonly sectors: Uint32Array;

  constructor(cx: DriverContext) {
    const column = (name: string, sizeBytes: number): ArrayBufferLike =>
      cx.records(`tag-${name}`, struct({ values: bytes(sizeBytes * TAGS_MAX) })).slab.buffer;
    this.head = new Uint8Array(column("head", 1));
    this.last = new Uint8Array(column("last", 1));
    this.count = new Uint8Array(column("count", 1));
    this.present = new Uint8Array(column("present", 1));
    this.missing = new Uint8Array(column("missing", 1));
    this.flags = new Uint8Array(column("flags", 1));
    this.result = new Int32Array(column("result", 4));
    this.lba = new Float64Array(column("lba", 8));
    this.sectors = new Uint32Array(column("sectors", 4));
  }

  /** Makes a command of one request. */
  begin(at: number, slot: number, lba: number, sectors: number): void {
    this.head[at] = slot + 1;
    this.last[at] = slot + 1;
    this.flags[at] = 0;
    this.count[at] = 1;
    this.present[at] = 1;
    this.missing[at] = 1;
    this.lba[at] = lba;
    this.sectors[at] = sectors;
  }
}
