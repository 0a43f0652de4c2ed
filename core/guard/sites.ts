/**
 * Who called what is trapped, by the stack. The house's own files may use the host while guest code
 * has called them: they record what they learn, or nobody can see it.
 */
import { dirname } from "node:path";

const ROOT = `${dirname(dirname(import.meta.dirname))}/`;
const GUARD = `${import.meta.dirname}/`;
/** Files and folders that answer for what they ask of the host. */
const HOUSE: readonly string[] = [
  "core/clock.ts",
  "core/random.ts",
  "core/backend/",
  "core/session/",
  "core/pool/",
  "cli/output.ts",
].map((path) => ROOT + path);
const FRAMES_MAX = 16;
/** The file of a frame: `at name (/folder/file.ts:1:2)` or `at /folder/file.ts:1:2`. */
const FILE = /(?:\(|at )(?:async )?(\/[^()]*?):\d+/;
/** Programs that live in the house's folders all the same. */
const TESTS = /\.(?:test|fixture)\.ts$/;

/** Whether the nearest function on the stack, behind the guard and Bun's own, is of the house. */
export function ranByHouse(): boolean {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX;
  const stack = new Error("call site").stack ?? "";
  Error.stackTraceLimit = limit;
  for (const line of stack.split("\n")) {
    const file = FILE.exec(line)?.[1];
    if (file === undefined || (file.startsWith(GUARD) && !TESTS.test(file))) continue;
    return !TESTS.test(file) && HOUSE.some((path) => file.startsWith(path));
  }
  return false;
}
