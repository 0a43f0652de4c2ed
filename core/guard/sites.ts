/**
 * Who called what is trapped, by the stack. The house's own files may use the host while guest code
 * has called them: they record what they learn, or nobody can see it.
 *
 * A function that ends with a call is gone from the stack by then (JavaScriptCore makes it a tail
 * call). Reading the property that is called comes before that, so the reader's stack is kept.
 */
import { dirname } from "node:path";
import { callHere } from "../session/call-site.ts";

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
/** The file of a frame: `at name (/folder/file.ts:1:2)` or `at /folder/file.ts:1:2`. */
const FILE = /(?:\(|at )(?:async )?(\/[^()]*?):\d+/;
/** Programs that live in the house's folders all the same. */
const TESTS = /\.(?:test|fixture)\.ts$/;

let lastRead: { readonly name: string; readonly here: Error } | undefined;

/** Guest code reads a trapped property, most likely to call it. */
export function noteRead(name: string): void {
  lastRead = { name, here: callHere() };
}

/** Where a trapped name was read just now, or else where it is called. */
export function siteOf(name: string): Error {
  const read = lastRead;
  lastRead = undefined;
  return read?.name === name ? read.here : callHere();
}

/** Whether the nearest function on the stack, behind the guard and Bun's own, is of the house. */
export function isOfHouse({ stack = "" }: Error): boolean {
  for (const line of stack.split("\n")) {
    const file = FILE.exec(line)?.[1];
    if (file === undefined || file.endsWith("/core/session/call-site.ts")) continue;
    if (TESTS.test(file)) return false;
    if (!file.startsWith(GUARD)) return HOUSE.some((path) => file.startsWith(path));
  }
  return false;
}
