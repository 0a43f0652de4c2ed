/** Tests of the JSON Schema: that the committed one is fresh, and that it says what is checked. */
import { expect, test } from "bun:test";
import { join } from "node:path";
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
    "cancel",
    "checksum",
    "close",
    "compare",
    "copy",
    "join",
    "mark",
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
