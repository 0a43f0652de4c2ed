/** The steps that move bytes: `write`, `read` and `copy`. */
import { isReelError } from "../../core/errors.ts";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import type { IoBuffer } from "../../core/buffer/buffer.ts";
import { memorySource, patternSource, type ByteSource } from "./byte-source.ts";
import type { ResolvedCopy, ResolvedRead, ResolvedWrite } from "./resolved.ts";
import type { RunningDigest } from "./running-digest.ts";
import { shownEnd, type ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { formatSize, plural } from "./units.ts";

const encoder = new TextEncoder();

/** Each step returns what happened, as one line. */
export async function write(run: ScenarioRun, task: TaskRun, step: ResolvedWrite): Promise<string> {
  const end = run.end(step.to, task);
  const source = sourceOf(run, task, step);
  const place = placeOn(run, end, "write", step.at);
  let operations = 0;
  for (let left = source.sizeBytes; left > 0;) {
    task.checkpoint();
    const length = Math.min(left, step.chunkBytes);
    const piece = source.next(length);
    await counted(task.written, piece, end.write(piece, place(source.sizeBytes - left)));
    operations++;
    left -= length;
    if (step.pauseNs > 0 && left > 0) await run.io.sleep(step.pauseNs);
  }
  const size = formatSize(source.sizeBytes);
  const count = plural(operations, "operation");
  return `wrote ${size} of ${source.name} to ${shownEnd(step.to)} in ${count}`;
}

/**
 * Where the operations of a step take place: on a device that has positions, one behind the other.
 * @returns options for the operation that begins so many bytes into the step
 */
function placeOn(
  run: ScenarioRun,
  { kind }: OpenEnd,
  operation: "read" | "write",
  at = 0,
): (done: number) => { offset?: number } {
  const { providers } = run.io.engine.state;
  const definition = providers.find(({ provider }) => provider.kind === kind)?.provider;
  if (definition?.operations[operation]?.positioned !== true) return () => ({});
  return (done) => ({ offset: at + done });
}

function sourceOf(run: ScenarioRun, task: TaskRun, step: ResolvedWrite): ByteSource {
  if (step.text !== undefined) return memorySource(encoder.encode(step.text), "literal text");
  if (step.from !== undefined) return memorySource(run.content(step.from), step.from);
  const random = run.io.random.fork(`pattern ${task.name} ${task.randomSteps++}`);
  return patternSource(step.pattern!, step.sizeBytes!, step.chunkBytes, random);
}

/** Counts what a write has moved, also when it failed half way. */
async function counted(
  digest: RunningDigest,
  bytes: Uint8Array,
  writing: Promise<number>,
): Promise<void> {
  try {
    const moved = await writing;
    digest.add(moved === bytes.length ? bytes : bytes.subarray(0, moved));
  } catch (error) {
    const moved = isReelError(error) ? error.details["bytes"] : undefined;
    if (typeof moved === "number" && moved > 0) digest.add(bytes.subarray(0, moved));
    throw error;
  }
}

export async function read(run: ScenarioRun, task: TaskRun, step: ResolvedRead): Promise<string> {
  const { sizeBytes, operations } = await pull(run, task, step, async () => {});
  const count = plural(operations, "operation");
  return `read ${formatSize(sizeBytes)} from ${shownEnd(step.from)} in ${count}`;
}

export async function copy(run: ScenarioRun, task: TaskRun, step: ResolvedCopy): Promise<string> {
  const target = run.end(step.to, task);
  const place = placeOn(run, target, "write", step.toAt);
  const { sizeBytes, operations } = await pull(run, task, step, async (buffer, length, done) => {
    const bytes = buffer.bytes.subarray(0, length);
    const options = { length, ...place(done) };
    await counted(task.written, bytes, target.perform("write", buffer, options));
  });
  const ends = `from ${shownEnd(step.from)} to ${shownEnd(step.to)}`;
  return `copied ${formatSize(sizeBytes)} ${ends} in ${plural(operations, "operation")}`;
}

interface Pulled {
  readonly sizeBytes: number;
  readonly operations: number;
}

/** Reads until the end, or until so many bytes have come, and hands each piece on. */
async function pull(
  run: ScenarioRun,
  task: TaskRun,
  step: ResolvedRead,
  handOn: (buffer: IoBuffer, length: number, done: number) => Promise<void>,
): Promise<Pulled> {
  const source: OpenEnd = run.end(step.from, task);
  const limit = step.sizeBytes ?? Number.POSITIVE_INFINITY;
  const place = placeOn(run, source, "read", step.at);
  const kept: Uint8Array[] = [];
  const buffer = run.io.buffer(Math.max(1, Math.min(step.chunkBytes, limit)));
  let sizeBytes = 0;
  let operations = 0;
  try {
    while (sizeBytes < limit) {
      task.checkpoint();
      const length = Math.min(step.chunkBytes, limit - sizeBytes);
      const count = await source.readInto(buffer, { length, ...place(sizeBytes) });
      if (count === 0) break;
      operations++;
      sizeBytes += count;
      const bytes = buffer.bytes.subarray(0, count);
      task.read.add(bytes);
      if (step.as !== undefined) {
        run.requireRoom(step.as, sizeBytes);
        kept.push(bytes.slice());
      }
      await handOn(buffer, count, sizeBytes - count);
      if (step.pauseNs > 0 && sizeBytes < limit) await run.io.sleep(step.pauseNs);
    }
    if (step.as !== undefined) run.keep(step.as, Buffer.concat(kept, sizeBytes));
  } finally {
    buffer.dispose();
  }
  return { sizeBytes, operations };
}
