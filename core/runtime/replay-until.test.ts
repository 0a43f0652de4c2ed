/** A replay that goes as far as one event, and what is open and in flight there. */
import { describe, expect, test } from "bun:test";
import { Runtime } from "../../index.ts";
import type { LiveState } from "../engine/live-state.ts";
import { describeKept } from "../engine/stored-state.ts";
import { openRecording } from "../session/recording.ts";
import { temporaryFolder } from "../session/session.fixture.ts";
import { whyUnavailable } from "../testing/harness.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: replays of io_uring: ${missing}`);
const backends = missing === undefined ? (["emulated", "uring"] as const) : (["emulated"] as const);

async function program(io: Runtime): Promise<void> {
  const { reader, writer } = await io.open("pipe");
  const timer = await io.open("timer", { intervalNs: 1_000_000 });
  const sending = io.spawn(async () => {
    for (let round = 0; round < 20; round++) await writer.write("x".repeat(3000));
    await writer.close();
  });
  for (let round = 0; round < 40; round++) {
    await timer.read(8);
    await reader.read(1500);
    io.mark(`round ${round}`);
  }
  await sending.join();
}

describe("Runtime.replay() with until", () => {
  for (const backend of backends) {
    test(`replay() halts at any event and shows what is in flight on ${backend}`, async () => {
      using folder = temporaryFolder();
      const path = folder.path("a.reel");
      const io = await Runtime.start({ backend, seed: 3, record: path });
      await io.run(program);
      await io.close();
      using recording = openRecording(path);
      const { eventCount } = recording;
      for (let until = 0; until < eventCount; until += 11) {
        const states: LiveState[] = [];
        const again = Runtime.replay(recording, {
          until,
          onUntil: (state) => states.push(state),
        });
        let failure: unknown;
        await again.run(program).catch((error: unknown) => (failure = error));
        await again.close();
        expect(states).toHaveLength(1);
        expect(again.session).toMatchObject({ failure: undefined });
        expect(again.session!.events).toBeLessThanOrEqual(until + 1);
        if (failure !== undefined) expect(failure).toMatchObject({ code: "ERR_INTERRUPTED" });
        const [state] = states;
        const kinds = state!.operations.map(({ provider }) => provider).toSorted();
        // The emulated machine records what providers do: that is what must be in flight.
        if (backend === "uring") continue;
        const table = recording.tableAt(until).list();
        const wanted = table
          .filter(({ operation }) => operation < 254)
          .map(({ provider }) => recording.providerKinds[provider!]!);
        const named = state!.operations.filter(({ operation }) => !/ or |service/.test(operation));
        expect(named.map(({ provider }) => provider).toSorted()).toEqual(wanted.toSorted());
        expect(kinds.length).toBeGreaterThanOrEqual(wanted.length);
      }
    });
  }

  test("replay() shows fields by name and refuses an until that is no event", async () => {
    using folder = temporaryFolder();
    const path = folder.path("b.reel");
    const io = await Runtime.start({ backend: "emulated", seed: 3, record: path });
    await io.run(program);
    await io.close();
    using recording = openRecording(path);
    const found = recording.marksBefore(recording.eventCount);
    expect(found).toBeDefined();
    let state: LiveState | undefined;
    const again = Runtime.replay(recording, { until: 30, onUntil: (here) => (state = here) });
    await again.run(program).catch(() => {});
    await again.close();
    const pipe = state!.providers.find(({ kind }) => kind === "pipe")!;
    expect(pipe.resources[0]!.records["pipe.pipe"]).toMatchObject({ readerOpen: true });
    expect(state!.ends.map(({ end }) => end).toSorted()).toEqual(["main", "reader", "writer"]);
    expect(() => Runtime.replay(recording, { until: -1 })).toThrow(RangeError);
  });

  for (const backend of backends) {
    test(`describeKept() shows what a replay shows at a state event on ${backend}`, async () => {
      using folder = temporaryFolder();
      const path = folder.path("c.reel");
      const record = { path, stateEvents: 40 };
      const io = await Runtime.start({ backend, seed: 3, record });
      await io.run(program);
      await io.close();
      using recording = openRecording(path);
      let compared = 0;
      let place = recording.eventCount;
      for (;;) {
        const before = place;
        const sequence = recording.states((rows) => rows.before(before));
        if (sequence === undefined) break;
        let state: LiveState | undefined;
        const onUntil = (here: LiveState): void => void (state = here);
        const again = Runtime.replay(recording, { until: sequence + 1, onUntil });
        await again.run(program).catch(() => {});
        const kept = recording.states((rows) => {
          const parts = rows.parts(sequence).filter(({ name }) => name.startsWith("provider."));
          return parts.map((part) => ({ ...part, bytes: rows.bytes(part) }));
        });
        const found = describeKept(again.engine.state, kept!);
        await again.close();
        const live = state!.providers.map(({ kind, resources }) => ({
          kind,
          resources: resources.map(({ records, resource }) => ({ resource, records })),
        }));
        expect(found).toEqual(live);
        place = sequence;
        compared++;
      }
      expect(compared).toBeGreaterThan(2);
    });
  }
});
