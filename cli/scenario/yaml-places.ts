/**
 * Places in YAML text, by a parser that keeps them. Only loaded when there is something to place:
 * it is some fifty times slower than Bun's own.
 */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit } from "yaml";
import type { Document, Node, ParsedNode, Pair } from "yaml";
import { printable } from "./frame.ts";
import type { Path } from "./issue.ts";
import type { TextError } from "./yaml-text.ts";

export interface TextPlace {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Units to mark: not beyond the line. */
  readonly length: number;
}

// The parser's own search for equal keys compares each key with every other: half a minute for a
// file of the allowed size. See repeatedKey.
const parse = (text: string): Document.Parsed =>
  parseDocument(text, {
    prettyErrors: false,
    merge: false,
    logLevel: "silent",
    strict: true,
    uniqueKeys: false,
  });

const HELP: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "check the indentation and the closing brackets",
  MULTIPLE_DOCS: "keep one scenario a file, without ---",
};

/** What is wrong with the text as YAML, if anything is. */
export function firstError(text: string): TextError | undefined {
  const document = parse(text);
  const [first] = document.errors;
  if (first === undefined) return repeatedKey(document) ?? mergeKey(document);
  const [start, end] = first.pos;
  const why = first.message.split("\n", 1)[0]!.replace(/\.$/, "");
  let message = `The scenario is no YAML: ${why.charAt(0).toLowerCase()}${why.slice(1)}`;
  if (/call stack/i.test(why)) message = "The scenario is nested too deep";
  const length = Math.max(1, end - start);
  return { message, help: HELP[first.code], offset: start, length };
}

const KEY_LENGTH_SHOWN = 40;

/** The first key that a mapping already has. Bun's parser lets the last of equal keys win. */
function repeatedKey(document: Document.Parsed): TextError | undefined {
  let found: TextError | undefined;
  visit(document, {
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const text = String(key.value);
        if (!seen.has(text)) {
          seen.add(text);
          continue;
        }
        const [start, end] = key.range ?? [0, 1];
        const shown = printable(text.slice(0, KEY_LENGTH_SHOWN));
        found = {
          message: `The key ${shown} stands twice in one mapping`,
          help: "give one of them another name, or delete it",
          offset: start,
          length: Math.max(1, end - start),
        };
        return visit.BREAK;
      }
      return undefined;
    },
  });
  return found;
}

/** Merge keys are not YAML 1.2, and which of two values wins is no longer seen from the text. */
function mergeKey(document: Document.Parsed): TextError | undefined {
  let found: TextError | undefined;
  visit(document, {
    Pair(_key, pair: Pair) {
      if (!isScalar(pair.key) || pair.key.value !== "<<") return undefined;
      found = {
        message: 'Merge keys ("<<") are not supported in scenarios',
        help: "write the keys out, or use vars for what repeats",
        offset: pair.key.range?.[0] ?? 0,
        length: 2,
      };
      return visit.BREAK;
    },
  });
  return found;
}

/** Finds paths in one text. */
export class YamlPlaces {
  readonly #text: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#text = text;
    this.#document = parse(text);
    this.#lines.addNewLine(0);
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
      this.#lines.addNewLine(at + 1);
    }
  }

  /**
   * The place of a path, or of the deepest part of it that the text has.
   * @param on whether the last key is meant, or what stands at it
   */
  find(path: Path, on: "key" | "value"): TextPlace {
    let node: Node | null = this.#document.contents;
    let range = node?.range ?? [0, 1, 1];
    for (const [depth, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document) ?? null;
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find((item) => keyText(item) === String(part));
        if (pair === undefined) break;
        const key = pair.key as ParsedNode | null;
        node = pair.value as ParsedNode | null;
        const wantsKey = (depth === path.length - 1 && on === "key") || isEmpty(node);
        range = (wantsKey ? key?.range : node?.range) ?? range;
      } else if (isSeq(node) && typeof part === "number") {
        const item = node.items[part] as ParsedNode | undefined;
        // One group of names is written without the outer list: `sameBytes: [a, b]`.
        if (isScalar(item) && typeof path[depth + 1] === "number") continue;
        node = item ?? null;
        range = node?.range ?? range;
        // A short form has no key where the normal form has one: `compare: [a, b]`.
      } else if (!isSeq(node)) break;
    }
    return this.at(range[0], range[1] - range[0]);
  }

  /** The place of an offset. */
  at(offset: number, length: number): TextPlace {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.#text.length));
    const lineEnd = this.#text.indexOf("\n", offset);
    const left = (lineEnd === -1 ? this.#text.length : lineEnd) - offset;
    return { line, column: col, length: Math.max(1, Math.min(length, left)) };
  }
}

/** A value that was left out has a range, but no characters to mark. */
function isEmpty(node: Node | null): boolean {
  return node?.range === undefined || node.range === null || node.range[0] === node.range[1];
}

function keyText(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}
