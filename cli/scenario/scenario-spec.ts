/** The whole of a scenario: its keys, their defaults, their limits. */
import { deviceSpec, settingsSpec } from "./device-spec.ts";
import type { Kinds } from "./kinds.ts";
import { pathText } from "./issue.ts";
import {
  DEVICES_MAX,
  INPUTS_MAX,
  LOCKS_MAX,
  TASKS_MAX,
  TRANSFER_BYTES_MAX,
  VARS_MAX,
} from "./limits.ts";
import type {
  ResolvedExpectations,
  ResolvedScenario,
  ResolvedTaskExpectation,
} from "./resolved.ts";
import { defaulted, optional, required, shape } from "./shape.ts";
import {
  INVALID,
  exactly,
  integer,
  list,
  name,
  named,
  nanoseconds,
  oneOf,
  size,
  text,
  type Spec,
} from "./spec.ts";
import { block } from "./step-specs.ts";

/** What a variable can be. */
export type VariableValue = string | number | boolean;

/** The normal form, and the variables that were filled in before and are no part of it. */
export type Decoded = ResolvedScenario & { vars: Record<string, VariableValue> };

const variable: Spec<VariableValue> = {
  wanted: "a number, text, true or false",
  schema: { type: ["string", "number", "boolean"] },
  decode(value, path, issues) {
    const finite = typeof value !== "number" || Number.isFinite(value);
    if (["string", "number", "boolean"].includes(typeof value) && finite) {
      return value as VariableValue;
    }
    issues.wanted(path, this.wanted, value);
    return INVALID;
  },
};

const input: Spec<{ file: string }> = shape(
  "a path, or a mapping such as { file: README.md }",
  { file: required(text("a path", 4096), "Path of a file that exists before the run") },
  { short: "file" },
);

const taskExpectation: Spec<ResolvedTaskExpectation> = shape(
  "a mapping such as { bytesRead: 4KiB }",
  {
    outcome: optional(oneOf(["completed", "failed", "cancelled"]), "How the task ends"),
    error: optional(text("an error code such as EPIPE", 64), "The code with which it fails"),
    bytesRead: optional(size(0, TRANSFER_BYTES_MAX), "Bytes that its steps read"),
    bytesWritten: optional(size(0, TRANSFER_BYTES_MAX), "Bytes that its steps wrote"),
  },
);

const group: Spec<string[]> = list(name("bytes"), {
  minimum: 2,
  maximum: TASKS_MAX,
  of: "names of bytes",
});
const groups: Spec<string[][]> = list(group, { minimum: 0, maximum: TASKS_MAX, of: "groups" });
/** One group alone is written without the outer list. */
const sameBytes: Spec<string[][]> = {
  wanted: "a list of names of bytes, or a list of such lists",
  schema: { anyOf: [group.schema, groups.schema] },
  decode(value, path, issues) {
    if (!Array.isArray(value) || value.every((entry) => Array.isArray(entry))) {
      return groups.decode(value, path, issues);
    }
    const only = group.decode(value, path, issues);
    return only === INVALID ? INVALID : [only];
  },
};

const NO_EXPECTATIONS: ResolvedExpectations = { outcome: "completed", tasks: {}, sameBytes: [] };

const expectations: Spec<ResolvedExpectations> = shape(
  "a mapping such as { durationNsMax: 2s }",
  {
    outcome: defaulted(oneOf(["completed", "failed", "deadlock"]), "completed", "How the run ends"),
    durationNsMin: optional(nanoseconds(), "The run lasts at least so long, by its own clock"),
    durationNsMax: optional(nanoseconds(), "The run lasts at most so long, by its own clock"),
    tasks: defaulted(
      named(taskExpectation, { maximum: TASKS_MAX, of: "expectations" }),
      {},
      "What is expected of single tasks",
    ),
    sameBytes: defaulted(sameBytes, [], "Names of bytes that have to be the same"),
  },
  {
    check(out, path, issues) {
      const { durationNsMin = 0, durationNsMax = Number.POSITIVE_INFINITY } = out;
      if (durationNsMin <= durationNsMax) return;
      const message = `${pathText(path)}.durationNsMin must be at most durationNsMax`;
      issues.add([...path, "durationNsMin"], `${message}: found ${durationNsMin}`);
    },
  },
);

const lock: Spec<string> = name("a lock");

/** A scenario that uses providers of these kinds. */
export function scenarioSpec(kinds: Kinds): Spec<Decoded> {
  return shape<Decoded>("a mapping with version, devices and tasks", {
    version: required(exactly(1), "The version of this format"),
    name: defaulted(text("a name", 128), "", "A short name; default: the file's name"),
    about: defaulted(text(), "", "What the scenario shows, for people"),
    seed: optional(
      integer(0, Number.MAX_SAFE_INTEGER),
      "Where all randomness begins; --seed replaces it; by default another one every time",
    ),
    backend: defaulted(
      oneOf(["auto", "uring", "emulated"]),
      "auto",
      "What carries out the I/O; --backend replaces it",
    ),
    clock: defaulted(
      oneOf(["virtual", "paced"]),
      "virtual",
      "Emulated backend only: skip idle time, or wait for it",
    ),
    settings: defaulted(
      settingsSpec(kinds),
      {},
      "What providers as a whole are started with, by kind",
    ),
    vars: defaulted(
      named(variable, { maximum: VARS_MAX, of: "values" }),
      {},
      "Values for $name elsewhere; --set name=value replaces them",
    ),
    inputs: defaulted(
      named(input, { maximum: INPUTS_MAX, of: "files" }),
      {},
      "Files that exist before the run; --input name=path replaces them",
    ),
    devices: defaulted(
      named(deviceSpec(kinds), { maximum: DEVICES_MAX, of: "devices" }),
      {},
      "What is opened before the tasks start",
    ),
    locks: defaulted(
      list(lock, { minimum: 0, maximum: LOCKS_MAX, of: "names" }),
      [],
      "Names of locks for `with`",
    ),
    tasks: required(
      named(block, { maximum: TASKS_MAX, of: "tasks" }),
      "All start at once, in this order, except those that some step spawns",
    ),
    expect: defaulted(expectations, NO_EXPECTATIONS, "What has to hold after the run"),
  });
}
