/**
 * When a process started, and since which start of the machine: with its id, that names it for good,
 * although ids are given out again.
 */
import { readFileSync } from "node:fs";

/** Field 22 of `/proc/PID/stat`, counted behind the command's name, which may hold anything. */
const START_FIELD = 22 - 3;

/**
 * When a process started.
 * @returns clock ticks since boot; undefined when there is no such process, or nobody to ask
 */
export function processStart(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[START_FIELD]);
    return Number.isSafeInteger(ticks) ? ticks : undefined;
  } catch {
    return undefined;
  }
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
