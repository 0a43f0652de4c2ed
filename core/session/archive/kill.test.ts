/**
 * Kills recording programs at random moments: whatever they had said to be in the session is found
 * again, and no more than happened. IOREEL_KILLS sets how often, for soaking.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { hostMonotonicNs, NS_PER_MS } from "../../clock.ts";
import { Random } from "../../random.ts";
import { Recorder } from "../recorder.ts";
import { openRecording } from "../recording.ts";
import { DigestSink } from "../segment.ts";
import { temporaryFolder } from "../session.fixture.ts";
import { playStep } from "./traffic.fixture.ts";

const KILLS = Number(process.env.IOREEL_KILLS ?? 300);
const AT_ONCE = 4;
const PROGRAM = join(import.meta.dirname, "killed-program.fixture.ts");

/** Digest of the session's beginning of so many events. */
function digestAt(events: number): string {
  const sink = new DigestSink();
  const recorder = new Recorder(sink, { stateEvents: 1000 });
  const only = limited(recorder, events);
  for (let step = 0; recorder.events < events; step++) playStep(only, step);
  recorder.flush();
  return sink.digest;
}

/** A tap that does nothing any more once it has so many events. */
function limited(recorder: Recorder, events: number): Recorder {
  return new Proxy(recorder, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return (...args: unknown[]) =>
        target.events < events ? (value.apply(target, args) as unknown) : undefined;
    },
  });
}

/** Lets a program record and kills it. @returns how many events it had said to be recorded */
async function killed(path: string, random: Random): Promise<number> {
  const every = String(1 + random.below(20));
  const child = Bun.spawn([process.execPath, PROGRAM, path, every], { stdout: "pipe" });
  const after = random.below(2 ** (3 + random.below(12)));
  let text = "";
  const decoder = new TextDecoder();
  let isDead = false;
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk);
    // What the pipe still holds was said before: it is read to the end.
    if (isDead || Number(text.trimEnd().split("\n").at(-1)) < after) continue;
    child.kill("SIGKILL");
    isDead = true;
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  const whole = text.slice(0, text.lastIndexOf("\n"));
  return Number(whole.split("\n").at(-1));
}

async function round(number: number): Promise<{ fromTail: number; openMs: number }> {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const acknowledged = await killed(path, new Random(number));
  const startNs = hostMonotonicNs();
  using recording = openRecording(path);
  const openMs = (hostMonotonicNs() - startNs) / NS_PER_MS;
  expect(recording.info.state).toBe("recovered");
  expect(recording.eventCount).toBeGreaterThanOrEqual(acknowledged);
  expect(recording.digest).toBe(digestAt(recording.eventCount));
  return { fromTail: recording.info.recovered!.fromTail, openMs };
}

test(
  `openRecording() finds every acknowledged event of ${KILLS} programs that were killed`,
  async () => {
    let fromTail = 0;
    for (let first = 0; first < KILLS; first += AT_ONCE) {
      const count = Math.min(AT_ONCE, KILLS - first);
      const rounds = Array.from({ length: count }, (_, index) => round(first + index));
      for (const each of await Promise.all(rounds)) fromTail += each.fromTail;
    }
    // Otherwise the tail would not have been needed, and this test would prove nothing.
    expect(fromTail).toBeGreaterThan(KILLS);
  },
  KILLS * 5000,
);

test("a recorder that is stopped for a second goes on, and is read meanwhile", async () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const child = Bun.spawn([process.execPath, PROGRAM, path, "5"], { stdout: "pipe" });
  const said = child.stdout.getReader();
  for (let chunks = 0; chunks < 20; chunks++) await said.read();
  child.kill("SIGSTOP");
  await Bun.sleep(500);
  using stopped = openRecording(path);
  expect(stopped.info.state).toBe("recording");
  await Bun.sleep(500);
  child.kill("SIGCONT");
  // What the pipe held is read first; then comes what was said since.
  for (let chunks = 0; chunks < 40; chunks++) await said.read();
  child.kill("SIGKILL");
  await child.exited;
  using recording = openRecording(path);
  expect(recording.eventCount).toBeGreaterThan(stopped.eventCount);
  expect(recording.digest).toBe(digestAt(recording.eventCount));
});
