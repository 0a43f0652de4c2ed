/**
 * YAML (and JSON, which is YAML) as scenarios use it. Bun's parser does the work; it knows no
 * places and lets the last of two equal keys win, so what it refuses, and what looks as if it had
 * equal keys, is looked at again with a slower parser that does.
 */
import { DEPTH_MAX } from "./limits.ts";
import { isMapping } from "./spec.ts";

const BRACKETS_MAX = 4 * DEPTH_MAX;

/** Something that is wrong with the text itself. */
export interface TextError {
  readonly message: string;
  readonly help: string | undefined;
  /** Offset in the text, where one is known. */
  readonly offset: number;
  readonly length: number;
}

export type Parsed = { readonly value: unknown } | { readonly error: TextError };

export async function parseYaml(text: string): Promise<Parsed> {
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    return { error: { message: TOO_DEEP, help: undefined, offset: deep, length: 1 } };
  }
  let value: unknown;
  try {
    value = Bun.YAML.parse(text);
  } catch (error) {
    const { firstError } = await import("./yaml-places.ts");
    return { error: firstError(text) ?? unplaced(error) };
  }
  if (keysWritten(text) === keysRead(value)) return { value };
  const { firstError } = await import("./yaml-places.ts");
  const error = firstError(text);
  return error === undefined ? { value } : { error };
}

const TOO_DEEP = "The scenario is nested too deep";

/**
 * Where brackets are open that no scenario of allowed depth can have: parsers take time that grows
 * with the square of the depth. Brackets in strings and comments count too, so the bound is far
 * above that of the depth itself.
 */
function tooDeepAt(text: string): number | undefined {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[" || character === "{") {
      if (++open > BRACKETS_MAX) return at;
    } else if ((character === "]" || character === "}") && open > 0) {
      open--;
    }
  }
  return undefined;
}

function unplaced(error: unknown): TextError {
  const why = (error instanceof Error ? error.message : String(error)).replace(
    /^YAML Parse error: /,
    "",
  );
  const deep = error instanceof RangeError;
  const message = deep ? TOO_DEEP : `The scenario is no YAML: ${why}`;
  return { message, help: undefined, offset: 0, length: 1 };
}

/**
 * At least as many keys as the text has: every key is followed by a colon, and colons elsewhere
 * only make the count too high. So equal counts prove that no key was lost to an equal one. Lines
 * that are comments do not count, they have no keys.
 */
function keysWritten(text: string): number {
  // Without a colon: `? key`. With one that is not followed by a blank: merge keys and JSON.
  if (/(?:^|[\s{[,])\?(?:\s|$)|<</m.test(text)) return -1;
  const code = text.replaceAll(/^[ \t]*#.*$|[ \t]#[^"'\n]*$/gm, "");
  return code.match(/:(?=[\s,[\]{}]|$)|["']\s*:/g)?.length ?? 0;
}

function keysRead(value: unknown): number {
  let count = 0;
  const seen = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    if (Array.isArray(part)) {
      for (const entry of part) visit(entry);
    } else if (isMapping(part)) {
      const entries = Object.values(part);
      count += entries.length;
      for (const entry of entries) visit(entry);
    }
  };
  visit(value);
  return count;
}
