/** The commands that work on recordings, as a part of the command line's tree. */
import { Argument, Option, type Command } from "commander";
import { EXPORT_FORMATS } from "../../core/session/export/formats.ts";
import { addLibrary } from "./library.ts";
import { addRecovery } from "./recovery.ts";
import { addOntoFlags } from "./onto.ts";
import { jsonFlag, list, seedNumber, type Action, type Body } from "./flags.ts";

/** `replay` and `session`: what is done with recordings. */
export function addSessions(program: Command, action: Action): void {
  const replay = program
    .command("replay")
    .summary("replay a recorded session and compare it")
    .description(
      "Runs the recorded scenario again and compares every operation. A session of io_uring is\n" +
        "answered from the recording, without a ring; one of the emulated machine happens again.",
    )
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .option("-q, --quiet", "print the summary only")
    .option("--at <place>", "show an event by number, a time (12.5ms), a mark's text, or end")
    .option("--until <expression>", "show the first event for which it holds")
    .option("--step", "travel in the recording from a prompt; lines may come from a pipe")
    .addOption(
      new Option("--redact <pattern>", "a rule that it was recorded with").argParser(
        (rule: string, before: string[] = []) => list(rule, before),
      ),
    )
    .option("--live", "show the state by field names too: runs the scenario up to there")
    .option("--no-live", "leave the state out of --json")
    .addOption(jsonFlag())
    .addHelpText(
      "after",
      `
Examples:
  ioreel replay a.reel --json
  ioreel replay a.reel --at 5000 --json
  ioreel replay a.reel --until 'kind == settle && result == ECONNRESET'
  ioreel replay a.reel --step --at end
  ioreel replay a.reel --onto uring --redirect disk.img=copy.img`,
    )
    .action(action(async () => (await import("../commands/replay.ts")).replay as Body));
  addOntoFlags(replay);
  const session = program.command("session").summary("look into recorded sessions");
  session
    .command("show")
    .summary("show what a recording holds")
    .description("Verifies a recording and shows its header, and its events if asked for.")
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .option("--events [from-to]", "print the events, all or a range of their numbers")
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session show a.reel --events 0-20")
    .action(action(async () => (await import("../commands/session/show.ts")).show as Body));
  session
    .command("diff")
    .summary("say where two recordings part")
    .description(
      "Compares two recordings of the same program and shows the first difference, as a replay\n" +
        "does. Exits with 0 for equal sessions and with 5 for others.",
    )
    .addArgument(new Argument("<first>", "what counts as recorded"))
    .addArgument(new Argument("<second>", "what is compared with it"))
    .addOption(jsonFlag())
    .addHelpText("after", "\nExample:\n  ioreel session diff a.reel b.reel")
    .action(action(async () => (await import("../commands/session/diff.ts")).diff as Body));
  addLibrary(session, action);
  addRecovery(session, action);
  addExchange(session, action);
}

/** `session export`, `import` and `sql`: recordings and other tools. */
function addExchange(session: Command, action: Action): void {
  session
    .command("export")
    .summary("write a recording in another tool's format")
    .description(
      "Verifies a recording and writes it for another tool. See docs/sessions-export.md.",
    )
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .addOption(
      new Option("--format <name>", "what to write").choices(EXPORT_FORMATS).makeOptionMandatory(),
    )
    .option("-o, --output <file>", "where to; left out: to stdout")
    .addOption(new Option("--from <event>", "first event by its number").argParser(seedNumber))
    .addOption(new Option("--to <event>", "last event by its number").argParser(seedNumber))
    .option("--provider <kind>", "only what was done on a provider's ends")
    .addHelpText("after", "\nExample:\n  ioreel session export a.reel --format chrome -o a.json")
    .action(
      action(async () => (await import("../commands/session/export.ts")).exportSession as Body),
    );
  session
    .command("import")
    .summary("make a scenario of another tool's recording")
    .description("Makes a scenario of a fio I/O log or of the TCP connections of a packet capture.")
    .addArgument(new Argument("<file>", "the log or the capture"))
    .addArgument(new Argument("<scenario>", "the file to write, NAME.yaml"))
    .addOption(
      new Option("--from <tool>", "what the file is")
        .choices(["fio", "pcap"])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--disk <kind>", "what the files of a fio log become")
        .choices(["ata", "sata"])
        .default("sata"),
    )
    .addHelpText("after", "\nExample:\n  ioreel session import --from pcap a.pcap a.yaml")
    .action(
      action(async () => (await import("../commands/session/import.ts")).importSession as Body),
    );
  session
    .command("sql")
    .summary("ask a recording questions in SQL")
    .description(
      "Puts the events of a recording into tables of a side database and runs one query that\n" +
        "reads. The tables are event, span, operation and provider_summary.",
    )
    .addArgument(new Argument("<file>", "the recording: a path, an id or latest"))
    .addArgument(new Argument("[query]", "one statement of SQLite's SQL"))
    .option("--schema", "print the tables and their columns")
    .addOption(jsonFlag())
    .addHelpText(
      "after",
      '\nExample:\n  ioreel session sql a.reel "select * from provider_summary"',
    )
    .action(action(async () => (await import("../commands/session/sql.ts")).sql as Body));
}
