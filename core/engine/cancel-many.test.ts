/** Cancelling what is in flight on an end: who is cancelled, in which order, at what cost. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NOTHING_HELD, onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const CANCELLED = -125;

/** Ends with a service each, and operations that wait in the kernel or in a queue. */
function connections(count: number) {
  const t = onRing(
    [
      providerOf(
        "net",
        ["plain", "plainQueued"],
        (cx) => {
          const queue = cx.queue();
          const plain = plainLayer(
            "net.plain",
            (run) => run.ring.nop(),
            (run, result) => run.done(result),
          );
          const plainQueued = plainLayer(
            "net.queued",
            (run) => run.queue(queue),
            (run, result) => run.done(result),
          );
          const service = plainLayer(
            "net.serve",
            (run) => run.ring.nop(),
            (run) => run.done(0),
          );
          return { operations: { plain, plainQueued }, layers: [service], service: () => service };
        },
        { resourcesMax: 64 },
      ),
    ],
    { table: { slots: 256 } },
  );
  t.backend.obeysCancel = false;
  for (let resource = 1; resource < count; resource++) t.open(0, resource);
  for (let end = 0; end < count; end++) t.engine.services.start(end);
  return t;
}

/** Counts how often the table is looked through, slot by slot. */
function looks(t: ReturnType<typeof onRing>): () => number {
  const { table } = t.engine.state;
  const { highWater } = table;
  let count = 0;
  Object.defineProperty(table, "highWater", { get: () => (count++, highWater) });
  return () => count;
}

describe("cancelEnd()", () => {
  test("cancels everything on the end, lowest slot first, and nothing else", () => {
    const operation = fc.tuple(fc.nat({ max: 3 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), fc.nat({ max: 3 }), (started, end) => {
        const t = connections(4);
        const mine: number[] = [];
        for (const [on, queued] of started) {
          const slot = t.start(queued ? 1 : 0, { end: on, autoRelease: true });
          if (on === end) mine.push(slot);
        }
        const asked: number[] = [];
        t.backend.ring.cancel = (slot) => void asked.push(slot);
        t.engine.cancelEnd(end);
        t.settle();
        // The service has the slot of its end's number. Who waits in a queue is told at once.
        const told = t.outcomes.settledAll.map(({ handle }) => handle % 65536);
        expect(asked).toEqual(asked.toSorted((a, b) => a - b));
        expect([...asked, ...told].toSorted((a, b) => a - b)).toEqual([end, ...mine]);
        expect(t.outcomes.results.every((result) => result === CANCELLED)).toBe(true);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  test("finds a service and one operation without looking through the table", () => {
    const t = connections(50);
    const slots = [0, 20, 49].map((end) => t.start(0, { end, autoRelease: true }));
    const looked = looks(t);
    for (const end of [0, 20, 49, 3]) t.engine.cancelEnd(end);
    const cancelled = t.backend.requests.filter((each) => each.cancelled).map(({ slot }) => slot);
    expect([cancelled, looked()]).toEqual([[0, 3, 20, 49, ...slots], 0]);
  });

  test("looks no further than to the last of several operations", () => {
    const t = connections(50);
    for (let i = 0; i < 3; i++) t.start(0, { end: 7, autoRelease: true });
    for (let end = 10; end < 40; end++) t.start(0, { end, autoRelease: true });
    const looked = looks(t);
    t.engine.cancelEnd(7);
    expect(looked()).toBeLessThanOrEqual(54);
  });

  test("takes an operation that is over, and its slot another's, for neither", () => {
    const t = connections(3);
    const old = t.start(0, { end: 1, autoRelease: true });
    t.backend.complete(t.backend.last, 0);
    t.settle();
    expect(t.start(0, { end: 2, autoRelease: true })).toBe(old);
    t.engine.cancelEnd(1);
    expect(t.backend.requests.filter((each) => each.cancelled).map(({ slot }) => slot)).toEqual([
      1,
    ]);
    t.engine.cancelEnd(1);
    while (t.backend.requests.length > 0) t.backend.complete(t.backend.last, CANCELLED);
    t.settle();
    t.engine.cancelEnd(1);
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});
