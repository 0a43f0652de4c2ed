/**
 * Inserts what was recorded into a recording's open file: each segment with the header's new seal
 * in one transaction, so that whenever the process dies the file holds a sealed beginning of the
 * session. Whoever has the file open has the one inserter of it.
 */
import type { Database } from "bun:sqlite";
import { eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/bun-sqlite";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import type { RawSegment, SegmentSink } from "../segment.ts";
import { SegmentChain } from "../segment.ts";
import { closeRecorded } from "./database.ts";
import { storeError } from "./errors.ts";
import { HeaderSeal } from "./header.ts";
import type { RecordingProgress, RecordingState } from "./header.ts";
import { pack } from "./packing.ts";
import { PlaceInserter } from "./place-inserter.ts";
import { recording, segment } from "./schema.ts";
import { SnapshotInserter } from "./snapshot-inserter.ts";
import type { ChangedPart } from "../tail/snapshot-frame.ts";

/** What an inserter has to know that is not in the file: plain values, for any thread. */
export interface InserterFacts {
  readonly path: string;
  /** What the header's seal is made of beside the progress. */
  readonly fixedSeal: string;
}

/**
 * Folding so many events takes a quarter of what storing their segment does. Left for later it
 * takes reading and unpacking too: segments of large payloads, which are the ones in a hurry,
 * have few.
 */
const HURRIED_EVENTS = 2048;

/** The one row of the `recording` table. */
export const ROW_ID = 1;

function prepareStatements(store: BunSQLiteDatabase<Record<string, never>>) {
  return {
    segment: store
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

export class SegmentInserter implements SegmentSink {
  readonly #path: string;
  readonly #database: Database;
  readonly #store: BunSQLiteDatabase<Record<string, never>>;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #chain: SegmentChain;
  readonly #seal: HeaderSeal;
  readonly #places: PlaceInserter;
  #snapshots: SnapshotInserter;
  #eventCount: number;
  #link: Uint8Array;

  /**
   * @param database where it goes on, after the last segment that is there
   * @throws {SQLiteError}
   */
  constructor(database: Database, facts: InserterFacts) {
    this.#path = facts.path;
    this.#database = database;
    this.#store = drizzle({ client: database });
    this.#statements = prepareStatements(this.#store);
    this.#seal = new HeaderSeal(facts.fixedSeal);
    this.#places = new PlaceInserter(this.#store);
    this.#snapshots = new SnapshotInserter(this.#store);
    const { eventCount, digest } = recording;
    const found = this.#store.select({ eventCount, digest }).from(recording).get()!;
    this.#eventCount = found.eventCount;
    this.#link = Uint8Array.fromHex(found.digest);
    this.#chain = new SegmentChain(this.#link);
  }

  /** Events in the file. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** The digest of what is in the file. */
  get digest(): string {
    return this.#link.toHex();
  }

  /**
   * Seals, packs and inserts a segment.
   * @param isHurried whether its places can wait for {@link catchUp}, if they take long
   * @throws {ReelError} ERR_STORE; the file then holds what it held before
   */
  write(raw: RawSegment, isHurried = false): void {
    const { crc32, chain } = this.#chain.seal(raw);
    const { firstSequence, eventCount, timeFirstNs, timeLastNs, codec, bytes } = raw;
    const times = { timeFirstNs, timeLastNs };
    const rest = { codec, rawLength: bytes.length, crc32, chain, data: pack(bytes) };
    const after = {
      state: "recording",
      eventCount: firstSequence + eventCount,
      digest: chain.toHex(),
      outcome: null,
    } as const;
    this.#transact(() => {
      this.#statements.segment.run({ firstSequence, eventCount, ...times, ...rest });
      if (!isHurried || eventCount <= HURRIED_EVENTS) this.#places.insert(raw);
      this.#writeProgress(after);
    });
    this.#eventCount = after.eventCount;
    this.#link = chain;
  }

  /**
   * Inserts the places of one segment for which there was no time.
   * @returns whether there are more
   * @throws {ReelError} ERR_STORE; the file then holds what it held before
   */
  catchUp(): boolean {
    let isMore = false;
    this.#transact(() => {
      isMore = this.#places.catchUp(this.#eventCount);
    });
    return isMore;
  }

  /**
   * Inserts the parts of a state.
   * @param sequence of its `state` event
   * @throws {ReelError} ERR_STORE; the file then holds what it held before
   */
  writeSnapshot(sequence: number, parts: readonly ChangedPart[]): void {
    this.#transact(() => this.#snapshots.insert(sequence, parts));
  }

  /** Runs an insertion as one transaction; what fails has changed nothing. */
  #transact(insert: () => void): void {
    try {
      // The callback must be synchronous: an async one commits even when it throws.
      this.#store.transaction(insert);
    } catch (error) {
      this.#chain.goBack(this.#link);
      this.#places.forget();
      this.#snapshots = new SnapshotInserter(this.#store);
      throw storeError(`record to ${this.#path}`, error);
    }
  }

  /**
   * Says how the recording ended, and leaves one file.
   * @throws {ReelError} ERR_STORE; what was written before stays readable. The file is closed
   */
  finish(state: Exclude<RecordingState, "recording">, outcome: string | null): void {
    const { eventCount, digest } = this;
    try {
      this.#writeProgress({ state, eventCount, digest, outcome });
    } catch (error) {
      this.#database.close();
      throw storeError(`finish the recording ${this.#path}`, error);
    }
    closeRecorded(this.#database, this.#path);
  }

  /** Lets go of the file as it is. */
  close(): void {
    this.#database.close();
  }

  #writeProgress(progress: RecordingProgress): void {
    this.#statements.progress.run({ ...progress, seal: this.#seal.seal(progress) });
  }
}
