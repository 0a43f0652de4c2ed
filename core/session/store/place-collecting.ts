/**
 * Collects places beside the insertion of segments. They are derived, so nothing here ends a
 * recording: where they cannot be collected there are none, and readers compute them.
 */
import { desc, gte } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { TableCollector } from "../places/collector.ts";
import type { PlaceRows } from "../places/collector.ts";
import type { RawSegment } from "../segment.ts";
import { unpack } from "./packing.ts";
import { checkpoint, segment } from "./schema.ts";

/** Segments that are folded again at most; with checkpoints there are never so many. */
const SEGMENTS_MAX = 64;
const NOTHING: PlaceRows = { marks: [], checkpoints: [] };

export class PlaceCollecting {
  readonly #store: BunSQLiteDatabase<Record<string, never>>;
  #collector: TableCollector | undefined;
  #failed = false;

  constructor(store: BunSQLiteDatabase<Record<string, never>>) {
    this.#store = store;
  }

  /** What the next segment adds. */
  segment(raw: RawSegment): PlaceRows {
    if (this.#failed) return NOTHING;
    try {
      this.#collector ??= this.#resume(raw.firstSequence);
      return this.#collector.segment(raw);
    } catch {
      this.#failed = true;
      return NOTHING;
    }
  }

  /** Lets go of what was told last: the segment did not get into the file. */
  forget(): void {
    this.#collector = undefined;
  }

  /** The collector as it was after what is in the file. */
  #resume(sequence: number): TableCollector {
    if (sequence === 0) return new TableCollector();
    const last = this.#store
      .select()
      .from(checkpoint)
      .orderBy(desc(checkpoint.sequence))
      .limit(1)
      .get();
    const collector = last === undefined ? new TableCollector() : TableCollector.from(last);
    const since = gte(segment.firstSequence, collector.sequence);
    const rows = this.#store.select().from(segment).where(since);
    for (const { data, rawLength, ...row } of rows.orderBy(segment.firstSequence).limit(SEGMENTS_MAX).all()) {
      collector.segment({ ...row, bytes: unpack(data, rawLength)! });
    }
    return collector;
  }
}
