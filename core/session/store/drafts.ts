/**
 * Drafts: files that a recording is made in beside its path, before they take their place. Those of
 * a process that was killed meanwhile are of no use to anybody.
 */
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isAlive } from "../tail/process-start.ts";

const DRAFT = /^(\d+)\.(?:before|new|tail|recovered)(?:-wal|-shm|-journal)?$/;

/** Removes the drafts of processes that are gone. Whoever calls holds the path's claim. */
export function sweepDrafts(path: string): void {
  const prefix = `.${basename(path)}.`;
  try {
    for (const entry of readdirSync(dirname(path))) {
      const pid = entry.startsWith(prefix)
        ? DRAFT.exec(entry.slice(prefix.length))?.[1]
        : undefined;
      if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(path), entry));
    }
  } catch {
    // What stays takes room and does no harm.
  }
}
