/**
 * The JSON Schema of scenario files, for completion and checks in editors: made from the same
 * specifications that check a scenario. Draft 7, the newest that editors' YAML support knows.
 */
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { kindsOf, type Kinds } from "./kinds.ts";
import { scenarioSpec } from "./scenario-spec.ts";
import type { JsonSchema } from "./spec.ts";
import { stepSpec } from "./step-specs.ts";

/** @param kinds the providers that devices can be of; by default the built-in ones */
export function scenarioJsonSchema(kinds: Kinds = kindsOf(BUILT_IN_PROVIDERS)): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "ioreel scenario",
    ...scenarioSpec(kinds).schema,
    definitions: {
      variable: { type: "string", pattern: "^\\$", description: "The value of a variable" },
      step: stepSpec.schema,
    },
  };
}
