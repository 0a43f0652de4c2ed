/**
 * The archiving Worker as the program's thread sees it: started, told what is sealed, waited for.
 * A Worker that died without a word is noticed by its thread, which is gone.
 */
import { existsSync } from "node:fs";
import { ReelError } from "../../errors.ts";
import type { InserterFacts } from "../store/inserter.ts";
import type { ArchiveSetup } from "./archive-loop.ts";
import { ARCHIVE_STATE, ArchiveControl, CONTROL } from "./control.ts";

const ENTRY = new URL("./worker.ts", import.meta.url);
/** After so long without an answer, whether the Worker still lives is looked up. */
const LOOK_UP_MS = 50;
/** A Worker that has not begun by then never will. */
const START_MS = 10_000;

export class ArchiveThread {
  readonly #control = new ArchiveControl();
  readonly #worker: Worker;

  /** @param committed how many frames are in the database already */
  constructor(facts: InserterFacts, committed: number, options: ArchiveSetup["options"]) {
    this.#control.store(CONTROL.COMMITTED, committed);
    this.#worker = new Worker(ENTRY.href);
    // What it threw outside its loop shows in its thread's end; nobody is to be told twice.
    this.#worker.onerror = (event) => event.preventDefault();
    this.#worker.unref();
    const control = this.#control.memory;
    this.#worker.postMessage({ control, facts, committed, options } satisfies ArchiveSetup);
  }

  /** How many frames are in the database. */
  get committed(): number {
    return this.#control.load(CONTROL.COMMITTED);
  }

  /** What ended the Worker's work, if anything did. */
  get failure(): ReelError | undefined {
    if (this.#control.load(CONTROL.STATE) !== ARCHIVE_STATE.FAILED) return undefined;
    const { message, mend, cause } = this.#control.reported();
    const details = { cause };
    return new ReelError(
      "ERR_STORE",
      message,
      mend === undefined ? { details } : { mend, details },
    );
  }

  /** Says that all frames before this one are sealed. */
  tell(sealed: number): void {
    this.#control.store(CONTROL.SEALED, sealed);
    this.#control.ring(CONTROL.SIGNAL);
  }

  /**
   * Blocks until more frames are in the database than were.
   * @param committed how many that was
   * @returns false when that will not come: the Worker has failed or is gone
   */
  waitBeyond(committed: number): boolean {
    return this.#waitFor(() => this.committed > committed);
  }

  /**
   * Blocks until the Worker has taken in what it was told of and has closed the file. One that has
   * not begun yet is not waited for: what it would have done is left to the caller.
   * @returns whether all is in the file
   */
  close(): boolean {
    const control = this.#control;
    if (control.swap(CONTROL.STATE, ARCHIVE_STATE.STARTING, ARCHIVE_STATE.TAKEN)) {
      this.#worker.terminate();
      return false;
    }
    control.store(CONTROL.CLOSE, 1);
    control.ring(CONTROL.SIGNAL);
    const closed = (): boolean => control.load(CONTROL.STATE) === ARCHIVE_STATE.CLOSED;
    const done = this.#waitFor(closed);
    this.#worker.terminate();
    return done;
  }

  #waitFor(reached: () => boolean): boolean {
    const control = this.#control;
    for (let waitedMs = 0; ; waitedMs += LOOK_UP_MS) {
      const answer = control.load(CONTROL.ANSWER);
      if (reached()) return true;
      if (control.load(CONTROL.STATE) === ARCHIVE_STATE.FAILED) return false;
      control.wait(CONTROL.ANSWER, answer, LOOK_UP_MS);
      if (control.load(CONTROL.ANSWER) === answer && this.#isGone(waitedMs)) return reached();
    }
  }

  /** Whether nothing will come of it any more. From then on its work is the caller's. */
  #isGone(waitedMs: number): boolean {
    const control = this.#control;
    if (control.load(CONTROL.STATE) === ARCHIVE_STATE.STARTING) {
      const late = waitedMs >= START_MS;
      return late && control.swap(CONTROL.STATE, ARCHIVE_STATE.STARTING, ARCHIVE_STATE.TAKEN);
    }
    return !existsSync(`/proc/self/task/${control.load(CONTROL.THREAD)}`);
  }
}
