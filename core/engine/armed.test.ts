/** Requests that stay armed and complete more than once, and all the ways in which they end. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_MORE } from "../backend/contract.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type LayerContext, type Move } from "../provider/layer.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const CANCELLED = -125;
const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

/** A layer over one armed request: what it saw, and what it gave back. */
function armed(decide: (cx: LayerContext, result: number) => Move, withinNs?: number) {
  const seen: { result: number; more: boolean }[] = [];
  const late: number[] = [];
  let waits = 0;
  const made = layer({
    name: "one.accept",
    frame: struct({}),
    wait(_frame, cx) {
      waits++;
      const wait = cx.ring.nop();
      return withinNs === undefined ? wait : cx.within(withinNs, wait);
    },
    complete(_frame, cx, result) {
      seen.push({ result, more: cx.more });
      return decide(cx, result);
    },
    late(_frame, _cx, result) {
      late.push(result);
    },
  }) as unknown as Layer;
  const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: made } }))]);
  return { t, seen, late, waits: () => waits };
}

describe("an armed request", () => {
  test("completes again and again without a new request, while the layer wants more", () => {
    const { t, seen, waits } = armed(
      (cx, r) => (cx.progress(r), cx.more ? cx.again() : cx.done(0)),
    );
    t.start(0, { autoRelease: true });
    const request = t.backend.last;
    for (const result of [1, 2, 3]) t.backend.complete(request, result, COMPLETE_MORE);
    t.settle();
    expect([seen.length, waits(), t.outcomes.results.length]).toEqual([3, 1, 0]);
    t.backend.complete(request, 4);
    t.settle();
    expect(seen.map(({ result, more }) => [result, more])).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, false],
    ]);
    expect(t.outcomes.settledAll.map((outcome) => outcome.bytes)).toEqual([10]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("that has ended is begun again by again()", () => {
    const { t, waits } = armed((cx) => cx.again());
    t.start();
    t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
    t.backend.complete(t.backend.last, 2);
    t.settle();
    expect([waits(), t.backend.requests.length]).toEqual([2, 1]);
  });

  test("is ended and awaited when its layer is done, and gives back what comes late", () => {
    const { t, late } = armed((cx) => cx.done(7));
    t.backend.obeysCancel = false;
    t.start(0, { autoRelease: true });
    const request = t.backend.last;
    t.backend.complete(request, 1, COMPLETE_MORE);
    t.settle();
    expect([request.cancelled, t.outcomes.results]).toEqual([true, []]);
    t.backend.complete(request, 5, COMPLETE_MORE);
    t.backend.complete(request, 6, COMPLETE_MORE);
    t.backend.complete(request, CANCELLED);
    t.settle();
    expect(late).toEqual([5, 6]);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 7]]);
    expect(t.backend.cancels).toBe(1);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("is ended and awaited when its layer fails, which keeps its error", () => {
    const { t } = armed((cx) => cx.fail(5));
    t.start(0, { autoRelease: true });
    t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
    t.settle();
    expect(t.outcomes.results).toEqual([-5]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("of a called layer gives its outcome to the caller once it has ended", () => {
    const results: number[] = [];
    const inner = plainLayer(
      "one.inner",
      (cx) => cx.ring.nop(),
      (cx, r) => (r === 9 ? cx.fail(28) : cx.done(r * 10)),
    );
    const outer = layer({
      name: "one.outer",
      frame: struct({ round: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.round > 0) results.push(result);
        return frame.round++ < 2 ? cx.call(inner) : cx.done(1);
      },
    }) as unknown as Layer;
    const t = onRing([
      providerOf("one", ["plain"], () => ({ operations: { plain: outer }, layers: [inner] })),
    ]);
    t.start();
    t.backend.complete(t.backend.last, 4, COMPLETE_MORE);
    t.settle();
    t.backend.complete(t.backend.last, 9, COMPLETE_MORE);
    t.settle();
    expect(results).toEqual([40, -28]);
    expect(t.outcomes.results).toEqual([0]);
  });

  test("is ended by a cancellation, and what came before is still seen", () => {
    const { t, seen } = armed((cx) => cx.again());
    t.backend.obeysCancel = false;
    const slot = t.start(0, { autoRelease: true });
    const request = t.backend.last;
    t.backend.complete(request, 1, COMPLETE_MORE);
    t.settle();
    t.engine.cancel(slot);
    t.backend.complete(request, 2, COMPLETE_MORE);
    t.backend.complete(request, CANCELLED);
    t.settle();
    expect(seen.map(({ result }) => result)).toEqual([1, 2]);
    expect([t.outcomes.results, t.backend.cancels]).toEqual([[CANCELLED], 1]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("is ended and awaited when its layer throws, and keeps the buffer until then", () => {
    const { t } = armed(() => {
      throw new Error("no");
    });
    t.backend.obeysCancel = false;
    t.start(0, { autoRelease: true });
    t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
    t.settle();
    expect([t.outcomes.results, t.backend.cancels]).toEqual([[], 1]);
    t.backend.complete(t.backend.last, CANCELLED);
    t.settle();
    expect(t.outcomes.results).toEqual([FAULT]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("cannot be left for another layer or for forks", () => {
    const leave: ((cx: LayerContext, inner: Layer) => Move)[] = [
      (cx, inner) => cx.call(inner),
      (cx, inner) => (cx.fork(inner), cx.join()),
    ];
    for (const move of leave) {
      const inner = plainLayer(
        "one.inner",
        (cx) => cx.ready(),
        (cx) => cx.done(0),
      );
      const outer = plainLayer(
        "one.outer",
        (cx) => cx.ring.nop(),
        (cx) => move(cx, inner),
      );
      const t = onRing([
        providerOf("one", ["plain"], () => ({ operations: { plain: outer }, layers: [inner] })),
      ]);
      t.start(0, { autoRelease: true });
      t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
      t.settle();
      expect(t.outcomes.results).toEqual([FAULT]);
      expect(t.held()).toEqual(NOTHING_HELD);
    }
  });

  test("whose time is up ends with ETIME after the results that were on their way", () => {
    const { t, seen } = armed((cx, r) => (r < 0 ? cx.fail(-r) : cx.again()), 10);
    t.backend.obeysCancel = false;
    t.start(0, { autoRelease: true });
    t.settle();
    t.backend.nowNs = 10;
    t.settle();
    const request = t.backend.last;
    t.backend.complete(request, 3, COMPLETE_MORE);
    t.backend.complete(request, CANCELLED);
    t.settle();
    expect(seen.map(({ result }) => result)).toEqual([3, -62]);
    expect(t.outcomes.results).toEqual([-62]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("has its deadline for the first result only", () => {
    const { t, seen } = armed((cx) => cx.again(), 10);
    t.start();
    t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
    t.settle();
    t.backend.nowNs = 100;
    t.settle();
    expect([seen.length, t.backend.cancels, t.engine.state.deadlines.size]).toEqual([1, 0, 0]);
  });
});

test("a layer sees the flags of its own completion, and none where there was none", () => {
  const flags: [number, boolean][] = [];
  const mixed = layer({
    name: "one.mixed",
    frame: struct({ round: u8 }),
    wait: (frame, cx) => (frame.round === 1 ? cx.ready() : cx.ring.nop()),
    complete(frame, cx) {
      flags.push([cx.flags, cx.more]);
      return frame.round++ < 2 ? cx.again() : cx.done(0);
    },
  }) as unknown as Layer;
  const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: mixed } }))]);
  t.start();
  t.backend.complete(t.backend.last, 0, 6);
  t.settle();
  t.backend.complete(t.backend.last, 0, 0);
  t.settle();
  expect(flags).toEqual([
    [6, false],
    [0, false],
    [0, false],
  ]);
});
