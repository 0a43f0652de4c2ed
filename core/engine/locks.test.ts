/** Locks and queues between operations: order, hand-over, and who may give back what. */
import { describe, expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type Lock, type WaitQueue } from "../provider/layer.ts";
import { bool, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

/** Takes a lock, makes a request while it holds it, and gives it back at its end. */
function holder(unlock: "early" | "at the end" | "twice" = "at the end") {
  let lock = 0;
  const provider = providerOf("disk", ["plain"], (cx) => {
    lock = cx.lock();
    const body = layer({
      name: "disk.body",
      frame: struct({ held: bool }),
      wait: (frame, w) => (frame.held ? w.ring.nop() : w.lock(lock as Lock)),
      complete(frame, w, result) {
        if (frame.held) {
          if (unlock === "early" || unlock === "twice") w.unlock(lock as Lock);
          if (unlock === "twice") w.unlock(lock as Lock);
          return w.done(result);
        }
        frame.held = true;
        return w.again();
      },
    }) as unknown as Layer;
    return { operations: { plain: body } };
  });
  const t = onRing([provider]);
  return { t, lists: t.engine.state.lists, lockNumber: () => lock };
}

describe("lock()", () => {
  test("of a free lock does not suspend, and the others wait in order [M2.6, M2.7]", () => {
    const { t, lists, lockNumber } = holder();
    const slots = [0, 1, 2, 3].map(() => t.start(0, { autoRelease: true }));
    expect([t.backend.requests.length, lists.owner(lockNumber())]).toEqual([1, slots[0]!]);
    const order: number[] = [];
    while (t.backend.requests.length > 0) {
      order.push(t.backend.last.slot);
      expect(lists.owner(lockNumber())).toBe(t.backend.last.slot);
      t.backend.complete(t.backend.last, 0);
      t.settle();
    }
    expect(order).toEqual(slots);
    expect([lists.owner(lockNumber()), t.held()]).toEqual([-1, NOTHING_HELD]);
  });

  test("is handed over by unlock() before the operation ends [M2.7]", () => {
    const { t, lists, lockNumber } = holder("early");
    t.start(0, { autoRelease: true });
    const second = t.start(0, { autoRelease: true });
    t.backend.complete(t.backend.last, 0);
    t.engine.poll(false);
    expect(lists.owner(lockNumber())).toBe(second);
    t.settle();
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect([t.outcomes.results, t.held()]).toEqual([[0, 0], NOTHING_HELD]);
  });

  test("cannot be given back twice, nor by somebody who does not hold it [S4]", () => {
    const { t, lists, lockNumber } = holder("twice");
    t.start(0, { autoRelease: true });
    const second = t.start(0, { autoRelease: true });
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(t.outcomes.results).toEqual([FAULT]);
    expect(lists.owner(lockNumber())).toBe(second);
  });

  test("is given back by an operation that ends in any way [M2.7]", () => {
    const { t, lists, lockNumber } = holder();
    const first = t.start(0, { autoRelease: true });
    const second = t.start(0, { autoRelease: true });
    t.engine.cancel(first);
    t.settle();
    expect([t.outcomes.results, lists.owner(lockNumber())]).toEqual([[-125], second]);
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("by its holder is refused, instead of waiting for itself for ever", () => {
    const again = plainLayer(
      "disk.again",
      (w) => w.lock(lock as Lock),
      (w) => w.again(),
    );
    let lock = 0;
    const t = onRing([
      providerOf("disk", ["plain"], (cx) => {
        lock = cx.lock();
        return { operations: { plain: again } };
      }),
    ]);
    t.start(0, { autoRelease: true });
    t.settle();
    expect([t.outcomes.results, t.engine.state.lists.owner(lock)]).toEqual([[FAULT], -1]);
  });

  test("within a time ends with ETIME and leaves the line; the lock goes to the next", () => {
    let lock = 0;
    const body = layer({
      name: "disk.body",
      frame: struct({ held: bool }),
      wait: (frame, w) => (frame.held ? w.ring.nop() : w.within(10, w.lock(lock as Lock))),
      complete(frame, w, result) {
        if (result < 0) return w.fail(-result);
        if (frame.held) return w.done(0);
        frame.held = true;
        return w.again();
      },
    }) as unknown as Layer;
    const t = onRing([
      providerOf("disk", ["plain"], (cx) => {
        lock = cx.lock();
        return { operations: { plain: body } };
      }),
    ]);
    t.start(0, { autoRelease: true });
    t.start(0, { autoRelease: true });
    t.settle();
    t.backend.nowNs = 5;
    const third = t.start(0, { autoRelease: true });
    t.settle();
    t.backend.nowNs = 10;
    t.settle();
    expect(t.outcomes.results).toEqual([-62]);
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(t.engine.state.lists.owner(lock)).toBe(third);
  });

  test("several at once are all given back [M2.7]", () => {
    const locks: number[] = [];
    const body = layer({
      name: "disk.body",
      frame: struct({ taken: u8 }),
      wait: (frame, w) => (frame.taken < 3 ? w.lock(locks[frame.taken] as Lock) : w.ring.nop()),
      complete(frame, w) {
        if (frame.taken === 3) {
          w.unlock(locks[1] as Lock);
          return w.done(0);
        }
        frame.taken++;
        return w.again();
      },
    }) as unknown as Layer;
    const t = onRing([
      providerOf("disk", ["plain"], (cx) => {
        locks.push(cx.lock(), cx.lock(), cx.lock());
        return { operations: { plain: body } };
      }),
    ]);
    const slot = t.start(0, { autoRelease: true });
    const { lists } = t.engine.state;
    expect(locks.map((lock) => lists.owner(lock))).toEqual([slot, slot, slot]);
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(locks.map((lock) => lists.owner(lock))).toEqual([-1, -1, -1]);
  });
});

describe("queue()", () => {
  test("wakes all or the first, in order, with the waker's result", () => {
    let queue = 0;
    const seen: number[] = [];
    const sleeper = plainLayer(
      "bell.sleep",
      (w) => w.queue(queue as WaitQueue),
      (w, result) => {
        seen.push(result);
        return w.done(0);
      },
    );
    const ring = plainLayer(
      "bell.ring",
      (w) => w.ready(),
      (w) => {
        const first = w.wakeOne(queue as WaitQueue, 1);
        const rest = w.wake(queue as WaitQueue, 2);
        const nobody = w.wakeOne(queue as WaitQueue, 3);
        return w.done((first ? 100 : 0) + rest * 10 + (nobody ? 1 : 0));
      },
    );
    const t = onRing([
      providerOf("bell", ["plainSleep", "plainRing"], (cx) => {
        queue = cx.queue();
        return { operations: { plainSleep: sleeper, plainRing: ring } };
      }),
    ]);
    for (let i = 0; i < 3; i++) t.start(0);
    t.start(1);
    t.settle();
    expect(seen).toEqual([1, 2, 2]);
    expect(t.outcomes.settledAll.find((outcome) => outcome.bytes > 0)!.bytes).toBe(120);
  });

  test("refuses results that a result word cannot hold, and lists that are none", () => {
    const wakes: (() => void)[] = [];
    providerOf("bell", ["plain"], () => ({ operations: {} }));
    const t = onRing([
      providerOf("bell", ["plain"], (cx) => {
        const queue = cx.queue();
        const lock = cx.lock();
        wakes.push(
          () => cx.wake(queue, 2 ** 31),
          () => cx.wake(queue, 0.5),
          () => cx.wake(queue, -(2 ** 31) + 1),
          () => cx.wake(lock as unknown as WaitQueue),
          () => cx.wake(12_345 as WaitQueue),
        );
        return {
          operations: {
            plain: plainLayer(
              "bell.none",
              (w) => w.ready(),
              (w) => w.done(0),
            ),
          },
        };
      }),
    ]);
    expect(t.engine.hasWork()).toBe(false);
    for (const wake of wakes) expect(wake).toThrow(RangeError);
  });
});
