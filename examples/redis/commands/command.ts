/** What a command is, and what its arguments may be. */
import { CommandError, type Keyspace } from "../keyspace.ts";
import type { ReplyWriter } from "../reply-writer.ts";

/** What a command works with. */
export interface CommandContext {
  readonly keys: Keyspace;
  readonly reply: ReplyWriter;
  /** Ends the connection behind the reply. */
  quit(): void;
}

export interface CommandDefinition {
  /** Words with the name; a negative number stands for at least so many. */
  readonly arity: number;
  /** Whether it is refused when memory is full. */
  readonly grows?: boolean;
  /**
   * Replies. Words are valid during the call.
   * @throws {CommandError} instead of replying
   */
  run(cx: CommandContext, words: readonly Buffer[]): void;
}

export type CommandTable = Readonly<Record<string, CommandDefinition>>;

const NS_PER_MS = 1_000_000;
const NS_PER_SECOND = 1_000_000_000;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** As far as the session's clock can count. */
const EXPIRES_NS_MAX = Number.MAX_SAFE_INTEGER;

/** A key or a field: one character for each byte. */
export const keyOf = (word: Buffer): string => word.toString("latin1", 0, word.length);

/** A word that is an option: in capitals. */
export const optionOf = (word: Buffer): string => keyOf(word).toUpperCase();

/** What outlives the command needs memory of its own: a word is a part of all that was received. */
export const kept = (word: Buffer): Buffer => Buffer.from(word);

/** @throws {CommandError} for what is no 64-bit number */
export function integerOf(word: Buffer): bigint {
  const text = keyOf(word);
  if (text.length <= 20 && /^(?:0|-?[1-9]\d*)$/.test(text)) {
    const value = BigInt(text);
    if (value >= INT64_MIN && value <= INT64_MAX) return value;
  }
  throw new CommandError("ERR value is not an integer or out of range");
}

/** @throws {CommandError} for a sum that has no place in 64 bits */
export function addIntegers(a: bigint, b: bigint): bigint {
  const sum = a + b;
  if (sum >= INT64_MIN && sum <= INT64_MAX) return sum;
  throw new CommandError("ERR increment or decrement would overflow");
}

/** An index into something: beyond what memory can hold, all are the same. */
export function indexOf(word: Buffer): number {
  const value = integerOf(word);
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (value > limit) return Number.MAX_SAFE_INTEGER;
  return value < -limit ? -Number.MAX_SAFE_INTEGER : Number(value);
}

/**
 * The moment that is so far away.
 * @param unit "s" or "ms"
 * @throws {CommandError} naming the command, for what the clock cannot count
 */
export function momentAfter(
  nowNs: number,
  word: Buffer,
  unit: "s" | "ms",
  command: string,
): number {
  const expiresNs = nowNs + indexOf(word) * (unit === "s" ? NS_PER_SECOND : NS_PER_MS);
  if (Math.abs(expiresNs) <= EXPIRES_NS_MAX) return expiresNs;
  throw new CommandError(`ERR invalid expire time in '${command}' command`);
}

export const syntaxError = (): CommandError => new CommandError("ERR syntax error");
