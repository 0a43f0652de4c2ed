/** The role `network`: each write is one command to the wire. */
import {
  ERRNO,
  REEL_ERROR_NUMBERS,
  ReelError,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { COMMAND_BYTES_MAX, carryOut, parseCommand } from "../network/commands.ts";
import type { Sockets } from "./sockets.ts";

const decoder = new TextDecoder();
const NUMBERS: ReadonlyMap<string, number> = new Map<string, number>([
  ["EINVAL", ERRNO.EINVAL],
  ["EHOSTUNREACH", ERRNO.EHOSTUNREACH],
  ["ERR_LIMIT", REEL_ERROR_NUMBERS.ERR_LIMIT],
]);

/**
 * Carries out the operation's text. A mistake is told by its number, and in words by what the
 * resource is called from then on: errors say what they were about.
 */
export function command(sockets: Sockets, run: LayerContext): Move {
  const { memory, memoryAt, length, resource } = run;
  if (length > COMMAND_BYTES_MAX) return run.fail(ERRNO.EINVAL);
  // A copy, because text is not decoded from memory that is shared.
  const line = decoder.decode(memory.slice(memoryAt, memoryAt + length));
  try {
    carryOut(parseCommand(line), sockets.device.wire);
    sockets.labels[resource] = "network";
    return run.done(length);
  } catch (error) {
    const number = error instanceof ReelError ? NUMBERS.get(error.code) : undefined;
    if (number === undefined) throw error;
    sockets.labels[resource] = `network (${(error as Error).message})`;
    return run.fail(number);
  }
}
