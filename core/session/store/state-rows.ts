/**
 * Reads the states that a recording keeps: of each part its chunks, put together and held against
 * the checksums, of each chunk and of the whole. Nothing is put together that is larger than a part
 * may be.
 */
import { asc, desc, eq, gte, lt, sql } from "drizzle-orm";
import type { BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { STATE_PARTS_MAX } from "../codec/format.ts";
import { CHUNK_BYTES, chunkCount, chunkLength } from "../tail/snapshot-frame.ts";
import { bounded } from "./bounded.ts";
import { refuseFile } from "./errors.ts";
import { sha256 } from "./header.ts";
import { NAME_BYTES_MAX } from "./limits.ts";
import { unpack } from "./packing.ts";
import { chunk, snapshot } from "./schema.ts";

type Store = BunSQLiteDatabase<Record<string, never>>;

/** A part of a state as a row says it. */
export interface StoredPart {
  /** Number of its `state` event, and its place among the event's checksums. */
  readonly sequence: number;
  readonly part: number;
  readonly name: string;
  readonly stateVersion: number;
  readonly length: number;
  readonly crc32: number;
  /** Ids of its chunks, in their order. */
  readonly chunks: Uint32Array;
}

/** The largest part that is put together. */
const PART_BYTES_MAX = 256 * 1024 * 1024;
const ID_BYTES = 4;

const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

export class StateRowsReader {
  readonly #path: string;
  readonly #store: Store;
  readonly #chunk: ReturnType<typeof prepareChunk>;

  constructor(path: string, store: Store) {
    this.#path = path;
    this.#store = store;
    this.#chunk = prepareChunk(store);
  }

  /** Number of the first `state` event, at a place or behind it, whose state is kept. */
  next(from: number): number | undefined {
    const { sequence } = snapshot;
    const order = asc(sequence);
    const rows = this.#store.select({ sequence }).from(snapshot).where(gte(sequence, from));
    return rows.orderBy(order).limit(1).get()?.sequence;
  }

  /** Number of the last `state` event before a place whose state is kept. */
  before(place: number): number | undefined {
    const { sequence } = snapshot;
    const rows = this.#store.select({ sequence }).from(snapshot).where(lt(sequence, place));
    return rows.orderBy(desc(sequence)).limit(1).get()?.sequence;
  }

  /**
   * The parts of the state at a `state` event.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a row is damaged
   */
  parts(sequence: number): StoredPart[] {
    const { part, stateVersion, length, crc32 } = snapshot;
    const name = sql<string | null>`case when typeof(${snapshot.name}) = 'text'
      and length(${snapshot.name}) <= ${sql.raw(String(NAME_BYTES_MAX))} then ${snapshot.name} end`;
    const chunks = bounded(snapshot.chunks, chunkCount(PART_BYTES_MAX) * ID_BYTES);
    const columns = { part, stateVersion, length, crc32 };
    const rows = this.#store
      .select({ ...columns, name: name.as("name"), chunks: chunks.as("chunks") })
      .from(snapshot)
      .where(eq(snapshot.sequence, sequence))
      .orderBy(asc(part))
      .limit(STATE_PARTS_MAX)
      .all();
    return rows.map((row) => {
      const { chunks: ids, name: found } = row;
      const plain = [row.part, row.stateVersion, row.length, row.crc32].every(whole);
      const isLong = row.length > PART_BYTES_MAX;
      const fits = ids instanceof Uint8Array && ids.length === chunkCount(row.length) * ID_BYTES;
      if (!plain || isLong || !fits || found === null) {
        refuseFile(this.#path, `the state at event ${sequence} has a damaged part ${row.part}`);
      }
      return { ...row, sequence, name: found, chunks: new Uint32Array(ids.slice().buffer) };
    });
  }

  /**
   * The providers' parts of the state at a `state` event, with what they hold.
   * @throws {ReelError} as {@link parts} and {@link bytes} do
   */
  providers(sequence: number): { name: string; stateVersion: number; bytes: Uint8Array }[] {
    const parts = this.parts(sequence).filter(({ name }) => name.startsWith("provider."));
    return parts.map((part) => ({ ...part, bytes: this.bytes(part) }));
  }

  /**
   * What a part holds.
   * @param before the same part of an earlier state, and what it holds: chunks of both are not read
   *   again. Its bytes are overwritten
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a chunk or the whole has another checksum
   */
  bytes(part: StoredPart, before?: { part: StoredPart; bytes: Uint8Array }): Uint8Array {
    const { chunks, crc32, length, name, sequence } = part;
    const isLike = before?.part.length === length && before.part.name === name;
    const bytes = isLike ? before.bytes : new Uint8Array(length);
    for (let index = 0; index < chunks.length; index++) {
      if (isLike && before.part.chunks[index] === chunks[index]) continue;
      const size = chunkLength(length, index);
      const found = this.#chunk.get({ id: chunks[index]! });
      const { data, hash } = found ?? {};
      const isSmall = data instanceof Uint8Array && data.length <= size;
      const content = isSmall ? unpack(data, size) : undefined;
      if (content === undefined || !Bun.deepEquals(sha256(content), hash)) {
        refuseFile(this.#path, `${name} of the state at event ${sequence} has a damaged chunk`);
      }
      bytes.set(content, index * CHUNK_BYTES);
    }
    if (Bun.hash.crc32(bytes) !== crc32) {
      refuseFile(this.#path, `${name} of the state at event ${sequence} has another checksum`);
    }
    return bytes;
  }
}

function prepareChunk(store: Store) {
  return store
    .select({ hash: chunk.sha256, data: bounded(chunk.data, CHUNK_BYTES).as("data") })
    .from(chunk)
    .where(eq(chunk.id, sql.placeholder("id")))
    .prepare();
}
