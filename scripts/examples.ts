/**
 * `bun run examples`: executes every example that says how to run it, and checks what it says comes
 * of it. What a machine cannot do is skipped, loudly.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argumentsOf, exampleRuns, type ExampleRun } from "./example-lines.ts";
import { listFiles } from "./tidy/files.ts";

/** Longer than any example takes on a slow machine; one that hangs must not hang the build. */
const RUN_MS_MAX = 60_000;
const SHOWN_LINES_MAX = 60;

export interface Example extends ExampleRun {
  path: string;
}

export type Verdict =
  { outcome: "passed" } | { outcome: "skipped"; why: string } | { outcome: "failed"; why: string };

/** Every run of every example in the working tree. */
export async function findExamples(root: string): Promise<Example[]> {
  const paths = listFiles(root).filter((path) => /^examples\/.*\.(?:ya?ml|ts)$/.test(path));
  const examples: Example[] = [];
  for (const path of paths) {
    const file = Bun.file(join(root, path));
    if (!(await file.exists())) continue;
    for (const run of exampleRuns(path, await file.text())) examples.push({ ...run, path });
  }
  return examples;
}

let uringAnswer: Promise<string | undefined> | undefined;

/** Why io_uring cannot be had here, in ioreel's own words; undefined where it can. */
async function askForUring(): Promise<string | undefined> {
  const { Runtime, isReelError } = await import("../index.ts");
  try {
    await (await Runtime.start({ backend: "uring" })).close();
    return undefined;
  } catch (error) {
    if (isReelError(error, "ERR_BACKEND_UNAVAILABLE")) return error.message;
    throw error;
  }
}

async function whyUnable(example: Example): Promise<string | undefined> {
  for (const need of example.needs) {
    if (need !== "io_uring") return `it needs ${need}, which is unknown`;
    uringAnswer ??= askForUring();
    const why = await uringAnswer;
    if (why !== undefined) return why;
  }
  return undefined;
}

const tail = (text: string): string => text.split("\n").slice(-SHOWN_LINES_MAX).join("\n");

/** Runs one example in the repository's folder. */
export async function runExample(root: string, example: Example): Promise<Verdict> {
  const why = await whyUnable(example);
  if (why !== undefined) return { outcome: "skipped", why };
  const temporary = await mkdtemp(join(tmpdir(), "ioreel-example-"));
  try {
    const child = Bun.spawn(argumentsOf(example.command, process.execPath, temporary), {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: RUN_MS_MAX,
    });
    const [output, complaints] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const exitCode = await child.exited;
    const all = `${output}\n${complaints}`;
    if (exitCode !== example.exitCode) {
      const found = child.signalCode === null ? `${exitCode}` : `${child.signalCode}`;
      return { outcome: "failed", why: `exit ${found}, not ${example.exitCode}:\n${tail(all)}` };
    }
    const missing = example.expect.find((text) => !all.includes(text));
    if (missing === undefined) return { outcome: "passed" };
    return { outcome: "failed", why: `the output lacks "${missing}":\n${tail(all)}` };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function main(root: string): Promise<number> {
  let failures = 0;
  let skips = 0;
  const examples = await findExamples(root);
  for (const example of examples) {
    const verdict = await runExample(root, example);
    const name = `${example.path}:${example.line}: ${example.command}`;
    if (verdict.outcome === "passed") console.log(`passed   ${name}`);
    else console.log(`${verdict.outcome.toUpperCase().padEnd(8)} ${name}\n  ${verdict.why}`);
    if (verdict.outcome === "failed") failures++;
    if (verdict.outcome === "skipped") skips++;
  }
  const passed = examples.length - failures - skips;
  console.log(`${passed} examples passed, ${failures} failed, ${skips} skipped`);
  return failures === 0 && examples.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(join(import.meta.dir, ".."));
