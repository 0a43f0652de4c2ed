/** Commands over strings and the numbers in them. */
import { CommandError, type Entry } from "../keyspace.ts";
import { BULK_BYTES_MAX } from "../request-reader.ts";
import {
  addIntegers,
  integerOf,
  kept,
  keyOf,
  momentAfter,
  optionOf,
  syntaxError,
  type CommandContext,
  type CommandDefinition,
  type CommandTable,
} from "./command.ts";

interface SetOptions {
  expiresNs: number;
  keepsExpiry: boolean;
  returnsOld: boolean;
  condition: "NX" | "XX" | undefined;
}

function setOptions({ keys }: CommandContext, words: readonly Buffer[]): SetOptions {
  const found: SetOptions = {
    expiresNs: 0,
    keepsExpiry: false,
    returnsOld: false,
    condition: undefined,
  };
  for (let i = 3; i < words.length; i++) {
    const option = optionOf(words[i]!);
    if ((option === "NX" || option === "XX") && (found.condition ?? option) === option) {
      found.condition = option;
    } else if (option === "GET") {
      found.returnsOld = true;
    } else if (option === "KEEPTTL" && found.expiresNs === 0) {
      found.keepsExpiry = true;
    } else if (
      (option === "EX" || option === "PX") &&
      i + 1 < words.length &&
      found.expiresNs === 0 &&
      !found.keepsExpiry
    ) {
      const word = words[++i]!;
      if (integerOf(word) <= 0n) throw new CommandError("ERR invalid expire time in 'set' command");
      found.expiresNs = momentAfter(keys.nowNs, word, option === "EX" ? "s" : "ms", "set");
    } else {
      throw syntaxError();
    }
  }
  return found;
}

function set(cx: CommandContext, words: readonly Buffer[]): void {
  const { keys, reply } = cx;
  const key = keyOf(words[1]!);
  const value = words[2]!;
  if (words.length === 3) {
    keys.set(key, kept(value), value.length);
    return reply.status("OK");
  }
  const { condition, expiresNs, keepsExpiry, returnsOld } = setOptions(cx, words);
  const before = keys.get(key);
  const old = returnsOld ? keys.string(key) : undefined;
  const refused = condition !== undefined && (condition === "XX") !== (before !== undefined);
  if (!refused) {
    keys.set(key, kept(value), value.length, keepsExpiry ? (before?.expiresNs ?? 0) : expiresNs);
  }
  if (returnsOld) {
    if (old === undefined) reply.nil();
    else reply.bulk(old);
  } else if (refused) {
    reply.nil();
  } else {
    reply.status("OK");
  }
}

/** Replaces a string and leaves its end of life as it is. */
function replace(cx: CommandContext, key: string, value: Buffer): void {
  const entry: Entry | undefined = cx.keys.get(key);
  cx.keys.set(key, value, value.length, entry?.expiresNs ?? 0);
}

function increase(cx: CommandContext, word: Buffer, by: bigint): void {
  const key = keyOf(word);
  const before = cx.keys.string(key);
  const sum = addIntegers(before === undefined ? 0n : integerOf(before), by);
  replace(cx, key, Buffer.from(String(sum)));
  cx.reply.integer(sum);
}

/** Increments by a fixed number, or by the second argument. */
const counter = (sign: 1n | -1n, byArgument: boolean): CommandDefinition => ({
  arity: byArgument ? 3 : 2,
  grows: true,
  run(cx, words) {
    increase(cx, words[1]!, byArgument ? sign * integerOf(words[2]!) : sign);
  },
});

export const stringCommands: CommandTable = {
  SET: { arity: -3, grows: true, run: set },
  GET: {
    arity: 2,
    run({ keys, reply }, words) {
      const value = keys.string(keyOf(words[1]!));
      if (value === undefined) reply.nil();
      else reply.bulk(value);
    },
  },
  MGET: {
    arity: -2,
    run({ keys, reply }, words) {
      reply.array(words.length - 1);
      for (const word of words.slice(1)) {
        const value = keys.get(keyOf(word))?.value;
        if (value instanceof Buffer) reply.bulk(value);
        else reply.nil();
      }
    },
  },
  MSET: {
    arity: -3,
    grows: true,
    run({ keys, reply }, words) {
      if (words.length % 2 === 0) {
        throw new CommandError("ERR wrong number of arguments for 'mset' command");
      }
      for (let i = 1; i < words.length; i += 2) {
        const value = words[i + 1]!;
        keys.set(keyOf(words[i]!), kept(value), value.length);
      }
      reply.status("OK");
    },
  },
  APPEND: {
    arity: 3,
    grows: true,
    run(cx, words) {
      const key = keyOf(words[1]!);
      const before = cx.keys.string(key) ?? Buffer.alloc(0);
      if (before.length + words[2]!.length > BULK_BYTES_MAX) {
        throw new CommandError("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
      }
      replace(cx, key, Buffer.concat([before, words[2]!]));
      cx.reply.integer(before.length + words[2]!.length);
    },
  },
  STRLEN: {
    arity: 2,
    run: ({ keys, reply }, words) => reply.integer(keys.string(keyOf(words[1]!))?.length ?? 0),
  },
  INCR: counter(1n, false),
  DECR: counter(-1n, false),
  INCRBY: counter(1n, true),
  DECRBY: counter(-1n, true),
};
