/** Tests of scenarios in recordings: what comes back out, and what is refused before a replay. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_IN_PROVIDERS, Runtime, openRecording } from "../index.ts";
import { ioreel } from "./cli.fixture.ts";
import { recordOptions, recordedScenario } from "./recorded-scenario.ts";
import { kindsOf } from "./scenario/kinds.ts";
import { resolveScenario } from "./scenario/load.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-recorded-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const kinds = kindsOf(BUILT_IN_PROVIDERS);

const scenario = resolveScenario(
  {
    version: 1,
    name: "two inputs",
    inputs: { a: "a.txt", b: "b.txt" },
    tasks: { one: [{ mark: "$a is no variable" }, { compare: ["a", "b"] }] },
  },
  kinds,
  "test",
);
const inputs = new Map([
  ["a", new Uint8Array([1, 2, 3])],
  ["b", new Uint8Array([])],
]);

async function recorded(name: string, change: (options: ReturnType<typeof recordOptions>) => void) {
  const path = join(folder, `${name}.reel`);
  const record = recordOptions(path, scenario, inputs);
  change(record);
  await (await Runtime.start({ backend: "emulated", seed: 1, record })).close();
  return path;
}

test("recordedScenario() gives back the scenario and the inputs that were recorded", async () => {
  const path = await recorded("whole", () => {});
  using recording = openRecording(path);
  const found = recordedScenario(recording, path, kinds);
  expect(found.scenario).toEqual(scenario);
  expect([...found.inputs]).toEqual([...inputs]);
});

test("replay refuses recordings whose scenario or inputs are not there or not known", async () => {
  const program = await recorded("program", (record) => {
    record.program = { kind: "other" };
  });
  const later = await recorded("later", (record) => {
    record.program = { kind: "scenario", scenario: { ...scenario, version: 2 } };
  });
  const poorer = await recorded("poorer", (record) => {
    record.attachments = new Map();
  });
  const wanted: [string, string][] = [
    [
      program,
      `error[ERR_INCOMPATIBLE_RECORDING]: Cannot replay ${program}: it was recorded by a program`,
    ],
    [later, "this release cannot run its scenario: version must be 1: found 2"],
    [poorer, `error[ERR_CORRUPT_RECORDING]: Cannot replay ${poorer}: it does not hold the input a`],
  ];
  for (const [path, message] of wanted) {
    const ended = ioreel("replay", path);
    expect([ended.code, ended.out]).toEqual([7, ""]);
    expect(ended.err).toContain(message);
  }
});
