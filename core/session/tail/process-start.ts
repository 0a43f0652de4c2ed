/**
 * When a process started, since which start of the machine, and whether it has ended: with its id,
 * that names it for good, although ids are given out again.
 */
import { readFileSync } from "node:fs";

/** Fields of `/proc/PID/stat`, counted behind the command's name, which may hold anything. */
const STATE_FIELD = 3 - 3;
const THREADS_FIELD = 20 - 3;
const START_FIELD = 22 - 3;

/** The fields of a process; undefined when there is none of that number, or nobody to ask. */
function fieldsOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/**
 * Whether a process has ended although its number is still taken: nobody has asked how it ended,
 * and perhaps nobody ever will. The last of its threads has to be gone too.
 */
export function hasEnded(pid: number): boolean {
  const fields = fieldsOf(pid);
  const state = fields?.[STATE_FIELD];
  return state === "X" || (state === "Z" && Number(fields![THREADS_FIELD]) <= 1);
}

/** Whether there is a process of that number, and it has not ended. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return !hasEnded(pid);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/**
 * When a process started.
 * @returns clock ticks since boot; undefined when there is no such process, or nobody to ask
 */
export function processStart(pid: number): number | undefined {
  const ticks = Number(fieldsOf(pid)?.[START_FIELD]);
  return Number.isSafeInteger(ticks) ? ticks : undefined;
}

const BOOT_BYTES = 16;

/** Names this start of the machine: 16 bytes, zeros where nobody can say. */
export function bootId(): Uint8Array {
  try {
    const text = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
    return Uint8Array.fromHex(text.trim().replaceAll("-", ""));
  } catch {
    return new Uint8Array(BOOT_BYTES);
  }
}
