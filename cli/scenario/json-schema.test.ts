/** Tests of the JSON Schema: that the committed one is fresh, and that it says what is checked. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { accepts } from "./json-schema.fixture.ts";
import { scenarioJsonSchema } from "./json-schema.ts";

const FILE = join(import.meta.dir, "../../schemas/scenario.schema.json");

test("scenarioJsonSchema() is what schemas/scenario.schema.json holds", async () => {
  const committed = (await Bun.file(FILE).json()) as unknown;
  expect(JSON.parse(JSON.stringify(scenarioJsonSchema()))).toEqual(committed);
});

test("scenarioJsonSchema() describes every step and device, and refuses other keys", () => {
  const schema = JSON.parse(JSON.stringify(scenarioJsonSchema())) as {
    additionalProperties: boolean;
    required: string[];
    properties: { devices: { additionalProperties: { anyOf: unknown[] } } };
    definitions: { step: { anyOf: { required: string[]; additionalProperties: boolean }[] } };
  };
  expect(schema.additionalProperties).toBe(false);
  expect(schema.required).toEqual(["version", "tasks"]);
  const steps = schema.definitions.step.anyOf;
  expect(steps.map(({ required }) => required[0]).toSorted()).toEqual([
    "accept",
    "cancel",
    "checksum",
    "close",
    "compare",
    "connect",
    "copy",
    "discard",
    "eject",
    "end",
    "flush",
    "insert",
    "join",
    "mark",
    "network",
    "read",
    "repeat",
    "sleep",
    "spawn",
    "tick",
    "with",
    "write",
  ]);
  expect(steps.every(({ additionalProperties }) => !additionalProperties)).toBe(true);
  const devices = JSON.stringify(schema.properties.devices.additionalProperties.anyOf);
  expect(devices).toContain('"kind":{"const":"pipe"}');
  expect(devices).toContain('"kind":{"const":"timer"}');
});

test("scenarioJsonSchema() has a definition for every reference", () => {
  const text = JSON.stringify(scenarioJsonSchema());
  const names = new Set([...text.matchAll(/"#\/definitions\/(\w+)"/g)].map((match) => match[1]!));
  expect([...names].toSorted()).toEqual(["step", "variable"]);
});

test("scenarioJsonSchema() accepts every example and refuses what the loader refuses", async () => {
  const schema = JSON.parse(JSON.stringify(scenarioJsonSchema())) as object;
  const examples = join(import.meta.dir, "../../examples");
  const names = readdirSync(examples).filter((name) => name.endsWith(".yaml"));
  expect(names).toContain("tour.yaml");
  for (const name of names) {
    const value: unknown = Bun.YAML.parse(await Bun.file(join(examples, name)).text());
    expect([name, accepts(schema, value)]).toEqual([name, true]);
  }
  const sound = { version: 1, devices: { a: "pipe" }, tasks: { one: [{ read: "a" }] } };
  const wrong: object[] = [
    { version: 2 },
    { tasks: { one: [{ sleep: 5 }] } },
    { tasks: { one: [{ slep: "5ms" }] } },
    { tasks: { one: [{ sleep: "5ms", mark: "x" }] } },
    { tasks: { "1": [{ sleep: "5ms" }] } },
    { devices: { a: { kind: "pipe", capacityBytes: 1 } } },
    { devices: { a: { kind: "pip" } } },
    { lock: ["a"] },
  ];
  expect(accepts(schema, sound)).toBe(true);
  for (const part of wrong)
    expect([part, accepts(schema, { ...sound, ...part })]).toEqual([part, false]);
});
