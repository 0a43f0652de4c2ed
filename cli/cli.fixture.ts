/** Runs the real command line in a process of its own, for tests. */
import { join } from "node:path";
import { TEST_HOME } from "../scripts/test-home.fixture.ts";

export const ROOT = join(import.meta.dir, "..");
export const MAIN = join(ROOT, "cli/main.ts");

export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Runs `ioreel` in the repository's folder, without colours. */
export function ioreel(...words: string[]): Ended {
  return ioreelIn(ROOT, {}, ...words);
}

/** Runs `ioreel` in a folder, with more in its environment. */
export function ioreelIn(cwd: string, env: Record<string, string>, ...words: string[]): Ended {
  const { NO_COLOR: _none, FORCE_COLOR: _neither, ...inherited } = process.env;
  const child = Bun.spawnSync([process.execPath, MAIN, ...words], {
    cwd,
    env: { ...inherited, IOREEL_HOME: TEST_HOME, ...env },
    stdin: "ignore",
  });
  return { code: child.exitCode, out: String(child.stdout), err: String(child.stderr) };
}
