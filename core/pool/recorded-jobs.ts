/**
 * The jobs of a thread in its recording: each is written down as a mark right before it begins, so
 * that a replay can begin the same at the same place.
 */
import { deserialize, serialize } from "bun:jsc";

import { ReelError } from "../errors.ts";
import { MARK_BYTES_MAX } from "../session/codec/format.ts";
import type { Recording } from "../session/recording.ts";
import type { Job } from "./messages.ts";

const PREFIX = "pool job ";
/** Stands for arguments that a mark has no room for, or that cannot be written down. */
const OMITTED = "-";

/** The mark of a job. */
export function markOf({ id, module, exportName, args }: Job): string {
  const head = `${PREFIX}${JSON.stringify({ id, module, exportName })} `;
  const text = head + written(args);
  return Buffer.byteLength(text) <= MARK_BYTES_MAX ? text : head + OMITTED;
}

function written(args: readonly unknown[]): string {
  try {
    return Buffer.from(serialize(args)).toString("base64");
  } catch {
    return OMITTED;
  }
}

/**
 * The jobs that a recording tells of, in the order of their beginnings.
 * @throws {ReelError} ERR_UNSUPPORTED for one whose arguments were not kept
 */
export function recordedJobs(recording: Recording): Job[] {
  const jobs: Job[] = [];
  for (const { event } of recording.events()) {
    if (event.kind !== "mark" || !event.text.startsWith(PREFIX)) continue;
    const text = event.text.slice(PREFIX.length);
    const end = text.lastIndexOf(" ");
    const job = JSON.parse(text.slice(0, end)) as Omit<Job, "args">;
    const args = text.slice(end + 1);
    if (args === OMITTED) {
      throw new ReelError(
        "ERR_UNSUPPORTED",
        `Cannot replay task ${job.exportName} ${job.id}: its arguments were not kept`,
        { mend: "Record with arguments of less than 10 KiB, without shared memory" },
      );
    }
    jobs.push({ ...job, args: deserialize(Buffer.from(args, "base64")) as unknown[] });
  }
  return jobs;
}
