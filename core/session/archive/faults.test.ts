/**
 * Recording where it goes wrong: a Worker that dies, a database that others hold, disks that are
 * full. The program is told once, and what it had recorded is found again.
 */
import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openRecording, startRecording } from "../recording.ts";
import type { RecordingInProgress } from "../recording.ts";
import { HEADER, refusal, temporaryFolder } from "../session.fixture.ts";
import { playSteps } from "./traffic.fixture.ts";

const PROGRAM = join(import.meta.dirname, "faulty-program.fixture.ts");
const RealWorker = globalThis.Worker;
afterEach(() => {
  globalThis.Worker = RealWorker;
});

/** Keeps the Workers that are started from here on, to end them. */
function catchWorkers(): Worker[] {
  const workers: Worker[] = [];
  globalThis.Worker = class extends RealWorker {
    constructor(...args: ConstructorParameters<typeof RealWorker>) {
      super(...args);
      workers.push(this);
    }
  };
  return workers;
}

function start(path: string): RecordingInProgress {
  return startRecording(path, HEADER, { stateEvents: 1000 });
}

function waitUntil(isReached: () => boolean): void {
  while (!isReached()) Bun.sleepSync(1);
}

/** Events in the file, as another connection sees them. */
function stored(path: string): number {
  using database = new Database(path, { readonly: true });
  return (database.query("SELECT event_count AS n FROM recording").get() as { n: number }).n;
}

for (const after of [200, 4000]) {
  test(`a recording goes on without its Worker when that dies after ${after} steps`, () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const workers = catchWorkers();
    const recording = start(path);
    playSteps(recording.tap, 0, after);
    waitUntil(() => stored(path) > 0);
    expect(workers).toHaveLength(1);
    workers[0]!.terminate();
    playSteps(recording.tap, after, 6000);
    recording.tap.end("ok");
    expect(recording.finish()).toMatchObject({ state: "complete", failure: undefined });
    using opened = openRecording(path);
    using other = temporaryFolder();
    const whole = start(other.path("b.reel"));
    playSteps(whole.tap, 0, 6000);
    whole.tap.end("ok");
    expect(opened.digest).toBe(whole.finish().digest);
  });
}

/** Holds the write lock of a database in another process for so long. */
async function lockFor(path: string, milliseconds: number): Promise<Disposable> {
  const script = `
    const { Database } = await import("bun:sqlite");
    const database = new Database(${JSON.stringify(path)});
    database.run("BEGIN IMMEDIATE");
    process.stdout.write("locked\\n");
    Bun.sleepSync(${milliseconds});
    database.run("ROLLBACK");
    database.close();
    process.stdin.resume();
  `;
  const options = { stdin: "pipe", stdout: "pipe" } as const;
  const child = Bun.spawn([process.execPath, "-e", script], options);
  for await (const _ of child.stdout) break;
  return { [Symbol.dispose]: () => child.kill() };
}

test("a full ring waits for a database that another process locks, and loses nothing", async () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const recording = start(path);
  playSteps(recording.tap, 0, 300);
  waitUntil(() => stored(path) > 0);
  using _lock = await lockFor(path, 500);
  playSteps(recording.tap, 300, 8000);
  recording.tap.end("ok");
  expect(recording.finish()).toMatchObject({ state: "complete", failure: undefined });
  using opened = openRecording(path);
  expect(opened.eventCount).toBeGreaterThan(32_000);
});

test("a database that stays locked ends the recording, told once, and the tail stays", async () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const recording = start(path);
  const { tap } = recording;
  playSteps(tap, 0, 300);
  waitUntil(() => stored(path) > 0);
  using _lock = await lockFor(path, 20_000);
  const error = refusal(() => playSteps(tap, 300, 100_000));
  expect(error).toMatchObject({ code: "ERR_STORE", details: { cause: "SQLITE_BUSY" } });
  expect(error.mend).toContain("Close the program that has the recording locked");
  playSteps(tap, 0, 10);
  tap.end("failed");
  const summary = recording.finish();
  expect(summary).toMatchObject({ state: "interrupted", failure: error });
  expect(existsSync(`${path}-tail`)).toBe(true);
  using opened = openRecording(path);
  expect(opened.info.state).toBe("recovered");
  expect(opened.eventCount).toBe(summary.eventCount);
  expect(opened.digest).toBe(summary.digest);
  expect(opened.info.recovered!.fromTail).toBeGreaterThan(0);
});

interface Told {
  readonly state: string;
  readonly eventCount: number;
  readonly digest: string;
  readonly thrown: readonly string[];
  readonly failure: string;
  readonly mend: string;
}

/** Runs the program behind commands of the shell, in a name space of mounts of its own. */
function runBehind(
  commands: string,
  path: string,
  steps: number,
  after = "true",
): Told | undefined {
  const program = `"${process.execPath}" "${PROGRAM}" "${path}" ${steps}`;
  const script = `${commands} && ${program} && ${after}`;
  const { stdout, stderr, exitCode } = Bun.spawnSync(["unshare", "-m", "sh", "-c", script]);
  if (exitCode === 0) return JSON.parse(stdout.toString()) as Told;
  console.warn(`skipped: ${stderr.toString().trim()}`);
  return undefined;
}

test("a limit on the size of files ends the recording, and keeps what it has", () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  // In units of 512 bytes: 6 MB. The signal would end the process before the error is seen.
  const told = runBehind(`trap "" XFSZ && ulimit -f 12000`, path, 20_000);
  if (told === undefined) return;
  expect(told).toMatchObject({ state: "interrupted", thrown: ["ERR_STORE"] });
  expect(told.failure).toContain(`Cannot record to ${path}`);
  using opened = openRecording(path);
  expect(opened.eventCount).toBe(told.eventCount);
  expect(opened.digest).toBe(told.digest);
});

test("a full disk ends the recording with ERR_STORE, and what is on it opens", () => {
  using folder = temporaryFolder();
  const disk = folder.path("disk");
  const copy = folder.path("copy");
  const mount = `mkdir "${disk}" "${copy}" && mount -t tmpfs -o size=9m none "${disk}"`;
  const told = runBehind(mount, join(disk, "a.reel"), 20_000, `cp -a "${disk}/." "${copy}"`);
  if (told === undefined) return;
  expect(told).toMatchObject({ state: "interrupted", thrown: ["ERR_STORE"] });
  expect(told.mend).toContain("Free disk space");
  expect(readdirSync(copy)).toContain("a.reel-tail");
  using opened = openRecording(join(copy, "a.reel"));
  expect(opened.eventCount).toBe(told.eventCount);
  expect(opened.digest).toBe(told.digest);
});
