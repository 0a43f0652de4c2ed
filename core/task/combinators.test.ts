/**
 * Tests of the combinators. The method: scripted futures that count their polls and are pending so
 * often as they are told, and comparisons of hand-written and async forms.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { awaitFuture, spawnFuture } from "./await-future.ts";
import { JoinFuture, MapFuture, SelectFuture } from "./combinators.ts";
import { type Context, type Future, isReady, PENDING, type Poll } from "./future.ts";
import { OneShot } from "./leaf-futures.ts";
import { codeOfThrow } from "./codes.fixture.ts";
import { CountingWaker, Scripted } from "./scripted-future.fixture.ts";
import { World } from "./world.fixture.ts";

describe("combinators", () => {
  test("a doubled future is pending exactly when its child is [K2]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const doubled = new MapFuture(new Scripted(21, 2), (value) => value * 2);
    expect([doubled.poll(cx), doubled.poll(cx), doubled.poll(cx)]).toEqual([PENDING, PENDING, 42]);
  });

  test("hand-written, combined and async forms agree under every schedule [K2] [K3]", () => {
    /** x + y, written as the state machine that a compiler would make of the async form. */
    class Sum implements Future<number> {
      #state: "begin" | "second" | "done" = "begin";
      #first = 0;
      readonly #left: Future<number>;
      readonly #right: Future<number>;

      constructor(left: Future<number>, right: Future<number>) {
        this.#left = left;
        this.#right = right;
      }

      poll(cx: Context): Poll<number> {
        if (this.#state === "begin") {
          const poll = this.#left.poll(cx);
          if (!isReady(poll)) return PENDING;
          this.#first = poll;
          this.#state = "second";
        }
        const poll = this.#right.poll(cx);
        if (!isReady(poll)) return PENDING;
        this.#state = "done";
        return this.#first + poll;
      }
    }
    const property = fc.property(fc.nat(5), fc.nat(5), (x, y) => {
      const world = new World();
      const { executor } = world;
      const futures = Array.from({ length: 6 }, (_, i) => new Scripted(i, i % 2 === 0 ? x : y));
      const [a, b, c, d, e, f] = futures;
      const byHand = spawnFuture(executor, new Sum(a!, b!));
      const byAsync = executor.spawn(
        async () => (await awaitFuture(executor, c!)) + (await awaitFuture(executor, d!)),
      );
      const pair = new JoinFuture([e!, f!]);
      const combined = spawnFuture(executor, new MapFuture(pair, ([p, q]) => p + q));
      world.settle();
      const outcomes = [byHand, byAsync, combined].map((handle) => handle.task.outcome);
      expect(outcomes).toEqual([1, 5, 9]);
      // a completed child is never polled again, a pending one once for each wake
      expect(futures.map((future) => future.polls)).toEqual(
        [x, y, x, y, x, y].map((delays) => delays + 1),
      );
      expect(byHand.task.turns).toBe(byAsync.task.turns);
      expect(byHand.task.turns).toBe(x + y + 1);
      expect(combined.task.turns).toBe(Math.max(x, y) + 1);
    });
    fc.assert(property, { seed: 5, numRuns: 100 });
  });

  test("dropping half-way drops the live children only [K3]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const children = [new Scripted(1, 0), new Scripted(2, 9), new Scripted(3, 0)];
    const joined = new JoinFuture(children);
    expect(joined.poll(cx)).toBe(PENDING);
    joined.drop();
    expect(children.map((child) => child.drops)).toEqual([0, 1, 0]);
    const mapped = new MapFuture(new Scripted(1, 9), String);
    mapped.drop();
    mapped.drop();
    expect(codeOfThrow(() => mapped.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
  });

  test("join waits for all and keeps every result in its place [K15]", () => {
    const world = new World();
    const { executor } = world;
    const futures = [new Scripted("a", 3), new Scripted(2, 0), new Scripted("c", 1)] as const;
    const results = world.run(() => awaitFuture(executor, new JoinFuture(futures)));
    const typed: [string, number, string] = results;
    expect(typed).toEqual(["a", 2, "c"]);
    expect(futures.map((future) => future.polls)).toEqual([4, 1, 2]);
    expect(world.run(() => awaitFuture(executor, new JoinFuture([])))).toEqual([]);
  });

  test("a child that throws ends a join: the others are dropped [K15]", () => {
    const world = new World();
    const { executor } = world;
    const children = [
      new Scripted(1, 9),
      new Scripted(2, 1, new Error("child")),
      new Scripted(3, 9),
    ];
    expect(() => world.run(() => awaitFuture(executor, new JoinFuture(children)))).toThrow("child");
    expect(children.map((child) => child.drops)).toEqual([1, 0, 1]);
  });

  test("select gives the leftmost ready future and drops the losers at once [K14]", () => {
    const world = new World();
    const { executor } = world;
    const futures = [new Scripted("a", 3), new Scripted("b", 1), new Scripted("c", 1)];
    const selected = world.run(() => awaitFuture(executor, new SelectFuture(futures)));
    expect(selected).toEqual({ index: 1, value: "b" });
    expect(futures.map((future) => future.polls)).toEqual([2, 2, 1]);
    expect(futures.map((future) => future.drops)).toEqual([1, 0, 1]);
    expect(() => new SelectFuture([])).toThrow(RangeError);
  });

  test("select ends with the error of a child and drops the others [K14]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const futures = [new Scripted("a", 3), new Scripted("b", 0, new Error("b"))];
    const select = new SelectFuture(futures);
    expect(() => select.poll(cx)).toThrow("b");
    expect(futures.map((future) => future.drops)).toEqual([1, 0]);
    expect(codeOfThrow(() => select.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
  });

  test("spurious polls are harmless [K11]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const signal = new OneShot<string>();
    const interruptible = new SelectFuture<string>([new OneShot<string>(), signal]);
    for (let i = 0; i < 5; i++) expect(interruptible.poll(cx)).toBe(PENDING);
    signal.complete("a signal");
    expect(interruptible.poll(cx)).toEqual({ index: 1, value: "a signal" });
  });
});
