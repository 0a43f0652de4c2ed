/**
 * Scenario files made to do harm, or made by mistake: each is refused with its place and the
 * reason, soon, and before anything is started. Files are real, in a folder that goes away.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostMonotonicNs } from "../../core/clock.ts";
import { ReelError } from "../../core/errors.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { kindsOf } from "./kinds.ts";
import { loadScenario } from "./load.ts";

const kinds = kindsOf(BUILT_IN_PROVIDERS);
let folder = "";
let cwd = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ioreel-hostile-"));
  cwd = join(folder, "inside");
  await mkdir(cwd);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

interface Refusal {
  code: string;
  /** `line:column: message | help` of every issue. */
  issues: string[];
}

/** Loads a file that must be refused; what a path says of the temporary folder is left out. */
async function refusal(path: string, allowPaths: string[] = []): Promise<Refusal> {
  try {
    await loadScenario(path, { kinds, cwd, allowPaths });
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    const issues = error.details["issues"] as {
      line: number;
      column: number;
      message: string;
      help?: string;
    }[];
    const lines = issues.map(({ line, column, message, help }) => {
      const text = `${line}:${column}: ${message}${help === undefined ? "" : ` | ${help}`}`;
      return text.replaceAll(`${folder}/`, "").replaceAll(folder, "");
    });
    return { code: error.code, issues: lines };
  }
  throw new Error(`${path} was not refused`);
}

async function refusedText(name: string, text: string): Promise<string[]> {
  const path = join(cwd, name);
  await writeFile(path, text);
  const { code, issues } = await refusal(path);
  expect(code).toBe("ERR_SCENARIO_INVALID");
  return issues;
}

const STEPS = "tasks: { a: [{ sleep: 1ms }] }\n";

test("loadScenario() refuses 100 MB by its size, without reading it", async () => {
  const path = join(cwd, "large.yaml");
  await writeFile(path, "");
  // A file with a hole: it has the size, and takes no room.
  await truncate(path, 100 * 1024 * 1024);
  expect((await refusal(path)).issues).toEqual([
    "1:1: Cannot read inside/large.yaml: a scenario has at most 1 MiB: found 100 MiB | put large data into a file and name it under inputs",
  ]);
});

test("loadScenario() refuses a folder and a missing file as such", async () => {
  await mkdir(join(cwd, "folder.yaml"));
  expect((await refusal(join(cwd, "folder.yaml"))).issues[0]).toBe(
    "1:1: Cannot read inside/folder.yaml: it is a folder | name a file in it",
  );
  expect((await refusal(join(cwd, "absent.yaml"))).issues[0]).toBe(
    "1:1: Cannot read inside/absent.yaml: there is no such file",
  );
});

test("loadScenario() refuses a value that contains itself through an alias", async () => {
  expect(await refusedText("cycle.yaml", "version: 1\ntasks: &t\n  a: *t\n")).toEqual([
    "3:6: tasks.a contains itself | write it without the alias",
  ]);
});

test("loadScenario() refuses aliases that would grow beyond all memory", async () => {
  let text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (let i = 1; i < 12; i++) {
    text += `a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]\n`;
  }
  expect((await refusedText("bomb.yaml", text))[0]).toContain("Excessive aliasing");
});

test("loadScenario() refuses nesting without end, in every style", async () => {
  for (const part of ["[", "{a: ", "- ", "? "]) {
    const issues = await refusedText("deep.yaml", part.repeat(100_000));
    expect(issues[0]).toMatch(/nested too deep/);
  }
});

test("loadScenario() places a mistake among many keys in linear time", async () => {
  const nanoseconds = async (count: number): Promise<number> => {
    const keys = Array.from({ length: count }, (_, i) => `  k${i}: 1`).join("\n");
    const startNs = hostMonotonicNs();
    const issues = await refusedText("keys.yaml", `version: 1\n${STEPS}vars:\n${keys}\n`);
    expect(issues).toEqual([`4:3: vars must be at most 256 values: found ${count} of them`]);
    return hostMonotonicNs() - startNs;
  };
  await nanoseconds(5_000);
  // Eight times the keys: comparing each with each would take 64 times as long.
  const ratio = (await nanoseconds(80_000)) / (await nanoseconds(10_000));
  expect(ratio).toBeLessThan(30);
});

test("loadScenario() finds a key that stands twice, however it is quoted", async () => {
  const help = "give one of them another name, or delete it";
  const twice = `version: 1\n${STEPS}name: x\n"name": y\n`;
  expect(await refusedText("twice.yaml", twice)).toEqual([
    `4:1: The key name stands twice in one mapping | ${help}`,
  ]);
  const inner = "version: 1\ntasks:\n  a: [{ sleep: 1ms }]\n  b: [{ sleep: 1ms }]\n  a: []\n";
  expect(await refusedText("inner.yaml", inner)).toEqual([
    `5:3: The key a stands twice in one mapping | ${help}`,
  ]);
});

test("loadScenario() refuses merge keys, NUL characters, other bytes and infinity", async () => {
  const merge = "version: 1\nx: &x { sleep: 1ms }\ntasks: { a: [{ <<: *x }] }\n";
  expect((await refusedText("merge.yaml", merge))[0]).toStartWith("3:");
  expect(await refusedText("nul.yaml", "version: 1\nname: a\0b\n")).toEqual([
    "2:8: Cannot read inside/nul.yaml: found a NUL character | delete it",
  ]);
  const path = join(cwd, "latin.yaml");
  await writeFile(path, new Uint8Array([0x61, 0x3a, 0x20, 0xe9]));
  expect((await refusal(path)).issues[0]).toContain("it is not UTF-8 text");
  const numbers = "version: 1\ntasks: { a: [{ sleep: .inf }, { sleep: .nan }] }\n";
  expect(await refusedText("numbers.yaml", numbers)).toEqual([
    "2:23: tasks.a[0].sleep must be a finite number: found Infinity",
    "2:40: tasks.a[1].sleep must be a finite number: found NaN",
  ]);
});

test("loadScenario() refuses files outside of the folder unless allowed", async () => {
  const secret = join(folder, "secret.txt");
  await writeFile(secret, "not for scenarios");
  await symlink(secret, join(cwd, "innocent.txt"));
  for (const file of ["../secret.txt", secret, "innocent.txt"]) {
    const path = join(cwd, "outside.yaml");
    await writeFile(path, `version: 1\ninputs: { t: { file: "${file}" } }\n${STEPS}`);
    const { code, issues } = await refusal(path);
    expect(code).toBe("ERR_SCENARIO_INVALID");
    expect(issues[0]).toContain("as the input t: it lies outside inside | run it in that folder");
    expect(issues[0]).toStartWith("2:22: ");
    const loaded = await loadScenario(path, { kinds, cwd, allowPaths: [secret] });
    expect(loaded.scenario.inputs["t"]).toEqual({ file });
  }
});

test("loadScenario() names what was meant, and several mistakes at once", async () => {
  const text = [
    "version: 1",
    "backend: urin",
    "devices: { link: { kind: pip } }",
    "tasks: { a: [{ writ: { to: link } }] }",
    "expct: {}",
  ];
  const issues = await refusedText("several.yaml", text.join("\n"));
  expect(issues.map((line) => line.replace(/: .* \| /, ": "))).toEqual([
    '2:10: did you mean "uring"?',
    '3:26: did you mean "pipe"?',
    '4:16: did you mean "write"?',
    '5:1: did you mean "expect"?',
  ]);
});

test("loadScenario() refuses modules that throw, export nothing or export a function", async () => {
  expect((await refusedText("throws.ts", 'throw new Error("boom");\n'))[0]).toContain(
    "Cannot load inside/throws.ts: the module threw: boom",
  );
  expect((await refusedText("nothing.ts", "export const a = 1;\n"))[0]).toContain(
    "it has no default export: found a, wanted `export default scenario({ ... })`",
  );
  expect((await refusedText("function.ts", "export default () => ({});\n"))[0]).toContain(
    "its default export is a function",
  );
});
