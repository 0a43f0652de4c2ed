/**
 * The files that the tidy rules look at: everything that git tracks or would track, read once.
 */
import { join } from "node:path";
import { readSource, type Source } from "./source.ts";

export interface TidyFile {
  /** Relative to the repository, with forward slashes. */
  path: string;
  sizeBytes: number;
  /** The text; empty for a file that is not text. */
  text: string;
  isText: boolean;
  /** For TypeScript: where its comments and strings are. */
  source?: Source;
}

/** One broken rule. */
export interface Finding {
  path: string;
  line: number;
  /** Name of the rule, as in the allow-list. */
  rule: string;
  /** What is wrong and what to do instead. */
  message: string;
}

/** A finding as one line for people and editors. */
export function formatFinding(finding: Finding): string {
  return `${finding.path}:${finding.line}: error: ${finding.message}`;
}

/** A file for the rules from its path and text. */
export function tidyFile(path: string, text: string): TidyFile {
  const file: TidyFile = { path, text, isText: true, sizeBytes: Buffer.byteLength(text) };
  if (path.endsWith(".ts")) file.source = readSource(path, text);
  return file;
}

/**
 * Lists the files of the working tree: tracked ones and new ones that git does not ignore.
 * @throws {Error} when the folder is no git working tree
 */
export function listFiles(root: string): string[] {
  const command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const result = Bun.spawnSync(command, { cwd: root });
  if (result.exitCode !== 0) {
    throw new Error(`Cannot list the files of ${root}: ${result.stderr.toString().trim()}`);
  }
  return [...new Set(result.stdout.toString().split("\0"))]
    .filter((path) => path !== "")
    .toSorted();
}

/** Reads the working tree. A file that vanishes meanwhile is left out. */
export async function readTree(root: string): Promise<TidyFile[]> {
  const files: TidyFile[] = [];
  for (const path of listFiles(root)) {
    const file = Bun.file(join(root, path));
    if (!(await file.exists())) continue;
    const bytes = await file.bytes();
    const isText = !bytes.subarray(0, 8192).includes(0);
    if (isText) files.push(tidyFile(path, new TextDecoder().decode(bytes)));
    else files.push({ path, text: "", isText, sizeBytes: bytes.length });
  }
  return files;
}
