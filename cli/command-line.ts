/** Parses the words of the command line, runs the command, and turns failures into exit codes. */
import { CommanderError, type Command } from "commander";
import { buildProgram } from "./program.ts";

/** Commander's ways of saying that it printed what was asked for. */
const PRINTED = new Set(["commander.help", "commander.helpDisplayed", "commander.version"]);
const EXIT_USAGE = 2;

/**
 * Runs a command line.
 * @param words without the program's own name
 * @returns the exit code
 */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(async (load, args) => {
    const body = (await load()) as (...args: unknown[]) => Promise<number>;
    exitCode = await body(...args);
  });
  for (const command of allOf(program)) command.exitOverride();
  // Commander shows a command that was named without its subcommand as an error: it is a question.
  if (words.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(words as string[], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return PRINTED.has(error.code) && error.exitCode === 0 ? 0 : EXIT_USAGE;
    }
    const { exitCodeOf } = await import("./exit-codes.ts");
    const { commandLine, failureData, tellFailure } = await import("./failure.ts");
    const again = (error as { reproduce?: string }).reproduce ?? commandLine(words);
    if (words.includes("--json")) {
      const { json } = await import("./output.ts");
      json("failure/v1", { error: failureData(error), reproduce: again });
    }
    tellFailure(error, again);
    return exitCodeOf(error);
  }
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}
