/**
 * Inserts the parts of snapshots: each distinct 4 KiB of state once, by its hash, and of each part
 * the list of its chunks.
 */
import { desc, eq, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { chunkCount } from "../tail/snapshot-frame.ts";
import type { ChangedPart } from "../tail/snapshot-frame.ts";
import { sha256 } from "./header.ts";
import { pack } from "./packing.ts";
import { chunk, snapshot } from "./schema.ts";

type Store = BunSQLiteDatabase<Record<string, never>>;

function prepareStatements(store: Store) {
  const hash = sql.placeholder("sha256");
  return {
    find: store.select({ id: chunk.id }).from(chunk).where(eq(chunk.sha256, hash)).prepare(),
    chunk: store
      .insert(chunk)
      .values({ sha256: hash, data: sql.placeholder("data") })
      .returning({ id: chunk.id })
      .prepare(),
    part: store
      .insert(snapshot)
      .values({
        sequence: sql.placeholder("sequence"),
        part: sql.placeholder("part"),
        name: sql.placeholder("name"),
        stateVersion: sql.placeholder("stateVersion"),
        length: sql.placeholder("length"),
        crc32: sql.placeholder("crc32"),
        chunks: sql.placeholder("chunks"),
      })
      .onConflictDoNothing()
      .prepare(),
    last: store
      .select({ chunks: snapshot.chunks })
      .from(snapshot)
      .where(eq(snapshot.name, sql.placeholder("name")))
      .orderBy(desc(snapshot.sequence))
      .limit(1)
      .prepare(),
  };
}

export class SnapshotInserter {
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Ids of the chunks of each part in the last snapshot, by the part's name. */
  readonly #chunks = new Map<string, Uint32Array>();

  constructor(store: Store) {
    this.#statements = prepareStatements(store);
  }

  /**
   * Inserts a snapshot, inside the caller's transaction.
   * @param sequence of its `state` event
   * @throws {SQLiteError} after which this inserter is of no use any more
   */
  insert(sequence: number, parts: readonly ChangedPart[]): void {
    for (const [index, part] of parts.entries()) {
      const { name, stateVersion, length, crc32 } = part;
      const ids = this.#idsOf(part);
      const chunks = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      const values = { sequence, part: index, name, stateVersion, length, crc32, chunks };
      this.#statements.part.run(values);
    }
  }

  #idsOf({ name, length, changed, chunks }: ChangedPart): Uint32Array {
    const count = chunkCount(length);
    let ids = this.#chunks.get(name) ?? this.#lastIds(name);
    if (ids?.length !== count) ids = new Uint32Array(count);
    for (const [index, place] of changed.entries()) ids[place] = this.#idOf(chunks[index]!);
    this.#chunks.set(name, ids);
    return ids;
  }

  /** What the file has already of a part: this thread may not be the one that wrote it. */
  #lastIds(name: string): Uint32Array | undefined {
    const bytes = this.#statements.last.get({ name })?.chunks;
    return bytes && new Uint32Array(bytes.slice().buffer);
  }

  #idOf(bytes: Uint8Array): number {
    const hash = sha256(bytes);
    const found = this.#statements.find.get({ sha256: hash });
    if (found !== undefined) return found.id;
    return this.#statements.chunk.get({ sha256: hash, data: pack(bytes) })!.id;
  }
}
