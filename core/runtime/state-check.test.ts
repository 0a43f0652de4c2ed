/**
 * A replay also compares the engine's and the providers' state: what drifts without any operation
 * showing it is found at the next check, and named.
 */
import { describe, expect, test } from "bun:test";
import { defineProvider, layer, NO_OPTIONS, struct, u32 } from "../provider/index.ts";
import { DivergenceError, formatDivergence } from "../session/divergence.ts";
import { openRecording } from "../session/recording.ts";
import { temporaryFolder } from "../session/session.fixture.ts";
import { replayRuntime, startRuntime } from "./start.ts";

const OPERATIONS = 200;

/** @param luck goes into the provider's state, where no operation shows it */
function secretive(luck: () => number, stateVersion = 1) {
  const empty = struct({});
  return defineProvider({
    kind: "secretive",
    version: `1.0.${stateVersion}`,
    stateVersion,
    summary: "Keeps something to itself",
    options: NO_OPTIONS,
    operations: { poke: { direction: "none", summary: "Changes the state" } },
    ends: { main: { operations: ["poke"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    emulated(cx) {
      const state = cx.records("state", struct({ pokes: u32, luck: u32 }));
      const poke = layer({
        name: "secretive.poke",
        frame: empty,
        wait: (_frame, run) => run.after(1000),
        complete(_frame, run) {
          const at = state.at(run.resource);
          at.pokes += 1;
          at.luck = luck();
          return run.done(0);
        },
      });
      return { operations: { poke }, open() {}, release() {} };
    },
  });
}

/** @returns the failure of a replay with the second provider */
async function replayed(
  first: ReturnType<typeof secretive>,
  second: ReturnType<typeof secretive>,
  stateEvents: number,
): Promise<{ failure: unknown; identical: boolean | undefined; states: number }> {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const record = { path, stateEvents };
  const options = { backend: "emulated", seed: 1, providers: [first], record } as const;
  type Io = Awaited<ReturnType<typeof startRuntime<readonly [typeof first]>>>;
  const main = async (io: Io): Promise<void> =>
    io.run(async () => {
      const end = await io.open("secretive");
      for (let i = 0; i < OPERATIONS; i++) await end.perform("poke");
      await end.close();
    });
  const io = await startRuntime(options);
  await main(io);
  await io.close();
  using recording = openRecording(path);
  let states = 0;
  for (const { event } of recording.events()) if (event.kind === "state") states++;
  const again = replayRuntime(recording, [second]);
  await main(again as unknown as Io).catch(() => {});
  await again.close();
  const { failure, identical } = again.session!;
  return { failure, identical, states };
}

describe("a replay's check of state", () => {
  test("agrees when every part is the same", async () => {
    const { failure, identical, states } = await replayed(
      secretive(() => 7),
      secretive(() => 7),
      50,
    );
    expect({ failure, identical }).toEqual({ failure: undefined, identical: true });
    expect(states).toBeGreaterThan(5);
  });

  test("names the part that drifted, and the last state that agreed", async () => {
    let calls = 0;
    const drifting = secretive(() => (++calls > 100 ? 8 : 7));
    const { failure } = await replayed(
      secretive(() => 7),
      drifting,
      50,
    );
    if (!(failure instanceof DivergenceError)) throw new Error(`found ${String(failure)}`);
    const { report } = failure;
    expect(report.difference).toBe("state");
    expect(report.fields.filter(({ differs }) => differs).map(({ field }) => field)).toEqual([
      "provider.secretive",
      "secretive 0 state.luck",
    ]);
    expect(report.lastState!.sequence).toBeLessThan(report.sequence);
    expect(report.sequence - report.lastState!.sequence).toBeLessThan(60);
    const text = formatDivergence(report);
    // What differs in it, by the names of the provider's own fields.
    expect(text).toMatch(/secretive 0 state\.luck +7 +8/);
    expect(text).toContain("the state of provider.secretive is another");
    expect(text).toContain(`last agreeing state: event ${report.lastState!.sequence}`);
  });

  test("leaves out a provider whose state has another layout now", async () => {
    const { failure, identical } = await replayed(
      secretive(() => 7),
      secretive(() => 9, 2),
      50,
    );
    expect({ failure, identical }).toEqual({ failure: undefined, identical: true });
  });

  test("is not in the session when there are fewer events than between two states", async () => {
    const { identical, states } = await replayed(
      secretive(() => 7),
      secretive(() => 9),
      1_000_000,
    );
    expect({ identical, states }).toEqual({ identical: true, states: 0 });
  });
});
