/**
 * Makes a recording's file and writes to it in this thread, or hands it over to another one.
 */
import type { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import type { RawSegment, SegmentSink } from "../segment.ts";
import { SegmentChain } from "../segment.ts";
import { claimPath } from "./claim.ts";
import { createDatabase, openForRecording } from "./database.ts";
import { storeError } from "./errors.ts";
import { attachmentRows, headerRow, HeaderSeal, newIdentity, providerRows } from "./header.ts";
import type { RecordingHeader, RecordingIdentity, RecordingState } from "./header.ts";
import { ROW_ID, SegmentInserter } from "./inserter.ts";
import type { InserterFacts } from "./inserter.ts";
import { attachment, provider, recording } from "./schema.ts";

export interface WriterOptions {
  /** The file may not grow beyond; the recording ends with ERR_STORE there. Default: no bound. */
  readonly sizeBytesMax?: number;
  /** Whose recording it is; a new one if absent. */
  readonly identity?: RecordingIdentity;
  /** Whether what is committed survives a power failure. Default false. */
  readonly durable?: boolean;
}

export class RecordingWriter implements SegmentSink {
  readonly path: string;
  readonly uuid: string;
  readonly #options: WriterOptions;
  /** While this thread has the file open. */
  #inserter: SegmentInserter | undefined;
  readonly #facts: InserterFacts;
  /** What was in the file when this thread had it open last. */
  #known = { eventCount: 0, digest: "" };
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
    this.#options = options;
    const seal = HeaderSeal.of(row, providers, attachments);
    const chain = new SegmentChain();
    this.#facts = { path, fixedSeal: seal.fixed };
    const progress = {
      state: "recording",
      eventCount: 0,
      digest: chain.digest,
      outcome: null,
    } as const;
    const fill = (database: Database): void => {
      const store = drizzle({ client: database });
      store
        .insert(recording)
        .values({ id: ROW_ID, ...row, ...progress, seal: seal.seal(progress) })
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
      createDatabase(path, fill, options.sizeBytesMax ?? Infinity);
      this.#inserter = this.#open();
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  /** Events in the file when this thread had it open last. */
  get eventCount(): number {
    return (this.#inserter ?? this.#known).eventCount;
  }

  /** The digest of what was in the file then. */
  get digest(): string {
    return (this.#inserter ?? this.#known).digest;
  }

  /** Seals and inserts a segment. @throws {ReelError} ERR_STORE; the file is as it was before */
  write(raw: RawSegment): void {
    this.inserter().write(raw);
  }

  /**
   * Closes the file for another thread to go on with it; the claim on its path stays.
   * @returns what that thread has to know
   */
  handOver(): InserterFacts {
    this.#letGo();
    return this.#facts;
  }

  /**
   * The inserter of the file, which this thread opens again if it was handed over; nobody else may
   * have it open.
   * @throws {ReelError} ERR_STORE
   */
  inserter(): SegmentInserter {
    this.#inserter ??= this.#open();
    return this.#inserter;
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
      this.inserter().finish(state, outcome);
    } finally {
      this.#release();
    }
  }

  /** Lets go of the file as it is: a recording that ends at its last segment. Never throws. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#letGo();
    this.#release();
  }

  #letGo(): void {
    if (this.#inserter === undefined) return;
    const { eventCount, digest } = this.#inserter;
    this.#known = { eventCount, digest };
    this.#inserter.close();
    this.#inserter = undefined;
  }

  #open(): SegmentInserter {
    const { durable = false, sizeBytesMax = Infinity } = this.#options;
    try {
      const database = openForRecording(this.path, { durable, sizeBytesMax });
      return new SegmentInserter(database, this.#facts);
    } catch (error) {
      throw storeError(`record to ${this.path}`, error);
    }
  }
}
