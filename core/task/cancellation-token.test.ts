/** Tests of cancellation tokens: sticky, combinable, and leaving no subscription behind. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import {
  allCancelled,
  CancellationSource,
  cancellationOf,
  eitherCancelled,
  throwIfCancelled,
} from "./cancellation-token.ts";
import { race } from "./race.ts";
import { sleep } from "./sleep.ts";
import { World } from "./world.fixture.ts";

describe("CancellationSource", () => {
  test("stays cancelled, and calls each subscriber once, in order [X14]", () => {
    const source = new CancellationSource();
    const log: string[] = [];
    source.subscribe(() => void log.push("a"));
    const withdraw = source.subscribe(() => void log.push("withdrawn"));
    source.subscribe(() => void log.push("b"));
    withdraw();
    expect(source.cancelled).toBe(false);
    source.cancel();
    source.cancel();
    expect(source.cancelled).toBe(true);
    source.subscribe(() => void log.push("late"));
    expect(log).toEqual(["a", "b", "late"]);
    expect(source.listenerCount).toBe(0);
  });

  test("throwIfCancelled() throws ERR_CANCELLED once it is cancelled [X14]", () => {
    const source = new CancellationSource();
    throwIfCancelled(source);
    source.cancel();
    expect(() => throwIfCancelled(source)).toThrow("The cancellation token was cancelled");
  });
});

describe("combined tokens", () => {
  test("either: one is enough; all: every one has to be; neither holds of none [X14]", () => {
    const sources = [new CancellationSource(), new CancellationSource()] as const;
    const either = eitherCancelled(...sources);
    const all = allCancelled(...sources);
    const log: string[] = [];
    either.subscribe(() => void log.push("either"));
    all.subscribe(() => void log.push("all"));
    sources[1].cancel();
    expect([either.cancelled, all.cancelled]).toEqual([true, false]);
    sources[0].cancel();
    expect([either.cancelled, all.cancelled]).toEqual([true, true]);
    expect(log).toEqual(["either", "all"]);
    expect([eitherCancelled().cancelled, allCancelled().cancelled]).toEqual([false, false]);
  });

  test("combinations nest, fire once and leave no subscription behind [X14]", () => {
    const [a, b, c] = [1, 2, 3].map(() => new CancellationSource()) as [
      CancellationSource,
      CancellationSource,
      CancellationSource,
    ];
    const nested = eitherCancelled(allCancelled(a, b), c);
    let calls = 0;
    nested.subscribe(() => void calls++);
    const withdraw = nested.subscribe(() => void (calls += 100));
    withdraw();
    a.cancel();
    expect(calls).toBe(0);
    b.cancel();
    expect(calls).toBe(1);
    expect(c.listenerCount).toBe(0);
    c.cancel();
    expect(calls).toBe(1);
    nested.subscribe(() => void calls++);
    expect(calls).toBe(2);
  });
});

describe("cancellationOf", () => {
  test("wakes every waiting task, and does not suspend afterwards [X14]", () => {
    const world = new World();
    const { executor } = world;
    const source = new CancellationSource();
    const handles = [1, 2].map(() => executor.spawn(() => cancellationOf(executor, source)));
    world.settle();
    source.cancel();
    world.settle();
    expect(handles.every((handle) => handle.task.status === "completed")).toBe(true);
    const steps = executor.steps;
    world.run(() => cancellationOf(executor, source));
    expect(executor.steps - steps).toBe(1);
  });

  test("a wait that loses a race leaves no subscription [X14]", () => {
    const world = new World();
    const { executor } = world;
    const sources = [new CancellationSource(), new CancellationSource()] as const;
    const winner = world.run(() =>
      race(executor, [
        () => cancellationOf(executor, eitherCancelled(...sources)),
        async () => {
          await sleep(executor, 5);
          return "work";
        },
      ]),
    );
    expect(winner).toBe("work");
    expect(sources.map((source) => source.listenerCount)).toEqual([0, 0]);
  });

  test("rejects when the waiting task is cancelled itself [X14]", () => {
    const world = new World();
    const { executor } = world;
    const source = new CancellationSource();
    const handle = executor.spawn(() =>
      cancellationOf(executor, source).catch((error: unknown) =>
        isReelError(error) ? error.code : error,
      ),
    );
    world.settle();
    expect(world.run(() => handle.cancel())).toBe("ERR_CANCELLED");
    expect(source.listenerCount).toBe(0);
  });
});
