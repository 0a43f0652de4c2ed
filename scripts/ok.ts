/**
 * `bun run ok`: everything that has to hold before a change is done, in one command. It needs
 * nothing but the Bun that runs it: it installs first, and finds itself rather than a `bun` on the
 * PATH.
 */
import { delimiter, dirname, join } from "node:path";

export interface OkStep {
  name: string;
  /** What comes after Bun's own path. */
  arguments: readonly string[];
  /** What to do when it fails. */
  mend: string;
}

export const OK_STEPS: readonly OkStep[] = [
  {
    name: "install",
    arguments: ["install", "--frozen-lockfile"],
    mend: "run `bun install` and commit bun.lock",
  },
  {
    name: "check",
    arguments: ["check", "--no-script"],
    mend: "correct the types that the lines above name",
  },
  {
    name: "fmt",
    arguments: ["fmt", "--no-script", "--check"],
    mend: "run `bun fmt`",
  },
  {
    name: "lint",
    arguments: ["node_modules/oxlint/bin/oxlint"],
    mend: "correct what the lines above name, or run `bun run lint --fix`",
  },
  {
    name: "test",
    // Twenty seconds a test: Bun's five are too few for a loaded machine, and a hang must end.
    arguments: ["test", "--timeout", "20000"],
    mend: "run `bun run test <file>` on the first failing file",
  },
  {
    name: "gen",
    arguments: ["scripts/gen.ts", "--check"],
    mend: "run `bun run gen` and commit what it writes",
  },
  {
    name: "examples",
    arguments: ["scripts/examples.ts"],
    mend: "correct the example or what it says about itself",
  },
];

const NS_PER_SECOND = 1e9;
const inSeconds = (sinceNs: number): string =>
  `${((Bun.nanoseconds() - sinceNs) / NS_PER_SECOND).toFixed(1)} s`;

/**
 * Runs the steps one after the other and stops at the first that fails.
 * @param root the folder to run them in
 * @param say where the lines about the steps go; the steps' own output goes to the terminal
 * @returns the exit code: 0, or 1 when a step failed
 */
export async function runSteps(
  root: string,
  steps: readonly OkStep[],
  say: (line: string) => void,
): Promise<number> {
  const startNs = Bun.nanoseconds();
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  for (const [index, step] of steps.entries()) {
    const stepNs = Bun.nanoseconds();
    say(`\n── ${step.name} (${index + 1} of ${steps.length}): bun ${step.arguments.join(" ")}`);
    const child = Bun.spawn([process.execPath, ...step.arguments], {
      cwd: root,
      env: { ...process.env, PATH: path },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const exitCode = await child.exited;
    if (exitCode === 0) {
      say(`── ${step.name} passed in ${inSeconds(stepNs)}`);
      continue;
    }
    const how = child.signalCode === null ? `exit ${exitCode}` : child.signalCode;
    say(`\nnot ok: ${step.name} failed (${how}) after ${inSeconds(stepNs)}: ${step.mend}`);
    return 1;
  }
  say(`\nok: ${steps.length} of ${steps.length} steps passed in ${inSeconds(startNs)}`);
  return 0;
}

if (import.meta.main) {
  process.exitCode = await runSteps(join(import.meta.dir, ".."), OK_STEPS, console.log);
}
