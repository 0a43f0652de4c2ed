/** What forks may and may not: handles, slots, layers and what is left behind. */
import { describe, expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type LayerContext, type Move } from "../provider/layer.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, plainLayer } from "./engine.fixture.ts";
import { part, raid, started } from "./raid.fixture.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;
describe("fork()", () => {
  test("without a free slot fails the operation with ERR_TABLE_FULL, after its siblings", () => {
    const { t } = started(5, 4);
    t.settle();
    expect(t.outcomes.results).toEqual([-REEL_ERROR_NUMBERS.ERR_TABLE_FULL]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("without any free slot fails the operation at once", () => {
    const { t } = started(1, 1);
    t.settle();
    expect(t.outcomes.results).toEqual([-REEL_ERROR_NUMBERS.ERR_TABLE_FULL]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("tells those who wait for a slot when a fork gives one back", () => {
    const { t } = started(3, 4);
    let free = 0;
    t.engine.onFree = () => {
      free = t.engine.state.table.free;
    };
    t.backend.complete(t.backend.requests[0]!, 1);
    t.settle();
    expect([free, t.outcomes.results.length]).toEqual([1, 0]);
  });

  test("gives forks no handle: cancel and release do not reach them [A2.6]", () => {
    const { t } = started(2);
    const { table } = t.engine.state;
    for (let slot = 0; slot < 4; slot++) {
      const reached = table.slotOf(table.handleOf(slot));
      expect([-1, 0]).toContain(reached);
    }
  });

  const misuse: [string, (cx: LayerContext) => Move][] = [
    ["ends without joining them", (cx) => (cx.fork(part, { file: 1 }), cx.done(0))],
    ["waits again without joining them", (cx) => (cx.fork(part, { file: 1 }), cx.again())],
    [
      "gives a fork a field that it has not",
      (cx) => (cx.fork(part, { fil: 1 } as never), cx.join()),
    ],
    [
      "throws after making them",
      (cx) => {
        cx.fork(part, { file: 1 });
        throw new Error("no");
      },
    ],
  ];
  for (const [what, complete] of misuse) {
    test(`ends the operation as faulty and its forks before it when a layer ${what}`, () => {
      const body = plainLayer("raid.body", (cx) => cx.ready(), complete);
      const t = onRing([raid(body)]);
      t.start(0, { autoRelease: true });
      t.settle();
      expect(t.outcomes.results).toEqual([FAULT]);
      expect(t.backend.requests.length).toBe(0);
      expect(t.held()).toEqual(NOTHING_HELD);
    });
  }

  test("belongs to complete(): in wait() it is refused", () => {
    const body = plainLayer(
      "raid.body",
      (cx) => {
        cx.fork(part, { file: 1 });
        return cx.ready();
      },
      (cx) => cx.done(0),
    );
    const t = onRing([raid(body)]);
    t.start(0, { autoRelease: true });
    t.settle();
    expect([t.outcomes.results, t.held()]).toEqual([[FAULT], NOTHING_HELD]);
  });

  test("of a layer that throws fails the parent, which keeps the error", () => {
    const bad = plainLayer(
      "raid.bad",
      () => {
        throw new Error("part 2 is missing");
      },
      (cx) => cx.done(0),
    );
    const body = layer({
      name: "raid.body",
      frame: struct({ phase: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.phase++ === 1) return cx.fail(-result);
        cx.fork(part, { file: 1 });
        cx.fork(bad);
        return cx.join();
      },
    }) as unknown as Layer;
    const t = onRing([raid(body, [bad])]);
    let seen: unknown;
    t.outcomes.onSettled = () => {
      seen = t.engine.state.deliveredFault;
    };
    t.start(0, { autoRelease: true });
    t.settle();
    expect(t.outcomes.results).toEqual([FAULT]);
    expect(String(seen)).toContain("part 2 is missing");
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});
