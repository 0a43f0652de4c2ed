/** Turns plans into samplers: opens what is to be measured, and takes one sample at a time. */
import { join, relative } from "node:path";
import { hostMonotonicNs, NS_PER_MS } from "../core/clock.ts";
import { openIdle } from "./idle.ts";
import { LineProcess } from "./line-process.ts";
import { openLoad } from "./load.ts";
import { buildPeer, type Peer } from "./peers/build.ts";
import type { Distribution, Sample } from "./subject.ts";
import type { PeerPlan, Plan, ProgramPlan, SubjectPlan } from "./topic.ts";

/** How long a run may take. */
export interface Effort {
  /** Interleaved repeats: samples of each sampler. */
  readonly rounds: number;
  /** How long one sample should take. */
  readonly sampleMs: number;
  /** How long a subject runs at least before its first sample. */
  readonly warmUpMs: number;
  /** How long the distribution of single batches is watched. */
  readonly distributionMs: number;
}

export interface Sampler {
  readonly name: string;
  readonly unit: string;
  /** Operations of each sample, where it has any. */
  readonly operations: number | undefined;
  /** Samples that are enough, where that is fewer than the rounds. */
  readonly rounds?: number;
  sample(): Promise<Sample>;
  /** How long single batches take, where that says something. */
  distribution(): Promise<Distribution | undefined>;
  /** What it was built with, for the record. */
  readonly builtWith?: string;
  close(): Promise<void>;
  /** Ends it after an error, without waiting. */
  kill(): void;
}

/** Why something cannot be measured here, as a sentence. */
export interface Unavailable {
  readonly name: string;
  readonly unavailable: string;
}

const ROOT = join(import.meta.dir, "..");
const HOST = join(import.meta.dir, "./host.ts");
/** The first guess at a sample's operations grows by this until a sample is long enough. */
const GROWTH = 4;

const sampleOf = async (process: LineProcess, operations: number): Promise<Sample> => {
  const answer = await process.ask(`run ${operations}`);
  if ("value" in answer) return answer;
  throw new Error(`Cannot take a sample: found ${JSON.stringify(answer)}`);
};

/**
 * How many operations a sample needs to take so long. Warms the subject up on the way.
 * @returns a multiple of the batch
 */
async function fit(process: LineProcess, batch: number, sampleMs: number): Promise<number> {
  const wantedNs = sampleMs * NS_PER_MS;
  let operations = batch;
  for (;;) {
    const tookNs = (await sampleOf(process, operations)).value * operations;
    if (tookNs >= wantedNs / GROWTH) {
      return Math.max(1, Math.round((operations * wantedNs) / tookNs / batch)) * batch;
    }
    operations *= GROWTH;
  }
}

/** A sample counts as faster than the best when it takes less than this share of its time. */
const FASTER = 0.97;
/** The warm-up is over after so many samples of which none was faster than the best before. */
const STEADY_SAMPLES = 5;
/** A machine that is never steady is measured all the same, after so many times the least. */
const WARM_UP_TIMES_MAX = 4;

/** Runs until the compiler has nothing to add: until samples do not become faster any more. */
async function warmUp(process: LineProcess, operations: number, warmUpMs: number): Promise<void> {
  const start = hostMonotonicNs();
  let best = Infinity;
  let steady = 0;
  for (;;) {
    const { value } = await sampleOf(process, operations);
    steady = value < best * FASTER ? 0 : steady + 1;
    best = Math.min(best, value);
    const passedMs = (hostMonotonicNs() - start) / NS_PER_MS;
    if (passedMs >= warmUpMs * WARM_UP_TIMES_MAX) return;
    if (passedMs >= warmUpMs && steady >= STEADY_SAMPLES) return;
  }
}

async function openLines(
  name: string,
  command: string[],
  plan: SubjectPlan | PeerPlan,
  effort: Effort,
  peer?: Peer,
): Promise<Sampler | Unavailable> {
  const process = new LineProcess(name, command);
  try {
    const opened = await process.answer();
    if ("unavailable" in opened) {
      await process.close();
      peer?.remove();
      return { name, unavailable: opened.unavailable };
    }
    const { batch, steps } = opened as { batch: number; steps?: boolean };
    const fixed = plan.from === "subject" ? plan.operations : undefined;
    const operations = fixed ?? (await fit(process, batch, effort.sampleMs));
    if (fixed === undefined) await warmUp(process, operations, effort.warmUpMs);
    return {
      name,
      unit: plan.unit,
      operations,
      ...(peer === undefined ? {} : { builtWith: peer.builtWith }),
      sample: () => sampleOf(process, operations),
      distribution: async () =>
        steps === true
          ? ((await process.ask(`distribute ${effort.distributionMs}`)) as Distribution)
          : undefined,
      async close() {
        await process.close();
        peer?.remove();
      },
      kill() {
        process.kill();
        peer?.remove();
      },
    };
  } catch (error) {
    process.kill();
    peer?.remove();
    throw error;
  }
}

const hostCommand = (plan: SubjectPlan): string[] => [
  process.execPath,
  HOST,
  plan.module,
  plan.argument,
];

/** A sampler whose samples come from new processes: each is opened, asked once and closed. */
async function openFresh(
  name: string,
  plan: SubjectPlan,
  effort: Effort,
): Promise<Sampler | Unavailable> {
  const open = (): Promise<Sampler | Unavailable> =>
    openLines(name, hostCommand(plan), { ...plan, operations: 1 }, effort);
  const first = await open();
  if ("unavailable" in first) return first;
  await first.close();
  return {
    name,
    unit: plan.unit,
    operations: undefined,
    async sample() {
      const sampler = await open();
      if ("unavailable" in sampler) throw new Error(`Cannot measure ${name} any more`);
      const sample = await sampler.sample();
      await sampler.close();
      return sample;
    },
    distribution: async () => undefined,
    close: async () => {},
    kill() {},
  };
}

async function openProgram(name: string, plan: ProgramPlan): Promise<Sampler | Unavailable> {
  const [script] = plan.script as [string];
  if (!(await Bun.file(script).exists())) {
    return { name, unavailable: `There is no ${relative(ROOT, script)} yet` };
  }
  const command = [process.execPath, ...plan.script];
  const run = (): number => {
    const start = hostMonotonicNs();
    const { success, stderr } = Bun.spawnSync(command, { cwd: ROOT, stdout: "ignore" });
    const tookNs = hostMonotonicNs() - start;
    if (success) return tookNs / NS_PER_MS;
    throw new Error(`Cannot measure ${name}: it failed:\n${stderr.toString()}`);
  };
  return {
    name,
    unit: plan.unit,
    operations: undefined,
    async sample() {
      // The first start fills the caches, whatever had them before.
      run();
      return { value: run(), waited: 0 };
    },
    distribution: async () => undefined,
    close: async () => {},
    kill() {},
  };
}

/**
 * Opens what a plan names.
 * @throws {Error} when it fails for another reason than that this machine lacks something
 */
export async function openSampler(
  name: string,
  plan: Plan,
  effort: Effort,
): Promise<Sampler | Unavailable> {
  if (plan.from === "program") return openProgram(name, plan);
  if (plan.from === "subject") {
    if (plan.fresh === true) return openFresh(name, plan, effort);
    return openLines(name, hostCommand(plan), plan, effort);
  }
  if (plan.from === "load") return openLoad(name, plan, effort);
  if (plan.from === "idle") return openIdle(name, plan);
  const peer = buildPeer(plan.source);
  if (typeof peer === "string") return { name, unavailable: peer };
  return openLines(name, [peer.path, plan.argument], plan, effort, peer);
}
