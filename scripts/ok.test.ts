/**
 * Tests of `bun run ok`: the order of its steps, and what it says when one fails.
 */
import { expect, test } from "bun:test";
import { OK_STEPS, runSteps } from "./ok.ts";

const step = (name: string, code: string) => ({
  name,
  arguments: ["-e", code],
  mend: `mend ${name}`,
});

async function run(...steps: ReturnType<typeof step>[]) {
  const lines: string[] = [];
  const exitCode = await runSteps(import.meta.dir, steps, (line) => lines.push(line.trim()));
  return { exitCode, lines: lines.map((line) => line.replaceAll(/\d+\.\d s/g, "N s")) };
}

test("OK_STEPS installs first, then looks, then tests, and executes the examples last", () => {
  expect(OK_STEPS.map(({ name }) => name)).toEqual([
    "install",
    "check",
    "fmt",
    "lint",
    "test",
    "gen",
    "examples",
  ]);
});

test("runSteps() says each step with its time and closes with one line", async () => {
  expect(await run(step("a", ""), step("b", ""))).toEqual({
    exitCode: 0,
    lines: [
      "── a (1 of 2): bun -e",
      "── a passed in N s",
      "── b (2 of 2): bun -e",
      "── b passed in N s",
      "ok: 2 of 2 steps passed in N s",
    ],
  });
});

test("runSteps() stops at the first step that fails, naming the mend", async () => {
  const { exitCode, lines } = await run(step("a", "process.exit(3)"), step("b", ""));
  expect(exitCode).toBe(1);
  expect(lines).toEqual([
    "── a (1 of 2): bun -e process.exit(3)",
    "not ok: a failed (exit 3) after N s: mend a",
  ]);
});

test("runSteps() puts this Bun on the PATH of its steps", async () => {
  const code = "if (Bun.which('bun') === null) process.exit(1)";
  expect((await run(step("a", code))).exitCode).toBe(0);
});
