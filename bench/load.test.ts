/** Tests of servers under load: that the client finds out what a server does, good or bad. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openSampler, type Sampler } from "./samplers.ts";
import type { LoadPlan, Plan } from "./topic.ts";

const EFFORT = { rounds: 1, sampleMs: 60, warmUpMs: 1, distributionMs: 1 };
const NS_PER_MS = 1e6;
/** That of the fixture, less the grain of timers. */
const DELAY_MS_MIN = 4;

const server = (form: string) => ({
  from: "bun" as const,
  file: join(import.meta.dir, "./fixtures/odd-server.fixture.ts"),
  words: [form],
});

const load = (form: string, connections: number): LoadPlan => ({
  from: "load",
  server: server(form),
  client: "echo-client.c",
  words: ["64"],
  open: connections,
  unit: "messages/s",
});

/** Opens a sampler; where a tool is missing, says so loudly instead. */
async function opened(plan: Plan): Promise<Sampler | undefined> {
  const sampler = await openSampler("odd", plan, EFFORT);
  if (!("unavailable" in sampler)) return sampler;
  console.warn(`skipped: no server can be loaded here: ${sampler.unavailable}`);
  return undefined;
}

/** Why a sampler could not be opened; undefined where a tool is missing. */
async function failureOf(plan: Plan): Promise<string | undefined> {
  try {
    const sampler = await opened(plan);
    return sampler === undefined ? undefined : "none: it was opened";
  } catch (error) {
    return (error as Error).message;
  }
}

test("openLoad() brings rate, latencies and the server's processor time of a window", async () => {
  const sampler = await opened(load("slow", 3));
  if (sampler === undefined) return;
  const { value, metrics, distances } = await sampler.sample();
  const { "p50 ns": p50, "p99 ns": p99, "p99.9 ns": p999, "CPU ns": cpu, wrong } = metrics!;
  // Each of three connections has one message under way, which takes the delay at least.
  expect(value).toBeWithin(1, (3 * 1000) / DELAY_MS_MIN);
  expect(p50).toBeGreaterThan(DELAY_MS_MIN * NS_PER_MS);
  expect(p99).toBeGreaterThanOrEqual(p50!);
  expect(p999).toBeGreaterThanOrEqual(p99!);
  expect(cpu).toBeGreaterThan(0);
  expect(wrong).toBe(0);
  expect(distances).toHaveLength(2);
  await sampler.close();
});

test("openLoad() counts echoes that are not what was sent", async () => {
  const sampler = await opened(load("wrong", 1));
  if (sampler === undefined) return;
  const { metrics } = await sampler.sample();
  expect(metrics!["wrong"]).toBeGreaterThan(0);
  await sampler.close();
});

test("openLoad() throws when a server hangs up under load", async () => {
  const failure = await failureOf(load("closes", 1));
  if (failure !== undefined) expect(failure).toContain("the server closed a connection");
});

test("openLoad() checks every byte of a bulk echo before it is measured", async () => {
  const bulk = { ...load("wrong", 1 << 20), client: "bulk-client.c", words: [] };
  const failure = await failureOf(bulk);
  if (failure !== undefined) expect(failure).toContain("it is not what was sent");
});

test("openLoad() passes on why a server cannot start, and what file is missing", async () => {
  expect(await openSampler("odd", load("unavailable", 1), EFFORT)).toMatchObject({
    unavailable: expect.stringContaining("There is no"),
  });
  const absent = { ...load("slow", 1), server: { ...server("slow"), file: "/absent.ts" } };
  expect(await openSampler("odd", absent, EFFORT)).toMatchObject({
    unavailable: expect.stringContaining("There is no"),
  });
});

test("openIdle() opens and closes so many connections for each sample", async () => {
  const { client, words } = load("echo", 1);
  const connections = 200;
  const sampler = await opened({
    from: "idle",
    server: server("echo"),
    client,
    words,
    connections,
    rounds: 1,
    unit: "bytes",
  });
  if (sampler === undefined) return;
  expect(sampler.rounds).toBe(1);
  const { value } = await sampler.sample();
  // A socket is an object: it takes some bytes, and no mebibyte.
  expect(value).toBeWithin(1, 1 << 20);
  await sampler.close();
});
