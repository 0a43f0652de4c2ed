/**
 * Tests of reading YAML: that the fast parser's result is taken when it can be trusted, and that
 * keys which it silently loses are found.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseYaml } from "./yaml-text.ts";

async function errorOf(text: string): Promise<string> {
  const parsed = await parseYaml(text);
  return "error" in parsed ? `${parsed.error.offset}: ${parsed.error.message}` : "none";
}

test("parseYaml() gives the value of YAML and of JSON", async () => {
  expect(await parseYaml("a: 1\nb: [x, {c: true}]\n")).toEqual({
    value: { a: 1, b: ["x", { c: true }] },
  });
  expect(await parseYaml('{"a":1,"b":{"c":"d: e"}}')).toEqual({
    value: { a: 1, b: { c: "d: e" } },
  });
});

test("parseYaml() finds equal keys in every style", async () => {
  expect(await errorOf("a: 1\na: 2\n")).toBe("5: The key a stands twice in one mapping");
  expect(await errorOf("b: {a: 1, a: 2}\n")).toBe("10: The key a stands twice in one mapping");
  expect(await errorOf('{"a":1,"a":2}')).toStartWith("7: The key");
  expect(await errorOf("? a\n? a\n")).toContain("stands twice");
  expect(await errorOf("- x: 1 # note: this\n  x: 2\n")).toContain("The key x stands twice");
});

test("parseYaml() is not misled by colons in comments, text and blocks", async () => {
  const text = "# Run: it\na: 'b: c' # d: e\nf: |\n  g: h\n  g: h\nurl: http://x:1/\n";
  expect(await parseYaml(text)).toEqual({
    value: { a: "b: c", f: "g: h\ng: h\n", url: "http://x:1/" },
  });
});

test("parseYaml() places what is no YAML", async () => {
  expect(await errorOf("a: [1, 2\nb: 3\n")).toBe(
    "9: The scenario is no YAML: flow sequence in block collection must be sufficiently indented and end with a ]",
  );
  expect(await errorOf("a:\n\tb: 1\n")).toContain("The scenario is no YAML: tabs are not allowed");
});

test("parseYaml() reads back whatever was written as YAML", async () => {
  const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.integer(),
      fc.string(),
      fc.boolean(),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("any"), { maxLength: 4 }),
    map: fc.dictionary(key, tie("any"), { maxKeys: 4 }),
  })).map;
  const check = fc.asyncProperty(value, async (written) => {
    const plain = JSON.parse(JSON.stringify(written)) as unknown;
    expect(await parseYaml(JSON.stringify(plain, null, 1))).toEqual({ value: plain });
  });
  await fc.assert(check, { seed: 5, numRuns: 150 });
});

test("parseYaml() finds any key of any mapping that is written twice", async () => {
  const keys = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 6 });
  const check = fc.asyncProperty(keys, fc.nat(), fc.nat(3), async (names, pick, depth) => {
    const twice = [...names, names[pick % names.length]!];
    const indent = "  ".repeat(depth);
    const outer = Array.from({ length: depth }, (_, level) => `${"  ".repeat(level)}o${level}:\n`);
    const text = outer.join("") + twice.map((name) => `${indent}${name}: 1\n`).join("");
    expect(await errorOf(text)).toContain(`The key ${twice.at(-1)} stands twice`);
  });
  await fc.assert(check, { seed: 9, numRuns: 100 });
});
