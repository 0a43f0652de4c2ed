/**
 * Tests of the examples' runner, and every example itself: an example that does not do what it says
 * fails here.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { argumentsOf, exampleRuns, words } from "./example-lines.ts";
import { findExamples, runExample, type Example } from "./examples.ts";

const ROOT = join(import.meta.dir, "..");
const EXAMPLE_MS_MAX = 90_000;

test("exampleRuns() reads Run, Expect, Exit and Needs lines from YAML and TypeScript", () => {
  const yaml = "# A tour.\n# Run: ioreel run a.yaml\n# Expect: all is well\n# Expect: 3 tasks\n";
  expect(exampleRuns("a.yaml", yaml)).toEqual([
    {
      line: 2,
      command: "ioreel run a.yaml",
      expect: ["all is well", "3 tasks"],
      exitCode: 0,
      needs: [],
    },
  ]);
  const code = "/**\n * Run: bun a.ts\n * Exit: 4\n */\n// Run: bun b.ts\n// Needs: io_uring\n";
  const runs = exampleRuns("a.ts", code);
  expect(runs.map((run) => [run.line, run.exitCode, run.needs])).toEqual([
    [2, 4, []],
    [5, 0, ["io_uring"]],
  ]);
});

test("exampleRuns() refuses lines that mean nothing, naming file and line", () => {
  const refusal = (text: string) => () => exampleRuns("a.yaml", text);
  expect(refusal("\n# Expect: x")).toThrow(
    "Cannot read the example a.yaml:2: Expect: comes before any Run: line",
  );
  expect(refusal("# Run:")).toThrow("Cannot read the example a.yaml:1: Run: says nothing");
  expect(refusal("# Run: bun a\n# Exit: no")).toThrow("a.yaml:2: Exit: must be an exit code: no");
});

test("words() splits at blanks, keeps quoted text together and refuses an open quote", () => {
  expect(words(`a --b="c d" 'e "f"' g""h`)).toEqual(["a", "--b=c d", 'e "f"', "gh"]);
  expect(() => words('a "b')).toThrow('a quote is left open: a "b');
});

test("argumentsOf() turns ioreel and bun into this Bun and this checkout", () => {
  const found = (command: string) => argumentsOf(command, "/x/bun", "/t");
  expect(found("ioreel run a --record $TMP/a.reel").join(" ")).toBe(
    "/x/bun cli/main.ts run a --record /t/a.reel",
  );
  expect(found("bun run ioreel check a")).toEqual(["/x/bun", "cli/main.ts", "check", "a"]);
  expect(found("bun examples/a.ts")).toEqual(["/x/bun", "examples/a.ts"]);
  expect(() => found("rm -rf x")).toThrow("it must begin with ioreel or bun: rm -rf x");
});

const base: Example = {
  path: "examples/x.ts",
  line: 1,
  command: `bun -e 'console.log("hello"); console.error("there"); process.exit(3)'`,
  expect: ["hello", "there"],
  exitCode: 3,
  needs: [],
};

test("runExample() passes when exit code and output are as the example says", async () => {
  expect(await runExample(ROOT, base)).toEqual({ outcome: "passed" });
});

test("runExample() fails with the reason and the output otherwise", async () => {
  const exit = await runExample(ROOT, { ...base, exitCode: 0 });
  expect(exit).toMatchObject({ outcome: "failed" });
  expect(JSON.stringify(exit)).toContain("exit 3, not 0");
  const lacking = await runExample(ROOT, { ...base, expect: ["goodbye"] });
  expect(JSON.stringify(lacking)).toContain('the output lacks \\"goodbye\\"');
});

test("runExample() skips what it has no means to provide, and says so", async () => {
  const verdict = await runExample(ROOT, { ...base, needs: ["a floppy drive"] });
  expect(verdict).toEqual({
    outcome: "skipped",
    why: "it needs a floppy drive, which is unknown",
  });
});

describe("examples", async () => {
  for (const example of await findExamples(ROOT)) {
    test(
      `${example.path}:${example.line} does what it says: ${example.command}`,
      async () => {
        const verdict = await runExample(ROOT, example);
        if (verdict.outcome === "skipped") {
          console.warn(`SKIPPED ${example.path}:${example.line}: ${verdict.why}`);
          return;
        }
        expect(verdict).toEqual({ outcome: "passed" });
      },
      EXAMPLE_MS_MAX,
    );
  }
});
