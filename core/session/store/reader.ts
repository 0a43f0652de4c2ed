/**
 * Reads a recording's file: the header with its seal, attachments, and segments on demand. Every
 * value is checked for its type and bounds before it is used, and nothing large is read before its
 * size is known.
 */
import type { Database } from "bun:sqlite";
import { asc, count, desc, eq, gte, lte, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/bun-sqlite";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { ReelError } from "../../errors.ts";
import { SEGMENT_BYTES_MAX } from "../codec/format.ts";
import type { SealedSegment, SegmentSource } from "../segment.ts";
import { CHAIN_BYTES } from "../segment.ts";
import { bounded } from "./bounded.ts";
import { isRecorded } from "./claim.ts";
import { openRecordingDatabase } from "./database.ts";
import type { ReadOptions } from "./database.ts";
import { readError, refuseFile } from "./errors.ts";
import { HEADER_TEXTS, TABLE_BOUNDS } from "./header-bounds.ts";
import { HeaderSeal, RECORDING_STATES, sha256 } from "./header.ts";
import type { AttachmentRow, HeaderRow, ProviderRow, RecordingProgress } from "./header.ts";
import { ATTACHMENT_BYTES_MAX, FORMAT_FIRST, FORMAT_PLACES, FORMAT_VERSION } from "./limits.ts";
import { unpack } from "./packing.ts";
import { PlaceRowsReader } from "./places.ts";
import { StateRowsReader } from "./state-rows.ts";
import { attachment, provider, recording, segment } from "./schema.ts";

type Store = BunSQLiteDatabase<Record<string, never>>;

/** Everything that the header says, its seal checked. */
export interface StoredHeader {
  readonly row: HeaderRow;
  readonly progress: RecordingProgress;
  readonly providers: readonly ProviderRow[];
  readonly attachments: readonly AttachmentRow[];
}

const whole = (value: unknown): boolean => Number.isSafeInteger(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isHash = (value: unknown): value is Uint8Array =>
  isBytes(value) && value.length === CHAIN_BYTES;

export class RecordingReader implements SegmentSource {
  readonly path: string;
  /** Whether a process recorded to it when it was opened: then it may be further by now. */
  readonly wasLive: boolean;
  readonly #database: Database;
  readonly #store: Store;
  readonly #selectSegment: ReturnType<typeof prepareSegment>;
  #closed = false;
  #places: PlaceRowsReader | undefined;
  #states: StateRowsReader | undefined;

  /** @throws {ReelError} as openRecordingDatabase does */
  constructor(path: string, options: ReadOptions = {}) {
    this.path = path;
    // Before anything is read: a process that ends in between leaves a recording that has ended.
    this.wasLive = isRecorded(path);
    this.#database = openRecordingDatabase(path, options);
    this.#store = drizzle({ client: this.#database });
    try {
      this.#selectSegment = prepareSegment(this.#store);
    } catch (error) {
      this.#database.close();
      throw readError(path, error);
    }
  }

  /**
   * Reads the file as it is at one moment, although its process may go on recording to it.
   * @throws what `read` throws
   */
  atOnce<T>(read: () => T): T {
    this.#guarded(() => this.#database.run("BEGIN"));
    try {
      return read();
    } finally {
      // A damaged file can have ended it already.
      if (this.#database.inTransaction) this.#database.run("ROLLBACK");
    }
  }

  /** Lets go of the file. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  /**
   * Reads the header and checks its seal.
   * @throws {ReelError} ERR_CORRUPT_RECORDING, ERR_INCOMPATIBLE_RECORDING for a newer format
   */
  header(): StoredHeader {
    return this.#guarded(() => {
      this.#checkSizes();
      const rows = this.#store.select().from(recording).all();
      const found = rows[0];
      if (rows.length !== 1 || found === undefined || found.id !== 1) {
        refuseFile(this.path, `found ${rows.length} headers, wanted one`);
      }
      const { id: _id, state, eventCount, digest, outcome, seal, ...row } = found;
      if (row.format < FORMAT_FIRST || row.format > FORMAT_VERSION) this.#refuseFormat(row.format);
      const progress = { state, eventCount, digest, outcome } as RecordingProgress;
      const providers = this.#store.select().from(provider).orderBy(asc(provider.index)).all();
      const { length, name, sha256: hash } = attachment;
      const columns = { name, length, sha256: hash };
      const attachments = this.#store.select(columns).from(attachment).all();
      this.#checkTypes(row, progress, providers, attachments);
      const wanted = HeaderSeal.of(row, providers, attachments).seal(progress);
      if (!isHash(seal) || !Bun.deepEquals(seal, wanted)) {
        refuseFile(this.path, "found a header that does not match its seal");
      }
      return { row, progress, providers, attachments };
    });
  }

  /**
   * Reads an attachment and checks it.
   * @throws {ReelError} ERR_CORRUPT_RECORDING
   */
  attachment(row: AttachmentRow): Uint8Array {
    return this.#guarded(() => {
      const content = bounded(attachment.content, ATTACHMENT_BYTES_MAX).as("content");
      const where = eq(attachment.name, row.name);
      const found = this.#store.select({ content }).from(attachment).where(where).get()?.content;
      if (!isBytes(found) || found.length !== row.length) {
        refuseFile(this.path, `attachment ${row.name} has not the ${row.length} bytes it had`);
      }
      if (!Bun.deepEquals(sha256(found), row.sha256)) {
        refuseFile(this.path, `attachment ${row.name} does not match its checksum`);
      }
      return found;
    });
  }

  /** Which events the first segment at a place or behind it says it holds. */
  segmentFrom(sequence: number): { firstSequence: number; eventCount: number } | undefined {
    return this.#guarded(() => {
      const { eventCount, firstSequence } = segment;
      const row = this.#store
        .select({ firstSequence, eventCount })
        .from(segment)
        .where(gte(firstSequence, sequence))
        .orderBy(asc(firstSequence))
        .limit(1)
        .get();
      if (row === undefined) return undefined;
      if (!whole(row.firstSequence) || !whole(row.eventCount) || row.eventCount < 1) {
        refuseFile(this.path, `the segment at event ${sequence} has a damaged header`);
      }
      return row;
    });
  }

  /** How many segments the file holds. */
  segmentCount(): number {
    return this.#guarded(() => this.#store.select({ rows: count() }).from(segment).get()!.rows);
  }

  /**
   * Reads the rows of places.
   * @param format the header's
   * @returns undefined for a format that has none
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a row is damaged
   */
  places<T>(format: number, read: (rows: PlaceRowsReader) => T): T | undefined {
    if (format < FORMAT_PLACES) return undefined;
    return this.#guarded(() =>
      read((this.#places ??= new PlaceRowsReader(this.path, this.#store))),
    );
  }

  /**
   * Reads the states that are kept.
   * @param format the header's
   * @returns undefined for a format that keeps none
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a row is damaged
   */
  states<T>(format: number, read: (rows: StateRowsReader) => T): T | undefined {
    if (format < FORMAT_PLACES) return undefined;
    return this.#guarded(() =>
      read((this.#states ??= new StateRowsReader(this.path, this.#store))),
    );
  }

  segmentAt(sequence: number): SealedSegment | undefined {
    return this.#guarded(() => {
      const row = this.#selectSegment.get({ sequence });
      if (row === undefined) return undefined;
      const { data, rawLength, ...rest } = row;
      const numbers = [rest.firstSequence, rest.eventCount, rest.timeFirstNs, rest.timeLastNs];
      const plain = [...numbers, rest.codec, rest.crc32, rawLength].every(whole);
      if (!plain || !isHash(rest.chain)) {
        refuseFile(this.path, `the segment at event ${sequence} has a damaged header`);
      }
      const name = (): string => `the segment at event ${sequence}`;
      if (!isBytes(data) || rawLength > SEGMENT_BYTES_MAX || data.length > rawLength) {
        const found = isBytes(data) ? `${data.length}` : "no fitting";
        refuseFile(this.path, `${name()} holds ${found} bytes, wanted ${rawLength}`);
      }
      const bytes = unpack(data, rawLength);
      if (bytes === undefined) {
        refuseFile(this.path, `${name()} does not unpack to the ${rawLength} bytes it had`);
      }
      return { ...rest, bytes };
    });
  }

  #refuseFormat(format: unknown): never {
    if (!whole(format) || (format as number) < FORMAT_VERSION) {
      refuseFile(this.path, `found format ${String(format)}, wanted ${FORMAT_VERSION}`);
    }
    refuseFile(this.path, `found format ${String(format)}, wanted at most ${FORMAT_VERSION}`, {
      code: "ERR_INCOMPATIBLE_RECORDING",
      mend: "Open it with the release of ioreel that made it, or a later one",
    });
  }

  /** Nothing of the header is read before it is known to be small. */
  #checkSizes(): void {
    const longest = (table: string, columns: readonly string[]): number => {
      const lengths = columns.map((name) => `coalesce(length("${name}"), 0)`).join(", ");
      const query = `select count(*) as rows, max(max(${lengths}, 0)) as longest from ${table}`;
      const found = this.#store.get<{ rows: number; longest: number | null }>(sql.raw(query));
      const [rows, size] = Object.values(found) as [number, number | null];
      const bound = TABLE_BOUNDS[table]!;
      if (rows > bound) refuseFile(this.path, `found ${rows} rows of ${table}, at most ${bound}`);
      return size ?? 0;
    };
    for (const [table, columns, bound] of HEADER_TEXTS) {
      const size = longest(table, columns);
      if (size > bound) refuseFile(this.path, `found ${size} bytes in a field of ${table}`);
    }
  }

  #checkTypes(
    row: HeaderRow,
    progress: RecordingProgress,
    providers: readonly ProviderRow[],
    attachments: readonly AttachmentRow[],
  ): void {
    const { format, createdMs, seed, ...texts } = row;
    const { state, eventCount, digest, outcome } = progress;
    const sound =
      [format, createdMs, seed, eventCount].every(whole) &&
      eventCount >= 0 &&
      [...Object.values(texts), digest].every(isText) &&
      (row.backend === "uring" || row.backend === "emulated") &&
      RECORDING_STATES.includes(state) &&
      (outcome === null || isText(outcome)) &&
      providers.every(
        (entry, index) =>
          entry.index === index &&
          whole(entry.stateVersion) &&
          [entry.kind, entry.version, entry.config].every(isText),
      ) &&
      attachments.every(
        (entry) => isText(entry.name) && whole(entry.length) && isHash(entry.sha256),
      );
    if (!sound) refuseFile(this.path, "found a header with fields of a wrong type or value");
  }

  #guarded<T>(read: () => T): T {
    if (this.#closed) {
      throw new ReelError("ERR_CLOSED", `Cannot read the recording ${this.path}: it is closed`, {
        mend: "Open it again",
      });
    }
    try {
      return read();
    } catch (error) {
      throw readError(this.path, error);
    }
  }
}

function prepareSegment(store: Store) {
  return store
    .select({
      firstSequence: segment.firstSequence,
      eventCount: segment.eventCount,
      timeFirstNs: segment.timeFirstNs,
      timeLastNs: segment.timeLastNs,
      codec: segment.codec,
      rawLength: segment.rawLength,
      crc32: segment.crc32,
      chain: segment.chain,
      data: bounded(segment.data, SEGMENT_BYTES_MAX).as("data"),
    })
    .from(segment)
    .where(lte(segment.firstSequence, sql.placeholder("sequence")))
    .orderBy(desc(segment.firstSequence))
    .limit(1)
    .prepare();
}
