/**
 * The keys, their values and their ends of life. Keys are binary: each character of a key's string
 * is one byte. Time is given from outside, so that a replay expires what the recorded run expired.
 */
import { Deque } from "./deque.ts";

export type Value = Buffer | Deque<Buffer> | Map<string, Buffer>;

export interface Entry {
  /** Numbers grow from entry to entry, and so are a place in the order of the keys. */
  readonly number: number;
  value: Value;
  /** By the session's clock; 0 for one that stays. */
  expiresNs: number;
  /** What it takes, as far as that is told by adding up. */
  sizeBytes: number;
}

/** What a key costs beside its own bytes and those of its value. */
const ENTRY_BYTES = 64;
/** How many keys with an end are looked at in one sweep. */
const SWEEP_KEYS = 16;

/** A failure of a command, as the text of its reply. */
export class CommandError extends Error {}

export class Keyspace {
  readonly #entries = new Map<string, Entry>();
  /** Keys that have an end of life. */
  readonly #mortal = new Set<string>();
  #sweep: Iterator<string> | undefined;
  #numbers = 0;
  #sizeBytes = 0;
  #nowNs = 0;

  get nowNs(): number {
    return this.#nowNs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get count(): number {
    this.#removeExpired();
    return this.#entries.size;
  }

  /** Sets the time, and forgets some of what has expired and nobody asks for. */
  tick(nowNs: number): void {
    this.#nowNs = nowNs;
    if (this.#mortal.size === 0) return;
    this.#sweep ??= this.#mortal.values();
    for (let i = 0; i < SWEEP_KEYS; i++) {
      const { done, value } = this.#sweep.next();
      if (done === true) {
        this.#sweep = undefined;
        return;
      }
      this.get(value);
    }
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresNs === 0 || entry.expiresNs > this.#nowNs) return entry;
    this.delete(key);
    return undefined;
  }

  /** @throws {CommandError} for a value of another kind */
  string(key: string): Buffer | undefined {
    const value = this.get(key)?.value;
    if (value === undefined || value instanceof Buffer) return value;
    throw wrongType();
  }

  /** @throws {CommandError} for a value of another kind */
  list(key: string): Deque<Buffer> | undefined {
    const value = this.get(key)?.value;
    if (value === undefined || value instanceof Deque) return value;
    throw wrongType();
  }

  /** @throws {CommandError} for a value of another kind */
  hash(key: string): Map<string, Buffer> | undefined {
    const value = this.get(key)?.value;
    if (value === undefined || value instanceof Map) return value;
    throw wrongType();
  }

  /**
   * Sets a key.
   * @param sizeBytes of the value
   * @param expiresNs when its life ends; 0 for never
   */
  set(key: string, value: Value, sizeBytes: number, expiresNs = 0): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { number: ++this.#numbers, value, expiresNs: 0, sizeBytes: key.length + ENTRY_BYTES };
      this.#sizeBytes += entry.sizeBytes;
      this.#entries.set(key, entry);
    }
    entry.value = value;
    this.resize(entry, key.length + ENTRY_BYTES + sizeBytes - entry.sizeBytes);
    this.expire(key, entry, expiresNs);
    return entry;
  }

  /** A value has become so much larger, or smaller. */
  resize(entry: Entry, byBytes: number): void {
    entry.sizeBytes += byBytes;
    this.#sizeBytes += byBytes;
  }

  expire(key: string, entry: Entry, expiresNs: number): void {
    if (expiresNs === 0 && entry.expiresNs === 0) return;
    entry.expiresNs = expiresNs;
    if (expiresNs === 0) this.#mortal.delete(key);
    else this.#mortal.add(key);
  }

  /** @returns whether there was one */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#mortal.delete(key);
    this.#sizeBytes -= entry.sizeBytes;
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#mortal.clear();
    this.#sweep = undefined;
    this.#sizeBytes = 0;
  }

  /** All keys, in the order in which they came. */
  *keys(): Generator<[string, Entry]> {
    this.#removeExpired();
    yield* this.#entries;
  }

  #removeExpired(): void {
    for (const key of this.#mortal) this.get(key);
  }
}

function wrongType(): CommandError {
  return new CommandError("WRONGTYPE Operation against a key holding the wrong kind of value");
}
