/** Tests of the command line's words: what is help, what is a mistake, and what it says then. */
import { expect, test } from "bun:test";
import type { Command } from "commander";
import { ioreel, ioreelIn, ROOT } from "./cli.fixture.ts";
import { EXIT_MEANINGS } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";

/** Every command in the tree with the words that name it, outer ones first. */
function commands(within: Command, before: readonly string[] = []): [string[], Command][] {
  const found: [string[], Command][] = [];
  for (const child of within.commands) {
    if (child.name() === "help") continue;
    const path = [...before, child.name()];
    found.push([path, child], ...commands(child, path));
  }
  return found;
}

/** Without line breaks, which depend on the width. */
const flowing = (text: string): string => text.replaceAll(/\s+/g, " ");

test("ioreel --help fits a screen, names every command and exit code, and is the default", () => {
  const ended = ioreel("--help");
  expect([ended.code, ended.err]).toEqual([0, ""]);
  expect(ended.out.split("\n").length).toBeLessThan(40);
  for (const command of buildProgram().commands) {
    expect(flowing(ended.out)).toContain(` ${command.name()} `);
    expect(flowing(ended.out)).toContain(command.summary() || command.description());
  }
  for (const [code] of EXIT_MEANINGS) expect(ended.out).toMatch(new RegExp(`\\b${code} [a-z]`));
  expect(ioreel()).toEqual(ended);
  expect(ioreel("help")).toEqual(ended);
});

for (const [path, command] of commands(buildProgram())) {
  test(`ioreel ${path.join(" ")} --help says how to call it, and explains every word of it`, () => {
    const ended = ioreelIn(ROOT, { COLUMNS: "80" }, ...path, "--help");
    expect([ended.code, ended.err]).toEqual([0, ""]);
    expect(ended.out).toStartWith(`Usage: ioreel ${path.join(" ")} ${command.usage()}\n`);
    const page = flowing(ended.out);
    for (const option of command.options) {
      expect(page).toContain(`${option.flags} ${option.description}`);
      expect(option.description).not.toBe("");
    }
    for (const argument of command.registeredArguments) {
      expect(page).toContain(`${argument.name()} ${argument.description}`);
      expect(argument.description).not.toBe("");
    }
    for (const child of command.commands) expect(page).toContain(` ${child.name()} `);
    expect(ended.out.split("\n").length).toBeLessThan(40);
  });
}

test("ioreel --version prints the package's version", async () => {
  const { version } = (await Bun.file(`${ROOT}/package.json`).json()) as { version: string };
  expect(ioreel("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
});

const MISTAKES: readonly (readonly [string[], string, string])[] = [
  [["rnu", "x.yaml"], "Unknown command 'rnu'", "did you mean run?"],
  [["run", "x.yaml", "--sede", "3"], "Unknown option '--sede'", "did you mean --seed?"],
  [["run"], "Missing required argument 'file'", "see ioreel run --help"],
  [
    ["run", "a.yaml", "b.yaml"],
    "Too many arguments for 'run'. Expected 1 argument but got 2: a.yaml, b.yaml",
    "see ioreel run --help",
  ],
  [
    ["run", "x.yaml", "--seed", "1.5"],
    "Option '-s, --seed <number>' argument '1.5' is invalid. It must be a whole number from 0 to 9007199254740991",
    "see ioreel run --help",
  ],
  [
    ["run", "x.yaml", "--backend", "kqueue"],
    "Option '-b, --backend <name>' argument 'kqueue' is invalid. Allowed choices are auto, uring, emulated",
    "see ioreel run --help",
  ],
  [
    ["run", "x.yaml", "--set", "chunk"],
    "Option '--set <name=value>' argument 'chunk' is invalid. It must be like name=value",
    "see ioreel run --help",
  ],
  [
    ["run", "--resume", "x.reel", "--payload", "none"],
    "Cannot resume with --payload: the recording holds its own",
    "Leave --payload out",
  ],
  [
    ["provider", "info", "pip"],
    'Cannot show provider "pip": there is none of that kind',
    'Did you mean "pipe"?',
  ],
];

for (const [words, message, help] of MISTAKES) {
  test(`ioreel ${words.join(" ")} is a usage error with help`, () => {
    const ended = ioreel(...words);
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toBe(
      `error[ERR_USAGE]: ${message}\nhelp: ${help}\nreproduce: ioreel ${words.join(" ")}\n`,
    );
  });
}

test("ioreel --json tells a failure as one document on stdout too", () => {
  const ended = ioreel("run", "examples/lock.yaml", "--set", "hodl=1ms", "--json");
  expect(ended.code).toBe(2);
  expect(JSON.parse(ended.out)).toEqual({
    schema: "failure/v1",
    error: {
      code: "ERR_USAGE",
      message: 'Cannot set the variable "hodl": wanted hold',
      mend: 'did you mean "hold"?',
      details: {},
    },
    reproduce: "ioreel run examples/lock.yaml --set hodl=1ms --json",
  });
});
