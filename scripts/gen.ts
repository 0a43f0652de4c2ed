/**
 * `bun run gen [--check]`: writes the files that follow from the code, such as the reference pages
 * and the JSON Schema of scenarios. With --check nothing is written, and a file that is not what it
 * would be is exit 1.
 */
import { dirname, join } from "node:path";
import { mkdir } from "node:fs/promises";
import { cliPage } from "./gen/cli-page.ts";
import { diskTimingPage } from "./gen/disk-timing-page.ts";
import { errorsPage } from "./gen/errors-page.ts";
import { strictPage } from "./gen/strict-page.ts";
import { formatted } from "./gen/formatted.ts";

export interface Generated {
  /** Relative to the repository. */
  path: string;
  /** The file's text before formatting. */
  make(): string | Promise<string>;
  /** Not to be formatted: its text is final. */
  plain?: true;
}

async function cli(): Promise<string> {
  const { buildProgram } = await import("../cli/program.ts");
  return cliPage(buildProgram());
}

/** What `ioreel --help` prints, as a file, so that printing it needs no commander. */
async function help(): Promise<string> {
  const { buildProgram } = await import("../cli/program.ts");
  let text = "";
  const program = buildProgram();
  program.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  program.outputHelp();
  return text;
}

async function scenarioSchema(): Promise<string> {
  const { scenarioJsonSchema } = await import("../cli/scenario/json-schema.ts");
  return JSON.stringify(scenarioJsonSchema(), undefined, 2);
}

export const GENERATED: readonly Generated[] = [
  { path: "docs/reference/errors.md", make: errorsPage },
  { path: "docs/reference/cli.md", make: cli },
  { path: "docs/reference/strict.md", make: strictPage },
  { path: "docs/disk-timing.md", make: diskTimingPage },
  { path: "cli/help.txt", make: help, plain: true },
  { path: "schemas/scenario.schema.json", make: scenarioSchema },
];

/**
 * Compares each file with what it should be, and writes it unless only asked to look.
 * @returns the paths of those that differed
 */
export async function generate(
  root: string,
  files: readonly Generated[],
  checkOnly: boolean,
): Promise<string[]> {
  const stale: string[] = [];
  for (const { path, make, plain } of files) {
    const made = await make();
    const text = plain ? made : await formatted(root, path, made);
    const target = join(root, path);
    const file = Bun.file(target);
    if ((await file.exists()) && (await file.text()) === text) continue;
    stale.push(path);
    if (checkOnly) continue;
    await mkdir(dirname(target), { recursive: true });
    await Bun.write(target, text);
  }
  return stale;
}

async function main(root: string, flags: readonly string[]): Promise<number> {
  const unknown = flags.find((flag) => flag !== "--check");
  if (unknown !== undefined) {
    console.error(`Cannot generate: unknown flag ${unknown}: use --check`);
    return 2;
  }
  const checkOnly = flags.includes("--check");
  const stale = await generate(root, GENERATED, checkOnly);
  for (const path of stale) console.log(`${checkOnly ? "stale" : "written"}: ${path}`);
  if (checkOnly && stale.length > 0) console.error("Run `bun run gen` and commit what it writes");
  if (stale.length === 0) console.log(`${GENERATED.length} generated files are fresh`);
  return checkOnly && stale.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  process.exitCode = await main(join(import.meta.dir, ".."), process.argv.slice(2));
}
