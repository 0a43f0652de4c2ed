/**
 * The recording that a flight would replace, set aside until it is known whether there will be a
 * new one: after a run that went well it is there again.
 */
import { existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isReelError } from "../../errors.ts";
import { writeRecovered } from "../recovery/write-recovered.ts";

export class SetAside {
  readonly #path: string;
  #aside: string | undefined;

  /** @param path of the recording that is about to be replaced, if there is one */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    const aside = join(dirname(path), `.${basename(path)}.${process.pid}.before`);
    try {
      // Of one whose process was killed, a part is in files that go when it is replaced.
      writeRecovered(path);
    } catch (error) {
      if (!isReelError(error)) throw error;
    }
    try {
      rmSync(aside, { force: true });
      linkSync(path, aside);
      this.#aside = aside;
    } catch {
      // A disk without links keeps no second name of it.
    }
  }

  /** Puts it back, or removes what is in its place when there was none. */
  restore(): void {
    if (this.#aside === undefined) rmSync(this.#path, { force: true });
    else renameSync(this.#aside, this.#path);
    this.#aside = undefined;
  }

  /** Lets go of it: the new one stays. Never throws. */
  drop(): void {
    const aside = this.#aside;
    this.#aside = undefined;
    if (aside === undefined) return;
    try {
      rmSync(aside, { force: true });
    } catch {
      // The next recording of that path removes it.
    }
  }
}
