/**
 * What an example says about itself in its comments: how to run it and what comes of it.
 *
 *     # Run: ioreel run examples/tour.yaml --backend emulated
 *     # Expect: checksums agree
 *     # Needs: io_uring
 *
 * In TypeScript the lines begin with `//`, or stand in the header's comment. `Expect:` lines belong
 * to the `Run:` line above them; a run ends with exit code 0 unless `Exit:` says otherwise. `$TMP`
 * is a folder that goes away afterwards.
 */

export interface ExampleRun {
  /** 1-based line of `Run:`. */
  line: number;
  /** As written. */
  command: string;
  /** Texts that the output must contain, in any order. */
  expect: string[];
  exitCode: number;
  needs: string[];
}

const LINE = /^\s*(?:#|\/\/|\*)\s*(Run|Expect|Exit|Needs):\s*(.*?)\s*$/;

/**
 * Reads the lines.
 * @throws {SyntaxError} naming file and line, for an `Expect:` without `Run:` and the like
 */
export function exampleRuns(path: string, text: string): ExampleRun[] {
  const runs: ExampleRun[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const match = LINE.exec(content);
    if (match === null) continue;
    const [, key, value] = match;
    const line = index + 1;
    const refuse = (why: string): never => {
      throw new SyntaxError(`Cannot read the example ${path}:${line}: ${why}`);
    };
    if (value === "") refuse(`${key}: says nothing`);
    if (key === "Run") {
      runs.push({ line, command: value!, expect: [], exitCode: 0, needs: [] });
      continue;
    }
    const run = runs.at(-1) ?? refuse(`${key}: comes before any Run: line`);
    if (key === "Expect") run.expect.push(value!);
    else if (key === "Needs") run.needs.push(value!);
    else if (/^\d{1,3}$/.test(value!)) run.exitCode = Number(value);
    else refuse(`Exit: must be an exit code: ${value}`);
  }
  return runs;
}

/**
 * Splits a command line into words: blanks separate, quotes hold together, nothing else is special.
 * @throws {SyntaxError} when a quote is left open
 */
export function words(command: string): string[] {
  if (/["']/.test(command.replaceAll(/"[^"]*"|'[^']*'/g, ""))) {
    throw new SyntaxError(`Cannot split the command: a quote is left open: ${command}`);
  }
  const found = command.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  return found.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

/**
 * The words by which a process is started: `ioreel` and `bun` mean this Bun and this checkout.
 * @param executable path of Bun
 * @param temporary the folder that `$TMP` stands for
 */
export function argumentsOf(command: string, executable: string, temporary: string): string[] {
  const list = words(command).map((word) => word.replaceAll("$TMP", temporary));
  if (list[0] === "bun" && list[1] === "run" && list[2] === "ioreel") list.splice(0, 2);
  if (list[0] === "ioreel") return [executable, "cli/main.ts", ...list.slice(1)];
  if (list[0] === "bun") return [executable, ...list.slice(1)];
  throw new SyntaxError(`Cannot run the example: it must begin with ioreel or bun: ${command}`);
}
