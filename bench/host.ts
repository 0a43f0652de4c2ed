/**
 * The process of one subject: opens it and answers requests on standard input, a line each:
 *
 *     run OPERATIONS       ->  {"value", "waited"}: the sample
 *     distribute MS        ->  {"p50Ns", "p99Ns", "p999Ns", "operations", "count"}
 *     (end of input)       ->  closes the subject and ends
 *
 * Usage: host MODULE ARGUMENT. The first line out is how opening went; peers/nop.c speaks the same.
 */
import { measure } from "mitata";
import { isReelError } from "../core/errors.ts";
import { NS_PER_MS } from "../core/clock.ts";
import type { Answer, Distribution, Subject, SubjectModule } from "./subject.ts";

/** Batches are timed one by one: a sum over many would have no tail to speak of. */
const NEVER_SUMMED_NS = -1;
const BATCHES_MAX = 1 << 20;

function say(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function open(modulePath: string, argument: string): Promise<Subject | undefined> {
  try {
    const module = (await import(modulePath)) as SubjectModule;
    return await module.default(argument);
  } catch (error) {
    if (!isReelError(error, "ERR_BACKEND_UNAVAILABLE")) throw error;
    const mend = error.mend === undefined ? "" : ` (${error.mend})`;
    say({ unavailable: `${error.message}${mend}` });
    return undefined;
  }
}

async function distribute(subject: Subject, milliseconds: number): Promise<Distribution> {
  const stats = await measure(subject.step as () => unknown, {
    min_cpu_time: milliseconds * NS_PER_MS,
    max_samples: BATCHES_MAX,
    batch_threshold: NEVER_SUMMED_NS,
  });
  return {
    p50Ns: stats.p50,
    p99Ns: stats.p99,
    p999Ns: stats.p999,
    operations: subject.batch,
    count: stats.samples.length,
  };
}

async function answer(subject: Subject, line: string): Promise<Answer> {
  const [verb, count] = line.split(" ");
  if (verb === "run") return subject.sample(Number(count));
  if (verb === "distribute") return distribute(subject, Number(count));
  throw new RangeError(`Cannot answer "${line}": ask to run or to distribute`);
}

async function main(): Promise<void> {
  const [modulePath, argument] = process.argv.slice(2) as [string, string];
  const subject = await open(modulePath, argument);
  if (subject === undefined) return;
  say({ batch: subject.batch, steps: subject.step !== undefined });
  // Bun ends its lines with an empty one.
  for await (const line of console) if (line !== "") say(await answer(subject, line));
  await subject.close();
}

try {
  await main();
} catch (error) {
  say({ error: describe(error) });
  process.exit(1);
}
