/**
 * Tests of the light reader that the tidy rules stand on: what it takes for a comment, a string, a
 * template's hole and a regular expression.
 */
import { expect, test } from "bun:test";
import { lineAt, readSource, stringAt } from "./source.ts";

const code = (text: string): string => readSource("x.ts", text).code;

test("readSource() blanks comments and string contents and keeps every offset", () => {
  const text = 'const a = "b // c"; // d\n/* e */ f();\n';
  expect(code(text)).toBe('const a = "      ";     \n        f();\n');
});

test("readSource() keeps the code inside a template's hole, also a nested template's", () => {
  const source = readSource("x.ts", "`a ${b(`c ${d} e`) + { f: 1 }.f} g` + h");
  expect(source.code).toBe("`  ${b(`  ${d}  `) + { f: 1 }.f}  ` + h");
  const pieces = source.strings.map((piece) => piece.text);
  expect(pieces).toEqual(["a ", "c ", " e", " g"]);
});

test("readSource() tells a regular expression from a division", () => {
  expect(code('x = /[/"]\\//g.test(y) / 2 / z;')).toBe("x = /      /g.test(y) / 2 / z;");
  expect(code("return /'/;")).toBe("return / /;");
});

test("readSource() survives an escaped quote and an unterminated string", () => {
  expect(code("a('\\'b'); c")).toBe("a('   '); c");
  expect(code("a('b\n; c")).toBe("a(' \n; c");
});

test("readSource() takes a shebang line for a comment", () => {
  expect(readSource("x.ts", "#!/usr/bin/env bun\na").comments[0]?.text).toBe("#!/usr/bin/env bun");
});

test("lineAt() counts lines from 1 and puts a line's end on that line", () => {
  const source = readSource("x.ts", "a\nb\n\nc");
  expect([0, 1, 2, 3, 4, 5].map((offset) => lineAt(source, offset))).toEqual([1, 1, 2, 2, 3, 4]);
});

test("stringAt() finds a literal by the offset of its first character", () => {
  const source = readSource("x.ts", 'f("a", "b")');
  expect(stringAt(source, 8)?.text).toBe("b");
  expect(stringAt(source, 4)).toBeUndefined();
});
