/** Layers that end their armed request and go on, and everything that can come in between. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_MORE } from "../backend/contract.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type LayerContext, type Move } from "../provider/layer.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, TestEngine, onRing, providerOf } from "./engine.fixture.ts";
import { ScriptedBackend } from "./scripted-door.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

const CANCELLED = -125;
const TIMED_OUT = -62;
const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

interface Seen {
  readonly result: number;
  readonly more: boolean;
}

/** What an armed layer does with a result; by default it disarms at 1 and ends at the end. */
type Decide = (cx: LayerContext, result: number) => Move;
const disarmAtOne: Decide = (cx, result) => {
  if (result === 1) cx.disarm();
  return cx.more ? cx.again() : cx.done(7);
};

function provider(seen: Seen[], late: number[], decide: Decide, withinNs?: number) {
  const armed = layer({
    name: "one.armed",
    frame: struct({ rounds: u8 }),
    wait(frame, cx) {
      frame.rounds++;
      const wait = cx.ring.nop();
      return withinNs === undefined ? wait : cx.within(withinNs, wait);
    },
    complete(_frame, cx, result) {
      seen.push({ result, more: cx.more });
      return decide(cx, result);
    },
    late: (_frame, _cx, result) => void late.push(result),
  }) as unknown as Layer;
  return providerOf("one", ["plain"], () => ({ operations: { plain: armed } }));
}

/** One operation whose armed request has brought a 1, on a ring that obeys no cancellation. */
function disarmed(decide: Decide = disarmAtOne, withinNs?: number) {
  const seen: Seen[] = [];
  const late: number[] = [];
  const t = onRing([provider(seen, late, decide, withinNs)]);
  t.backend.obeysCancel = false;
  const slot = t.start(0, { autoRelease: true });
  const request = t.backend.last;
  /** Delivers one more result of the request. */
  const arrive = (result: number, more = true): void => {
    t.backend.complete(request, result, more ? COMPLETE_MORE : 0);
    t.settle();
  };
  arrive(1);
  const results = (): number[] => seen.map(({ result }) => result);
  return { t, slot, seen, late, arrive, request, results };
}

describe("disarm()", () => {
  test("ends the request, whose last result comes to complete and ends nothing else", () => {
    const { t, seen, arrive, request } = disarmed();
    expect([request.cancelled, t.outcomes.results, t.backend.cancels]).toEqual([true, [], 1]);
    arrive(2);
    arrive(CANCELLED, false);
    expect(seen).toEqual([
      { result: 1, more: true },
      { result: 2, more: true },
      { result: CANCELLED, more: false },
    ]);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 7]]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("asks once, however often the layer does, and a success may win the race", () => {
    const { t, arrive, results } = disarmed((cx) => {
      if (cx.more) cx.disarm();
      return cx.more ? cx.again() : cx.done(0);
    });
    arrive(2);
    arrive(3, false);
    expect([results(), t.backend.cancels, t.outcomes.results]).toEqual([[1, 2, 3], 1, [0]]);
  });

  test("lets the layer arm another request, of which nothing is taken for the end", () => {
    const { t, arrive, results } = disarmed((cx, result) => {
      if (result === 1) cx.disarm();
      return result === 9 ? cx.done(0) : cx.again();
    });
    arrive(CANCELLED, false);
    expect([t.backend.requests.length, t.outcomes.results]).toEqual([1, []]);
    t.backend.complete(t.backend.last, 4, COMPLETE_MORE);
    t.settle();
    // Nobody has disarmed this one: whoever cancels it ends the operation.
    t.backend.complete(t.backend.last, CANCELLED);
    t.settle();
    expect([results(), t.outcomes.results]).toEqual([[1, CANCELLED, 4], [CANCELLED]]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("of a cancelled operation changes nothing: it ends as cancelled, asked for once", () => {
    const { t, slot, arrive, results } = disarmed();
    t.engine.cancel(slot);
    arrive(2);
    arrive(CANCELLED, false);
    expect([results(), t.outcomes.results, t.backend.cancels]).toEqual([[1, 2], [CANCELLED], 1]);
    const before = disarmed((cx) => (cx.disarm(), cx.again()));
    before.t.engine.cancel(before.slot);
    before.arrive(2);
    expect(before.t.backend.cancels).toBe(1);
    before.arrive(CANCELLED, false);
    expect(before.t.outcomes.results).toEqual([CANCELLED]);
  });

  test("by a layer that is done then waits for the end as any other, and gives back", () => {
    const { t, late, arrive, results } = disarmed((cx) => (cx.disarm(), cx.done(3)));
    arrive(2);
    expect(t.outcomes.results).toEqual([]);
    arrive(CANCELLED, false);
    expect([results(), late, t.backend.cancels]).toEqual([[1], [2], 1]);
    expect(t.outcomes.settledAll.map(({ bytes }) => bytes)).toEqual([3]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("by a layer that throws then ends as faulty once the request has ended", () => {
    const { t, arrive } = disarmed((cx) => {
      cx.disarm();
      throw new Error("no");
    });
    expect([t.outcomes.results, t.backend.cancels]).toEqual([[], 1]);
    arrive(CANCELLED, false);
    expect(t.outcomes.results).toEqual([FAULT]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("after the request's time was up leaves the end to the deadline", () => {
    const seen: Seen[] = [];
    const t = onRing([provider(seen, [], disarmAtOne, 10)]);
    t.backend.obeysCancel = false;
    t.start(0, { autoRelease: true });
    const request = t.backend.last;
    t.settle();
    t.backend.nowNs = 10;
    t.settle();
    t.backend.complete(request, 1, COMPLETE_MORE);
    t.backend.complete(request, CANCELLED);
    t.settle();
    expect(seen.map(({ result }) => result)).toEqual([1, TIMED_OUT]);
    expect([t.backend.cancels, t.outcomes.results]).toEqual([1, [0]]);
  });

  test("is refused when nothing is armed, and outside complete", () => {
    const ended = disarmed((cx) => (cx.more ? cx.again() : (cx.disarm(), cx.done(0))));
    ended.arrive(2, false);
    expect(ended.t.outcomes.results).toEqual([FAULT]);
    const waiting = layer({
      name: "one.wait",
      frame: struct({}),
      wait: (_frame, cx) => (cx.disarm(), cx.ring.nop()),
      complete: (_frame, cx) => cx.done(0),
    }) as unknown as Layer;
    const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: waiting } }))]);
    t.start(0, { autoRelease: true });
    t.settle();
    expect([t.outcomes.results, t.backend.requests.length]).toEqual([[FAULT], 0]);
  });
});

describe("a snapshot of a disarmed request", () => {
  const restored = (change: (t: TestEngine<ScriptedBackend>, slot: number) => void) => {
    const { t, slot } = disarmed();
    const handle = t.engine.state.table.handleOf(slot);
    change(t, slot);
    const seen: Seen[] = [];
    const again = new TestEngine(
      new ScriptedBackend(),
      [provider(seen, [], disarmAtOne)],
      {},
      false,
    );
    restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
    again.engine.adopt(handle, again.outcomes, true);
    return { again, seen, handle };
  };

  test("goes on as if the request had ended", () => {
    const { again, seen } = restored(() => {});
    again.settle();
    expect(seen).toEqual([{ result: CANCELLED, more: false }]);
    expect([again.outcomes.results, again.backend.requests.length]).toEqual([[0], 0]);
    expect(again.held()).toEqual(NOTHING_HELD);
  });

  test("of a cancelled operation, before or after the restore, ends as cancelled", () => {
    const before = restored((t, slot) => t.engine.cancel(slot));
    const after = restored(() => {});
    after.again.engine.cancel(after.again.engine.state.table.slotOf(after.handle));
    for (const { again, seen } of [before, after]) {
      again.settle();
      expect([seen, again.outcomes.results]).toEqual([[], [CANCELLED]]);
      expect(again.held()).toEqual(NOTHING_HELD);
    }
  });
});
