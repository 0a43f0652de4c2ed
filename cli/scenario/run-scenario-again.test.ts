/**
 * Tests that the same scenario comes to the same run: by its seed, and from a recording. What is
 * compared is everything that happened, in its order, not the outcome alone.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { whyUnavailable } from "../../core/testing/harness.ts";
import { Runtime, openRecording } from "../../index.ts";
import { resolveScenario } from "./load.ts";
import type { ScenarioEvent, ScenarioReport } from "./report.ts";
import type { ResolvedScenario } from "./resolved.ts";
import { runScenario } from "./run-scenario.ts";
import { kinds, temporaryFolder } from "./scenario.fixture.ts";
import type { Scenario, Step } from "./types.ts";

const folder = temporaryFolder();
const NAMES = ["ada", "ben", "cleo"] as const;

/** Tasks that get in each other's way: a lock, pipes that are too small, and time. */
const crowd: Scenario = {
  version: 1,
  devices: Object.fromEntries(NAMES.map((name) => [name, { kind: "pipe", capacityBytes: 4096 }])),
  locks: ["gate"],
  tasks: Object.fromEntries(
    NAMES.flatMap((name, index): [string, Step[]][] => [
      [
        name,
        [
          {
            with: {
              lock: "gate",
              do: [{ write: { to: name, pattern: "random", sizeBytes: 9000 } }],
            },
          },
          { repeat: { times: 3, do: [{ sleep: `${index + 1}ms` }, { mark: name }] } },
          { close: `${name}.writer` },
        ],
      ],
      [`${name}-reader`, [{ read: { from: name, chunkBytes: 1500, pauseNs: "1ms" } }]],
    ]),
  ),
  expect: { sameBytes: NAMES.map((name) => [`${name}.written`, `${name}-reader.read`]) },
};

interface Ran {
  events: ScenarioEvent[];
  report: ScenarioReport;
}

async function play(
  io: Awaited<ReturnType<typeof Runtime.start>>,
  scenario: ResolvedScenario,
): Promise<Ran> {
  const events: ScenarioEvent[] = [];
  try {
    const onEvent = (event: ScenarioEvent): void => void events.push(event);
    return { report: await runScenario(io, scenario, { inputs: new Map(), onEvent }), events };
  } finally {
    await io.close();
  }
}

const resolved = (): ResolvedScenario => resolveScenario(crowd, kinds, "test");

test("runScenario() comes to the same events and digest for the same seed only", async () => {
  const once = async (seed: number, permute: boolean) => {
    const io = await Runtime.start({ backend: "emulated", seed, permute, digest: true });
    return { ...(await play(io, resolved())), digest: io.session!.digest };
  };
  const check = fc.asyncProperty(fc.nat(), fc.boolean(), async (seed, permute) => {
    const first = await once(seed, permute);
    expect(first.report.holds).toBe(true);
    expect(await once(seed, permute)).toEqual(first);
    expect((await once(seed + 1, permute)).digest).not.toBe(first.digest);
  });
  await fc.assert(check, { seed: 3, numRuns: 8 });
});

test("runScenario() schedules otherwise when the ready queue is permuted", async () => {
  const orderOf = async (permute: boolean): Promise<string[]> => {
    const io = await Runtime.start({ backend: "emulated", seed: 6, permute });
    const { events } = await play(io, resolved());
    return events.filter(({ kind }) => kind === "start").map(({ task }) => task);
  };
  const plain = await orderOf(false);
  expect(plain).toEqual(NAMES.flatMap((name) => [name, `${name}-reader`]));
  const permuted = await orderOf(true);
  expect(permuted).not.toEqual(plain);
  expect(permuted.toSorted()).toEqual(plain.toSorted());
});

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: replay of io_uring: ${missing}`);

for (const backend of ["emulated", "uring"] as const) {
  test.skipIf(backend === "uring" && missing !== undefined)(
    `runScenario() replays a recording of ${backend} with the same events at the same times`,
    async () => {
      const path = join(folder, `${backend}.reel`);
      const record = { path, program: { kind: "scenario", scenario: resolved() } };
      const io = await Runtime.start({ backend, seed: 5, record });
      const recorded = await play(io, resolved());
      using recording = openRecording(path);
      const { program } = recording.info.options as { program: { scenario: unknown } };
      const scenario = resolveScenario(program.scenario, kinds, path);
      const replaying = Runtime.replay(recording);
      const replayed = await play(replaying, scenario);
      expect(replaying.session!.identical).toBe(true);
      expect(replayed).toEqual(recorded);
    },
  );
}
