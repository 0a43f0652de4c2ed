/**
 * `bun scripts/soak-kill.ts [COUNT=10000] [SEED=1]`: kills recording programs at random moments, on
 * both backends, with small and large transfers, in all modes, and looks at what is left.
 *
 * Of each: the recording opens, as recovered, with every mark that the program said to be in it.
 * Of each that can be replayed, a replay agrees with it to its end. Of some on the emulated backend
 * the run goes on to its end, which is then that of a run that nobody killed.
 *
 * Exit code 1 when anything differs: the recording is kept and named, with the command that makes
 * the same round again (the moment of the kill is the machine's).
 */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostAfter, hostMonotonicNs, NS_PER_MS } from "../core/clock.ts";
import { isReelError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { openRecording, Runtime } from "../index.ts";
import type { Recording } from "../index.ts";
import { program, type Plan } from "./soak-kill-program.ts";

const PROGRAM = join(import.meta.dir, "soak-kill-program.ts");
const AT_ONCE = 2;
const OPEN_MS_MAX = 100;
const RESUMED = 0.25;
/** Killed by the clock and not by what it said: the start is part of what is killed. */
const BY_CLOCK = 0.15;
const START_MS = 400;
/** Runs are few, so that each has one that is not killed to be compared with. */
const SEEDS = 6;
const SIZES = [64, 4096, 65_536, 300_000];
const STEPS = 4000;

interface Round {
  readonly plan: Plan;
  readonly killAtMark: number;
  readonly killAfterMs: number;
  readonly isResumed: boolean;
}

interface Found {
  readonly events: number;
  readonly openMs: number;
  /** Opening it with every checksum and event checked. */
  readonly verifyMs: number;
  readonly fromTail: number;
  readonly replayed: boolean;
  readonly resumed: boolean;
  /** There was no recording yet, or the program had ended already. */
  readonly early: boolean;
  readonly ended: boolean;
}

class SoakError extends Error {}

function draw(random: Random, path: string): Round {
  const backend = random.chance(0.5) ? "uring" : "emulated";
  const bytesMax = SIZES[random.below(SIZES.length)]!;
  const mode = random.chance(0.3) ? "digest" : "block";
  const isDigest = random.chance(0.2);
  return {
    plan: {
      backend,
      seed: 1 + random.below(SEEDS),
      bytesMax,
      // Large transfers take longer.
      steps: bytesMax > 65_536 ? STEPS / 8 : STEPS,
      record: {
        path,
        mode,
        payload: isDigest ? "digest" : "auto",
        durable: random.chance(0.3),
        stateEvents: 1000,
      },
    },
    killAtMark: random.chance(BY_CLOCK) ? -1 : random.below(2 ** (2 + random.below(9))),
    killAfterMs: random.below(START_MS),
    isResumed: random.chance(RESUMED),
  };
}

/** Runs a program and kills it. @returns the last mark that it said to be recorded, or -1 */
async function kill({ plan, killAfterMs, killAtMark }: Round): Promise<number> {
  const child = Bun.spawn([process.execPath, PROGRAM, JSON.stringify(plan)], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const end = (): void => child.kill("SIGKILL");
  const withdraw = killAtMark < 0 ? hostAfter(killAfterMs, end) : () => {};
  const decoder = new TextDecoder();
  let text = "";
  // What the pipe still holds was said before: it is read to the end.
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk);
    if (killAtMark >= 0 && text.split("\n").length > killAtMark) end();
  }
  await child.exited;
  withdraw();
  const told = await new Response(child.stderr).text();
  if (told !== "") throw new SoakError(`the program failed: ${told}`);
  const whole = text.slice(0, text.lastIndexOf("\n") + 1).replace("done\n", "");
  return Number(whole.trimEnd().split("\n").at(-1) || -1);
}

/** Runs the program in a runtime of this process until the session's end. */
async function replay(io: Runtime, plan: Plan): Promise<void> {
  try {
    await program(io, plan, () => {});
  } catch (error) {
    // Where the recording ends the run is ended, whatever it was at.
    if (!isReelError(error)) throw error;
  } finally {
    await io.close();
  }
  const { failure, identical, mode } = io.session!;
  if (identical !== true && mode === "replayed")
    throw new SoakError(`the replay differs: ${failure?.message}`);
}

const wholeDigests = new Map<string, Promise<string>>();

/** The digest of the run that nobody killed. */
function wholeDigest(plan: Plan, folder: string): Promise<string> {
  const { backend, bytesMax, record, seed } = plan;
  const name = `whole-${seed}-${bytesMax}-${record.payload}.reel`;
  const run = async (): Promise<string> => {
    const path = join(folder, name);
    const io = await Runtime.start({ backend, seed, record: { ...record, path, mode: "block" } });
    await program(io, plan, () => {});
    await io.close();
    rmSync(path);
    return io.session!.digest;
  };
  const known = wholeDigests.get(name) ?? run();
  wholeDigests.set(name, known);
  return known;
}

function lastMark(recording: Recording): number {
  let last = -1;
  for (const { event } of recording.events()) {
    if (event.kind === "mark") last = Number(event.text.split(" ")[1]);
  }
  return last;
}

const NOTHING = { events: 0, openMs: 0, verifyMs: 0, fromTail: 0, replayed: false, resumed: false };

async function look(round: Round, acknowledged: number, folder: string): Promise<Found> {
  const { plan } = round;
  const { backend, record } = plan;
  const path = record.path!;
  if (!existsSync(path)) {
    if (acknowledged >= 0) throw new SoakError("there is no recording");
    return { ...NOTHING, early: true, ended: false };
  }
  const start = hostMonotonicNs();
  openRecording(path, { verify: "as-read" }).close();
  const openMs = (hostMonotonicNs() - start) / NS_PER_MS;
  using recording = openRecording(path);
  const verifyMs = (hostMonotonicNs() - start) / NS_PER_MS - openMs;
  const { recovered, state } = recording.info;
  const found = {
    events: recording.eventCount,
    openMs,
    verifyMs,
    fromTail: recovered?.fromTail ?? 0,
  };
  if (state !== "recovered" && state !== "complete") throw new SoakError(`its state is ${state}`);
  const last = lastMark(recording);
  if (last < acknowledged) throw new SoakError(`mark ${acknowledged} is lost: the last is ${last}`);
  if (openMs > OPEN_MS_MAX) slowOpens.push(openMs);
  // Killed between the run's end and the recording's, it is as good as complete.
  const ended = recording.complete;
  const isKept = backend === "emulated" || (record.payload !== "digest" && record.mode === "block");
  // A resumed run compares what there is as a replay does.
  const resumed = round.isResumed && backend === "emulated" && !ended;
  if (resumed) {
    const io = Runtime.resume(recording);
    await replay(io, plan);
    const wanted = await wholeDigest(plan, folder);
    if (io.session!.digest !== wanted) throw new SoakError(`resumed, it ends otherwise`);
    using whole = openRecording(path);
    if (whole.digest !== wanted) throw new SoakError(`resumed, its file has another end`);
  } else if (isKept) await replay(Runtime.replay(recording), plan);
  return { ...found, replayed: isKept && !resumed, resumed, early: false, ended };
}

const slowOpens: number[] = [];

async function play(number: number, seed: number, folder: string): Promise<Found> {
  const own = mkdtempSync(join(folder, "round-"));
  const round = draw(new Random(seed + number), join(own, "a.reel"));
  let acknowledged = -1;
  try {
    acknowledged = await kill(round);
    const found = await look(round, acknowledged, folder);
    rmSync(own, { recursive: true });
    return found;
  } catch (error) {
    const kept = mkdtempSync(join(tmpdir(), "ioreel-soak-kept-"));
    for (const name of readdirSync(own)) copyFileSync(join(own, name), join(kept, name));
    console.error(
      `round ${number}, ${JSON.stringify(round)}, mark ${acknowledged}: kept in ${kept}`,
    );
    console.error(`again: bun scripts/soak-kill.ts 1 ${seed + number}`);
    throw error;
  }
}

async function main(): Promise<void> {
  const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  const folder = mkdtempSync(join(tmpdir(), "ioreel-soak-"));
  const all: Found[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) {
      all.push(await play(number, seed, folder));
      if (process.stderr.isTTY) process.stderr.write(`\r${all.length} of ${count}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    rmSync(folder, { recursive: true });
  }
  const opened = all.filter(({ early }) => !early);
  const sum = (of: (found: Found) => number): number =>
    opened.reduce((total, found) => total + of(found), 0);
  const times = (of: (found: Found) => number): string => {
    const sorted = opened.map(of).toSorted((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    return `${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms (most)`;
  };
  console.log(`${count} programs killed: 0 acknowledged marks lost`);
  console.log(`  ${all.length - opened.length} before there was a recording`);
  console.log(`  ${sum(({ ended }) => Number(ended))} after their end`);
  const fromTails = sum(({ fromTail }) => fromTail);
  console.log(`  ${sum(({ events }) => events)} events, ${fromTails} of them from tails`);
  console.log(`  opened in ${times(({ openMs }) => openMs)}`);
  console.log(`  opened with all checked in ${times(({ verifyMs }) => verifyMs)}`);
  console.log(`  ${slowOpens.length} of them took more than ${OPEN_MS_MAX} ms`);
  console.log(`  ${sum(({ replayed }) => Number(replayed))} replayed identically`);
  console.log(
    `  ${sum(({ resumed }) => Number(resumed))} resumed to the end of the run that nobody killed`,
  );
}

await main();
