/**
 * What becomes of open rings when their thread ends without closing them. The kernel would go on
 * writing into memory that the rest of the process uses for something else by then. (At the end of
 * a process there is nobody left to harm.)
 *
 * A thread that exits or fails closes them on its way out. One that is terminated does nothing any
 * more; so whoever may do that to it, its heir, is told of the memory beforehand, and keeps it.
 */

/** What must not outlive its thread. */
interface Closing {
  close(): void;
}

/** Calls close() of everything in a set at the end of this thread, unless it is the main one. */
export function closeAtThreadExit(open: ReadonlySet<Closing>): void {
  if (Bun.isMainThread) return;
  process.on("exit", () => {
    for (const each of open) {
      try {
        each.close();
      } catch {
        // What cannot be closed in time was said before, and now there is nobody to say it to.
      }
    }
  });
}

/** Told of memory: that the kernel may write to it from now on, or that it does not any more. */
export type Heir = (memory: SharedArrayBuffer, written: boolean) => void;

let heir: Heir | undefined;

/** Has somebody told of all memory that the kernel may write to for this thread's rings. */
export function appointHeir(chosen: Heir): void {
  heir = chosen;
}

/** The memory of one ring: its own, and what its requests may name. */
export class Estate {
  readonly #memories = new Set<SharedArrayBuffer>();

  add({ buffer }: NodeJS.TypedArray): void {
    // A mapped ring's memory is the kernel's own.
    if (heir === undefined || !(buffer instanceof SharedArrayBuffer)) return;
    if (this.#memories.has(buffer)) return;
    this.#memories.add(buffer);
    heir(buffer, true);
  }

  clear(): void {
    for (const memory of this.#memories) heir?.(memory, false);
    this.#memories.clear();
  }
}
