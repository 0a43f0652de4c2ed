/** How operations start, and how waits that are limited in time end. */
import { describe, expect, test } from "bun:test";
import {
  FLAGS,
  FLAG_DEADLINE,
  HEADER_SHIFT,
  LIST,
  WAIT,
  WAIT_NAMES,
} from "../descriptor/layout.ts";
import { type LayerContext, type Wait } from "../provider/layer.ts";
import { onRing, one, plainLayer } from "./engine.fixture.ts";

describe("start()", () => {
  const read = plainLayer(
    "one.read",
    (cx) => cx.ring.read(3, 0),
    (cx, result) => cx.done(result),
  );

  test("answers -1 and does nothing when every slot is in use [W1, A2.3]", () => {
    const t = onRing([one("read", read)], { table: { slots: 2 } });
    t.start();
    t.start();
    const buffer = t.pool.owned(4);
    expect(t.start(0, { buffer })).toBe(-1);
    expect([buffer.isBorrowed, t.engine.state.ends.inFlight(0)]).toEqual([false, 2]);
  });

  test("refuses bytes that the buffer does not have, and starts nothing", () => {
    const t = bound(one("read", read));
    const buffer = t.pool.owned(8);
    for (const [at, length] of [
      [0, 9],
      [8, 1],
      [-1, 2],
      [0.5, 1],
      [0, Number.NaN],
      [0, -1],
    ] as const) {
      expect(() => t.start(0, { buffer, at, length })).toThrow("buffer 1 has 8");
    }
    t.start(0, { buffer });
    expect(() => t.start(0, { buffer })).toThrow("Cannot lend buffer 1");
    expect([t.engine.state.table.used, t.backend.requests.length]).toEqual([1, 1]);
  });

  test("counts what is in flight on each end, and what was started and delivered [A2.9]", () => {
    const t = bound(
      one(
        "plain",
        plainLayer(
          "one.nop",
          (cx) => cx.ring.nop(),
          (cx) => cx.done(0),
        ),
      ),
    );
    for (let i = 0; i < 3; i++) t.start(0, { autoRelease: i > 0 });
    const { counters, ends } = t.engine.state;
    expect([ends.inFlight(0), counters.started, counters.settled]).toEqual([3, 3, 0]);
    for (const request of t.backend.requests.slice()) t.backend.complete(request, 0);
    t.settle();
    expect([ends.inFlight(0), counters.started, counters.settled]).toEqual([0, 3, 3]);
    expect(counters.transitions).toBe(6);
  });

  test("delivers many operations to one settler, each once, in order [A2.9, W2]", () => {
    const t = bound(
      one(
        "plain",
        plainLayer(
          "one.nop",
          (cx) => cx.ring.nop(),
          (cx) => cx.done(0),
        ),
      ),
    );
    const slots = [0, 1, 2, 3].map(() => t.start());
    const requests = t.backend.requests.slice();
    for (const i of [2, 0, 3, 1]) t.backend.complete(requests[i]!, 0);
    t.settle();
    t.settle();
    const { table } = t.engine.state;
    const order = t.outcomes.settledAll.map((outcome) => table.slotOf(outcome.handle));
    expect(order).toEqual([2, 0, 3, 1].map((i) => slots[i]!));
  });
});

describe("waits that end in time", () => {
  const timed = (begin: (cx: LayerContext) => Wait) =>
    one(
      "plain",
      plainLayer("one.timed", begin, (cx, result) =>
        result < 0 ? cx.fail(-result) : cx.done(result),
      ),
    );

  test("after() never ends early, and does not wait when there is nothing to wait for", () => {
    const t = bound(timed((cx) => cx.after(100)));
    t.start();
    t.settle();
    t.backend.nowNs = 99;
    t.settle();
    expect(t.outcomes.results).toEqual([]);
    t.backend.nowNs = 100;
    t.settle();
    expect(t.outcomes.results).toEqual([0]);
    const at = bound(timed((cx) => cx.after(0)));
    at.start();
    expect(at.backend.armedNs).toBe(Infinity);
    at.settle();
    expect(at.outcomes.results).toEqual([0]);
  });

  test("within() ends a request that takes too long with ETIME, unless the request wins", () => {
    const t = bound(timed((cx) => cx.within(50, cx.ring.nop())));
    t.start();
    t.start();
    t.backend.obeysCancel = false;
    t.settle();
    t.backend.nowNs = 50;
    t.settle();
    const [first, second] = t.backend.requests.slice();
    expect([first!.cancelled, second!.cancelled]).toEqual([true, true]);
    t.backend.complete(first!, -125);
    t.backend.complete(second!, 3);
    t.settle();
    expect(t.outcomes.results).toEqual([-62, 0]);
    expect(t.outcomes.settledAll[1]!.bytes).toBe(3);
    expect(t.engine.state.deadlines.size).toBe(0);
  });

  test("within() cuts a timer short with ETIME, and leaves a shorter one alone", () => {
    const short = bound(timed((cx) => cx.within(10, cx.after(100))));
    short.start();
    short.settle();
    short.backend.nowNs = 10;
    short.settle();
    expect(short.outcomes.results).toEqual([-62]);
    const long = bound(timed((cx) => cx.within(1000, cx.within(500, cx.after(100)))));
    long.start();
    long.settle();
    long.backend.nowNs = 100;
    long.settle();
    expect(long.outcomes.results).toEqual([0]);
  });

  test("a timed wait that ends leaves neither list nor deadline behind", () => {
    const t = bound(timed((cx) => cx.within(50, cx.ring.nop())));
    const slot = t.start();
    t.settle();
    t.backend.complete(t.backend.last, 1);
    t.settle();
    const { deadlines, i32 } = t.engine.state;
    expect(deadlines.size).toBe(0);
    expect(i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_DEADLINE).toBe(0);
    expect(i32[(slot << HEADER_SHIFT) + LIST]).toBe(-1);
    expect(WAIT_NAMES[i32[(slot << HEADER_SHIFT) + WAIT]!]).toBe("nothing");
  });

  test("timers that set each other for the past do not hold the turn", () => {
    const t = bound(timed((cx) => cx.after(1)));
    let fired = 0;
    const fire = (): void => {
      fired++;
      if (fired < 100) t.engine.set(0, fire);
    };
    t.engine.set(0, fire);
    t.engine.poll(false);
    expect(fired).toBe(1);
    t.settle();
    expect(fired).toBe(100);
  });
});

/** An engine whose methods can be taken apart. */
function bound(provider: Parameters<typeof onRing>[0][number]) {
  const t = onRing([provider]);
  return {
    backend: t.backend,
    engine: t.engine,
    outcomes: t.outcomes,
    pool: t.pool,
    start: t.start.bind(t),
    settle: t.settle.bind(t),
    held: t.held.bind(t),
  };
}
