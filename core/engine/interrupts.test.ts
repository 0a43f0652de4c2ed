/** Interrupt lines: who waits, who is woken by which pass, and when the line is masked. */
import { describe, expect, test } from "bun:test";
import { type LayerContext, layer, type Layer } from "../provider/layer.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onMachine, plainLayer, providerOf } from "./engine.fixture.ts";

const LINE = 9;

function waiters(complete: (cx: LayerContext) => ReturnType<LayerContext["done"]>) {
  const made = plainLayer("dev.wait", (cx) => cx.interrupt(LINE), complete);
  return onMachine([providerOf("dev", ["plain"], () => ({ operations: { plain: made } }))]);
}

describe("interrupt()", () => {
  test("puts operations in the line's list in order, and wakes them in order [C2, C3]", () => {
    const t = waiters((cx) => cx.done(0));
    const slots = [0, 1, 2].map(() => t.start());
    const { lists, table } = t.engine.state;
    expect([lists.first(LINE), lists.count(LINE)]).toEqual([slots[0]!, 3]);
    t.backend.machine.interrupts.raise(LINE);
    t.runOut();
    expect(t.outcomes.settledAll.map((outcome) => table.slotOf(outcome.handle))).toEqual(slots);
  });

  test("wakes those present when the pass begins, each once, and no new ones [C5]", () => {
    let rounds = 0;
    const again = layer({
      name: "dev.again",
      frame: struct({ seen: u8 }),
      wait: (_frame, cx) => cx.interrupt(LINE),
      complete(frame, cx) {
        rounds++;
        return ++frame.seen < 2 ? cx.again() : cx.done(0);
      },
    }) as unknown as Layer;
    const t = onMachine([providerOf("dev", ["plain"], () => ({ operations: { plain: again } }))]);
    t.start();
    t.start();
    const { interrupts } = t.backend.machine;
    interrupts.raise(LINE);
    interrupts.raise(LINE);
    t.settle();
    expect([rounds, t.engine.state.lists.count(LINE)]).toEqual([2, 2]);
    interrupts.raise(LINE);
    t.settle();
    expect([rounds, t.outcomes.results]).toEqual([4, [0, 0]]);
  });

  test("is safe against cancellations before, in and after the pass [C4]", () => {
    const t = waiters((cx) => cx.done(0));
    const slots = [0, 1, 2, 3].map(() => t.start());
    const { lists } = t.engine.state;
    t.engine.cancel(slots[1]!);
    expect([lists.first(LINE), lists.after(slots[0]!), lists.count(LINE)]).toEqual([
      slots[0]!,
      slots[2]!,
      3,
    ]);
    t.backend.machine.interrupts.raise(LINE);
    t.engine.poll(false);
    // The pass is over and nobody has run: what it woke is woken, cancelled or not.
    t.engine.cancel(slots[2]!);
    t.settle();
    expect(t.outcomes.results).toEqual([-125, 0, 0, 0]);
    expect(lists.count(LINE)).toBe(0);
  });

  test("enables the line after the waiter is listed, so that no latch is lost [C7]", () => {
    const t = waiters((cx) => cx.done(0));
    const { interrupts } = t.backend.machine;
    interrupts.raise(LINE);
    expect(interrupts.deliverable).toBe(false);
    t.start();
    expect(interrupts.deliverable).toBe(true);
    t.runOut();
    expect(t.outcomes.results).toEqual([0]);
  });

  test("masks the line when the last waiter leaves, woken or cancelled [C7]", () => {
    const t = waiters((cx) => cx.done(0));
    const { interrupts } = t.backend.machine;
    t.start();
    expect(interrupts.isEnabled(LINE)).toBe(true);
    interrupts.raise(LINE);
    t.runOut();
    expect(interrupts.isEnabled(LINE)).toBe(false);
    const slot = t.start(0, { autoRelease: true });
    t.engine.cancel(slot);
    expect(interrupts.isEnabled(LINE)).toBe(false);
  });

  test("of a line that the machine does not have ends that operation alone [C2]", () => {
    for (const line of [64, 1000, -1, 1.5, Number.NaN]) {
      const made = plainLayer(
        "dev.wait",
        (cx) => cx.interrupt(line),
        (cx) => cx.done(0),
      );
      const t = onMachine([providerOf("dev", ["plain"], () => ({ operations: { plain: made } }))]);
      t.start(0, { autoRelease: true });
      t.settle();
      expect(t.outcomes.results).toEqual([-4102]);
      expect(t.held()).toEqual(NOTHING_HELD);
    }
  });

  test("of a line without a waker list is passed over", () => {
    const t = waiters((cx) => cx.done(0));
    t.engine.interrupt(64);
    t.engine.interrupt(4095);
    expect(t.engine.hasWork()).toBe(false);
  });

  test("within a time ends with ETIME and leaves the line masked", () => {
    const made = plainLayer(
      "dev.wait",
      (cx) => cx.within(500, cx.interrupt(LINE)),
      (cx) => cx.done(0),
    );
    const failing = plainLayer(
      "dev.fail",
      (cx) => cx.within(500, cx.interrupt(LINE)),
      (cx, result) => (result < 0 ? cx.fail(-result) : cx.done(0)),
    );
    const t = onMachine([
      providerOf("dev", ["plain", "plainFail"], () => ({
        operations: { plain: made, plainFail: failing },
      })),
    ]);
    t.start(1, { autoRelease: true });
    t.runOut();
    expect([t.outcomes.results, t.engine.now()]).toEqual([[-62], 500]);
    expect(t.backend.machine.interrupts.isEnabled(LINE)).toBe(false);
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});
