/** Tests of variables: what stands for what, what is left alone, and what is refused. */
import { expect, test } from "bun:test";
import { isReelError } from "../../core/errors.ts";
import { Issues } from "./issue.ts";
import { fillVariables, withoutVariables } from "./variables.ts";

const vars = { size: "4KiB", count: 3, on: true };

function fill(value: unknown, set: Record<string, string> = {}) {
  const issues = new Issues();
  const filled = fillVariables({ vars, value }, new Map(Object.entries(set)), issues);
  return { value: (filled as { value: unknown }).value, issues: issues.list };
}

test("fillVariables() gives a variable that stands alone its own type", () => {
  expect(fill({ a: "$size", b: ["$count", "${on}"] }).value).toEqual({ a: "4KiB", b: [3, true] });
});

test("fillVariables() puts variables into text only where braces say so", () => {
  expect(fill("${count} of $size and ${size}").value).toBe("3 of $size and 4KiB");
});

test("fillVariables() takes two dollar signs for one", () => {
  expect(fill("$$size costs $$5 ${count}").value).toBe("$size costs $5 3");
});

test("fillVariables() lets --set win, and reads numbers and truth in it", () => {
  expect(fill(["$size", "$count", "$on"], { size: "1e3", count: "07", on: "false" }).value).toEqual(
    [1000, "07", false],
  );
});

test("fillVariables() names the nearest variable for one that is not there", () => {
  expect(fill({ a: "$siez" }).issues).toEqual([
    {
      path: ["value", "a"],
      message: 'Unknown variable "siez" in value.a: wanted size, count and on',
      help: 'did you mean "size"?',
      on: "value",
    },
  ]);
  expect(fill("${__proto__}").issues).toHaveLength(1);
});

test("fillVariables() throws ERR_USAGE when --set names no variable", () => {
  try {
    fill("", { szie: "1" });
    expect.unreachable();
  } catch (error) {
    if (!isReelError(error, "ERR_USAGE")) throw error;
    expect(error.message).toBe('Cannot set the variable "szie": wanted size, count and on');
    expect(error.mend).toBe('did you mean "size"?');
  }
});

test("withoutVariables() writes text so that filling it in gives the text back", () => {
  for (const text of ["$size", "${size}", "$$", "$", "a$$b${c}$", "plain"]) {
    expect(fill(withoutVariables(text)).value).toBe(text);
  }
});
