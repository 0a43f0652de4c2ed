/** Parses the words of the command line, runs the command, and turns failures into exit codes. */
import { CommanderError, type Command } from "commander";
import { ReelError } from "../core/errors.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";

/** Commander's ways of saying that it printed what was asked for. */
const PRINTED = new Set(["commander.help", "commander.helpDisplayed", "commander.version"]);

/**
 * Runs a command line.
 * @param words without the program's own name
 * @returns the exit code
 */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  let complaint = "";
  const program = buildProgram(async (load, args) => {
    const body = (await load()) as (...args: unknown[]) => Promise<number>;
    exitCode = await body(...args);
  });
  for (const command of allOf(program)) {
    command.exitOverride();
    command.configureOutput({
      outputError: (text) => {
        complaint = text;
      },
    });
  }
  // Commander shows a command that was named without its subcommand as an error: it is a question.
  if (words.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync(words as string[], { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return tell(error, words);
    if (PRINTED.has(error.code) && error.exitCode === 0) return EXIT.ok;
    // A command without its subcommand: its help was printed instead.
    return complaint === "" ? EXIT.usage : tell(usageError(complaint, program, words), words);
  }
}

async function tell(error: unknown, words: readonly string[]): Promise<number> {
  const { commandLine, failureData, tellFailure } = await import("./failure.ts");
  const again = (error as { reproduce?: string }).reproduce ?? commandLine(words);
  if (words.includes("--json")) {
    const { json } = await import("./output.ts");
    json("failure/v1", { error: failureData(error), reproduce: again });
  }
  tellFailure(error, again);
  return exitCodeOf(error);
}

/** Commander's "error: unknown option '--sede'\n(Did you mean --seed?)" in ioreel's own form. */
function usageError(complaint: string, program: Command, words: readonly string[]): ReelError {
  const [first = "", hint] = complaint.trim().split("\n");
  const what = first.replace(/^error: /, "").replace(/\.$/, "");
  const meant = /^\(Did you mean (.+)\?\)$/.exec(hint ?? "")?.[1];
  const mend =
    meant === undefined ? `see ${namedIn(program, words)} --help` : `did you mean ${meant}?`;
  return new ReelError("ERR_USAGE", `${what.charAt(0).toUpperCase()}${what.slice(1)}`, { mend });
}

/** The command that the words name, as far as there is one: "ioreel session show". */
function namedIn(program: Command, words: readonly string[]): string {
  const path = [program.name()];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) continue;
    path.push(word);
    command = next;
  }
  return path.join(" ");
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}
