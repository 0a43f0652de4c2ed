/** Redaction: what is written over, and that doing it twice is doing it once. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { describeRules, Redactor } from "./redaction.ts";
import type { RedactionRule } from "./redaction.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("Redactor.bytes() writes over texts, expressions and bytes, and keeps lengths", () => {
  const cases: [RedactionRule, string, string][] = [
    [{ pattern: "geheim" }, "ein geheimes Wort", "ein ******es Wort"],
    [{ pattern: "müll" }, "zwei müll", "zwei *****"],
    [{ pattern: "a.b*", with: "#" }, "a.b* axb", "#### axb"],
    [{ pattern: /key=\w+/i }, "KEY=abc key=1;", "******* *****;"],
    [{ pattern: new Uint8Array([0x31, 0x32]) }, "0123", "0**3"],
    [{ pattern: /x*/y }, "axxb", "a**b"],
  ];
  for (const [rule, text, wanted] of cases) {
    expect(textOf(new Redactor([rule]).bytes(bytesOf(text)))).toBe(wanted);
  }
  const untouched = bytesOf("nothing here");
  expect(new Redactor([{ pattern: "secret" }]).bytes(untouched)).toBe(untouched);
});

test("Redactor.bytes() twice is Redactor.bytes() once, whatever the rules match", () => {
  const piece = fc.constantFrom("a", "b", "ab", "\\*", "\\*a", "b+", "a?b", ".", "[ab]\\*", "^a");
  const patterns = fc.array(piece, { minLength: 1, maxLength: 4 });
  const rules = fc.array(patterns, { minLength: 1, maxLength: 3 });
  const text = fc.array(fc.constantFrom("a", "b", "*", "c"), { maxLength: 40 });
  fc.assert(
    fc.property(rules, text, (sources, letters) => {
      const list = sources.map((parts) => ({ pattern: new RegExp(parts.join("")) }));
      const redactor = new Redactor(list);
      const once = redactor.bytes(bytesOf(letters.join("")));
      expect(once.length).toBe(letters.length);
      expect(redactor.bytes(once)).toBe(once);
    }),
  );
});

test("describeRules() names expressions and no text, and notices other rules", () => {
  const one = describeRules([{ pattern: "hunter2" }, { pattern: /token/g }]);
  expect(JSON.stringify(one)).not.toContain("hunter2");
  expect(one.rules).toEqual(["literal", "/token/g"]);
  expect(describeRules([{ pattern: "hunter3" }, { pattern: /token/g }]).check).not.toBe(one.check);
  expect(one.check).toBeLessThan(0x10000);
});
