/**
 * Reads the rows of a recording that say where in it something is: checkpoints of the table of
 * operations, and marks. They are derived from the events, and what they claim is checked where it
 * is used; here are types and bounds.
 */
import { asc, desc, gte, lt, lte, sql, type SQL } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { MARK_BYTES_MAX } from "../codec/format.ts";
import type { CheckpointRow } from "../places/collector.ts";
import type { Mark } from "../places/table.ts";
import { CHECKPOINT_BYTES_MAX } from "../places/table-codec.ts";
import { refuseFile } from "./errors.ts";
import { checkpoint, mark } from "./schema.ts";

type Store = BunSQLiteDatabase<Record<string, never>>;

const checkpointColumns = {
  sequence: checkpoint.sequence,
  crc32: checkpoint.crc32,
  data: sql<Uint8Array | null>`case when typeof(${checkpoint.data}) = 'blob'
    and length(${checkpoint.data}) <= ${sql.raw(String(CHECKPOINT_BYTES_MAX))}
    then ${checkpoint.data} end`.as("data"),
};

const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** The rows of places in one file. Format 1 has none: whoever opens one makes no reader. */
export class PlaceRowsReader {
  readonly #path: string;
  readonly #store: Store;
  readonly #nearest: ReturnType<typeof prepareNearest>;

  constructor(path: string, store: Store) {
    this.#path = path;
    this.#store = store;
    this.#nearest = prepareNearest(store);
  }

  /**
   * The last checkpoint at a place or before it.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when its row is damaged
   */
  checkpointAt(sequence: number): CheckpointRow | undefined {
    const row = this.#nearest.get({ sequence });
    return row === undefined ? undefined : this.#checkpoint(row);
  }

  /** The first checkpoint at a place or behind it. @throws {ReelError} as {@link checkpointAt} */
  checkpointFrom(sequence: number): CheckpointRow | undefined {
    const row = this.#store
      .select(checkpointColumns)
      .from(checkpoint)
      .where(gte(checkpoint.sequence, sequence))
      .orderBy(asc(checkpoint.sequence))
      .limit(1)
      .get();
    return row === undefined ? undefined : this.#checkpoint(row);
  }

  /**
   * The rows of marks before a place, in order.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when one is damaged
   */
  marksBefore(sequence: number): Mark[] {
    return this.#marks(lt(mark.sequence, sequence), -1);
  }

  /** The first rows of marks at a place or behind it. @throws {ReelError} ERR_CORRUPT_RECORDING */
  marksFrom(sequence: number, count: number): Mark[] {
    return this.#marks(gte(mark.sequence, sequence), count);
  }

  #marks(where: SQL, limit: number): Mark[] {
    const text = sql<string | null>`case when typeof(${mark.text}) = 'text'
      and length(${mark.text}) <= ${sql.raw(String(MARK_BYTES_MAX))} then ${mark.text} end`;
    const rows = this.#store
      .select({ sequence: mark.sequence, timeNs: mark.timeNs, text: text.as("text") })
      .from(mark)
      .where(where)
      .orderBy(asc(mark.sequence))
      .limit(limit)
      .all();
    return rows.map((row) => {
      if (!whole(row.sequence) || !whole(row.timeNs) || row.text === null) {
        refuseFile(this.#path, `the mark at event ${row.sequence} is damaged`);
      }
      return { ...row, text: row.text };
    });
  }

  #checkpoint(row: Omit<CheckpointRow, "data"> & { data: Uint8Array | null }): CheckpointRow {
    const { crc32, data, sequence } = row;
    if (!whole(sequence) || !whole(crc32) || !(data instanceof Uint8Array)) {
      refuseFile(this.#path, `the checkpoint at event ${sequence} is damaged`);
    }
    return { sequence, crc32, data };
  }
}

function prepareNearest(store: Store) {
  return store
    .select(checkpointColumns)
    .from(checkpoint)
    .where(lte(checkpoint.sequence, sql.placeholder("sequence")))
    .orderBy(desc(checkpoint.sequence))
    .limit(1)
    .prepare();
}
