/** `session ls`, `rm`, `prune`, `pin`, `pack` and `migrate`: keeping recordings. */
import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { parseDuration, parseSize } from "../scenario/units.ts";
import { jsonFlag, seedNumber, type Action, type Body } from "./flags.ts";

const DAYS = /^(\d+(?:\.\d+)?) ?([dw])$/;
const MS_PER_DAY = 86_400_000;
const NS_PER_MS = 1e6;

/** Milliseconds. */
function age(text: string): number {
  const days = DAYS.exec(text);
  if (days !== null) return Number(days[1]) * (days[2] === "w" ? 7 : 1) * MS_PER_DAY;
  const durationNs = parseDuration(text);
  if (durationNs !== undefined) return durationNs / NS_PER_MS;
  throw new InvalidArgumentError("It must be a duration, such as 7d, 2w or 12h.");
}

function size(text: string): number {
  const sizeBytes = parseSize(text);
  if (sizeBytes !== undefined) return sizeBytes;
  throw new InvalidArgumentError("It must be a size, such as 500MiB.");
}

const RECORDING = "the recording: a path, an id or latest";

/** Adds them to `session`. */
export function addLibrary(session: Command, action: Action): void {
  session
    .command("ls")
    .summary("list the recordings of the library")
    .description("Lists what was recorded without naming a file. Only headers are read.")
    .addOption(
      new Option("--sort <key>", "newest, largest or longest first")
        .choices(["time", "size", "events"])
        .default("time"),
    )
    .addOption(jsonFlag())
    .action(action(async () => (await import("../commands/session/ls.ts")).ls as Body));
  session
    .command("rm")
    .summary("remove recordings")
    .description("Removes recordings with what lies beside them; none when one cannot be removed.")
    .addArgument(new Argument("<recordings...>", "paths, ids or latest"))
    .addHelpText("after", "\nExample:\n  ioreel session rm 3f9a1c latest")
    .action(action(async () => (await import("../commands/session/rm.ts")).rm as Body));
  session
    .command("prune")
    .summary("remove old recordings from the library")
    .description(
      "Removes recordings from the library until the rest is within bounds: without flags,\n" +
        "200 recordings and 2 GiB. Pinned ones stay; failed runs and new ones stay longest.",
    )
    .addOption(new Option("--keep <number>", "how many may stay").argParser(seedNumber))
    .addOption(new Option("--older <duration>", "remove what is older: 7d, 12h").argParser(age))
    .addOption(new Option("--size <bytes>", "how much they may take: 500MiB").argParser(size))
    .option("--dry-run", "only say what would be removed")
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session prune --older 30d --keep 50 --dry-run")
    .action(action(async () => (await import("../commands/session/prune.ts")).prune as Body));
  addKeeping(session, action);
}

function addKeeping(session: Command, action: Action): void {
  session
    .command("pin")
    .summary("keep a recording of the library from being pruned")
    .description("Keeps a recording of the library until it is unpinned or removed by name.")
    .addArgument(new Argument("<recording>", "an id, or latest"))
    .action(action(async () => (await import("../commands/session/pin.ts")).pin as Body));
  session
    .command("unpin")
    .summary("let a recording be pruned again")
    .description("Takes back what session pin has said.")
    .addArgument(new Argument("<recording>", "an id, or latest"))
    .action(action(async () => (await import("../commands/session/pin.ts")).unpin as Body));
  session
    .command("pack")
    .summary("make one small file of a recording")
    .description(
      "Writes a recording as one file without a log or a tail beside it, to copy or to send.\n" +
        "Its id and its digest stay. One whose process died is recovered.",
    )
    .addArgument(new Argument("<recording>", RECORDING))
    .addArgument(new Argument("[out]", "a file that does not exist; left out: in its place"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session pack latest a.reel")
    .action(action(async () => (await import("../commands/session/pack.ts")).pack as Body));
  session
    .command("migrate")
    .summary("copy a recording into the newest format")
    .description(
      "Writes a copy of a recording in the format of this release: the same events, id and digest.",
    )
    .addArgument(new Argument("<recording>", RECORDING))
    .addArgument(new Argument("<out>", "the copy, a file that does not exist"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session migrate old.reel new.reel")
    .action(action(async () => (await import("../commands/session/migrate.ts")).migrate as Body));
}
