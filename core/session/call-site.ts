/**
 * Where in a program a call came from: the first stack frame outside ioreel's core. It is shown in
 * reports and never recorded, because stack texts differ between machines and versions.
 */
import { dirname } from "node:path";

const CORE_FOLDER = `${dirname(import.meta.dirname)}/`;
/** Programs that live in the core all the same. */
const TESTS = /\.(test|fixture)\.ts/;
const FRAMES_MAX = 64;

/** Where the program is: an error whose stack reaches far enough for {@link findCallSite}. */
export function callHere(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX;
  const here = new Error("call site");
  Error.stackTraceLimit = limit;
  return here;
}

/** @returns `function (file:line:column)`, or undefined when the program is not on the stack */
export function findCallSite({ stack = "" }: Error = callHere()): string | undefined {
  for (const line of stack.split("\n").slice(1)) {
    const frame = line.trim();
    if (!frame.startsWith("at ") || !frame.includes("/")) continue;
    if (frame.includes(CORE_FOLDER) && !TESTS.test(frame)) continue;
    return frame.slice(3);
  }
  return undefined;
}
