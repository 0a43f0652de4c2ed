/** What a layer may say about a request: how it is made, and its limit. */
import { describe, expect, test } from "bun:test";
import { HOW, OPCODE, fromGroup, groupOf } from "../backend/contract.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import type { LayerContext, Wait } from "../provider/layer.ts";
import { NOTHING_HELD, onMachine, onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

/** A provider whose operation waits as told, and is done with whatever comes. */
const waits = (wait: (cx: LayerContext) => Wait) =>
  providerOf("one", ["plain"], () => ({
    operations: { plain: plainLayer("one.plain", wait, (cx, result) => cx.done(result)) },
  }));

const accept = (cx: LayerContext, how?: number): Wait =>
  cx.ring.request(OPCODE.ACCEPT, 4, 0, 0, 0, 0, how);

describe("request()", () => {
  test("passes on how it is to be made, and 0 when nothing was said [O4]", () => {
    const hows = [undefined, HOW.ACCEPT_MULTISHOT, HOW.RECV_MULTISHOT | fromGroup(7)];
    const t = onRing([waits((cx) => accept(cx, hows[cx.argument]))]);
    for (const argument of hows.keys()) t.start(0, { argument });
    const made = t.backend.requests.map(({ how }) => how);
    expect(made).toEqual([0, HOW.ACCEPT_MULTISHOT, HOW.RECV_MULTISHOT | fromGroup(7)]);
    expect(groupOf(made[2]!)).toBe(7);
  });
});

describe("limit()", () => {
  test("limits the request that was just made, in the kernel and not by the clock [O4]", () => {
    const t = onRing([waits((cx) => cx.ring.limit(accept(cx), 1500))]);
    t.start(0, { autoRelease: true });
    expect([t.backend.last.limitNs, t.engine.state.deadlines.size]).toEqual([1500, 0]);
    t.backend.complete(t.backend.last, 3);
    t.settle();
    expect(t.outcomes.settledAll.map(({ bytes }) => bytes)).toEqual([3]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("limits each of an operation's requests anew, and may stand beside within()", () => {
    let rounds = 0;
    const layer = plainLayer(
      "one.plain",
      (cx) => cx.within(50, cx.ring.limit(accept(cx), ++rounds)),
      (cx) => (rounds < 2 ? cx.again() : cx.done(0)),
    );
    const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: layer } }))]);
    t.start();
    expect([t.backend.last.limitNs, t.engine.state.deadlines.size]).toEqual([1, 1]);
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(t.backend.last.limitNs).toBe(2);
  });

  test("is refused where no request was just made, twice, or without an end", () => {
    let made: Wait | undefined;
    const wrong: Record<string, (cx: LayerContext) => Wait> = {
      "no request": (cx) => cx.ring.limit(2 as Wait, 10),
      "another wait": (cx) => cx.ring.limit(cx.after(5), 10),
      "a request of an earlier call": (cx) => {
        const before = made;
        made = accept(cx);
        return before === undefined ? made : cx.ring.limit(cx.ready(), 10);
      },
      twice: (cx) => cx.ring.limit(cx.ring.limit(accept(cx), 10), 10),
      "not a number": (cx) => cx.ring.limit(accept(cx), Number.NaN),
      negative: (cx) => cx.ring.limit(accept(cx), -1),
      "for ever": (cx) => cx.ring.limit(accept(cx), Number.POSITIVE_INFINITY),
    };
    for (const [what, wait] of Object.entries(wrong)) {
      const t = onRing([waits(wait)]);
      if (what.startsWith("a request")) t.start();
      t.start(0, { autoRelease: true });
      t.settle();
      expect([what, t.outcomes.results.at(-1)]).toEqual([what, FAULT]);
    }
  });

  test("is refused on a machine, which has no ring", () => {
    const t = onMachine([waits((cx) => cx.ring.limit(cx.ready(), 10))]);
    t.start();
    t.settle();
    expect(t.outcomes.results).toEqual([FAULT]);
  });
});
