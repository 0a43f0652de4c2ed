/** How the command line says how a session is recorded. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { temporaryFolder } from "../core/session/session.fixture.ts";
import { recordPolicy, redactionRule } from "./record-flags.ts";

const MAIN = `${import.meta.dirname}/main.ts`;
const ROOT = `${import.meta.dirname}/..`;

function ioreel(...words: string[]): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, MAIN, ...words]);
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe("the flags of recording", () => {
  test("recordPolicy() reads each flag, and refuses those without a recording", () => {
    const flags = { record: "a.reel", redact: ["a.b", "/a.b/i"] };
    expect(recordPolicy({ ...flags, flight: 1 << 20 })).toEqual({
      mode: "flight",
      flightBytes: 1 << 20,
      redact: [{ pattern: "a.b" }, { pattern: /a.b/i }],
    });
    expect(recordPolicy({ record: "a.reel", redact: [] })).toEqual({});
    expect(() => recordPolicy({ payload: "digest", redact: [] })).toThrow("no recording is made");
    expect(() => redactionRule("")).toThrow("is empty");
    const both = {
      record: "a.reel",
      mode: "digest",
      payload: "full",
      redact: [] as string[],
    } as const;
    expect(() => recordPolicy(both)).toThrow("Cannot use --mode digest with --payload full");
    expect(() => redactionRule("/(/")).toThrow("Cannot redact by /(/");
  });

  test("run --redact needs the same rules in the replay, and keeps none of what they match", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const rule = ["--redact", "/[a-m]/"];
    const run = ["run", "examples/tour.yaml", "--cwd", ROOT, "-q", "--durable"].map((word) =>
      word.startsWith("examples/") ? `${ROOT}/${word}` : word,
    );
    expect(ioreel(...run, "--backend", "emulated", "--record", path, ...rule).code).toBe(0);
    expect(ioreel("replay", path, "-q", ...rule).code).toBe(0);
    const wrong = ioreel("replay", path, "-q", "--redact", "/[a-n]/");
    expect(wrong.code).toBe(7);
    expect(wrong.err).toContain("it was recorded with /[a-m]/");
  });

  test("run --flight leaves nothing after a run that went well", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const words = ["run", `${ROOT}/examples/tour.yaml`, "--cwd", ROOT, "-q"];
    expect(
      ioreel(...words, "--backend", "emulated", "--record", path, "--flight", "1MiB").code,
    ).toBe(0);
    expect(existsSync(path)).toBe(false);
    // What was there before is there again.
    const flight = ["--backend", "emulated", "--record", path, "--flight", "1MiB"];
    expect(ioreel(...words, "--backend", "emulated", "--record", path).code).toBe(0);
    const before = readFileSync(path);
    expect(ioreel(...words, ...flight).code).toBe(0);
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
    // Not one that fails: its last events take its place.
    const pipe = "version: 1\nname: a\ndevices: { p: { kind: pipe } }\n";
    const stuck = "tasks: { a: [{ read: { from: p } }] }\n";
    const failing = folder.path("failing.yaml");
    for (const expected of ["", "expect: { outcome: completed }\n"]) {
      writeFileSync(path, before);
      writeFileSync(failing, `${pipe}${stuck}${expected}`);
      expect(ioreel("run", failing, ...flight).code).not.toBe(0);
      expect(ioreel("session", "verify", path).out).toContain("events     ");
      expect(Buffer.compare(readFileSync(path), before)).not.toBe(0);
    }
    rmSync(failing);
    expect(readdirSync(dirname(path))).toEqual(["a.reel"]);
  });
});
