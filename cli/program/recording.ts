/** The flags that say how a session is recorded, for the commands that run scenarios. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { parseSize } from "../scenario/units.ts";
import { list } from "./flags.ts";

function flightSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= 1 << 20 && bytes <= 1 << 30) return bytes;
  throw new InvalidArgumentError("It must be a size from 1MiB to 1GiB, such as 64MiB.");
}

/** Adds the flags to a command. */
export function recordingFlags(command: Command): Command {
  const isSlow = "when the disk is slower than the run: wait, or keep checksums";
  return command
    .addOption(new Option("--mode <mode>", isSlow).choices(["block", "digest"]))
    .addOption(
      new Option("--flight <size>", "keep the last events only, and only when the run fails")
        .argParser(flightSize)
        .conflicts(["mode", "durable"]),
    )
    .option("--durable", "record so that a power failure loses milliseconds only")
    .addOption(
      new Option("--payload <policy>", "what is kept of bytes that come in").choices([
        "auto",
        "full",
        "digest",
        "none",
      ]),
    )
    .addOption(
      new Option("--redact <pattern>", "write over a text or /expression/ in what is recorded")
        .argParser(list)
        .default([], "none"),
    );
}
