/**
 * Inserts places beside the segments that they are of. They are derived, so nothing here ends a
 * recording: where they cannot be collected there are none, and readers compute them. They may lag
 * behind the segments, which come first when there is much to do; what lags is caught up with from
 * what is stored.
 */
import { desc, eq, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { TableCollector } from "../places/collector.ts";
import type { RawSegment } from "../segment.ts";
import { unpack } from "./packing.ts";
import { checkpoint, mark, segment } from "./schema.ts";

type Store = BunSQLiteDatabase<Record<string, never>>;

function prepareStatements(store: Store) {
  const sequence = sql.placeholder("sequence");
  return {
    mark: store
      .insert(mark)
      .values({ sequence, timeNs: sql.placeholder("timeNs"), text: sql.placeholder("text") })
      .onConflictDoNothing()
      .prepare(),
    checkpoint: store
      .insert(checkpoint)
      .values({ sequence, crc32: sql.placeholder("crc32"), data: sql.placeholder("data") })
      .prepare(),
  };
}

export class PlaceInserter {
  readonly #store: Store;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #collector: TableCollector | undefined;
  #failed = false;

  constructor(store: Store) {
    this.#store = store;
    this.#statements = prepareStatements(store);
  }

  /** Takes the next segment, unless earlier ones are still to be taken. In a transaction. */
  insert(raw: RawSegment): void {
    if (this.#failed) return;
    this.#collector ??= this.#resume();
    if (this.#collector?.sequence === raw.firstSequence) this.#take(raw);
  }

  /**
   * Takes one segment that is stored already. In a transaction.
   * @param eventCount how many events are stored
   * @returns whether there are more
   */
  catchUp(eventCount: number): boolean {
    this.#collector ??= this.#resume();
    const sequence = this.#collector?.sequence;
    if (sequence === undefined || sequence >= eventCount) return false;
    const row = this.#store.select().from(segment).where(eq(segment.firstSequence, sequence)).get();
    const bytes = row && unpack(row.data, row.rawLength);
    if (bytes === undefined) {
      this.#fail();
      return false;
    }
    this.#take({ ...row!, bytes });
    return !this.#failed && this.#collector!.sequence < eventCount;
  }

  /** Forgets what a transaction inserted that has failed. */
  forget(): void {
    this.#collector = undefined;
  }

  #take(raw: RawSegment): void {
    let places;
    try {
      places = this.#collector!.segment(raw);
    } catch {
      this.#fail();
      return;
    }
    for (const { sequence, text, timeNs } of places.marks) {
      this.#statements.mark.run({ sequence, timeNs, text });
    }
    for (const { crc32, data, sequence } of places.checkpoints) {
      this.#statements.checkpoint.run({ sequence, crc32, data });
    }
  }

  #fail(): void {
    this.#failed = true;
    this.#collector = undefined;
  }

  /** The collector as it was at the last checkpoint that is stored. */
  #resume(): TableCollector | undefined {
    if (this.#failed) return undefined;
    const rows = this.#store.select().from(checkpoint).orderBy(desc(checkpoint.sequence));
    const last = rows.limit(1).get();
    return last === undefined ? new TableCollector() : TableCollector.from(last);
  }
}
