/**
 * A fio log as a scenario: each of its files becomes a disk, and a task that makes the same
 * requests in the same order, with the pauses between them. Requests that follow one another in
 * one stride become one step.
 */
import { DEVICES_MAX } from "../scenario/limits.ts";
import type { FioLogContent, FioRequest } from "./fio-log.ts";
import { refuseImport } from "./mistake.ts";
import { forComment, scenarioText, sleep, step, type Fields } from "./scenario-text.ts";

const SECTOR_BYTES = 512;
const DISK_BYTES_MIN = 1 << 20;
/** Disks that a machine takes of each kind. */
const DISKS_MAX = { ata: 4, sata: 32 } as const;

export type DiskKind = keyof typeof DISKS_MAX;

/** Requests that one step stands for: `count` in one stride, with one pause between them. */
interface Run {
  readonly action: FioRequest["action"];
  readonly at: number;
  readonly length: number;
  readonly beginNs: number;
  count: number;
  pauseNs: number;
  lastNs: number;
}

/** What is asked of whole sectors. */
function sectorsOf({ action, length, offset, timeNs }: FioRequest): Run {
  const at = Math.floor(offset / SECTOR_BYTES) * SECTOR_BYTES;
  const end = Math.ceil((offset + length) / SECTOR_BYTES) * SECTOR_BYTES;
  const isTransfer = action === "read" || action === "write" || action === "trim";
  const range = isTransfer ? { at, length: end - at } : { at: 0, length: 0 };
  return { action, ...range, beginNs: timeNs, count: 1, pauseNs: 0, lastNs: timeNs };
}

/** Whether a request goes on where a run ends, after the same pause as those before. */
function continues(run: Run, next: Run): boolean {
  if (run.action !== next.action || run.length !== next.length) return false;
  if (run.action !== "read" && run.action !== "write") return false;
  if (next.at !== run.at + run.count * run.length) return false;
  return run.count === 1 || next.beginNs - run.lastNs === run.pauseNs;
}

function runsOf(requests: readonly FioRequest[]): Run[] {
  const runs: Run[] = [];
  for (const request of requests) {
    const next = sectorsOf(request);
    const run = runs.at(-1);
    if (run === undefined || !continues(run, next)) {
      runs.push(next);
      continue;
    }
    run.pauseNs = next.beginNs - run.lastNs;
    run.lastNs = next.beginNs;
    run.count++;
  }
  return runs;
}

function stepOf(run: Run, disk: string): string {
  const { action, at, count, length, pauseNs } = run;
  const pace = { chunkBytes: length, pauseNs: pauseNs > 0 ? pauseNs : undefined };
  const sizeBytes = count * length;
  if (action === "read") return step("read", { from: disk, at, sizeBytes, ...pace });
  if (action === "write") {
    return step("write", { to: disk, at, pattern: "random", sizeBytes, ...pace });
  }
  return action === "trim" ? step("discard", { of: disk, at, sizeBytes }) : step("flush", disk);
}

/**
 * The steps of one disk's task, and what it moves.
 * @param beginNs when the log's first request was made: nobody waits for that one
 */
function taskOf(
  runs: readonly Run[],
  disk: string,
  beginNs: number,
): { steps: string[]; expected: Fields } {
  const steps: string[] = [];
  let [bytesRead, bytesWritten, nowNs] = [0, 0, beginNs];
  for (const run of runs) {
    if (run.beginNs > nowNs) steps.push(sleep(run.beginNs - nowNs));
    steps.push(stepOf(run, disk));
    // A pause comes after each operation of a step, after the last one too.
    nowNs = run.lastNs + run.pauseNs;
    if (run.action === "read") bytesRead += run.count * run.length;
    if (run.action === "write") bytesWritten += run.count * run.length;
  }
  return { steps, expected: { bytesRead, bytesWritten } };
}

/**
 * Makes a scenario of a log.
 * @param path what the log is called in errors
 * @param kind what its files become
 * @throws {ReelError} ERR_USAGE when it has more files than there can be disks
 */
export function fioScenario(path: string, log: FioLogContent, kind: DiskKind): string {
  const byFile = Map.groupBy(log.requests, ({ file }) => file);
  const most = Math.min(DISKS_MAX[kind], DEVICES_MAX);
  if (byFile.size > most) {
    const found = `it has ${byFile.size} files, and there can be ${most} ${kind} disks`;
    refuseImport(path, "", found, "Give a log of fewer files");
  }
  const [devices, expected] = [new Map<string, Fields>(), new Map<string, Fields>()];
  const tasks = new Map<string, readonly string[]>();
  const comments = [`Made of ${forComment(path)}, a log of fio, version ${log.version}.`];
  for (const [file, requests] of byFile) {
    const number = devices.size + 1;
    const [disk, task] = [`disk${number}`, `requests${number}`];
    const runs = runsOf(requests);
    const extent = (most: number, { at, count, length }: Run): number =>
      Math.max(most, at + count * length);
    const sizeBytes = runs.reduce(extent, DISK_BYTES_MIN);
    devices.set(disk, { kind, sizeBytes, timing: kind === "ata" ? "hdd7200" : "ssd" });
    const made = taskOf(runs, disk, log.requests[0]!.timeNs);
    tasks.set(task, made.steps);
    expected.set(task, made.expected);
    comments.push(`${disk} stands for ${forComment(file)}: ${requests.length} requests.`);
  }
  const about = "The requests of a log of fio, in their order and with their pauses.";
  return scenarioText({ name: "imported-fio-log", about, comments, devices, tasks, expected });
}
