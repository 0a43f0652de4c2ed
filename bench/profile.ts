/**
 * Profiles a server under load, for tuning: runs the load of one sampler with Bun's sampling
 * profiler in the server, and tells where it spent its time.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pair } from "./load.ts";
import type { LoadPlan, Topic } from "./topic.ts";

const INTERVAL_US = 200;
const WARM_UP_MS = 1000;
const MEASURED_MS = 3000;
/** Lines of the profile that are printed; the file has all. */
const LINES = 60;

/** @throws {Error} when no such server runs on Bun; it names those that do */
function planOf({ samplers }: Topic, name: string): LoadPlan {
  const plans = Object.entries(samplers).filter(
    (entry): entry is [string, LoadPlan] =>
      entry[1].from === "load" && entry[1].server.from === "bun",
  );
  const found = plans.find(([each]) => each === name);
  if (found !== undefined) return found[1];
  const known = plans.map(([each]) => `\n  ${each}`).join("");
  throw new Error(`Cannot profile "${name}": give the name of a server on Bun:${known}`);
}

/**
 * Profiles the server of a sampler, by its name.
 * @returns what the load measured meanwhile, the functions that took most time, and the files that
 *   have all of it: one for people, one for the developer tools of a browser
 * @throws {Error} when there is no such server, or it cannot run here
 */
export async function profileServer(topic: Topic, name: string): Promise<string> {
  const plan = planOf(topic, name);
  const folder = mkdtempSync(join(tmpdir(), "ioreel-profile-"));
  const interval = ["--cpu-prof-interval", String(INTERVAL_US)];
  const flags = ["--cpu-prof", "--cpu-prof-md", "--cpu-prof-dir", folder, ...interval];
  const pair = await Pair.open(name, { ...plan, server: { ...plan.server, flags } });
  if (typeof pair === "string") throw new Error(`Cannot profile ${name}: ${pair}`);
  await pair.client.ask(`open ${plan.open}`);
  const sample = await pair.client.ask<object>(`run ${WARM_UP_MS} ${MEASURED_MS}`);
  await pair.close();
  const files = readdirSync(folder).map((file) => join(folder, file));
  const text = files.find((file) => file.endsWith(".md"));
  const lines = text === undefined ? [] : (await Bun.file(text).text()).split("\n");
  return [JSON.stringify(sample), ...lines.slice(0, LINES), "", ...files].join("\n");
}
