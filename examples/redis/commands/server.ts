/** Commands about the connection and the server. */
import { CommandError } from "../keyspace.ts";
import { matchesGlob } from "../glob.ts";
import { integerOf, keyOf, optionOf, type CommandContext, type CommandTable } from "./command.ts";

/** The version of Redis whose commands and texts these are. */
const REDIS_VERSION = "7.0.0";

/** What clients ask for at their start. */
const CONFIG: Readonly<Record<string, string>> = { appendonly: "no", databases: "1", save: "" };

function info({ keys, reply }: CommandContext): void {
  const lines = [
    "# Server",
    `redis_version:${REDIS_VERSION}`,
    "redis_mode:standalone",
    `uptime_in_seconds:${Math.floor(keys.nowNs / 1e9)}`,
    "",
    "# Memory",
    `used_memory:${keys.sizeBytes}`,
    "",
    "# Keyspace",
    ...(keys.count === 0 ? [] : [`db0:keys=${keys.count}`]),
  ];
  reply.bulk(`${lines.join("\r\n")}\r\n`);
}

function config({ reply }: CommandContext, words: readonly Buffer[]): void {
  if (optionOf(words[1]!) !== "GET") {
    const name = keyOf(words[1]!).slice(0, 128);
    throw new CommandError(`ERR unknown subcommand '${name}'. Try CONFIG HELP.`);
  }
  const patterns = words.slice(2).map((word) => keyOf(word).toLowerCase());
  const found = Object.entries(CONFIG).filter(([name]) =>
    patterns.some((pattern) => matchesGlob(pattern, name)),
  );
  reply.array(2 * found.length);
  for (const [name, value] of found) {
    reply.bulk(name);
    reply.bulk(value);
  }
}

function clear({ keys, reply }: CommandContext): void {
  keys.clear();
  reply.status("OK");
}

export const serverCommands: CommandTable = {
  PING: {
    arity: -1,
    run({ reply }, words) {
      if (words.length > 2) {
        throw new CommandError("ERR wrong number of arguments for 'ping' command");
      }
      if (words[1] === undefined) reply.status("PONG");
      else reply.bulk(words[1]);
    },
  },
  ECHO: { arity: 2, run: ({ reply }, words) => reply.bulk(words[1]!) },
  SELECT: {
    arity: 2,
    run({ reply }, words) {
      if (integerOf(words[1]!) !== 0n) throw new CommandError("ERR DB index is out of range");
      reply.status("OK");
    },
  },
  DBSIZE: { arity: 1, run: ({ keys, reply }) => reply.integer(keys.count) },
  FLUSHALL: { arity: -1, run: clear },
  FLUSHDB: { arity: -1, run: clear },
  INFO: { arity: -1, run: info },
  CONFIG: { arity: -2, run: config },
  // redis-cli asks for help texts with it, and does without.
  COMMAND: { arity: -1, run: ({ reply }) => reply.array(0) },
  QUIT: {
    arity: -1,
    run(cx) {
      cx.reply.status("OK");
      cx.quit();
    },
  },
};
