/** The steps that concern disks beside their bytes: flushing, discarding, changing media. */
import { isReelError, ReelError, type ErrorCode } from "../../core/errors.ts";
import { listed } from "./issue.ts";
import type { ResolvedDiscard, ResolvedInsert } from "./resolved.ts";
import { shownEnd, type ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { formatSize } from "./units.ts";

/** Each step returns what happened, as one line. */
export async function flush(
  run: ScenarioRun,
  task: TaskRun,
  step: { devices: readonly string[] },
): Promise<string> {
  for (const name of step.devices) await run.end(name, task).perform("flush");
  return `flushed ${listed(step.devices.map(shownEnd))}`;
}

export async function discard(
  run: ScenarioRun,
  task: TaskRun,
  { at, of, sizeBytes }: ResolvedDiscard,
): Promise<string> {
  const end = run.end(of, task);
  await end.perform("discard", undefined, { offset: at, argument: sizeBytes });
  return `discarded ${formatSize(sizeBytes)} of ${shownEnd(of)} from ${formatSize(at)}`;
}

export async function eject(
  run: ScenarioRun,
  task: TaskRun,
  step: { devices: readonly string[] },
): Promise<string> {
  for (const name of step.devices) {
    const end = run.end(name, task);
    await changing(`eject the medium of ${shownEnd(name)}`, () => end.perform("eject"));
  }
  return `ejected the medium of ${listed(step.devices.map(shownEnd))}`;
}

export async function insert(
  run: ScenarioRun,
  task: TaskRun,
  { into, image, readOnly }: ResolvedInsert,
): Promise<string> {
  const end = run.end(into, task);
  const what = `${image === "" ? "a blank medium" : image} into ${shownEnd(into)}`;
  await changing(`insert ${what}`, () => {
    return end.perform("insert", image, { argument: readOnly ? 1 : 0 });
  });
  return `inserted ${what}`;
}

/** What the codes mean where media are changed, and what to do about them. */
const CHANGES: Readonly<Partial<Record<ErrorCode, readonly [words: string, mend: string]>>> = {
  EBUSY: ["a medium is in the drive", "Put `eject` before `insert`"],
  EINVAL: [
    "the image is no medium of this drive",
    "Give an image of a disk's size: of a floppy format, or in sectors of 2 KiB for a CD drive",
  ],
  ENOENT: ["no such image", "Write the path as seen from where the command is started"],
  ENOMEDIUM: ["the drive is empty", "Put `insert` before `eject`"],
  ERR_UNSUPPORTED: [
    "its medium is fixed",
    "Use a floppy (`kind: fdd`) or a CD drive (`packet: true`) on the emulated backend",
  ],
};

/** @throws {ReelError} of the same code as what the action has thrown, in words of its own */
async function changing(what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const known = isReelError(error) ? CHANGES[error.code] : undefined;
    if (!isReelError(error) || known === undefined) throw error;
    const [words, mend] = known;
    const { code, details } = error;
    throw new ReelError(code, `Cannot ${what}: ${words} (${code})`, {
      mend,
      details,
      cause: error,
    });
  }
}
