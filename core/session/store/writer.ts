/**
 * Writes a recording: seals segments and inserts them, each in a transaction with the header's new
 * seal, so that whenever the process dies the file holds a sealed beginning of the session.
 */
import type { Database } from "bun:sqlite";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/bun-sqlite";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { RawSegment, SegmentSink } from "../segment.ts";
import { SegmentChain } from "../segment.ts";
import { claimPath } from "./claim.ts";
import { closeRecorded, createDatabase } from "./database.ts";
import { storeError } from "./errors.ts";
import { attachmentRows, headerRow, HeaderSeal, newIdentity, providerRows } from "./header.ts";
import type {
  RecordingHeader,
  RecordingIdentity,
  RecordingProgress,
  RecordingState,
} from "./header.ts";
import { attachment, provider, recording, segment } from "./schema.ts";

export interface WriterOptions {
  /** The file may not grow beyond; the recording ends with ERR_STORE there. Default: no bound. */
  readonly sizeBytesMax?: number;
  /** Whose recording it is; a new one if absent. */
  readonly identity?: RecordingIdentity;
}

/** The one row of the `recording` table. */
const ROW_ID = 1;

type Store = BunSQLiteDatabase<Record<string, never>>;

function prepareStatements(store: Store) {
  return {
    insert: store
      .insert(segment)
      .values({
        firstSequence: sql.placeholder("firstSequence"),
        eventCount: sql.placeholder("eventCount"),
        timeFirstNs: sql.placeholder("timeFirstNs"),
        timeLastNs: sql.placeholder("timeLastNs"),
        codec: sql.placeholder("codec"),
        rawLength: sql.placeholder("rawLength"),
        crc32: sql.placeholder("crc32"),
        chain: sql.placeholder("chain"),
        data: sql.placeholder("data"),
      })
      .prepare(),
    progress: store
      .update(recording)
      .set({
        state: sql`${sql.placeholder("state")}`,
        eventCount: sql`${sql.placeholder("eventCount")}`,
        digest: sql`${sql.placeholder("digest")}`,
        outcome: sql`${sql.placeholder("outcome")}`,
        seal: sql`${sql.placeholder("seal")}`,
      })
      .where(eq(recording.id, ROW_ID))
      .prepare(),
  };
}

export class RecordingWriter implements SegmentSink {
  readonly path: string;
  readonly uuid: string;
  readonly #database: Database;
  readonly #store: Store;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #chain = new SegmentChain();
  readonly #seal: HeaderSeal;
  #eventCount = 0;
  #digest = this.#chain.digest;
  #closed = false;
  /** Gives the path back to other recorders. */
  readonly #release: () => void;

  /**
   * Makes the file and writes the header.
   * @param path where; a recording that is there is replaced, another file is not
   * @throws {ReelError} ERR_STORE; what was at the path is as it was
   * @throws {RangeError} for a header that the format does not hold
   */
  constructor(path: string, header: RecordingHeader, options: WriterOptions = {}) {
    const identity = options.identity ?? newIdentity(header);
    const row = headerRow(header, identity);
    const providers = providerRows(header.providers);
    const attachments = attachmentRows(header.attachments ?? []);
    this.path = path;
    this.uuid = row.uuid;
    this.#seal = new HeaderSeal(row, providers, attachments);
    const progress = this.#progress("recording", null);
    const fill = (database: Database): void => {
      const store = drizzle({ client: database });
      const seal = this.#seal.seal(progress);
      store
        .insert(recording)
        .values({ id: ROW_ID, ...row, ...progress, seal })
        .run();
      for (const values of providers) store.insert(provider).values(values).run();
      for (const [index, values] of attachments.entries()) {
        const { content } = header.attachments![index]!;
        store
          .insert(attachment)
          .values({ ...values, content })
          .run();
      }
    };
    this.#release = claimPath(path);
    try {
      this.#database = createDatabase(path, fill, options.sizeBytesMax ?? Infinity);
    } catch (error) {
      this.#release();
      throw error;
    }
    this.#store = drizzle({ client: this.#database });
    this.#statements = prepareStatements(this.#store);
  }

  /** Events in the file. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** The digest of what is in the file. */
  get digest(): string {
    return this.#digest;
  }

  /**
   * Seals and inserts a segment.
   * @throws {ReelError} ERR_STORE; the file then holds what it held before
   */
  write(raw: RawSegment): void {
    const { crc32, chain } = this.#chain.seal(raw);
    const { firstSequence, eventCount, timeFirstNs, timeLastNs, codec, bytes } = raw;
    const before = this.#progress("recording", null);
    this.#eventCount = firstSequence + eventCount;
    this.#digest = this.#chain.digest;
    const times = { timeFirstNs, timeLastNs };
    const rest = { codec, rawLength: bytes.length, crc32, chain, data: bytes };
    try {
      // The callback must be synchronous: an async one commits even when it throws.
      this.#store.transaction(() => {
        this.#statements.insert.run({ firstSequence, eventCount, ...times, ...rest });
        this.#writeProgress("recording", null);
      });
    } catch (error) {
      this.#eventCount = before.eventCount;
      this.#digest = before.digest;
      throw storeError(`record to ${this.path}`, error);
    }
  }

  /**
   * Ends the recording and leaves one file. Idempotent.
   * @param state `complete` when the run came to its end
   * @param outcome how it ended, or null
   * @throws {ReelError} ERR_STORE; what was written before stays readable
   */
  finish(state: Exclude<RecordingState, "recording">, outcome: string | null): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      try {
        this.#writeProgress(state, outcome);
      } catch (error) {
        this.#database.close();
        throw storeError(`finish the recording ${this.path}`, error);
      }
      closeRecorded(this.#database, this.path);
    } finally {
      this.#release();
    }
  }

  /** Lets go of the file as it is: a recording that ends at its last segment. Never throws. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
    this.#release();
  }

  #progress(state: RecordingState, outcome: string | null): RecordingProgress {
    return { state, eventCount: this.#eventCount, digest: this.#digest, outcome };
  }

  #writeProgress(state: RecordingState, outcome: string | null): void {
    const progress = this.#progress(state, outcome);
    this.#statements.progress.run({ ...progress, seal: this.#seal.seal(progress) });
  }
}
