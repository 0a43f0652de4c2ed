/**
 * The command line as a tree of commander's: names, flags and help. The commands' bodies are loaded
 * only when they run, so that `--help` costs no more than it must.
 */
import { Argument, Command, Option } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { jsonFlag, keyValue, list, seedNumber, type Action, type Body } from "./program/flags.ts";
import { recordingFlags } from "./program/recording.ts";
import { addSessions } from "./program/sessions.ts";

const BACKENDS = ["auto", "uring", "emulated"];
const CLOCKS = ["virtual", "paced"];

const EXIT_CODES = `
Exit codes:
  0 ok, 1 internal, 2 usage, 3 invalid scenario, 4 expectation failed, 5 replay diverged,
  6 backend unavailable, 7 corrupt or incompatible recording, 130 interrupted`;

/** Flags of everything that runs a scenario. */
function runFlags(command: Command): Command {
  return command
    .addOption(new Option("-b, --backend <name>", "what to run on").choices(BACKENDS))
    .addOption(
      new Option("-s, --seed <number>", "where all randomness begins").argParser(seedNumber),
    )
    .addOption(new Option("--clock <mode>", "the emulated clock").choices(CLOCKS))
    .addOption(
      new Option("--set <name=value>", "replace a variable of the scenario")
        .argParser(keyValue)
        .default([], "none"),
    )
    .addOption(
      new Option("--input <[name=]path>", "replace an input file; without a name, the first")
        .argParser(list)
        .default([], "none"),
    )
    .option("--permute", "permute the order of ready tasks by the seed")
    .option("--strict", "trap what a replay cannot repeat: the host's time, randomness, files")
    .option("--cwd <folder>", "folder that paths in the scenario are relative to")
    .addOption(
      new Option("--allow-path <path>", "a file or folder outside of it that may be read")
        .argParser(list)
        .default([], "none"),
    )
    .option("-q, --quiet", "print the summary only")
    .addOption(jsonFlag());
}

/**
 * Builds the tree.
 * @param run called with a command's body and its words; its exit code becomes the program's
 */
export function buildProgram(
  run: (load: () => Promise<Body>, words: unknown[]) => Promise<void> = async () => {},
): Command {
  const action =
    (load: () => Promise<Body>) =>
    // Commander passes the command itself last; bodies take words and flags only.
    (...words: unknown[]): Promise<void> =>
      run(load, words.slice(0, -1));
  const program = new Command("ioreel")
    .description("Asynchronous I/O that can be recorded, replayed and explored")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .showSuggestionAfterError(true)
    .addHelpText("after", HELP_EXAMPLES);
  addRunning(program, action);
  addSessions(program, action);
  addLooking(program, action);
  return program;
}

const HELP_EXAMPLES = `
Examples:
  ioreel run examples/tour.yaml
  ioreel run examples/tour.yaml --backend emulated --seed 7 --record a.reel
  ioreel replay a.reel
${EXIT_CODES}`;

function addRunning(program: Command, action: Action): void {
  recordingFlags(runFlags(program.command("run")))
    .summary("run a scenario")
    .description("Runs a scenario: YAML, JSON or TypeScript.")
    .addArgument(new Argument("[file]", "the scenario"))
    .option("-r, --record [file]", "write the session to a file, or else into the library")
    .option("--resume <recording>", "go on with a recorded run that was cut off, in its place")
    .addHelpText(
      "after",
      `
Examples:
  ioreel run examples/tour.yaml --input README.md
  ioreel run examples/tour.yaml --backend emulated --seed 7 --set chunk=8KiB --json`,
    )
    .action(action(async () => (await import("./commands/run.ts")).run as Body));
  recordingFlags(runFlags(program.command("record")))
    .summary("run a scenario and record it")
    .description(
      "Runs a scenario and writes the session to a file, or else into the library: run --record.",
    )
    .addArgument(new Argument("<file>", "the scenario"))
    .addArgument(new Argument("[recording]", "the file to write, NAME.reel"))
    .action(action(async () => (await import("./commands/run.ts")).record as Body));
  program
    .command("check")
    .summary("check scenarios without running them")
    .description("Checks scenarios and prints every mistake with its place. Nothing is started.")
    .addArgument(new Argument("<files...>", "the scenarios"))
    .option("--print", "print the checked scenario with all defaults filled in")
    .option("--strict", "refuse modules that use what a replay cannot repeat")
    .option("--cwd <folder>", "folder that paths in the scenario are relative to")
    .addOption(
      new Option("--allow-path <path>", "a file or folder outside of it that may be read")
        .argParser(list)
        .default([], "none"),
    )
    .addOption(jsonFlag())
    .action(action(async () => (await import("./commands/check.ts")).check as Body));
}

function addLooking(program: Command, action: Action): void {
  const provider = program.command("provider").summary("look at what can be opened");
  provider
    .command("ls")
    .summary("list the providers")
    .addOption(jsonFlag())
    .action(action(async () => (await import("./commands/provider.ts")).ls as Body));
  provider
    .command("info")
    .summary("show a provider's options, ends and operations")
    .addArgument(new Argument("<kind>", "the provider"))
    .addOption(jsonFlag())
    .action(action(async () => (await import("./commands/provider.ts")).info as Body));
  program
    .command("doctor")
    .summary("say which backend this machine gets, and why")
    .description("Examines this machine: which backend is chosen, every obstacle, and its mend.")
    .addOption(jsonFlag())
    .action(action(async () => (await import("./commands/doctor.ts")).doctor as Body));
}
