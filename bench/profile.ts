/**
 * Profiles a server under load, for tuning: runs the load of one sampler of topic `tcp` with Bun's
 * sampling profiler in the server, and prints where it spent its time.
 *
 * Usage: bun bench/profile.ts [SAMPLER] [SECONDS]. The sampler's name as the report has it, by
 * default "echo on 64 connections, ioreel"; it has to be a server that runs on Bun.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pair } from "./load.ts";
import tcp from "./tcp.bench.ts";
import type { LoadPlan } from "./topic.ts";

const INTERVAL_US = 200;
const WARM_UP_MS = 1000;
/** Lines of the profile that are printed; the file has all. */
const LINES = 60;

function planOf(name: string): LoadPlan {
  const plan = tcp.samplers[name];
  if (plan?.from === "load" && plan.server.from === "bun") return plan;
  const known = Object.entries(tcp.samplers).flatMap(([each, { from }]) =>
    from === "load" ? [each] : [],
  );
  throw new Error(`Cannot profile "${name}": it is no server on Bun\n${known.join("\n")}`);
}

async function profile(name: string, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-profile-"));
  const plan = planOf(name);
  const interval = ["--cpu-prof-interval", String(INTERVAL_US)];
  const flags = ["--cpu-prof", "--cpu-prof-md", "--cpu-prof-dir", folder, ...interval];
  const pair = await Pair.open(name, { ...plan, server: { ...plan.server, flags } });
  if (typeof pair === "string") throw new Error(`Cannot profile ${name}: ${pair}`);
  await pair.client.ask(`open ${plan.open}`);
  const sample = await pair.client.ask<object>(`run ${WARM_UP_MS} ${seconds * 1000}`);
  await pair.close();
  console.log(JSON.stringify(sample));
  const files = readdirSync(folder).map((file) => join(folder, file));
  const text = files.find((file) => file.endsWith(".md"));
  if (text !== undefined) {
    console.log((await Bun.file(text).text()).split("\n").slice(0, LINES).join("\n"));
  }
  console.log(files.join("\n"));
}

const [name = "echo on 64 connections, ioreel", seconds = "3"] = process.argv.slice(2);
await profile(name, Number(seconds));
