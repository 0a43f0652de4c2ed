/** Tests of `ioreel check`, and of what `ioreel run` refuses before it starts anything. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ioreel, ioreelIn } from "./cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const check = (...words: string[]) => ioreelIn(folder, {}, "check", ...words);

test("check says what a sound scenario has", () => {
  const ended = ioreel("check", "examples/tour.yaml", "examples/workers.ts");
  expect(ended).toEqual({
    code: 0,
    out: [
      "✓ examples/tour.yaml: 4 devices, 6 tasks, 16 steps\n",
      "✓ examples/workers.ts: 8 devices, 17 tasks, 34 steps\n",
    ].join(""),
    err: "",
  });
});

test("check --print prints a scenario that is sound and the same again", () => {
  const first = ioreel("check", "examples/tour.yaml", "--print").out;
  file("printed.yaml", first);
  writeFileSync(join(folder, "README.md"), "Read me.");
  const [, ...again] = check("printed.yaml", "--print").out.split("\n");
  expect(again).toEqual(first.split("\n").slice(1));
});

test("check --json gives the normal form of each file, or its mistakes", () => {
  file("good.yaml", "version: 1\ntasks: { one: [{ sleep: 1ms }] }\n");
  file("bad.yaml", "version: 1\ntasks: { one: [{ slep: 1ms }] }\n");
  const ended = check("good.yaml", "bad.yaml", "--json");
  expect(ended.code).toBe(3);
  const { files, schema } = JSON.parse(ended.out);
  expect(schema).toBe("check/v1");
  expect(files[0]).toMatchObject({ file: "good.yaml", valid: true, scenario: { version: 1 } });
  expect(files[1]).toMatchObject({
    file: "bad.yaml",
    valid: false,
    error: { code: "ERR_SCENARIO_INVALID", details: { line: 2, column: 18 } },
  });
});

test("check shows every mistake with its place, the lines around it and its mend", () => {
  file(
    "mistakes.yaml",
    "# Mistakes.\nversion: 1\ndevices: { link: pip }\ntasks:\n  one:\n    - wirte: { to: link, text: a }\n",
  );
  const ended = check("mistakes.yaml");
  expect([ended.code, ended.out]).toEqual([3, ""]);
  expect(ended.err.split("\n")).toEqual([
    'error[ERR_SCENARIO_INVALID]: No provider is of the kind "pip" in devices.link: wanted ata, fdd, pipe, sata, tcp and timer',
    "  --> mistakes.yaml:3:18",
    "  1 | # Mistakes.",
    "  2 | version: 1",
    "  3 | devices: { link: pip }",
    "    |                  ^^^",
    'help: did you mean "pipe"?',
    "",
    'error[ERR_SCENARIO_INVALID]: Unknown step "wirte" in tasks.one[0]: wanted write, read, copy, connect, accept, end, network, flush, discard, eject, insert, close, sleep, tick, checksum, compare, mark, with, spawn, join, cancel, repeat',
    "  --> mistakes.yaml:6:7",
    "  4 | tasks:",
    "  5 |   one:",
    "  6 |     - wirte: { to: link, text: a }",
    "    |       ^^^^^",
    'help: did you mean "write"?',
    "",
    "2 mistakes in mistakes.yaml",
    "reproduce: ioreel check mistakes.yaml",
    "",
  ]);
});

const BOMB = Array.from({ length: 12 }, (_, level) =>
  level === 0 ? "a0: &a0 [x, x]" : `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}x]`,
).join("\n");

const HOSTILE: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  [
    "unknown key",
    "version: 1\ntask: {}\n",
    /Unknown key "task".*\n.*2:1(.|\n)*did you mean "tasks"/,
  ],
  ["wrong type", "version: one\ntasks: {}\n", /version must be 1: found "one"\n.*1:10/],
  ["cyclic anchors", "version: 1\ntasks: &t { a: *t }\n", /tasks\.a contains itself\n.*2:16/],
  ["alias bomb", BOMB, /Excessive aliasing/],
  [
    "absurd size",
    "version: 1\ndevices: { a: pipe }\ntasks: { b: [{ write: { to: a, pattern: zeros, sizeBytes: 999TiB } }] }\n",
    /sizeBytes must be a size from 0 B to 1 TiB.*\n.*3:59/,
  ],
  [
    "absurd duration",
    "version: 1\ntasks: { b: [{ sleep: 9999h }] }\n",
    /sleep must be a duration.*\n.*2:23/,
  ],
  ["deep nesting", `a: ${"[".repeat(50_000)}`, /nested too deep/],
  ["key twice", "version: 1\nversion: 1\n", /The key version stands twice in one mapping\n.*2:1/],
  ["merge key", "version: 1\n<<: { tasks: {} }\n", /Merge keys.*\n.*2:1/],
  ["infinite number", "version: .inf\n", /version must be a finite number: found Infinity\n.*1:10/],
  ["NUL character", "version: 1\0\n", /found a NUL character\n.*1:11/],
  ["no UTF-8", new Uint8Array([0x61, 0x3a, 0xff, 0xfe]), /it is not UTF-8 text/],
  ["terminal commands", 'version: "\\e[31m"\n', /found "\\u001b\[31m"\n/],
  [
    "outside path",
    "version: 1\ninputs: { a: ../../etc/passwd }\ntasks: { b: [{ sleep: 1ms }] }\n",
    /it lies outside .*\n.*2:14/,
  ],
];

for (const [what, text, wanted] of HOSTILE) {
  test(`run refuses a scenario with ${what} and starts nothing`, () => {
    const name = file("hostile.yaml", text);
    const recording = join(folder, "never.reel");
    const ended = ioreelIn(folder, {}, "run", name, "--record", recording);
    expect([ended.code, ended.out]).toEqual([3, ""]);
    expect(ended.err).toMatch(wanted);
    expect(ended.err).toContain("error[ERR_SCENARIO_INVALID]: ");
    expect(ended.err).toMatch(/\nreproduce: ioreel run hostile\.yaml --record \S+\n$/);
    expect(ended.err.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(existsSync(recording)).toBe(false);
  });
}

test("run refuses what is no scenario file: too large, missing, a folder, a device, a fifo", () => {
  file("large.yaml", "");
  truncateSync(join(folder, "large.yaml"), 100_000_000);
  symlinkSync("/dev/zero", join(folder, "zero.yaml"));
  Bun.spawnSync(["mkfifo", join(folder, "fifo.yaml")]);
  Bun.spawnSync(["mkdir", join(folder, "folder.yaml")]);
  const wanted: [string, string][] = [
    ["large.yaml", "a scenario has at most 1 MiB: found 95.4 MiB"],
    ["missing.yaml", "there is no such file"],
    ["folder.yaml", "it is a folder"],
    ["zero.yaml", "it is no regular file"],
    ["fifo.yaml", "it is no regular file"],
    ["scenario.txt", "a scenario ends in .yaml, .yml, .json, .ts, .mts, .js or .mjs"],
  ];
  for (const [name, why] of wanted) {
    const ended = ioreelIn(folder, {}, "run", name);
    expect([ended.code, ended.out]).toEqual([3, ""]);
    expect(ended.err).toContain(`error[ERR_SCENARIO_INVALID]: Cannot read ${name}: ${why}`);
    expect(ended.err).toContain(`  --> ${name}:1:1`);
  }
});

test("run allows a path outside the folder when the person who runs it does", () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "ioreel-elsewhere-"));
  try {
    writeFileSync(join(elsewhere, "data.txt"), "data");
    symlinkSync(join(elsewhere, "data.txt"), join(folder, "link.txt"));
    const text = "version: 1\ninputs: { a: link.txt }\ntasks: { b: [{ checksum: a }] }\n";
    file("linked.yaml", text);
    const run = (...words: string[]) => ioreelIn(folder, {}, "run", "linked.yaml", "-q", ...words);
    expect(run().code).toBe(3);
    expect(run().err).toContain(
      "help: run it in that folder with --cwd, or allow it with --allow-path",
    );
    expect(run("--allow-path", elsewhere).code).toBe(0);
    expect(run("--input", join(elsewhere, "data.txt")).code).toBe(0);
    expect(run("--cwd", elsewhere).err).toContain("there is no such file");
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});
