/**
 * Tests of futures, wakers and combinators. The method: scripted futures that count their polls and
 * are pending so often as they are told, and comparisons of hand-written and async forms.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../errors.ts";
import { awaitFuture, spawnFuture } from "./await-future.ts";
import { JoinFuture, MapFuture, SelectFuture } from "./combinators.ts";
import { type Context, type Future, isReady, PENDING, type Poll, type Waker } from "./future.ts";
import { OneShot, WakerFuture, YieldFuture } from "./leaf-futures.ts";
import { World } from "./testing-timers.ts";
import { currentWaker } from "./waker.ts";
import { yieldNow } from "./yield-now.ts";

/** Pending `delays` times, waking itself each time; then ready, or failing. */
class Scripted<T> implements Future<T> {
  readonly value: T;
  readonly delays: number;
  readonly failure: Error | undefined;
  polls = 0;
  drops = 0;
  over = false;

  constructor(value: T, delays: number, failure?: Error) {
    this.value = value;
    this.delays = delays;
    this.failure = failure;
  }

  poll(cx: Context): Poll<T> {
    if (this.over) throw new Error("polled after the end");
    this.polls++;
    if (this.polls <= this.delays) {
      cx.waker.wake();
      return PENDING;
    }
    this.over = true;
    if (this.failure !== undefined) throw this.failure;
    return this.value;
  }

  drop(): void {
    if (this.over) throw new Error("dropped after the end");
    this.over = true;
    this.drops++;
  }
}

/** Counts wakes and does nothing else: the waker of a poll by hand. */
class CountingWaker implements Waker {
  wakes = 0;
  wake(): void {
    this.wakes++;
  }
  clone(): Waker {
    return this;
  }
  drop(): void {}
  willWake(other: Waker): boolean {
    return other === this;
  }
}

function codeOfThrow(act: () => unknown): string {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return isReelError(error) ? error.code : String(error);
  }
}

describe("poll", () => {
  test("polling is the only way to progress [K1]", () => {
    const world = new World();
    const future = new Scripted("value", 2);
    const handle = spawnFuture(world.executor, future);
    expect(future.polls).toBe(0);
    world.executor.runReady(1);
    expect(future.polls).toBe(1);
    world.executor.runReady(1);
    expect([future.polls, handle.finished]).toEqual([2, false]);
    world.settle();
    expect([future.polls, handle.task.outcome]).toEqual([3, "value"]);
  });

  test("every future of ours throws when it is polled after its result [K1]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const shot = new OneShot<number>();
    shot.complete(1);
    const futures: Future<unknown>[] = [
      new MapFuture(new Scripted(1, 0), (value) => value),
      new JoinFuture([new Scripted(1, 0)]),
      new SelectFuture([new Scripted(1, 0)]),
      new WakerFuture(),
      shot,
    ];
    for (const future of futures) {
      expect(isReady(future.poll(cx))).toBe(true);
      expect(codeOfThrow(() => future.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    }
    const yielding = new YieldFuture();
    expect([yielding.poll(cx), yielding.poll(cx)]).toEqual([PENDING, undefined]);
    expect(codeOfThrow(() => yielding.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    const dropped = new OneShot<number>();
    dropped.drop();
    expect(codeOfThrow(() => dropped.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    expect(dropped.complete(1)).toBe(false);
  });

  test("a future that is ready at once costs its task no turn", () => {
    const world = new World();
    const { executor } = world;
    const result = world.run(() => awaitFuture(executor, new Scripted("now", 0)));
    expect([result, executor.steps]).toEqual(["now", 1]);
  });

  test("awaitFuture() passes on what a poll throws, the first and a later one", () => {
    const world = new World();
    const { executor } = world;
    for (const delays of [0, 2]) {
      const broken = new Scripted(0, delays, new Error("broken"));
      expect(() => world.run(() => awaitFuture(executor, broken))).toThrow("broken");
    }
  });

  test("awaitFuture() works in host code", () => {
    const world = new World();
    const shot = new OneShot<string>();
    let result: string | undefined;
    void awaitFuture(world.executor, shot).then((value) => void (result = value));
    world.settle();
    shot.complete("host");
    world.settle();
    expect(result).toBe("host");
  });
});

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

describe("wakers", () => {
  test("a waker wakes the outermost task, whatever lies in between [K4]", () => {
    const world = new World();
    const { executor } = world;
    const shot = new OneShot<number>();
    const nested = new MapFuture(
      new JoinFuture([new MapFuture(shot, (n) => n + 1)]),
      ([n]) => n * 2,
    );
    const handle = spawnFuture(executor, nested);
    world.settle();
    shot.complete(4);
    expect(executor.hasReady()).toBe(true);
    world.settle();
    expect(handle.task.outcome).toBe(10);
  });

  test("wakes coalesce while the task is queued, and one during a poll queues it again [K4]", () => {
    const world = new World();
    const { executor } = world;
    const future = new Scripted("x", 1);
    let waker!: Waker;
    executor.spawn(async () => {
      waker = currentWaker(executor);
      await awaitFuture(executor, new OneShot<void>());
    });
    world.settle();
    for (let i = 0; i < 5; i++) waker.wake();
    expect(executor.runReady(10)).toBe(1);
    spawnFuture(executor, future);
    expect(executor.runReady(1)).toBe(1);
    expect(executor.hasReady()).toBe(true); // it woke itself inside its poll
  });

  test("clones wake and drop independently; a dropped one is silent [K4]", () => {
    const world = new World();
    const { executor } = world;
    const wakers: Waker[] = [];
    const other: Waker[] = [];
    const keep = (list: Waker[]) => async (): Promise<void> => {
      list.push(currentWaker(executor));
      list.push(list[0]!.clone(), list[0]!.clone());
      await awaitFuture(executor, new OneShot<void>());
    };
    executor.spawn(keep(wakers));
    executor.spawn(keep(other));
    world.settle();
    const [first, second, third] = wakers as [Waker, Waker, Waker];
    expect([first.willWake(third), first.willWake(other[0]!)]).toEqual([true, false]);
    first.drop();
    first.wake();
    first.clone().wake();
    expect(executor.hasReady()).toBe(false);
    second.wake();
    expect(executor.hasReady()).toBe(true);
    world.settle();
    second.drop();
    third.wake();
    expect(executor.hasReady()).toBe(true);
  });

  test("a waker that outlives its task does nothing [K4] [X5]", () => {
    const world = new World();
    let waker!: Waker;
    world.run(() => void (waker = currentWaker(world.executor)));
    waker.wake();
    expect(world.executor.hasReady()).toBe(false);
  });

  test("WakerFuture is ready at once with the waker of the task that polls it [K13]", () => {
    const world = new World();
    const { executor } = world;
    let flag = false;
    let callback!: () => void;
    const flagged: Future<string> = { poll: () => (flag ? "called back" : PENDING) };
    const handle = executor.spawn(async () => {
      const waker = await awaitFuture(executor, new WakerFuture());
      expect(executor.steps).toBe(1);
      callback = () => {
        flag = true;
        waker.wake();
      };
      return awaitFuture(executor, flagged);
    });
    world.settle();
    expect(handle.finished).toBe(false);
    callback();
    world.settle();
    expect(handle.task.outcome).toBe("called back");
  });

  test("currentWaker() is refused outside any task [K13]", () => {
    const world = new World();
    expect(codeOfThrow(() => currentWaker(world.executor))).toBe("ERR_NOT_RUNNING");
  });

  test("YieldFuture is pending once; everybody queued has a turn before it goes on [K12] [X12]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.spawn(async () => {
      log.push("before");
      await awaitFuture(executor, new YieldFuture());
      log.push("after");
    });
    for (const name of ["a", "b", "c"]) executor.spawn(() => void log.push(name));
    world.settle();
    expect(log).toEqual(["before", "a", "b", "c", "after"]);
  });

  test("yieldNow() lets everybody queued have a turn [X12]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.spawn(async () => {
      await yieldNow(executor);
      log.push("after");
    });
    for (const name of ["a", "b", "c"]) executor.spawn(() => void log.push(name));
    world.settle();
    expect(log).toEqual(["a", "b", "c", "after"]);
  });

  test("an operation begun in one task and awaited in another wakes the last poller [X3]", () => {
    const world = new World();
    const { executor } = world;
    const operation = new OneShot<string>();
    executor.spawn(async () => {
      operation.poll({ waker: currentWaker(executor) });
      await awaitFuture(executor, new OneShot<void>());
    });
    const last = spawnFuture(executor, operation);
    world.settle();
    const steps = executor.steps;
    operation.complete("done");
    world.settle();
    expect(last.task.outcome).toBe("done");
    expect(executor.steps - steps).toBe(1);
  });

  test("each future of a task is polled once in a turn, however often it is woken", () => {
    const world = new World();
    const { executor } = world;
    const polls = [0, 0];
    const counting = (index: number): Future<void> => ({
      poll: () => {
        polls[index]!++;
        return PENDING;
      },
    });
    let waker!: Waker;
    executor.spawn(() => {
      waker = currentWaker(executor);
      return Promise.all([0, 1].map((index) => awaitFuture(executor, counting(index))));
    });
    world.settle();
    waker.wake();
    waker.wake();
    world.settle();
    expect(polls).toEqual([2, 2]);
  });

  test("a poll that ends sibling waits does not confuse the walk over the others", () => {
    const world = new World();
    const { executor } = world;
    const shots = Array.from({ length: 4 }, () => new OneShot<number>());
    const siblings = [1, 2, 3].map((index) => shots[index]!);
    // The first future, when polled for the second time, completes all the others.
    let polls = 0;
    const first: Future<string> = {
      poll: (cx) => {
        if (++polls === 1) return PENDING;
        siblings.forEach((shot, index) => void shot.complete(index));
        cx.waker.wake();
        return "first";
      },
    };
    let waker!: Waker;
    const handle = executor.spawn(() => {
      waker = currentWaker(executor);
      return Promise.all([
        awaitFuture(executor, first),
        ...siblings.map((shot) => awaitFuture(executor, shot)),
      ]);
    });
    world.settle();
    waker.wake();
    world.settle();
    expect(handle.task.outcome).toEqual(["first", 0, 1, 2]);
  });
});

describe("cancelling a future's task", () => {
  test("drops the future in a turn of the task, never on the caller [X8]", () => {
    const world = new World();
    const { executor } = world;
    const dropped: (string | undefined)[] = [];
    const future: Future<void> = {
      poll: () => PENDING,
      drop: () => void dropped.push(executor.current?.name),
    };
    const handle = spawnFuture(executor, future, { name: "owner" });
    world.settle();
    void handle.cancel();
    expect(dropped).toEqual([]);
    world.settle();
    expect(dropped).toEqual(["owner"]);
    expect(handle.cancelled).toBe(true);
  });

  test("drops a future that was never polled", () => {
    const world = new World();
    const future = new Scripted(1, 0);
    const handle = spawnFuture(world.executor, future);
    void handle.cancel();
    world.settle();
    expect([future.polls, future.drops]).toEqual([0, 1]);
  });

  test("an error of drop() reaches the one who cancels", () => {
    const world = new World();
    const { executor } = world;
    const future: Future<void> = {
      poll: () => PENDING,
      drop: () => {
        throw new Error("drop broke");
      },
    };
    const handle = spawnFuture(executor, future);
    world.settle();
    expect(() => world.run(() => handle.cancel())).toThrow("drop broke");
  });
});
