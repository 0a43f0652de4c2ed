/**
 * The event heap against a model that cannot be wrong: a list, sorted by (time, sequence) whenever
 * somebody asks. Every operation of a random program is done to both.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeEvents, encodeEvents } from "./event-state.ts";
import { EventHeap } from "./event-heap.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";

interface ModelEvent {
  time: number;
  sequence: number;
  source: number;
  argument: number;
  token: number;
}

class ModelHeap {
  events: ModelEvent[] = [];
  #sequence = 0;

  push(time: number, source: number, argument: number, token: number): void {
    this.events.push({ time, sequence: this.#sequence++, source, argument, token });
    this.events.sort((a, b) => a.time - b.time || a.sequence - b.sequence);
  }

  remove(token: number, source: number): boolean {
    const before = this.events.length;
    this.events = this.events.filter((e) => e.token !== token || e.source !== source);
    return this.events.length < before;
  }
}

type Step =
  | { kind: "push"; time: number; source: number; argument: number }
  | { kind: "pop" }
  | { kind: "remove"; pick: number; source: number }
  | { kind: "removeAll"; source: number }
  | { kind: "copy" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("push" as const),
      // Few distinct times, so that ties are the rule.
      time: fc.integer({ min: 0, max: 12 }),
      source: fc.integer({ min: 0, max: 3 }),
      argument: fc.double({ noNaN: true }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pop" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("remove" as const),
      pick: fc.nat(),
      source: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("removeAll" as const),
      source: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy" as const) }) },
);

/** The heap's twin, by way of bytes. */
function copy(heap: EventHeap): EventHeap {
  const writer = new StateWriter();
  encodeEvents(writer, heap.capture(), (source) => `source${source}`);
  const bytes = writer.finish();
  const reader = new StateReader(bytes);
  const state = decodeEvents(reader, (name) => Number(name.slice("source".length)), 0);
  reader.finish();
  const twin = new EventHeap(1);
  twin.apply(state);
  const again = new StateWriter();
  encodeEvents(again, twin.capture(), (source) => `source${source}`);
  expect(again.finish()).toEqual(bytes);
  return twin;
}

function popBoth(heap: EventHeap, model: ModelHeap): void {
  const expected = model.events.shift();
  expect(heap.earliest).toBe(expected?.time ?? Infinity);
  if (expected === undefined) return;
  heap.pop();
  expect(heap.poppedSource).toBe(expected.source);
  expect(heap.poppedArgument).toBe(expected.argument);
  expect(heap.holds(expected.token, expected.source)).toBe(false);
}

describe("EventHeap", () => {
  test("pop() gives events by time, then by order of pushing, whatever was removed between", () => {
    const program = fc.array(step, { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(program, (steps) => {
        let heap = new EventHeap(2);
        const model = new ModelHeap();
        const tokens: number[] = [];
        for (const s of steps) {
          if (s.kind === "push") {
            const token = heap.push(s.time, s.source, s.argument);
            expect(tokens).not.toContain(token);
            tokens.push(token);
            model.push(s.time, s.source, s.argument, token);
          } else if (s.kind === "pop") {
            popBoth(heap, model);
          } else if (s.kind === "remove") {
            const token = tokens.length === 0 ? 12345 : tokens[s.pick % tokens.length]!;
            expect(heap.remove(token, s.source)).toBe(model.remove(token, s.source));
          } else if (s.kind === "removeAll") {
            const count = model.events.filter((e) => e.source === s.source).length;
            expect(heap.countOf(s.source)).toBe(count);
            expect(heap.removeAll(s.source)).toBe(count);
            model.events = model.events.filter((e) => e.source !== s.source);
          } else {
            heap = copy(heap);
          }
          expect(heap.size).toBe(model.events.length);
        }
        while (model.events.length > 0) popBoth(heap, model);
        expect(heap.size).toBe(0);
      }),
      { seed: 20251121, numRuns: 300 },
    );
  });

  test("push() names every event by a token above 0 that no later event gets", () => {
    const heap = new EventHeap(1);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const token = heap.push(i, 0, 0);
      expect(token).toBeGreaterThan(0);
      expect(seen.has(token)).toBe(false);
      seen.add(token);
      heap.pop();
    }
  });

  test("remove() ignores tokens that are stale, foreign or nonsense", () => {
    const heap = new EventHeap();
    const stale = heap.push(1, 0, 0);
    heap.pop();
    const fresh = heap.push(1, 0, 0);
    for (const token of [stale, 0, -1, 0.5, NaN, Infinity, 2 ** 53, fresh + 1]) {
      expect(heap.remove(token, 0)).toBe(false);
    }
    expect(heap.remove(fresh, 1)).toBe(false);
    expect(heap.remove(fresh, 0)).toBe(true);
  });

  test("push() keeps sequence order over a growth from 1 to 5000 equal times", () => {
    const heap = new EventHeap(1);
    for (let i = 0; i < 5000; i++) heap.push(7, 0, i);
    for (let i = 0; i < 5000; i++) {
      heap.pop();
      expect(heap.poppedArgument).toBe(i);
    }
  });
});
