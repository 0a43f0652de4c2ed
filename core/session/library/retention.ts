/**
 * Which recordings stay when there are too many: those that were pinned, then the newest ones, then
 * those of runs that failed, and of equal ones the newer.
 */
import { hostWallMs } from "../../clock.ts";
import { isReelError } from "../../errors.ts";
import { isRecorded } from "../store/claim.ts";
import { readEntry } from "./entry.ts";
import type { LibraryEntry } from "./entry.ts";
import { libraryFiles } from "./folder.ts";
import { removeRecording, sizeOnDisk } from "./remove.ts";

/** How much may stay. What is undefined is no bound. */
export interface RetentionBounds {
  readonly keep?: number | undefined;
  readonly sizeBytes?: number | undefined;
  /** Older ones go, also those of runs that failed. */
  readonly olderThanMs?: number | undefined;
}

/** What every new recording of the library is followed by. */
export const DEFAULT_BOUNDS = { keep: 200, sizeBytes: 2 * 1024 ** 3 } as const;
/** Those made last stay before those of failed runs do. */
const RECENT = 20;
/** Bounds are held with some room, so that not every new recording has all headers read. */
const ROOM = 0.9;

/** What retention goes by. */
export type RetentionEntry = Pick<
  LibraryEntry,
  "path" | "whenMs" | "sizeBytes" | "pinned" | "failing"
>;

/**
 * Chooses what goes.
 * @param entries the oldest first
 * @param nowMs since 1970
 * @param isHeld what must stay whatever happens
 * @returns the recordings that go, in the order in which they should
 */
export function chooseRemovals<T extends RetentionEntry>(
  entries: readonly T[],
  bounds: RetentionBounds,
  nowMs: number,
  isHeld: (entry: T) => boolean,
): T[] {
  const { keep = Infinity, olderThanMs = Infinity, sizeBytes = Infinity } = bounds;
  const removals = new Set<T>();
  let count = entries.length;
  let size = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  const remove = (entry: T): void => {
    removals.add(entry);
    count--;
    size -= entry.sizeBytes;
  };
  const free = entries.filter((entry) => !entry.pinned && !isHeld(entry));
  for (const entry of free) if (nowMs - entry.whenMs > olderThanMs) remove(entry);
  const recent = new Set(entries.slice(-RECENT));
  const rank = (entry: T): number => (recent.has(entry) ? 2 : 0) + (entry.failing ? 1 : 0);
  const left = free.filter((entry) => !removals.has(entry));
  // Sorting is stable: among equals the oldest stays first.
  for (const entry of left.toSorted((a, b) => rank(a) - rank(b))) {
    if (count <= keep && size <= sizeBytes) break;
    remove(entry);
  }
  return [...removals];
}

/** Removals that were made, or would be. */
export interface Pruned {
  readonly removed: readonly LibraryEntry[];
  readonly kept: number;
  readonly keptBytes: number;
}

/**
 * Removes from the library what is beyond the bounds. Pinned recordings and those that are being
 * made stay.
 * @param isDry whether nothing is removed and only said
 * @throws {ReelError} ERR_STORE when a recording cannot be removed
 */
export function pruneLibrary(bounds: RetentionBounds, isDry: boolean): Pruned {
  const entries = libraryFiles().map(readEntry);
  const removals = chooseRemovals(entries, bounds, hostWallMs(), ({ path }) => isRecorded(path));
  const removed = isDry ? removals : removals.filter(({ path }) => removeIfFree(path));
  const gone = new Set(removed);
  const kept = entries.filter((entry) => !gone.has(entry));
  const keptBytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { removed, kept: kept.length, keptBytes };
}

/**
 * Holds the library within its default bounds after a recording was added. Never throws: a library
 * that is too large is no reason for a run to fail.
 * @param added the recording, which stays
 */
export function holdLibrary(added: string): void {
  try {
    const files = libraryFiles();
    const size = files.reduce((sum, { path }) => sum + sizeOnDisk(path), 0);
    const { keep, sizeBytes } = DEFAULT_BOUNDS;
    if (files.length <= keep && size <= sizeBytes) return;
    const bounds = { keep: Math.floor(keep * ROOM), sizeBytes: Math.floor(sizeBytes * ROOM) };
    const isHeld = ({ path }: LibraryEntry): boolean => path === added || isRecorded(path);
    const removals = chooseRemovals(files.map(readEntry), bounds, hostWallMs(), isHeld);
    for (const { path } of removals) removeIfFree(path);
  } catch (error) {
    if (!isReelError(error)) throw error;
  }
}

/** @returns false when somebody has begun to record to it meanwhile */
function removeIfFree(path: string): boolean {
  try {
    removeRecording(path);
    return true;
  } catch (error) {
    if (isReelError(error, "ERR_USAGE")) return false;
    throw error;
  }
}
