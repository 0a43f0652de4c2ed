/**
 * What a TypeScript file imports. Bun's own scanner drops imports of types, which the floors care
 * about; so this one reads them all from the text.
 */
import { readSource, stringAt, type Source } from "./source.ts";
import { posix } from "node:path";

export interface Import {
  /** As written: "./x.ts", "bun:ffi", "yaml". */
  specifier: string;
  /** For a relative import, the path it names in the repository. */
  path: string | undefined;
  /** Offset of the specifier. */
  offset: number;
  /** Gone when the program runs: `import type`, `export type`. */
  typeOnly: boolean;
  /** `import()`: loaded when the code gets there. */
  dynamic: boolean;
}

const STATIC =
  /(?<![\w$.])(import|export)\b(\s+type\b(?!\s+from\b|\s*,))?([^;'"`()]*?\bfrom\b)?\s*(["'])/g;
const DYNAMIC = /(?<![\w$.])import\s*\(\s*(["'`])/g;

function importAt(source: Source, offset: number, typeOnly: boolean, dynamic: boolean) {
  const specifier = stringAt(source, offset)?.text;
  if (specifier === undefined || specifier === "") return [];
  const isRelative = specifier.startsWith(".");
  const folder = posix.dirname(source.path);
  const path = isRelative ? posix.normalize(posix.join(folder, specifier)) : undefined;
  return [{ specifier, path, offset, typeOnly, dynamic }];
}

/** Every import and re-export of a file, in the order of the text. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  for (const match of source.code.matchAll(STATIC)) {
    // `export const a = "x"` is no import: only `from` or a bare `import "x"` makes it one.
    if (match[3] === undefined && match[1] === "export") continue;
    const offset = match.index + match[0].length;
    found.push(...importAt(source, offset, match[2] !== undefined, false));
  }
  for (const match of source.code.matchAll(DYNAMIC)) {
    found.push(...importAt(source, match.index + match[0].length, false, true));
  }
  return found.toSorted((a, b) => a.offset - b.offset);
}

/** Relative paths of other modules that a file names in any string: workers, URLs of modules. */
export function modulesNamedIn(source: Source): string[] {
  const folder = posix.dirname(source.path);
  const named: string[] = [];
  for (const { text } of source.strings) {
    // `new Worker("./a.ts")`, and `join(import.meta.dir, "a.ts")`.
    if (/^(?:\.{1,2}\/)?[\w./-]+\.ts$/.test(text)) {
      named.push(posix.normalize(posix.join(folder, text)));
    }
  }
  return named;
}

/** The package of a specifier: "@scope/name/x" is of "@scope/name". */
export function packageOf(specifier: string): string {
  if (specifier.startsWith("node:") || specifier.startsWith("bun:")) return specifier;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
}

/** The imports of a text, for tests. */
export function importsOfText(path: string, text: string): Import[] {
  return importsOf(readSource(path, text));
}
