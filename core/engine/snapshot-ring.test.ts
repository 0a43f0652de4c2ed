/** Snapshots on io_uring: requests in the kernel are made again, deadlines are moved. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_MORE } from "../backend/contract.ts";
import { HEADER_SHIFT, WAIT, WAIT_RING } from "../descriptor/layout.ts";
import { layer, type Layer } from "../provider/layer.ts";
import type { Provider } from "../provider/define.ts";
import { u32, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { TestEngine, onRing, providerOf } from "./engine.fixture.ts";
import { MIXED_OPERATIONS, mixedDriver } from "./mixed-driver.fixture.ts";
import { ScriptedBackend } from "./scripted-door.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

const mixed = (): Provider => providerOf("mixed", MIXED_OPERATIONS, mixedDriver);

/** An engine with the same providers and nothing open. */
function unusedRing(providers: readonly Provider[]): TestEngine<ScriptedBackend> {
  return new TestEngine(new ScriptedBackend(), providers, {}, false);
}

describe("on a ring", () => {
  test("requests in flight are begun again, and the clock goes on where it was", () => {
    const t = onRing([mixed()]);
    t.backend.nowNs = 5000;
    const buffer = t.pool.owned(8);
    const handle = t.engine.state.table.handleOf(t.start(0, { buffer, argument: 3, offset: 77 }));
    const timed = t.engine.state.table.handleOf(
      t.start(MIXED_OPERATIONS.indexOf("readTimed"), { buffer: t.pool.owned(8) }),
    );
    const saved = snapshotEngine(t.engine.state);
    const again = unusedRing([mixed()]);
    again.backend.nowNs = 100;
    restoreEngine(again.engine.state, saved);
    expect(again.engine.now()).toBe(5000);
    for (const each of [handle, timed]) again.engine.adopt(each, again.outcomes, true);
    again.settle();
    expect(
      again.backend.requests.map(({ file, length, offset }) => [file, length, offset]),
    ).toEqual([
      [3, 8, 77],
      [0, 8, 0],
    ]);
    expect(again.backend.armedNs).toBe(120);
    again.backend.complete(again.backend.requests[0]!, 5);
    again.backend.nowNs = 120;
    again.settle();
    expect(again.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([
      [0, 5],
      [-62, 0],
    ]);
  });

  /** A request that stays armed, over a layer that calls it. */
  const chained = (): Provider =>
    providerOf("net", ["plain"], () => {
      const accept = layer({
        name: "net.accept",
        frame: struct({}),
        wait: (_frame, cx) => cx.ring.nop(),
        complete: (_frame, cx, result) => (result === 9 ? cx.done(40) : cx.again()),
      });
      const outer = layer({
        name: "net.outer",
        frame: struct({ called: u8, sum: u32 }),
        wait: (_frame, cx) => cx.ready(),
        complete(frame, cx, result) {
          frame.sum += result;
          return frame.called++ === 0 ? cx.call(accept) : cx.done(frame.sum);
        },
      });
      const asLayer = (made: unknown): Layer => made as Layer;
      return { operations: { plain: asLayer(outer) }, layers: [asLayer(accept)] };
    });

  test("what was ending, cancelled or out of time goes on as that would have", () => {
    const cases: [
      string,
      (t: TestEngine<ScriptedBackend>, slot: number) => void,
      number,
      number,
    ][] = [
      [
        "armed",
        (t) => {
          t.backend.complete(t.backend.last, 1, COMPLETE_MORE);
          t.settle();
        },
        1,
        0,
      ],
      [
        "done, waiting for its armed request to end",
        (t) => {
          t.backend.complete(t.backend.last, 9, COMPLETE_MORE);
          t.settle();
        },
        0,
        40,
      ],
      ["cancelled", (t, slot) => t.engine.cancel(slot), 0, -125],
    ];
    for (const [what, change, requests, outcome] of cases) {
      const t = onRing([chained()]);
      t.backend.obeysCancel = false;
      const slot = t.start();
      change(t, slot);
      const { i32, table } = t.engine.state;
      expect([what, i32[(slot << HEADER_SHIFT) + WAIT]]).toEqual([what, WAIT_RING]);
      const handle = table.handleOf(slot);
      const again = unusedRing([chained()]);
      restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
      again.engine.adopt(handle, again.outcomes, true);
      again.settle();
      expect([what, again.backend.requests.length]).toEqual([what, requests]);
      if (requests > 0) continue;
      const [end] = again.outcomes.settledAll;
      expect([what, end!.result < 0 ? end!.result : end!.bytes]).toEqual([what, outcome]);
      expect(again.engine.state.table.used).toBe(0);
    }
  });
});
