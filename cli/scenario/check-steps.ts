/** The steps that look at bytes: `checksum` and `compare`. */
import { ReelError } from "../../core/errors.ts";
import { isSha256 } from "./references.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import { formatSize } from "./units.ts";

/** How much of a checksum tells two of them apart for people. */
const SHOWN_DIGITS = 12;

export function shortChecksum(checksum: string): string {
  return checksum.slice(0, SHOWN_DIGITS);
}

/** @throws {ReelError} ERR_EXPECTATION when it is another than it has to be */
export function checksum(run: ScenarioRun, step: { of: string; is?: string }): string {
  const found = run.summary(step.of);
  const text = `sha256 of ${step.of} (${formatSize(found.sizeBytes)}) is`;
  if (step.is === undefined) return `${text} ${found.checksum}`;
  const literal = isSha256(step.is);
  const wanted = literal ? step.is.toLowerCase() : run.summary(step.is).checksum;
  if (found.checksum !== wanted) {
    throw new ReelError("ERR_EXPECTATION", `The ${text} ${found.checksum}: wanted ${wanted}`, {
      details: { of: step.of, found: found.checksum, wanted },
    });
  }
  return `${text} ${literal ? "as given" : `that of ${step.is}`}: ${shortChecksum(wanted)}`;
}

/** @throws {ReelError} ERR_EXPECTATION naming the first that is different, and where */
export function compare(run: ScenarioRun, step: { values: readonly string[] }): string {
  const difference = firstDifference(run, step.values);
  if (difference !== undefined) {
    throw new ReelError("ERR_EXPECTATION", difference, { details: { values: step.values } });
  }
  const { sizeBytes, checksum: same } = run.summary(step.values[0]!);
  const names = `${step.values.slice(0, -1).join(", ")} and ${step.values.at(-1)}`;
  return `${names} are the same ${formatSize(sizeBytes)}: ${shortChecksum(same)}`;
}

/**
 * Compares bytes by their names.
 * @returns undefined when all are the same; else one sentence
 * @throws {ReelError} ERR_NOT_RUNNING when some are not there
 */
export function firstDifference(run: ScenarioRun, names: readonly string[]): string | undefined {
  const first = names[0]!;
  const wanted = run.summary(first);
  for (const name of names.slice(1)) {
    const found = run.summary(name);
    if (found.checksum === wanted.checksum) continue;
    const sizes = [wanted, found].map(({ sizeBytes }) => `${sizeBytes} B`);
    const what = `${first} (${sizes[0]}) and ${name} (${sizes[1]}) are not the same bytes`;
    const at = partingOf(run.contentIfAny(first), run.contentIfAny(name));
    return at === undefined ? what : `${what}: they part at byte ${at}`;
  }
  return undefined;
}

function partingOf(one: Uint8Array | undefined, other: Uint8Array | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return length;
}
