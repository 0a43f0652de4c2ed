/** Layers at work: waits, moves, nesting, and what a layer that breaks the rules comes to. */
import { describe, expect, test } from "bun:test";
import {
  FLAGS,
  FLAG_DEADLINE,
  HEADER_SHIFT,
  LIST,
  WAIT,
  WAIT_NAMES,
} from "../descriptor/layout.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type LayerContext, type Move, type Wait } from "../provider/layer.ts";
import { u32, u53, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, providerOf } from "./engine.fixture.ts";
import { TRANSITIONS_PER_TURN } from "./state.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;
const empty = struct({});

/** A layer without a frame. */
function plain(
  name: string,
  wait: (cx: LayerContext) => Wait,
  complete: (cx: LayerContext, result: number) => Move,
  cancel?: (cx: LayerContext) => void,
): Layer {
  return layer({
    name,
    frame: empty,
    wait: (_frame, cx) => wait(cx),
    complete: (_frame, cx, result) => complete(cx, result),
    ...(cancel === undefined ? {} : { cancel: (_frame: unknown, cx: LayerContext) => cancel(cx) }),
  }) as unknown as Layer;
}

/** A provider with one layer for its one operation. */
const one = (name: string, made: Layer, layers: readonly Layer[] = []) =>
  providerOf("one", [name], () => ({ operations: { [name]: made }, layers }));

describe("a layer's wait() and complete()", () => {
  test("take turns until complete() ends it, and neither is called after [M2.1, M2.2]", () => {
    const calls: string[] = [];
    const steps = layer({
      name: "one.steps",
      frame: struct({ left: u8 }),
      wait(frame, cx) {
        if (frame.left === 0) frame.left = 3;
        calls.push(`wait ${frame.left}`);
        return cx.ring.nop();
      },
      complete(frame, cx, result) {
        frame.left--;
        calls.push(`complete ${result}`);
        return frame.left > 0 ? cx.again() : cx.done(5);
      },
    }) as unknown as Layer;
    const { backend, engine, outcomes, start, settle } = bound(one("plain", steps));
    start();
    for (let i = 0; i < 3; i++) {
      backend.complete(backend.last, 10 + i);
      settle();
    }
    settle();
    expect(calls).toEqual([
      "wait 3",
      "complete 10",
      "wait 2",
      "complete 11",
      "wait 1",
      "complete 12",
    ]);
    expect(outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 5]]);
    expect(engine.hasWork()).toBe(false);
  });

  test("end an operation at once when there is nothing to wait for, and it is delivered [W3]", () => {
    const ready = plain(
      "one.ready",
      (cx) => cx.ready(7),
      (cx, result) => cx.done(result),
    );
    const t = bound(one("plain", ready));
    t.start(0, { autoRelease: true });
    expect(t.engine.hasWork()).toBe(true);
    expect(t.outcomes.settledAll).toEqual([]);
    t.settle();
    expect(t.outcomes.settledAll.map((outcome) => outcome.bytes)).toEqual([7]);
    expect(t.engine.hasWork()).toBe(false);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("see what the operation was started with, and its buffer's memory [A2.1, A2.2]", () => {
    const seen: unknown[] = [];
    const look = plain(
      "one.look",
      (cx) => {
        seen.push(cx.resource, cx.end, cx.offset, cx.length, cx.argument, cx.memoryAt);
        seen.push(cx.memory.length, cx.cancelled, cx.moved);
        return cx.ring.read(4, cx.offset);
      },
      (cx, result) => cx.done(result),
    );
    const t = bound(one("read", look));
    const buffer = t.pool.owned(32);
    t.start(0, { buffer, at: 8, length: 16, offset: 4096, argument: 2 });
    expect(seen).toEqual([0, 0, 4096, 16, 2, 8, 32, false, 0]);
    expect(t.backend.last).toMatchObject({ file: 4, length: 16, offset: 4096 });
    expect(t.backend.last.address).toBe(buffer.block.address + 8);
    expect(buffer.isBorrowed).toBe(true);
    t.backend.complete(t.backend.last, 16);
    t.settle();
    expect(buffer.isBorrowed).toBe(false);
    expect(t.outcomes.settledAll[0]!.bytes).toBe(16);
  });

  test("let a layer that never waits take turns with the others [C1]", () => {
    let spins = 0;
    const spin = plain(
      "one.spin",
      (cx) => cx.ready(),
      (cx) => (++spins < 5 * TRANSITIONS_PER_TURN ? cx.again() : cx.done(0)),
    );
    const calm = plain(
      "two.calm",
      (cx) => cx.ready(),
      (cx) => cx.done(spins),
    );
    const t = onRing([
      one("plain", spin),
      providerOf("two", ["plain"], () => ({ operations: { plain: calm } })),
    ]);
    t.start(0, { end: 0 });
    t.start(0, { end: 1 });
    t.settle();
    expect(t.outcomes.settledAll[0]!.bytes).toBeLessThanOrEqual(TRANSITIONS_PER_TURN);
    expect(t.outcomes.results).toEqual([0, 0]);
  });

  test("count results beyond 32 bits exactly, also across a turn", () => {
    const big = 2 ** 40 + 1;
    let spins = 0;
    const inner = plain(
      "one.inner",
      (cx) => cx.ready(),
      (cx) => cx.done(big),
    );
    const outer = plain(
      "one.outer",
      (cx) => cx.ready(),
      (cx, result) => {
        if (++spins < 3000) return cx.call(inner);
        return cx.done(result);
      },
    );
    const t = bound(one("plain", outer, [inner]));
    t.start();
    t.settle();
    expect(t.outcomes.settledAll[0]!.bytes).toBe(big);
  });
});

describe("layers that call layers", () => {
  const leaf = plain(
    "one.leaf",
    (cx) => cx.ring.nop(),
    (cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
  );

  test("give their result to the caller, and pop on the way [S3]", () => {
    const chain = layer({
      name: "one.chain",
      frame: struct({ round: u8, sum: u32 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.round > 0) frame.sum += result;
        return frame.round++ < 3 ? cx.call(leaf) : cx.done(frame.sum);
      },
    }) as unknown as Layer;
    const t = bound(one("plain", chain, [leaf]));
    t.start();
    for (const result of [1, 20, 300]) {
      t.backend.complete(t.backend.last, result);
      t.settle();
    }
    expect(t.outcomes.settledAll[0]!.bytes).toBe(321);
  });

  test("hand an error down as a result that the caller may take for its own", () => {
    const seen: number[] = [];
    const tolerant = plain(
      "one.tolerant",
      (cx) => cx.ready(),
      (cx, result) => {
        seen.push(result);
        return seen.length === 1 ? cx.call(leaf) : cx.done(1);
      },
    );
    const t = bound(one("plain", tolerant, [leaf]));
    t.start();
    t.backend.complete(t.backend.last, -5);
    t.settle();
    expect(seen).toEqual([0, -5]);
    expect(t.outcomes.results).toEqual([0]);
  });

  test("fill the frames they push, and are told of fields that there are none of", () => {
    const seen: number[] = [];
    const child = layer({
      name: "one.child",
      frame: struct({ lba: u53, count: u8 }),
      wait(frame, cx) {
        seen.push(frame.lba, frame.count);
        return cx.ready();
      },
      complete: (_frame, cx) => cx.done(0),
    });
    let calls = 0;
    const parent = plain(
      "one.parent",
      (cx) => cx.ready(),
      (cx) => {
        calls++;
        if (calls === 1) return cx.call(child, { lba: 2 ** 50 });
        return cx.call(child, { lbaa: 1 } as never);
      },
    );
    const t = bound(one("plain", parent, [child as unknown as Layer]));
    t.start();
    t.settle();
    expect(seen).toEqual([2 ** 50, 0]);
    expect(t.outcomes.results).toEqual([FAULT]);
  });

  test("nest until the stack is full, and fail with ERR_STACK_TOO_DEEP then [S2]", () => {
    let deepest = 0;
    const nest: Layer = layer({
      name: "one.nest",
      frame: struct({ depth: u32, a: u53, b: u53, c: u53 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result): Move {
        if (result < 0) return cx.fail(-result);
        deepest = Math.max(deepest, frame.depth);
        return cx.call(nest, { depth: frame.depth + 1 });
      },
    }) as unknown as Layer;
    const t = onRing([one("plain", nest)], { table: { overflowPages: 8 } });
    t.start(0, { autoRelease: true });
    t.settle();
    expect(t.outcomes.results).toEqual([-REEL_ERROR_NUMBERS.ERR_STACK_TOO_DEEP]);
    expect(deepest + 1).toBe(9 * Math.floor(1016 / 40));
    expect(t.held()).toEqual(NOTHING_HELD);
    expect(t.engine.state.counters.faults).toBe(0);
  });
});

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
          plain(
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
      const bad = plain("one.bad", wait, complete, () => cleaned.push("cancel"));
      const good = plain(
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
    const liar = plain(
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
    const bad = plain(
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
    const read = plain(
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

describe("start()", () => {
  const read = plain(
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
        plain(
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

  test("delivers many operations to one settler, each once, in the order of their ends [A2.9, W2]", () => {
    const t = bound(
      one(
        "plain",
        plain(
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
      plain("one.timed", begin, (cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result))),
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
