/**
 * Tests that the types which people write scenarios with say what is checked: a scenario that uses
 * every key of them is sound, and their keys are those of the normal form. The latter is checked by
 * the compiler: a key that only one side has does not compile.
 */
import { expect, test } from "bun:test";
import { resolveScenario } from "./load.ts";
import type {
  ResolvedAccept,
  ResolvedConnect,
  ResolvedCopy,
  ResolvedExpectations,
  ResolvedLink,
  ResolvedNetwork,
  ResolvedRead,
  ResolvedScenario,
  ResolvedTaskExpectation,
  ResolvedWrite,
  Verb,
} from "./resolved.ts";
import { kinds } from "./scenario.fixture.ts";
import {
  scenario,
  type AcceptStep,
  type ConnectStep,
  type CopyStep,
  type Expectations,
  type LinkChange,
  type NetworkStep,
  type ReadStep,
  type Scenario,
  type Step,
  type TaskExpectation,
  type WriteStep,
} from "./types.ts";

type Same<One, Other> = [One, Other] extends [Other, One] ? true : false;
type KeysOf<Union> = Union extends unknown ? keyof Union : never;

const sameKeys: readonly true[] = [
  true satisfies Same<KeysOf<Step>, Verb>,
  true satisfies Same<keyof WriteStep, keyof ResolvedWrite>,
  true satisfies Same<keyof ReadStep, keyof ResolvedRead>,
  true satisfies Same<keyof CopyStep, keyof ResolvedCopy>,
  true satisfies Same<keyof ConnectStep, keyof ResolvedConnect>,
  true satisfies Same<keyof AcceptStep, keyof ResolvedAccept>,
  true satisfies Same<keyof LinkChange, keyof ResolvedLink>,
  true satisfies Same<KeysOf<NetworkStep>, KeysOf<ResolvedNetwork>>,
  true satisfies Same<keyof TaskExpectation, keyof ResolvedTaskExpectation>,
  true satisfies Same<keyof Expectations, keyof ResolvedExpectations>,
  true satisfies Same<keyof Scenario, keyof ResolvedScenario | "vars">,
];

const pace = { chunkBytes: "1KiB", pauseNs: "1us" };

const everything = scenario({
  version: 1,
  name: "everything",
  about: "Every key once.",
  seed: 1,
  backend: "emulated",
  clock: "paced",
  vars: { unused: true },
  inputs: { text: { file: "a.txt" }, other: "b.txt" },
  devices: {
    link: { kind: "pipe", capacityBytes: "4KiB" },
    second: "pipe",
    clock: "timer",
    server: { kind: "tcp", role: "listen", host: "alice" },
  },
  settings: { tcp: { receiveBufferBytes: "4KiB" } },
  locks: ["gate"],
  tasks: {
    one: [
      { write: { to: "link", from: "text", ...pace } },
      { write: { to: "link", text: "literal", ...pace } },
      { write: { to: "link", pattern: "random", sizeBytes: 10, ...pace } },
      { read: "link" },
      { read: { from: "link", sizeBytes: 5, as: "kept", ...pace } },
      { copy: { from: "link", to: "second", sizeBytes: 5, as: "copied", ...pace } },
      { close: "link" },
      { close: ["link.writer", "second"] },
      { close: { ends: "second" } },
      { sleep: "1ms" },
      { sleep: { durationNs: 5 } },
      { tick: "clock" },
      { tick: { of: "clock", count: 2, delayNs: "1ms" } },
      { with: { lock: "gate", do: [{ repeat: { times: 2, do: [{ mark: "x" }] } }] } },
      { checksum: "kept" },
      { checksum: { of: "kept", is: "one.read" } },
      { compare: ["text", "other"] },
      { compare: { values: ["copied", "one.written"] } },
      { spawn: "two" },
      { spawn: { task: "two", as: "second" } },
      { join: "two" },
      { join: ["two", "second"] },
      { join: { tasks: "second" } },
      { cancel: "two" },
      { cancel: { task: "second" } },
      { mark: { text: "done" } },
      { connect: { to: "server", as: "mine", from: "bob", timeoutNs: "1s" } },
      { connect: { to: "alice:80", as: "other" } },
      { accept: { from: "server", as: "client" } },
      { accept: { from: "server", as: "served", times: 2, do: [{ end: "served" }] } },
      { end: ["mine", "other"] },
      { end: { ends: "mine" } },
      { network: { partition: ["alice", "bob"] } },
      { network: { heal: ["alice", "bob"] } },
      { network: { heal: "all" } },
      { network: { clog: ["alice", "bob"] } },
      { network: { unclog: ["alice", "bob"] } },
      {
        network: {
          link: {
            between: ["alice", "bob"],
            latencyNs: "5ms",
            jitterNs: 10,
            bandwidthBytesPerSecond: "1MiB",
            lossRate: 0.5,
            reorderRate: 0,
            duplicateRate: 1,
          },
        },
      },
    ],
    two: [{ sleep: "1ms" }],
  },
  expect: {
    outcome: "failed",
    durationNsMin: 0,
    durationNsMax: "1s",
    tasks: { one: { outcome: "failed", error: "EPIPE", bytesRead: "1KiB", bytesWritten: 0 } },
    sameBytes: [["text", "one.read"]],
  },
});

test("scenario() has the types of what is checked: every key of them is sound", () => {
  const resolved = resolveScenario(everything, kinds, "test");
  expect(Object.keys(resolved.tasks)).toEqual(["one", "two"]);
  expect(resolved.tasks["one"]).toHaveLength(everything.tasks["one"]!.length);
  expect(resolveScenario(structuredClone(resolved), kinds, "test")).toEqual(resolved);
  expect(sameKeys).toHaveLength(11);
});
