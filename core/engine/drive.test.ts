/** Layers at work: waits, moves, nesting, and what a layer that breaks the rules comes to. */
import { describe, expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type Move } from "../provider/layer.ts";
import { u32, u53, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onRing, one, plainLayer, providerOf } from "./engine.fixture.ts";
import { TRANSITIONS_PER_TURN } from "./state.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

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

  test("end an operation at once when nothing is to wait for, and it is delivered [W3]", () => {
    const ready = plainLayer(
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
    const look = plainLayer(
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
    const spin = plainLayer(
      "one.spin",
      (cx) => cx.ready(),
      (cx) => (++spins < 5 * TRANSITIONS_PER_TURN ? cx.again() : cx.done(0)),
    );
    const calm = plainLayer(
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
    const inner = plainLayer(
      "one.inner",
      (cx) => cx.ready(),
      (cx) => cx.done(big),
    );
    const outer = plainLayer(
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
  const leaf = plainLayer(
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
    const tolerant = plainLayer(
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
    const parent = plainLayer(
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
