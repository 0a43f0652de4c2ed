/** Tests of the command line: what it takes, what it refuses, and how it ends. */
import { expect, test } from "bun:test";
import { join } from "node:path";

function bench(...words: string[]) {
  const command = [process.execPath, join(import.meta.dir, "./main.ts"), ...words];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env: { ...process.env } });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

test("bench --help prints the topics on standard output and succeeds", () => {
  const { exitCode, stdout, stderr } = bench("--help");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Topics: core");
  expect(stderr).toBe("");
});

test("bench refuses an unknown topic, no topic and an unknown flag, each with exit code 2", () => {
  for (const [words, message] of [
    [["speed"], "Cannot run speed: give one of: core"],
    [[], "Cannot run no topic: give one of: core"],
    [["core", "ring"], "Cannot run core ring: give one of: core"],
    [["core", "--fast"], "--fast"],
  ] as const) {
    const { exitCode, stdout, stderr } = bench(...words);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
  }
});

test("bench refuses a filter that leaves no row, and lists the rows", () => {
  const { exitCode, stderr } = bench("core", "--filter", "no such row");
  expect(exitCode).toBe(2);
  expect(stderr).toContain("Memory of a table of 65,536 slots");
});

test("bench --json reports each row that the filter leaves, and nothing else", () => {
  const { exitCode, stdout, stderr } = bench("core", "--quick", "--json", "--filter", "table of");
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const report = JSON.parse(stdout) as { topic: string; ratios: object[]; raw: object };
  expect(report.topic).toBe("core");
  expect(report.ratios).toEqual([
    {
      name: expect.stringContaining("65,536 slots"),
      value: expect.any(Number),
      target: 80,
      better: "lower",
      holds: expect.any(Boolean),
    },
  ]);
  expect(report).toHaveProperty("machine.calibrationNs", expect.any(Number));
  expect(report).toHaveProperty("raw.samplers.0.samples.length", 9);
}, 60_000);
