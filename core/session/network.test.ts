/**
 * Sessions with sockets. A program that accepts, receives into picked buffers, sends, connects and
 * looks names up runs on a scripted network; its recording then drives the same program at other
 * addresses and with no network, and a program that asks for anything else ends right there.
 */
import { describe, expect, test } from "bun:test";
import { COMPLETE_BUFFER, COMPLETE_NOTIFICATION, HOW } from "../backend/contract.ts";
import type { DivergenceReport } from "./divergence.ts";
import type { Recorded } from "./recorded.ts";
import { internet, NetworkProgram, PLAN, unix } from "./network-program.fixture.ts";
import type { NetworkPlan } from "./network-program.fixture.ts";
import { Recorder } from "./recorder.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { TestMemory } from "./scripted-backend.fixture.ts";
import { ScriptedNetwork } from "./scripted-network.fixture.ts";
import { MemorySegments } from "./segment.ts";
import { TapBackend } from "./tap-backend.ts";
import { Verifier } from "./verifier.ts";

function record(seed: number, plan = PLAN): { recorded: Recorded; log: string[] } {
  const source = new MemorySegments();
  const recorder = new Recorder(source);
  const memory = new TestMemory(0x10000);
  const program = new NetworkProgram(memory, plan);
  const network = new ScriptedNetwork(seed, memory);
  program.run(new TapBackend(network, recorder, { steps: () => program.steps, memory }), recorder);
  recorder.flush();
  const extent = { eventCount: recorder.events, digest: source.digest };
  return { recorded: { source, ...extent, complete: true, providerKinds: [] }, log: program.log };
}

interface Replayed {
  readonly log: string[];
  readonly identical: boolean;
  readonly report: DivergenceReport | undefined;
}

function replay(recorded: Recorded, plan = PLAN): Replayed {
  const verifier = new Verifier(recorded);
  const memory = new TestMemory(0x7f00_0000_0000);
  const program = new NetworkProgram(memory, plan);
  try {
    program.run(new ReplayBackend(verifier, { steps: () => program.steps, memory }), verifier);
  } catch (error) {
    if (verifier.failure === undefined) throw error;
  }
  const { identical, failure } = verifier;
  return { log: program.log, identical, report: failure?.report };
}

const divergence = (plan: Partial<NetworkPlan>): DivergenceReport | undefined =>
  replay(record(1).recorded, { ...PLAN, ...plan }).report;

describe("a recorded session with sockets", () => {
  test("gives a replay all that the network gave the program, for 60 networks", () => {
    const seen = { dry: 0, received: 0, notified: 0, refused: 0, ended: 0 };
    for (let seed = 0; seed < 60; seed++) {
      const { recorded, log } = record(seed);
      expect(replay(recorded)).toEqual({ log, identical: true, report: undefined });
      for (const line of log) {
        const [what, , result, flags] = line.split(" ");
        if (what === "received") seen.received++;
        if (what === "EINVAL") seen.refused++;
        if (result === "-105") seen.dry++;
        if (flags === String(COMPLETE_NOTIFICATION)) seen.notified++;
        if (Number(result) > 0 && (Number(flags) & 0xffff) === COMPLETE_BUFFER) seen.ended++;
      }
    }
    // All that the script can do has happened, so that agreeing means something.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
    expect(seen.received).toBeGreaterThan(3000);
  });

  test("takes the port that a kernel chose from the recording, whatever it was", () => {
    const port = (seed: number) => record(seed).log.find((line) => line.startsWith("port"));
    expect(new Set([1, 2, 3].map(port)).size).toBe(3);
  });

  test("replays whatever path and inherited descriptor the program is given", () => {
    const plan = { ...PLAN, peer: unix("/tmp/first/peer.sock") };
    const { recorded, log } = record(4, plan);
    const elsewhere = { path: "/b", descriptor: 9, peer: unix("/tmp/other/place/peer.sock") };
    expect(replay(recorded, { ...plan, ...elsewhere })).toMatchObject({ log, identical: true });
  });

  const CASES: [string, Partial<NetworkPlan>, object][] = [
    [
      "sends in another way",
      { sendHow: HOW.POLL_FIRST },
      { field: "how", recorded: "plain", actual: "poll first" },
    ],
    [
      "receives from another group",
      { group: 0 },
      {
        field: "how",
        recorded: "multishot, group 1",
        actual: "multishot, group 0",
        opcode: "RECV",
      },
    ],
    [
      "makes a group of other buffers",
      { bufferBytes: 128 },
      { field: "args", recorded: "[64, 64]", actual: "[128, 64]" },
    ],
    [
      "limits a request to another time",
      { limitNs: 6 },
      { field: "offset", recorded: "5000000", actual: "6", opcode: "LINK_TIMEOUT" },
    ],
    [
      "connects to another address",
      { peer: internet(80, 8) },
      { field: "digest", opcode: "CONNECT" },
    ],
    ["looks another name up", { name: "example.net" }, { field: "digest", opcode: "LOOKUP" }],
    ["names a socket otherwise", { host: internet(0, 2) }, { field: "args" }],
    [
      "listens with another backlog",
      { backlog: 5 },
      { field: "args", actual: "[10, 5]", recorded: "[10, 511]" },
    ],
  ];
  for (const [name, plan, wanted] of CASES) {
    test(`diverges where the program ${name}`, () => {
      expect(divergence(plan)).toMatchObject(wanted);
    });
  }

  test("counts a limit to the operation that it limits", () => {
    const report = divergence({ limitNs: 6 });
    const connecting = divergence({ peer: internet(80, 8) });
    expect(report?.operation).toBe(connecting?.operation);
    expect(report?.recordedEvent).toBe("limit slot 1: 5000000 ns");
  });
});
