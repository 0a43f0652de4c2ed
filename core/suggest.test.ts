/** Tests of "did you mean": what counts as near, and what does not. */
import { expect, test } from "bun:test";
import { didYouMean, editDistance, nearest } from "./suggest.ts";

test("editDistance() counts insertions, deletions, replacements and swaps of neighbours", () => {
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("pipe", "pipe")).toBe(0);
  expect(editDistance("pip", "pipe")).toBe(1);
  expect(editDistance("ppie", "pipe")).toBe(1);
  expect(editDistance("tape", "pipe")).toBe(2);
});

test("nearest() finds what was meant among the valid names, whatever the case", () => {
  const verbs = ["write", "read", "copy", "close"];
  expect(nearest("wirte", verbs)).toBe("write");
  expect(nearest("Raed", verbs)).toBe("read");
  expect(nearest("chunk", ["capacityBytes", "chunkBytes"])).toBe("chunkBytes");
});

test("nearest() stays silent when nothing is near, and for words nobody would type", () => {
  expect(nearest("zebra", ["write", "read"])).toBeUndefined();
  expect(nearest("", ["a"])).toBeUndefined();
  expect(nearest("a".repeat(100_000), ["a".repeat(100_000)])).toBeUndefined();
});

test("didYouMean() asks about the nearest name, or says nothing", () => {
  expect(didYouMean("urin", ["auto", "uring", "emulated"])).toBe('did you mean "uring"?');
  expect(didYouMean("zebra", ["auto"])).toBeUndefined();
});
