/** Commands over hashes. */
import { CommandError } from "../keyspace.ts";
import { kept, keyOf, type CommandContext, type CommandTable } from "./command.ts";

/** What a field costs beside its bytes. */
const FIELD_BYTES = 64;

function set({ keys, reply }: CommandContext, words: readonly Buffer[]): void {
  if (words.length % 2 === 1) {
    throw new CommandError("ERR wrong number of arguments for 'hset' command");
  }
  const key = keyOf(words[1]!);
  const hash = keys.hash(key) ?? new Map<string, Buffer>();
  const entry = keys.get(key) ?? keys.set(key, hash, 0);
  let added = 0;
  for (let i = 2; i < words.length; i += 2) {
    const field = keyOf(words[i]!);
    const value = kept(words[i + 1]!);
    const before = hash.get(field);
    hash.set(field, value);
    if (before === undefined) added++;
    const grown = before === undefined ? field.length + FIELD_BYTES : -before.length;
    keys.resize(entry, grown + value.length);
  }
  reply.integer(added);
}

function remove({ keys, reply }: CommandContext, words: readonly Buffer[]): void {
  const key = keyOf(words[1]!);
  const hash = keys.hash(key);
  if (hash === undefined) return reply.integer(0);
  const entry = keys.get(key)!;
  let removed = 0;
  for (const word of words.slice(2)) {
    const field = keyOf(word);
    const before = hash.get(field);
    if (before === undefined) continue;
    hash.delete(field);
    keys.resize(entry, -field.length - FIELD_BYTES - before.length);
    removed++;
  }
  if (hash.size === 0) keys.delete(key);
  reply.integer(removed);
}

export const hashCommands: CommandTable = {
  HSET: { arity: -4, grows: true, run: set },
  HDEL: { arity: -3, run: remove },
  HGET: {
    arity: 3,
    run({ keys, reply }, words) {
      const value = keys.hash(keyOf(words[1]!))?.get(keyOf(words[2]!));
      if (value === undefined) reply.nil();
      else reply.bulk(value);
    },
  },
  HLEN: {
    arity: 2,
    run: ({ keys, reply }, words) => reply.integer(keys.hash(keyOf(words[1]!))?.size ?? 0),
  },
  HGETALL: {
    arity: 2,
    run({ keys, reply }, words) {
      const hash = keys.hash(keyOf(words[1]!)) ?? new Map<string, Buffer>();
      reply.array(2 * hash.size);
      for (const [field, value] of hash) {
        reply.bulk(Buffer.from(field, "latin1"));
        reply.bulk(value);
      }
    },
  },
};
