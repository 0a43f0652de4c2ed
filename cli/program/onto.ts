/** The flags of `ioreel replay --onto`, as a part of the command line's tree. */
import { Option, type Command } from "commander";
import { pathPair, speedNumber } from "./flags.ts";

/** Adds them to `replay`. */
export function addOntoFlags(replay: Command): void {
  const onto = "do what was recorded again on a backend, and compare";
  const pace = "with --onto: as soon as possible, or at the recorded times";
  const speed = "with --pace recorded: so many times as fast";
  const redirect = "with --onto: use a copy of an image (repeatable)";
  replay
    .addOption(new Option("--onto <backend>", onto).choices(["uring", "emulated"]))
    .addOption(new Option("--pace <how>", pace).choices(["dependency", "recorded"]))
    .addOption(new Option("--speed <factor>", speed).argParser(speedNumber))
    .addOption(new Option("--redirect <from=to>", redirect).argParser(pathPair).default([], "none"))
    .option("--in-place", "with --onto: the recorded images may be written to");
}
