/** Tests of code frames: where the mark stands, and that no text commands a terminal. */
import { expect, test } from "bun:test";
import { codeFrame, printable } from "./frame.ts";

test("codeFrame() shows two lines before and a mark under the place", () => {
  expect(codeFrame("one\ntwo\nthree\nfour five\nsix", 4, 6, 4)).toBe(
    ["2 | two", "3 | three", "4 | four five", "  |      ^^^^"].join("\n"),
  );
});

test("codeFrame() puts the mark under wide characters and after tabs where they are seen", () => {
  expect(codeFrame("a: 漢字 x", 1, 7, 1)).toBe("1 | a: 漢字 x\n  |         ^");
  expect(codeFrame("\tx", 1, 2, 1)).toBe("1 |   x\n  |   ^");
});

test("codeFrame() cuts a long line to a window around the place", () => {
  const text = `${"a".repeat(5000)}X${"b".repeat(5000)}`;
  const [line, mark] = codeFrame(text, 1, 5001, 1).split("\n");
  expect(line!.length).toBeLessThan(120);
  expect(line!.at(mark!.indexOf("^"))).toBe("X");
});

test("codeFrame() marks at least one character and nothing beyond the line", () => {
  expect(codeFrame("abc", 1, 4, 50)).toBe("1 | abc\n  |    ^");
  expect(codeFrame("abc", 9, 1, 1)).toBe("");
});

test("printable() takes the power from control characters and reordering marks", () => {
  expect(printable("a\u001b[31mb\u0007\u202ec\u009b")).toBe("a�[31mb��c�");
});
