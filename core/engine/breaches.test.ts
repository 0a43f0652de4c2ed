/** What becomes of an operation whose layer breaks the rules, and of the others. */
import { describe, expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { type LayerContext, type Move, type Wait } from "../provider/layer.ts";
import { NOTHING_HELD, onRing, one, plainLayer, providerOf } from "./engine.fixture.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

describe("a layer that breaks the rules", () => {
  const cases: [string, (cx: LayerContext) => Wait, (cx: LayerContext) => Move, string][] = [
    [
      "throws in wait()",
      () => {
        throw new Error("no idea");
      },
      (cx) => cx.done(0),
      "no idea",
    ],
    ["returns nothing from wait()", () => undefined as never, (cx) => cx.done(0), "must return"],
    ["makes up a wait", () => 2 as Wait, (cx) => cx.done(0), "must return"],
    ["returns a move from wait()", (cx) => cx.done(0) as never, (cx) => cx.done(0), "move on"],
    [
      "waits twice in one call",
      (cx) => {
        cx.ready();
        return cx.after(5);
      },
      (cx) => cx.done(0),
      "asked for something in this call already",
    ],
    ["waits in complete()", (cx) => cx.ready(), (cx) => cx.ready() as never, "only a layer's wait"],
    ["returns nothing from complete()", (cx) => cx.ready(), () => undefined as never, "return"],
    ["makes up a move", (cx) => cx.ready(), () => 17 as Move, "must return"],
    [
      "moves twice in one call",
      (cx) => cx.ready(),
      (cx) => {
        cx.done(1);
        return cx.fail(5);
      },
      "asked for something in this call already",
    ],
    ["is done with a negative count", (cx) => cx.ready(), (cx) => cx.done(-5), "bytes from 0"],
    ["is done with half a byte", (cx) => cx.ready(), (cx) => cx.done(0.5), "bytes from 0"],
    ["fails with no error", (cx) => cx.ready(), (cx) => cx.fail(0), "positive error number"],
    ["counts back", (cx) => cx.ready(), (cx) => (cx.progress(-1), cx.done(0)), "bytes from 0"],
    ["joins without forks", (cx) => cx.ready(), (cx) => cx.join(), "none were made"],
    ["waits for an interrupt on a ring", (cx) => cx.interrupt(1), (cx) => cx.done(0), "emulated"],
    ["locks what is no lock", (cx) => cx.lock(3), (cx) => cx.done(0), "no such lock"],
    ["waits in what is no queue", (cx) => cx.queue(999), (cx) => cx.done(0), "no such queue"],
    ["waits until NaN", (cx) => cx.until(Number.NaN), (cx) => cx.done(0), "NaN"],
    [
      "limits a wait that it has not begun",
      (cx) => cx.within(5, 0 as Wait),
      (cx) => cx.done(0),
      "not just begun",
    ],
    [
      "calls a layer that is not registered",
      (cx) => cx.ready(),
      (cx) =>
        cx.call(
          plainLayer(
            "other.layer",
            (c) => c.ready(),
            (c) => c.done(0),
          ),
        ),
      "list it in the driver's operations or layers",
    ],
  ];
  for (const [what, wait, complete, text] of cases) {
    test(`ends its operation and no other when it ${what} [M2.1]`, () => {
      const cleaned: string[] = [];
      const bad = plainLayer("one.bad", wait, complete, () => cleaned.push("cancel"));
      const good = plainLayer(
        "two.good",
        (cx) => cx.ring.nop(),
        (cx) => cx.done(1),
      );
      const t = onRing([
        one("read", bad),
        providerOf("two", ["plain"], () => ({ operations: { plain: good } })),
      ]);
      const buffer = t.pool.owned(8);
      t.start(0, { end: 1, autoRelease: true });
      t.start(0, { buffer, autoRelease: true });
      let fault: unknown;
      t.outcomes.onSettled = () => {
        fault ??= t.engine.state.deliveredFault;
      };
      t.settle();
      expect(t.outcomes.results).toEqual([FAULT]);
      expect(String(fault)).toContain(text);
      expect(cleaned).toEqual(["cancel"]);
      expect(buffer.isBorrowed).toBe(false);
      t.backend.complete(t.backend.last, 0);
      t.settle();
      expect(t.outcomes.results).toEqual([FAULT, 0]);
      expect(t.held()).toEqual(NOTHING_HELD);
      expect(t.engine.state.counters.faults).toBe(1);
    });
  }

  test("is not believed when it moved more bytes than the buffer has", () => {
    const liar = plainLayer(
      "one.liar",
      (cx) => cx.ready(),
      (cx) => cx.done(9),
    );
    const t = bound(one("read", liar));
    const memory = new Uint8Array(8);
    t.start(0, { buffer: t.pool.borrow(memory) });
    t.settle();
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[FAULT, 8]]);
  });

  test("keeps its memory until the kernel is done with it, when it throws after preparing", () => {
    const bad = plainLayer(
      "one.bad",
      (cx) => {
        cx.ring.read(3, 0);
        throw new Error("changed my mind");
      },
      (cx) => cx.done(0),
    );
    const t = bound(one("read", bad));
    t.backend.obeysCancel = false;
    const buffer = t.pool.owned(8);
    t.start(0, { buffer });
    t.settle();
    expect([t.outcomes.results, buffer.isBorrowed, t.backend.cancels]).toEqual([[], true, 1]);
    t.backend.complete(t.backend.last, -125);
    t.settle();
    expect([t.outcomes.results, buffer.isBorrowed]).toEqual([[FAULT], false]);
  });

  test("waits for nothing when the request could not be prepared", () => {
    const read = plainLayer(
      "one.read",
      (cx) => cx.ring.read(3, 0),
      (cx, result) => cx.done(result),
    );
    const t = bound(one("read", read));
    t.backend.failNextPrepare = new Error("the ring is full");
    t.start(0, { buffer: t.pool.owned(8), autoRelease: true });
    t.settle();
    expect([t.outcomes.results, t.backend.requests.length]).toEqual([[FAULT], 0]);
    expect(t.held()).toEqual(NOTHING_HELD);
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
