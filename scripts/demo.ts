/**
 * `bun run demo`: sets everything up, runs the tour on the best backend that this machine has,
 * records it, replays the recording, and says whether the two were identical. It needs nothing but
 * the Bun that runs it.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const SCENARIO = "examples/tour.yaml";

interface Ended {
  exitCode: number;
  output: string;
}

/** Runs this Bun in the repository, and hands on everything it writes. */
async function bun(...list: string[]): Promise<Ended> {
  const child = Bun.spawn([process.execPath, ...list], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    const text = decoder.decode(bytes, { stream: true });
    process.stdout.write(text);
    output += text;
  }
  return { exitCode: await child.exited, output };
}

const heading = (text: string): void => console.log(`\n━━ ${text}\n`);

class DemoFailure extends Error {}

async function must(what: string, ended: Promise<Ended>): Promise<Ended> {
  const { exitCode, output } = await ended;
  if (exitCode !== 0) throw new DemoFailure(`${what} ended with exit code ${exitCode}`);
  return { exitCode, output };
}

/** The facts of `ioreel replay --json` that the summary shows. */
interface ReplayFacts {
  identical?: unknown;
  digest?: unknown;
  backend?: unknown;
}

async function replayFacts(recording: string): Promise<ReplayFacts> {
  const child = Bun.spawn([process.execPath, "cli/main.ts", "replay", recording, "--json"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new DemoFailure("the replay did not agree");
  return JSON.parse(text) as ReplayFacts;
}

async function demo(folder: string): Promise<string[]> {
  const recording = join(folder, "tour.reel");
  if (!existsSync(join(ROOT, "node_modules", "commander"))) {
    heading("Installing what ioreel depends on");
    await must("bun install", bun("install", "--frozen-lockfile"));
  }
  heading(`Running ${SCENARIO}, recorded`);
  const run = ["cli/main.ts", "run", SCENARIO, "--record", recording];
  await must("the run", bun(...run));
  heading("Replaying the recording");
  await must("the replay", bun("cli/main.ts", "replay", recording));
  const facts = await replayFacts(recording);
  const { size } = await stat(recording);
  const summary = [`scenario: ${SCENARIO}`];
  if (typeof facts.backend === "string") summary.push(`backend: ${facts.backend}`);
  summary.push(`recording: ${size} bytes`);
  if (typeof facts.digest === "string") summary.push(`digest: ${facts.digest}`);
  if (facts.identical !== true) throw new DemoFailure("the replay differs from the recording");
  summary.push("replay: identical");
  return summary;
}

const folder = await mkdtemp(join(tmpdir(), "ioreel-demo-"));
try {
  const summary = await demo(folder);
  heading("Summary");
  for (const line of summary) console.log(line);
} catch (error) {
  if (!(error instanceof DemoFailure)) throw error;
  heading("Summary");
  console.log(`replay: NOT identical: ${error.message}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
