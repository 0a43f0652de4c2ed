/** Forks: all run, the first error wins, and nobody is left behind. */
import { describe, expect, test } from "bun:test";
import { layer, type Layer } from "../provider/layer.ts";
import { u32, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, plainLayer } from "./engine.fixture.ts";
import { log, raid, started } from "./raid.fixture.ts";

const CANCELLED = -125;
describe("join()", () => {
  test("waits for every fork and gives the sum of their results", () => {
    const { t, buffer } = started(3);
    expect(t.backend.requests.map((request) => request.file)).toEqual([0, 1, 2]);
    for (const [i, request] of t.backend.requests.toReversed().entries()) {
      expect([t.outcomes.results, buffer.isBorrowed]).toEqual([[], true]);
      t.backend.complete(request, 100 * (i + 1));
      t.settle();
    }
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 600]]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("fails with the first error; the siblings are cancelled and awaited", () => {
    const { t, buffer } = started(3);
    t.backend.obeysCancel = false;
    const [first, second, third] = t.backend.requests.slice();
    t.backend.complete(second!, -5);
    t.settle();
    expect([first!.cancelled, third!.cancelled, t.outcomes.results.length]).toEqual([
      true,
      true,
      0,
    ]);
    expect(buffer.isBorrowed).toBe(true);
    t.backend.complete(third!, -28);
    t.settle();
    expect(buffer.isBorrowed).toBe(true);
    t.backend.complete(first!, 4096);
    t.settle();
    expect(t.outcomes.results).toEqual([-5]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("of forks that end before their parent looks gives their sum", () => {
    const quick = plainLayer(
      "raid.quick",
      (cx) => cx.ready(),
      (cx) => cx.done(7),
    );
    const body = layer({
      name: "raid.body",
      frame: struct({ phase: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.phase++ === 1) return cx.done(result);
        cx.fork(quick);
        cx.fork(quick);
        return cx.join();
      },
    }) as unknown as Layer;
    const t = onRing([raid(body, [quick])]);
    t.start(0, { autoRelease: true });
    t.settle();
    expect(t.outcomes.settledAll.map((outcome) => outcome.bytes)).toEqual([14]);
  });

  test("adds up beyond 32 bits", () => {
    const huge = plainLayer(
      "raid.huge",
      (cx) => cx.ready(),
      (cx) => cx.done(3e9),
    );
    const body = layer({
      name: "raid.body",
      frame: struct({ phase: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.phase++ === 1) return cx.done(result);
        cx.fork(huge);
        cx.fork(huge);
        return cx.join();
      },
    }) as unknown as Layer;
    const t = onRing([raid(body, [huge])]);
    t.start();
    t.settle();
    expect(t.outcomes.settledAll[0]!.bytes).toBe(6e9);
  });

  test("starts no fork of a parent that was cancelled before", () => {
    const t = onRing([raid()]);
    const slot = t.start(0, { argument: 2, autoRelease: true });
    t.engine.cancel(slot);
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});

describe("a parent that is cancelled while its forks run", () => {
  test("cancels and awaits them, and ends as cancelled", () => {
    const { t, buffer, slot } = started(3);
    t.backend.obeysCancel = false;
    t.engine.cancel(slot);
    t.engine.cancel(slot);
    const requests = t.backend.requests.slice();
    expect(requests.map((request) => request.cancelled)).toEqual([true, true, true]);
    for (const request of requests) {
      t.settle();
      expect([t.outcomes.results, buffer.isBorrowed]).toEqual([[], true]);
      t.backend.complete(request, CANCELLED);
    }
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED]);
    expect(log.toSorted()).toEqual(["cancel 0", "cancel 1", "cancel 2"]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("delivers the success when all of them win the race", () => {
    const { t, slot } = started(2);
    t.backend.obeysCancel = false;
    t.engine.cancel(slot);
    for (const request of t.backend.requests.slice()) t.backend.complete(request, 10);
    t.settle();
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 20]]);
  });

  test("does not overflow the host's stack, however deep forks of forks go", () => {
    const chain: Layer = layer({
      name: "raid.chain",
      frame: struct({ depth: u32, forked: u8 }),
      wait: (frame, cx) => (frame.depth === 0 ? cx.ring.nop() : cx.ready()),
      complete(frame, cx, result) {
        if (frame.forked === 1 || frame.depth === 0) {
          return result < 0 ? cx.fail(-result) : cx.done(0);
        }
        frame.forked = 1;
        cx.fork(chain, { depth: frame.depth - 1 });
        return cx.join();
      },
    }) as unknown as Layer;
    const deep = 20_000;
    const start = plainLayer(
      "raid.start",
      (cx) => cx.ready(),
      (cx) => cx.call(chain, { depth: deep }),
    );
    const t = onRing([raid(start, [chain])], { table: { slots: deep + 10 } });
    const slot = t.start(0, { autoRelease: true });
    while (t.engine.work());
    expect(t.backend.requests.length).toBe(1);
    t.engine.cancel(slot);
    while (t.engine.poll(false) > 0 || t.engine.work());
    expect(t.outcomes.results).toEqual([CANCELLED]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});
