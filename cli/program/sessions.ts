/** The commands that work on recordings, as a part of the command line's tree. */
import { Argument, type Command } from "commander";
import { jsonFlag, type Action, type Body } from "./flags.ts";

/** `replay` and `session`: what is done with recordings. */
export function addSessions(program: Command, action: Action): void {
  program
    .command("replay")
    .summary("replay a recorded session and compare it")
    .description(
      "Runs the recorded scenario again and compares every operation. A session of io_uring is\n" +
        "answered from the recording, without a ring; one of the emulated machine happens again.",
    )
    .addArgument(new Argument("<file>", "the recording"))
    .option("-q, --quiet", "print the summary only")
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel replay a.reel --json")
    .action(action(async () => (await import("../commands/replay.ts")).replay as Body));
  const session = program.command("session").summary("look into recorded sessions");
  session
    .command("show")
    .summary("show what a recording holds")
    .description("Verifies a recording and shows its header, and its events if asked for.")
    .addArgument(new Argument("<file>", "the recording"))
    .option("--events [from-to]", "print the events, all or a range of their numbers")
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session show a.reel --events 0-20")
    .action(action(async () => (await import("../commands/session/show.ts")).show as Body));
}
