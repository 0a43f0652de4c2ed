/** Recordings of the examples, made by the real command line, once for each process of tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyUnavailable } from "../core/testing/harness.ts";
import { ioreel } from "./cli.fixture.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: recordings of io_uring: ${missing}`);

/** What can be recorded on here. */
export const BACKENDS: readonly ("emulated" | "uring")[] =
  missing === undefined ? ["emulated", "uring"] : ["emulated"];

/** What the largest of the four clients of the echo example sends. */
export const ECHO_BYTES = 1 << 17;

/** The recordings, in a folder of their own. */
export class ExampleRecordings {
  readonly folder = mkdtempSync(join(tmpdir(), "ioreel-examples-"));
  readonly #made = new Map<string, string>();

  /** Records an example, or finds it recorded. @returns the path */
  of(example: string, backend: string): string {
    const name = `${example}-${backend}.reel`;
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const path = this.path(name);
    // Less than the echo example moves by itself: it takes time wherever it is looked at.
    const set = example === "echo" ? ["--set", `size=${ECHO_BYTES}`] : [];
    const words = ["run", `examples/${example}.yaml`, "--seed", "7", "--backend", backend];
    const ended = ioreel(...words, ...set, "--record", path, "--quiet");
    if (ended.code !== 0) throw new Error(`Cannot record ${name}: ${ended.err}`);
    this.#made.set(name, path);
    return path;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a program of the host is there; its tests are skipped loudly where it is not. */
export function hasTool(name: string): boolean {
  if (Bun.which(name) !== null) return true;
  console.warn(`SKIPPED: checks with ${name}: it is not installed`);
  return false;
}
