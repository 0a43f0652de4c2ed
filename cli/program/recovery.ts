/** `session verify`, `recover` and `salvage`: recordings that were killed or damaged. */
import { Argument, type Command } from "commander";
import { jsonFlag, type Action, type Body } from "./flags.ts";

/** Adds them to `session`. */
export function addRecovery(session: Command, action: Action): void {
  session
    .command("verify")
    .summary("check every checksum and event of a recording")
    .description(
      "Says whether a recording is what was recorded, and what was recovered of one whose\n" +
        "process died. Of a damaged one it lists what is damaged, and exits with 7.",
    )
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session verify a.reel")
    .action(action(async () => (await import("../commands/session/verify.ts")).verify as Body));
  session
    .command("recover")
    .summary("make one file of a recording whose process died")
    .description(
      "Writes what was recovered from the tail into the recording, for good. Reading and\n" +
        "replaying need no such thing; copying the one file does.",
    )
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session recover a.reel")
    .action(action(async () => (await import("../commands/session/recover.ts")).recover as Body));
  session
    .command("salvage")
    .summary("keep what is before the damage of a recording")
    .description(
      "Copies a damaged recording up to its first damage, and says how many events are lost.\n" +
        "Works on files that were cut off or that SQLite does not read to the end.",
    )
    .addArgument(new Argument("<file>", "the damaged recording"))
    .addArgument(new Argument("<out>", "the new one, a file that does not exist"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session salvage a.reel a-salvaged.reel")
    .action(action(async () => (await import("../commands/session/salvage.ts")).salvage as Body));
}
