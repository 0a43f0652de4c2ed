/** Commands over lists. */
import { Deque } from "../deque.ts";
import { CommandError } from "../keyspace.ts";
import {
  indexOf,
  kept,
  keyOf,
  type CommandContext,
  type CommandDefinition,
  type CommandTable,
} from "./command.ts";

/** What an element costs beside its bytes. */
const ELEMENT_BYTES = 32;

const pushing = (end: "first" | "last"): CommandDefinition => ({
  arity: -3,
  grows: true,
  run({ keys, reply }, words) {
    const key = keyOf(words[1]!);
    const list = keys.list(key) ?? new Deque<Buffer>();
    const entry = keys.get(key) ?? keys.set(key, list, 0);
    for (const word of words.slice(2)) {
      if (end === "first") list.pushFirst(kept(word));
      else list.pushLast(kept(word));
      keys.resize(entry, word.length + ELEMENT_BYTES);
    }
    reply.integer(list.length);
  },
});

const popping = (end: "first" | "last"): CommandDefinition => ({
  arity: -2,
  run({ keys, reply }, words) {
    const name = end === "first" ? "lpop" : "rpop";
    if (words.length > 3) {
      throw new CommandError(`ERR wrong number of arguments for '${name}' command`);
    }
    const counted = words[2];
    const wanted = counted === undefined ? 1 : indexOf(counted);
    if (wanted < 0) throw new CommandError("ERR value is out of range, must be positive");
    const key = keyOf(words[1]!);
    const list = keys.list(key);
    if (list === undefined) return counted === undefined ? reply.nil() : reply.nilArray();
    const entry = keys.get(key)!;
    const count = Math.min(wanted, list.length);
    if (counted !== undefined) reply.array(count);
    for (let i = 0; i < count; i++) {
      const value = end === "first" ? list.popFirst()! : list.popLast()!;
      keys.resize(entry, -value.length - ELEMENT_BYTES);
      reply.bulk(value);
    }
    if (list.length === 0) keys.delete(key);
  },
});

function range({ keys, reply }: CommandContext, words: readonly Buffer[]): void {
  const [from, to] = [indexOf(words[2]!), indexOf(words[3]!)];
  const list = keys.list(keyOf(words[1]!));
  if (list === undefined) return reply.array(0);
  const { length } = list;
  // Negative numbers count from the end.
  const start = Math.max(0, from < 0 ? length + from : from);
  const end = Math.min(length - 1, to < 0 ? length + to : to);
  reply.array(Math.max(0, end - start + 1));
  for (let i = start; i <= end; i++) reply.bulk(list.at(i));
}

export const listCommands: CommandTable = {
  LPUSH: pushing("first"),
  RPUSH: pushing("last"),
  LPOP: popping("first"),
  RPOP: popping("last"),
  LLEN: {
    arity: 2,
    run: ({ keys, reply }, words) => reply.integer(keys.list(keyOf(words[1]!))?.length ?? 0),
  },
  LRANGE: { arity: 4, run: range },
};
