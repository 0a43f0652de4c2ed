/**
 * Tests of `bun run gen`: what it writes, what it calls stale, and that the table of errors is
 * complete.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, Option } from "commander";
import { ERRNO, REEL_ERROR_NUMBERS } from "../core/errors.ts";
import { ERRNO_MEANINGS, REEL_MEANINGS } from "./error-meanings.ts";
import { cliPage } from "./gen/cli-page.ts";
import { errorsPage } from "./gen/errors-page.ts";
import { generate } from "./gen.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ioreel-gen-"));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

test("generate() writes what is missing, formatted, and finds it fresh the next time", async () => {
  const files = [{ path: "a/b.json", make: () => '{"a":[1,2]}' }];
  expect(await generate(folder, files, false)).toEqual(["a/b.json"]);
  expect(await Bun.file(join(folder, "a/b.json")).json()).toEqual({ a: [1, 2] });
  expect(await generate(folder, files, true)).toEqual([]);
});

test("generate() names a stale file and leaves it alone when it only checks", async () => {
  const path = join(folder, "c.json");
  await Bun.write(path, "{}\n");
  const files = [{ path: "c.json", make: () => '{ "a": 1 }' }];
  expect(await generate(folder, files, true)).toEqual(["c.json"]);
  expect(await Bun.file(path).text()).toBe("{}\n");
});

test("the tables of error meanings have every code, in the order of the codes", () => {
  expect(Object.keys(REEL_MEANINGS)).toEqual(Object.keys(REEL_ERROR_NUMBERS));
  expect(Object.keys(ERRNO_MEANINGS)).toEqual(Object.keys(ERRNO));
  for (const { meaning, mend } of Object.values(REEL_MEANINGS)) {
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    expect(mend).toMatch(/^[A-Z].*\.$/);
  }
});

test("errorsPage() has a row for each code with its number and its exit code", () => {
  const page = errorsPage();
  expect(page).toContain("| `ERR_DIVERGED` | -4110 | 5 | The replay came to a first operation");
  expect(page).toContain("| `EPIPE` | -32 | Nobody reads the other end |");
});

test("cliPage() shows arguments, flags, choices, defaults and exit codes of the tree", () => {
  const program = new Command("tool").description("Does things");
  program
    .command("run")
    .description("Runs a file")
    .argument("<file>", "what to run")
    .argument("[more...]", "and what else")
    .addOption(new Option("--mode <m>", "how").choices(["a", "b"]).default("a").env("TOOL_MODE"))
    .addOption(new Option("--secret", "not shown").hideHelp());
  program.command("gone", { hidden: true });
  const page = cliPage(program);
  expect(page).toContain("## tool\n\nDoes things\n");
  expect(page).toContain("### tool run\n\nRuns a file\n");
  expect(page).toContain("| `<file>` | what to run |\n| `[more...]` | and what else |\n");
  expect(page).toContain("| `--mode <m>` | how (one of a, b; or `TOOL_MODE`; default a) |");
  expect(page).not.toContain("secret");
  expect(page).not.toContain("gone");
  expect(page).toContain("| 130 | interrupted |");
});
