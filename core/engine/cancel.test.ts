/**
 * Cancelling, in every place where an operation can be, and against everything that may come first.
 */
import { describe, expect, test } from "bun:test";
import { layer, type Layer, type WaitQueue } from "../provider/layer.ts";
import { bool } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onMachine, onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const CANCELLED = -125;

/** A provider with an operation for each way of waiting. */
function waits(log: string[] = []) {
  return providerOf(
    "waits",
    ["plainRing", "plainLock", "plainQueue", "plainTimer", "plainReady", "read", "plainLine"],
    (cx) => {
      const lock = cx.lock();
      const queue = cx.queue();
      const never = cx.queue();
      const noted = (name: string) => () => {
        log.push(`cancel ${name}`);
      };
      return {
        operations: {
          plainRing: plainLayer(
            "waits.ring",
            (w) => w.ring.nop(),
            (w, r) => w.done(r),
            noted("ring"),
          ),
          // Holds the lock until it is cancelled.
          plainLock: layer({
            name: "waits.lock",
            frame: struct({ held: bool }),
            wait: (frame, w) => (frame.held ? w.queue(never) : w.lock(lock)),
            complete(frame, w) {
              frame.held = true;
              return w.again();
            },
          }) as unknown as Layer,
          plainQueue: plainLayer(
            "waits.queue",
            (w) => w.queue(queue),
            (w) => w.done(1),
            noted("queue"),
          ),
          plainTimer: plainLayer(
            "waits.timer",
            (w) => w.after(10),
            (w) => w.done(2),
            noted("timer"),
          ),
          plainReady: plainLayer(
            "waits.ready",
            (w) => w.ready(),
            (w) => w.done(3),
            noted("ready"),
          ),
          read: plainLayer(
            "waits.read",
            (w) => w.ring.read(1, 0),
            (w, r) => w.done(r),
          ),
          plainLine: plainLayer(
            "waits.line",
            (w) => w.interrupt(4),
            (w) => w.done(4),
            noted("line"),
          ),
        },
      };
    },
  );
}
const [RING, LOCK, QUEUE, TIMER, READY, READ, LINE] = [0, 1, 2, 3, 4, 5, 6];

describe("cancel()", () => {
  test("is a request: the buffer stays lent until the request's own end [A2.5]", () => {
    const t = onRing([waits()]);
    t.backend.obeysCancel = false;
    const buffer = t.pool.owned(8);
    const slot = t.start(READ, { buffer });
    t.engine.cancel(slot);
    t.settle();
    expect([t.outcomes.results, buffer.isBorrowed, t.backend.cancels]).toEqual([[], true, 1]);
    t.backend.complete(t.backend.last, CANCELLED);
    t.settle();
    expect([t.outcomes.results, buffer.isBorrowed]).toEqual([[CANCELLED], false]);
  });

  test("that loses the race delivers the success [A2.5]", () => {
    const t = onRing([waits()]);
    t.backend.obeysCancel = false;
    const buffer = t.pool.owned(8);
    const slot = t.start(READ, { buffer });
    t.engine.cancel(slot);
    t.backend.complete(t.backend.last, 8);
    t.settle();
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 8]]);
  });

  test("ends at once what waits inside, runs its cleanup, and leaves every list", () => {
    for (const [operation, name] of [
      [QUEUE, "queue"],
      [TIMER, "timer"],
    ] as const) {
      const log: string[] = [];
      const t = onRing([waits(log)]);
      const slot = t.start(operation, { autoRelease: true });
      t.engine.cancel(slot);
      t.settle();
      expect(t.outcomes.results).toEqual([CANCELLED]);
      expect(log).toEqual([`cancel ${name}`]);
      expect(t.held()).toEqual(NOTHING_HELD);
    }
  });

  test("of one that waits for a line masks the line when nobody else waits for it", () => {
    const t = onMachine([waits()]);
    const { interrupts } = t.backend.machine;
    const slots = [t.start(LINE), t.start(LINE)];
    expect(interrupts.isEnabled(4)).toBe(true);
    t.engine.cancel(slots[0]!);
    expect(interrupts.isEnabled(4)).toBe(true);
    t.engine.cancel(slots[1]!);
    expect(interrupts.isEnabled(4)).toBe(false);
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED, CANCELLED]);
  });

  test("twice, or of what is terminal, changes nothing [A2.5]", () => {
    const log: string[] = [];
    const t = onRing([waits(log)]);
    const slot = t.start(QUEUE);
    t.engine.cancel(slot);
    t.engine.cancel(slot);
    t.settle();
    t.engine.cancel(slot);
    t.settle();
    expect([t.outcomes.results, log]).toEqual([[CANCELLED], ["cancel queue"]]);
    const done = t.start(READY);
    t.settle();
    t.engine.cancel(done);
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED, 0]);
  });

  test("of one whose wait is over lets it see the result, and ends it before the next wait", () => {
    const seen: number[] = [];
    let rounds = 0;
    const patient = plainLayer(
      "one.patient",
      (w) => w.queue(queue as WaitQueue),
      (w, result) => {
        seen.push(result);
        return ++rounds === 2 ? w.done(1) : w.again();
      },
    );
    let queue = 0;
    const t = onRing([
      providerOf("one", ["plain"], (cx) => {
        queue = cx.queue();
        return { operations: { plain: patient } };
      }),
    ]);
    const slot = t.start();
    t.engine.state.lists.first(queue);
    wake(t, queue, 42);
    t.engine.cancel(slot);
    t.settle();
    expect([seen, t.outcomes.results]).toEqual([[42], [CANCELLED]]);
  });

  test("of a lock's waiter leaves the line to those behind it [M2.8]", () => {
    const t = onRing([waits()]);
    const slots = [0, 1, 2].map(() => t.start(LOCK));
    t.engine.cancel(slots[1]!);
    t.settle();
    t.engine.cancel(slots[0]!);
    t.settle();
    const { lists } = t.engine.state;
    expect(lists.owner(firstLock(t))).toBe(slots[2]!);
    t.engine.cancel(slots[2]!);
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED, CANCELLED, CANCELLED]);
    expect(lists.owner(firstLock(t))).toBe(-1);
  });

  test("of one that was handed a lock and has not run yet passes the lock on [M2.7, M2.8]", () => {
    const t = onRing([waits()]);
    const slots = [0, 1, 2].map(() => t.start(LOCK));
    t.settle();
    t.engine.cancel(slots[0]!);
    const { lists } = t.engine.state;
    expect(lists.owner(firstLock(t))).toBe(slots[1]!);
    t.engine.cancel(slots[1]!);
    t.settle();
    expect(lists.owner(firstLock(t))).toBe(slots[2]!);
    expect(t.outcomes.results).toEqual([CANCELLED, CANCELLED]);
  });

  test("races a deadline and a completion: one of them wins, once [A2.5]", () => {
    const timed = plainLayer(
      "one.timed",
      (w) => w.within(10, w.ring.nop()),
      (w, r) => (r < 0 ? w.fail(-r) : w.done(r)),
    );
    for (const order of ["deadline first", "cancel first"]) {
      for (const end of [CANCELLED, 7]) {
        const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: timed } }))]);
        t.backend.obeysCancel = false;
        const slot = t.start(0, { autoRelease: true });
        t.settle();
        if (order === "cancel first") t.engine.cancel(slot);
        t.backend.nowNs = 10;
        t.settle();
        t.engine.cancel(slot);
        t.backend.complete(t.backend.last, end);
        t.settle();
        expect(t.outcomes.results).toEqual([end < 0 ? CANCELLED : 0]);
        expect(t.held()).toEqual(NOTHING_HELD);
      }
    }
  });

  test("from a settler ends another operation, and the outcome follows", () => {
    const t = onRing([waits()]);
    const victim = t.start(QUEUE);
    t.start(READY);
    t.outcomes.onSettled = () => {
      t.outcomes.onSettled = () => {};
      t.engine.cancel(victim);
      expect(t.outcomes.results).toEqual([0]);
    };
    t.settle();
    expect(t.outcomes.results).toEqual([0, CANCELLED]);
  });

  test("a request that the kernel cancels by itself ends its operation as cancelled", () => {
    const log: string[] = [];
    const t = onRing([waits(log)]);
    t.start(RING);
    t.backend.complete(t.backend.last, CANCELLED);
    t.settle();
    expect([t.outcomes.results, log]).toEqual([[CANCELLED], ["cancel ring"]]);
  });

  test("a cleanup that throws is counted, and ends its operation all the same", () => {
    const bad = plainLayer(
      "one.bad",
      (w) => w.after(10),
      (w) => w.done(0),
      () => {
        throw new Error("spilled");
      },
    );
    const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: bad } }))]);
    t.engine.cancel(t.start(0, { autoRelease: true }));
    t.settle();
    expect([t.outcomes.results, t.engine.state.counters.faults]).toEqual([[CANCELLED], 1]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("a cleanup can neither wait nor move on nor ask the kernel", () => {
    const tried: string[] = [];
    const greedy = plainLayer(
      "one.greedy",
      (w) => w.after(10),
      (w) => w.done(0),
      (w) => {
        for (const attempt of [() => w.ring.nop(), () => w.after(1), () => w.done(0)]) {
          try {
            attempt();
          } catch (error) {
            tried.push(String(error));
          }
        }
      },
    );
    const t = onRing([providerOf("one", ["plain"], () => ({ operations: { plain: greedy } }))]);
    t.engine.cancel(t.start());
    t.settle();
    expect([tried.length, t.backend.requests.length]).toEqual([3, 0]);
    expect(t.outcomes.results).toEqual([CANCELLED]);
  });

  test("cancelEnd() ends what works on one end, cancelAll() the rest", () => {
    const t = onRing([waits()]);
    const other = t.open(0, 1);
    t.start(QUEUE);
    t.start(TIMER, { end: other });
    t.start(QUEUE);
    t.engine.cancelEnd(0);
    t.settle();
    expect([t.outcomes.results.length, t.engine.state.ends.inFlight(other)]).toEqual([2, 1]);
    t.engine.cancelAll();
    t.settle();
    expect(t.outcomes.results).toEqual([CANCELLED, CANCELLED, CANCELLED]);
  });
});

describe("completions that nobody waits for", () => {
  test("are counted and never acted on: late, twice, or of a former life [W2, A2.6]", () => {
    const t = onRing([waits()]);
    const { counters } = t.engine.state;
    t.start(RING, { autoRelease: true });
    const { slot, generation } = t.backend.last;
    t.backend.complete(t.backend.last, 1);
    t.backend.forge(slot, generation, 2);
    t.settle();
    t.backend.forge(slot, generation, 3);
    t.settle();
    expect([t.outcomes.settledAll.length, counters.stale]).toEqual([1, 2]);
    const again = t.start(RING);
    expect(again).toBe(slot);
    t.backend.forge(slot, generation, 4);
    t.settle();
    expect([t.outcomes.settledAll.length, counters.stale]).toEqual([1, 3]);
    t.start(QUEUE);
    t.backend.forge(again + 1, 1, 5);
    t.settle();
    expect(counters.stale).toBe(4);
  });
});

function wake(t: ReturnType<typeof onRing>, queue: number, result: number): void {
  const { context } = t.engine.state;
  context.wake(queue as WaitQueue, result);
}

/** The first list behind the interrupt lines and the ready list: the provider's lock. */
function firstLock(t: ReturnType<typeof onRing>): number {
  return t.engine.state.ready + 1;
}
