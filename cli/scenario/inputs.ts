/**
 * Input files: which file stands for which input, and whether the scenario may have it. A path that
 * a scenario names has to lie in the folder that it runs in, links followed, unless the person who
 * runs it allows more; a path that this person names is allowed as it is.
 */
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { ReelError } from "../../core/errors.ts";
import { didYouMean } from "../../core/suggest.ts";
import { listed, show, type Issues, type Path } from "./issue.ts";
import { INPUT_BYTES_MAX } from "./limits.ts";
import type { ResolvedScenario } from "./resolved.ts";
import { formatSize } from "./units.ts";

/** `--input [name=]path`. */
export interface GivenInput {
  /** Absent: the scenario's first input. */
  readonly name?: string;
  readonly path: string;
}

export interface PathPolicy {
  /** The folder that paths in the scenario are relative to, and have to stay in. */
  readonly cwd: string;
  /** Files and folders beside it that the scenario may name. */
  readonly allowPaths: readonly string[];
}

/** Files by input name, checked: absolute, links resolved, regular, not too large. */
export type InputFiles = ReadonlyMap<string, string>;

/**
 * Finds the file of every input.
 * @throws {ReelError} ERR_USAGE when `given` names an input that is not declared, or a file that
 *   cannot be had; what is wrong with paths in the scenario is noted instead
 */
export async function findInputs(
  scenario: ResolvedScenario,
  given: readonly GivenInput[],
  policy: PathPolicy,
  issues: Issues,
): Promise<InputFiles> {
  const files = new Map<string, string>();
  for (const [name, path] of givenFiles(Object.keys(scenario.inputs), given)) {
    const found = await regularFile(resolve(path));
    if ("why" in found) {
      throw new ReelError(
        "ERR_USAGE",
        `Cannot use ${show(path)} as the input ${name}: ${found.why}`,
      );
    }
    files.set(name, found.file);
  }
  const roots = await Promise.all([policy.cwd, ...policy.allowPaths].map(realPath));
  for (const [name, { file }] of Object.entries(scenario.inputs)) {
    if (files.has(name)) continue;
    const path: Path = ["inputs", name, "file"];
    const found = await allowedFile(file, policy.cwd, roots);
    if ("why" in found) {
      issues.add(path, `Cannot use ${show(file)} as the input ${name}: ${found.why}`, found.help);
    } else {
      files.set(name, found.file);
    }
  }
  return files;
}

/**
 * Reads the inputs whole.
 * @throws {ReelError} ERR_SCENARIO_INVALID when a file cannot be read after all
 */
export async function readInputs(files: InputFiles): Promise<Map<string, Uint8Array>> {
  const inputs = new Map<string, Uint8Array>();
  for (const [name, file] of files) {
    try {
      // One byte more than allowed: a file that grew since it was looked at is noticed.
      const bytes = await Bun.file(file)
        .slice(0, INPUT_BYTES_MAX + 1)
        .bytes();
      if (bytes.length > INPUT_BYTES_MAX) throw new RangeError(tooLarge(bytes.length));
      inputs.set(name, bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ReelError("ERR_SCENARIO_INVALID", `Cannot read the input ${name}: ${why}`, {
        details: { file, line: 1, column: 1, issues: [], uncounted: 0 },
      });
    }
  }
  return inputs;
}

function givenFiles(
  declared: readonly string[],
  given: readonly GivenInput[],
): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, path } of given) {
    const [first] = declared;
    if (first === undefined) {
      throw new ReelError(
        "ERR_USAGE",
        `Cannot use --input ${show(path)}: the scenario has no inputs`,
      );
    }
    if (name !== undefined && !declared.includes(name)) {
      const mend = didYouMean(name, declared);
      const message = `Cannot use --input ${name}: the scenario has the inputs ${listed(declared)}`;
      throw new ReelError("ERR_USAGE", message, mend === undefined ? {} : { mend });
    }
    files.set(name ?? first, path);
  }
  return files;
}

type Found = { file: string } | { why: string; help?: string };

async function allowedFile(path: string, cwd: string, roots: readonly string[]): Promise<Found> {
  if (path.includes("\0")) return { why: "a path has no NUL characters" };
  const found = await regularFile(resolve(cwd, path));
  // Whether a file outside exists is not for a scenario to find out.
  const real = "file" in found ? found.file : resolve(cwd, path);
  if (roots.some((root) => isInside(root, real))) {
    if ("file" in found) return found;
    return { ...found, help: `paths are relative to ${cwd}: see --cwd, or give --input` };
  }
  const help = `run it in that folder with --cwd, or allow it with --allow-path`;
  return { why: `it lies outside ${cwd}`, help };
}

async function regularFile(path: string): Promise<Found> {
  try {
    const file = await realpath(path);
    const found = await stat(file);
    if (found.isDirectory()) return { why: "it is a folder" };
    if (!found.isFile()) return { why: "it is no regular file" };
    if (found.size > INPUT_BYTES_MAX) return { why: tooLarge(found.size) };
    return { file };
  } catch (error) {
    const { code = "EIO" } = error as { code?: string };
    return { why: code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})` };
  }
}

function tooLarge(sizeBytes: number): string {
  return `an input has at most ${formatSize(INPUT_BYTES_MAX)}: found ${formatSize(sizeBytes)}`;
}

async function realPath(path: string): Promise<string> {
  const absolute = resolve(path);
  return realpath(absolute).catch(() => absolute);
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}
