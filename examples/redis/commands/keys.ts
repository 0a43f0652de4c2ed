/** Commands over keys of any kind: deleting, expiring, listing. */
import { CommandError, type Entry } from "../keyspace.ts";
import { Deque } from "../deque.ts";
import { matchesGlob } from "../glob.ts";
import {
  indexOf,
  keyOf,
  momentAfter,
  optionOf,
  syntaxError,
  type CommandContext,
  type CommandDefinition,
  type CommandTable,
} from "./command.ts";

const NS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;
const SCAN_COUNT_DEFAULT = 10;

const NO_KEY = -2;
const NO_END = -1;

const expiring = (unit: "s" | "ms", name: string): CommandDefinition => ({
  arity: 3,
  run({ keys, reply }, words) {
    const key = keyOf(words[1]!);
    const expiresNs = momentAfter(keys.nowNs, words[2]!, unit, name);
    const entry = keys.get(key);
    if (entry === undefined) return reply.integer(0);
    if (expiresNs <= keys.nowNs) keys.delete(key);
    else keys.expire(key, entry, expiresNs);
    reply.integer(1);
  },
});

const remaining = (unit: "s" | "ms"): CommandDefinition => ({
  arity: 2,
  run({ keys, reply }, words) {
    const entry = keys.get(keyOf(words[1]!));
    if (entry === undefined) return reply.integer(NO_KEY);
    if (entry.expiresNs === 0) return reply.integer(NO_END);
    const leftMs = Math.ceil((entry.expiresNs - keys.nowNs) / NS_PER_MS);
    // Redis rounds seconds to the nearest.
    reply.integer(
      unit === "ms" ? leftMs : Math.floor((leftMs + MS_PER_SECOND / 2) / MS_PER_SECOND),
    );
  },
});

/** How many of the keys there are, each as often as it is named. */
const counting = (look: (cx: CommandContext, key: string) => boolean): CommandDefinition => ({
  arity: -2,
  run(cx, words) {
    let count = 0;
    for (const word of words.slice(1)) if (look(cx, keyOf(word))) count++;
    cx.reply.integer(count);
  },
});

function typeOf({ value }: Entry): string {
  if (value instanceof Buffer) return "string";
  return value instanceof Deque ? "list" : "hash";
}

interface ScanOptions {
  count: number;
  pattern: string;
  type: string | undefined;
}

function scanOptions(words: readonly Buffer[]): ScanOptions {
  const found: ScanOptions = { count: SCAN_COUNT_DEFAULT, pattern: "*", type: undefined };
  for (let i = 2; i < words.length; i += 2) {
    const option = optionOf(words[i]!);
    const value = words[i + 1];
    if (value === undefined) throw syntaxError();
    if (option === "MATCH") found.pattern = keyOf(value);
    else if (option === "TYPE") found.type = keyOf(value).toLowerCase();
    else if (option === "COUNT") found.count = indexOf(value);
    else throw syntaxError();
  }
  if (found.count < 1) throw syntaxError();
  return found;
}

/**
 * The cursor is the number of the last key that was looked at. Keys keep their number, so one that
 * is there all the time is found exactly once.
 */
function scan({ keys, reply }: CommandContext, words: readonly Buffer[]): void {
  const text = keyOf(words[1]!);
  if (!/^\d{1,15}$/.test(text)) throw new CommandError("ERR invalid cursor");
  const { count, pattern, type } = scanOptions(words);
  const found: string[] = [];
  let cursor = 0;
  let looked = 0;
  for (const [key, entry] of keys.keys()) {
    if (entry.number <= Number(text)) continue;
    if (looked === count) break;
    if (++looked === count) cursor = entry.number;
    const fits = type === undefined || typeOf(entry) === type;
    if (fits && matchesGlob(pattern, key)) found.push(key);
  }
  reply.array(2);
  reply.bulk(String(cursor));
  replyKeys({ reply }, found);
}

function replyKeys({ reply }: Pick<CommandContext, "reply">, keys: readonly string[]): void {
  reply.array(keys.length);
  for (const key of keys) reply.bulk(Buffer.from(key, "latin1"));
}

export const keyCommands: CommandTable = {
  DEL: counting(({ keys }, key) => keys.get(key) !== undefined && keys.delete(key)),
  EXISTS: counting(({ keys }, key) => keys.get(key) !== undefined),
  EXPIRE: expiring("s", "expire"),
  PEXPIRE: expiring("ms", "pexpire"),
  TTL: remaining("s"),
  PTTL: remaining("ms"),
  PERSIST: {
    arity: 2,
    run({ keys, reply }, words) {
      const key = keyOf(words[1]!);
      const entry = keys.get(key);
      const mortal = entry !== undefined && entry.expiresNs !== 0;
      if (mortal) keys.expire(key, entry, 0);
      reply.integer(mortal ? 1 : 0);
    },
  },
  TYPE: {
    arity: 2,
    run({ keys, reply }, words) {
      const entry = keys.get(keyOf(words[1]!));
      reply.status(entry === undefined ? "none" : typeOf(entry));
    },
  },
  KEYS: {
    arity: 2,
    run(cx, words) {
      const pattern = keyOf(words[1]!);
      const found = [...cx.keys.keys()].map(([key]) => key);
      replyKeys(
        cx,
        found.filter((key) => matchesGlob(pattern, key)),
      );
    },
  },
  SCAN: { arity: -2, run: scan },
};
