/**
 * Tests of what is below the commands: reading requests however they are cut, patterns that cannot
 * take long, and a list that behaves like an array.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Deque } from "./deque.ts";
import { matchesGlob } from "./glob.ts";
import { splitInline } from "./inline.ts";
import { BULK_BYTES_MAX, LINE_BYTES_MAX, ProtocolError, RequestReader } from "./request-reader.ts";

/** Feeds pieces one after the other; commands as lists of words, errors as their text. */
function read(...pieces: readonly (string | Uint8Array)[]): (string[] | string)[] {
  const reader = new RequestReader();
  const found: (string[] | string)[] = [];
  for (const piece of pieces) {
    reader.feed(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      if (next instanceof ProtocolError) found.push(next.message);
      else found.push(next.map((word) => word.toString("latin1")));
    }
  }
  return found;
}

test("RequestReader reads arrays and typed lines, however they are cut", () => {
  const text =
    "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*0\r\n\r\nset \"a b\" 'c'\n*-1\r\n*1\r\n$0\r\n\r\nping\r\n";
  const wanted = [["GET", "a\r\nb"], ["set", "a b", "c"], [""], ["ping"]];
  expect(read(text)).toEqual(wanted);
  expect(read(...text)).toEqual(wanted);
});

test("RequestReader refuses what is malformed or too long with Redis's own texts", () => {
  const last = (text: string) => read(text).at(-1);
  const error = (why: string) => `ERR Protocol error: ${why}`;
  expect(last("*x\r\n")).toBe(error("invalid multibulk length"));
  expect(last("*1048577\r\n")).toBe(error("invalid multibulk length"));
  expect(last("*1\r\n:1\r\n")).toBe(error("expected '$', got ':'"));
  expect(last("*1\r\n$-1\r\n")).toBe(error("invalid bulk length"));
  expect(last(`*1\r\n$${BULK_BYTES_MAX + 1}\r\n`)).toBe(error("invalid bulk length"));
  expect(
    last(`*9\r\n${`$${BULK_BYTES_MAX}\r\n${"x".repeat(BULK_BYTES_MAX)}\r\n`.repeat(4)}$1\r\n`),
  ).toBe(error("the command is too long"));
  expect(last("a".repeat(LINE_BYTES_MAX + 1))).toBe(error("too big inline request"));
  expect(last(`*${"1".repeat(LINE_BYTES_MAX + 1)}`)).toBe(error("too big mbulk count string"));
  expect(last(`*1\r\n$${"1".repeat(LINE_BYTES_MAX + 1)}`)).toBe(error("too big bulk count string"));
  expect(last('set a "b\r\n')).toBe(error("unbalanced quotes in request"));
  expect(read("*x\r\n", "PING\r\n")).toHaveLength(1);
});

test("RequestReader never throws, and gives the same for any cut of any bytes", () => {
  const words = ["*2\r\n", "*1\r\n", "$3\r\n", "$0\r\n", "abc", "\r\n", '"', "PING", " ", "*", "$"];
  const piece = fc.oneof(
    fc.constantFrom(...words).map((word) => Buffer.from(word)),
    fc.uint8Array({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(20)), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) parts.push(bytes.subarray(at, (at += cut)));
      expect(read(...parts, bytes.subarray(at))).toEqual(read(bytes));
    }),
  );
});

test("splitInline() knows quotes and escapes as Redis does", () => {
  const words = (text: string) =>
    splitInline(Buffer.from(text))?.map((word) => word.toString("latin1"));
  expect(words(String.raw`  set "a\x41\n\"" 'it\'s' b"c" `)).toEqual([
    "set",
    'aA\n"',
    "it's",
    "bc",
  ]);
  expect(words("")).toEqual([]);
  for (const open of ['"a', "'a", '"a"b', "'a'b", String.raw`"a\"`]) {
    expect(words(open)).toBeUndefined();
  }
});

test("matchesGlob() matches as Redis does, and quickly when it does not", () => {
  const cases: [string, string, boolean][] = [
    ["*", "", true],
    ["h?llo", "hello", true],
    ["h?llo", "hllo", false],
    ["h*o", "hello world o", true],
    ["h[a-e]llo", "hello", true],
    ["h[^e]llo", "hello", false],
    ["h[^e]llo", "hallo", true],
    [String.raw`\*`, "*", true],
    [String.raw`\*`, "a", false],
    ["[", "[", false],
    ["a*b*c", "axbxbc", true],
    ["", "a", false],
  ];
  for (const [pattern, text, wanted] of cases) {
    expect([pattern, text, matchesGlob(pattern, text)]).toEqual([pattern, text, wanted]);
  }
  expect(matchesGlob(`${"a*".repeat(2000)}b`, "a".repeat(5000))).toBe(false);
});

test("Deque behaves like an array at both of its ends", () => {
  const action = fc.constantFrom("pushFirst", "pushLast", "popFirst", "popLast");
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const deque = new Deque<number>();
      const array: number[] = [];
      for (const [value, name] of actions.entries()) {
        if (name === "pushFirst") array.unshift(value);
        if (name === "pushLast") array.push(value);
        if (name.startsWith("push")) deque[name as "pushFirst"](value);
        else
          expect(deque[name as "popFirst"]()).toBe(
            name === "popFirst" ? array.shift() : array.pop(),
          );
      }
      expect(Array.from({ length: deque.length }, (_, i) => deque.at(i))).toEqual(array);
    }),
  );
});
