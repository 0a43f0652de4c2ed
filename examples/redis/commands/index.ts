/** All commands, and what becomes of one that a peer sends. Texts of errors are Redis's own. */
import { CommandError } from "../keyspace.ts";
import type { Command } from "../request-reader.ts";
import { keyOf, type CommandContext, type CommandDefinition } from "./command.ts";
import { hashCommands } from "./hashes.ts";
import { keyCommands } from "./keys.ts";
import { listCommands } from "./lists.ts";
import { serverCommands } from "./server.ts";
import { stringCommands } from "./strings.ts";

/** How much of an unknown command is repeated in the reply, as in Redis. */
const SHOWN_CHARACTERS = 128;

const commands: ReadonlyMap<string, CommandDefinition> = new Map(
  Object.entries({
    ...stringCommands,
    ...keyCommands,
    ...listCommands,
    ...hashCommands,
    ...serverCommands,
  }),
);

/**
 * Carries out one command and replies.
 * @param bytesMax what the keys may take: commands that add to it are refused beyond
 */
export function execute(cx: CommandContext, words: Command, bytesMax: number): void {
  const name = keyOf(words[0]!);
  const command = commands.get(name) ?? commands.get(name.toUpperCase());
  const { reply } = cx;
  if (command === undefined) return reply.error(unknownCommand(name, words));
  const { arity } = command;
  if (arity > 0 ? words.length !== arity : words.length < -arity) {
    return reply.error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
  }
  if (command.grows === true && cx.keys.sizeBytes > bytesMax) {
    return reply.error("OOM command not allowed when used memory > 'maxmemory'.");
  }
  try {
    command.run(cx, words);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    reply.error(error.message);
  }
}

function unknownCommand(name: string, words: Command): string {
  let shown = "";
  for (const word of words.slice(1)) {
    if (shown.length >= SHOWN_CHARACTERS) break;
    shown += `'${keyOf(word).slice(0, SHOWN_CHARACTERS - shown.length)}' `;
  }
  const command = name.slice(0, SHOWN_CHARACTERS);
  return `ERR unknown command '${command}', with args beginning with: ${shown}`;
}
