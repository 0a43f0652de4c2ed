/** The interrupt controller: lines, edges, levels, masks, and the order of delivery. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { InterruptController, LINES_MAX } from "./interrupts.ts";

/** Takes everything that is pending now, as one pass does. */
function pass(interrupts: InterruptController): number[] {
  const end = interrupts.nextOrder;
  const lines: number[] = [];
  for (let line = interrupts.takeNext(end); line >= 0; line = interrupts.takeNext(end)) {
    lines.push(line);
  }
  return lines;
}

function enabled(lines: number): InterruptController {
  const interrupts = new InterruptController(lines);
  for (let line = 0; line < lines; line++) interrupts.enable(line);
  return interrupts;
}

describe("InterruptController", () => {
  test("has a fixed number of lines, all masked and none pending at the start [C2]", () => {
    const interrupts = new InterruptController(64);
    expect(interrupts.lines).toBe(64);
    for (let line = 0; line < 64; line++) {
      expect(interrupts.isEnabled(line)).toBe(false);
      expect(interrupts.isPending(line)).toBe(false);
    }
    expect(interrupts.deliverable).toBe(false);
    expect(interrupts.takeNext()).toBe(-1);
  });

  test("every method refuses an unknown line, naming it and the count [C2]", () => {
    const interrupts = new InterruptController(8);
    const message = /interrupt line 8: this machine has 8 lines/;
    expect(() => interrupts.raise(8)).toThrow(message);
    expect(() => interrupts.setLevel(8, true)).toThrow(message);
    expect(() => interrupts.enable(8)).toThrow(message);
    expect(() => interrupts.disable(8)).toThrow(message);
    expect(() => interrupts.acknowledge(8)).toThrow(message);
    expect(() => interrupts.isPending(8)).toThrow(message);
    for (const line of [-1, 0.5, NaN, Infinity]) {
      expect(() => interrupts.raise(line)).toThrow(RangeError);
    }
  });

  test("constructor refuses a number of lines outside its limits [C2]", () => {
    for (const lines of [0, -1, 1.5, NaN, LINES_MAX + 1]) {
      expect(() => new InterruptController(lines)).toThrow(RangeError);
    }
    expect(new InterruptController(LINES_MAX).lines).toBe(LINES_MAX);
  });

  test("raise() coalesces to one pending interrupt per line and counts the lost ones [C6]", () => {
    const interrupts = enabled(4);
    interrupts.raise(2);
    interrupts.raise(2);
    interrupts.raise(2);
    expect(pass(interrupts)).toEqual([2]);
    expect(pass(interrupts)).toEqual([]);
    expect(interrupts.lost).toBe(2);
    expect(interrupts.delivered).toBe(1);
  });

  test("takeNext() answers lines in the order of raising, not of number", () => {
    const interrupts = enabled(64);
    for (const line of [40, 3, 63, 0, 17]) interrupts.raise(line);
    expect(pass(interrupts)).toEqual([40, 3, 63, 0, 17]);
  });

  test("takeNext() leaves what is raised during a pass to the next one [C6]", () => {
    const interrupts = enabled(4);
    interrupts.raise(0);
    const end = interrupts.nextOrder;
    expect(interrupts.takeNext(end)).toBe(0);
    interrupts.raise(1);
    interrupts.raise(0);
    expect(interrupts.takeNext(end)).toBe(-1);
    expect(pass(interrupts)).toEqual([1, 0]);
  });

  test("a masked line keeps its latch and delivers once enabled [C7]", () => {
    const interrupts = new InterruptController(4);
    interrupts.raise(1);
    interrupts.raise(1);
    expect(interrupts.isPending(1)).toBe(true);
    expect(pass(interrupts)).toEqual([]);
    interrupts.enable(1);
    expect(pass(interrupts)).toEqual([1]);
    interrupts.disable(1);
    interrupts.enable(1);
    expect(pass(interrupts)).toEqual([]);
  });

  test("disable() after raise() holds the interrupt back until enable() [C7]", () => {
    const interrupts = enabled(4);
    interrupts.raise(1);
    interrupts.disable(1);
    expect(interrupts.deliverable).toBe(false);
    interrupts.enable(1);
    expect(pass(interrupts)).toEqual([1]);
  });

  test("enable() gives a latched line its place by the time of its raising", () => {
    const interrupts = enabled(8);
    interrupts.disable(5);
    interrupts.raise(1);
    interrupts.raise(5);
    interrupts.raise(2);
    interrupts.enable(5);
    expect(pass(interrupts)).toEqual([1, 5, 2]);
  });

  test("a level fires again after every delivery until the device drops it [C8]", () => {
    const interrupts = enabled(4);
    interrupts.setLevel(3, true);
    expect(pass(interrupts)).toEqual([3]);
    expect(pass(interrupts)).toEqual([3]);
    expect(interrupts.isPending(3)).toBe(true);
    interrupts.setLevel(3, false);
    expect(pass(interrupts)).toEqual([]);
    expect(interrupts.spurious).toBe(0);
  });

  test("acknowledge() clears an edge but not a level [C8]", () => {
    const interrupts = enabled(4);
    interrupts.raise(0);
    expect(interrupts.acknowledge(0)).toBe(true);
    expect(interrupts.acknowledge(0)).toBe(false);
    expect(pass(interrupts)).toEqual([]);
    interrupts.setLevel(1, true);
    expect(interrupts.acknowledge(1)).toBe(false);
    expect(pass(interrupts)).toEqual([1]);
    interrupts.raise(1);
    expect(interrupts.acknowledge(1)).toBe(true);
    interrupts.setLevel(1, false);
    expect(pass(interrupts)).toEqual([]);
  });

  test("a high level does not starve a line that was raised after it [C8]", () => {
    const interrupts = enabled(4);
    interrupts.setLevel(0, true);
    expect(interrupts.takeNext()).toBe(0);
    interrupts.raise(1);
    expect(interrupts.takeNext()).toBe(0);
    expect(interrupts.takeNext()).toBe(1);
    expect(interrupts.takeNext()).toBe(0);
  });

  test("a level that falls before anybody saw it is counted as spurious, once", () => {
    const interrupts = enabled(4);
    interrupts.setLevel(0, true);
    interrupts.setLevel(0, false);
    expect(pass(interrupts)).toEqual([]);
    expect(interrupts.spurious).toBe(1);
    interrupts.disable(0);
    interrupts.setLevel(0, true);
    interrupts.setLevel(0, false);
    expect(interrupts.spurious).toBe(1);
  });

  test("an edge latched on a high line survives the fall of the level", () => {
    const interrupts = enabled(4);
    interrupts.setLevel(0, true);
    interrupts.raise(0);
    interrupts.setLevel(0, false);
    expect(pass(interrupts)).toEqual([0]);
    expect(pass(interrupts)).toEqual([]);
  });

  test("agrees with a list of pending lines under random programs", () => {
    const LINES = 5;
    const action = fc.record({
      kind: fc.constantFrom("raise", "high", "low", "enable", "disable", "acknowledge", "take"),
      line: fc.nat(LINES - 1),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120, size: "max" }), (actions) => {
        const interrupts = new InterruptController(LINES);
        const latched = new Set<number>();
        const high = new Set<number>();
        const open = new Set<number>();
        let queue: number[] = [];
        const settle = (line: number): void => {
          const pending = latched.has(line) || high.has(line);
          if (pending && !queue.includes(line)) queue.push(line);
          if (!pending) queue = queue.filter((other) => other !== line);
        };
        const act: Record<string, (line: number) => void> = {
          raise: (line) => (latched.add(line), interrupts.raise(line)),
          high: (line) => (high.add(line), interrupts.setLevel(line, true)),
          low: (line) => (high.delete(line), interrupts.setLevel(line, false)),
          enable: (line) => (open.add(line), interrupts.enable(line)),
          disable: (line) => (open.delete(line), interrupts.disable(line)),
        };
        for (const { kind, line } of actions) {
          act[kind]?.(line);
          if (kind === "acknowledge") {
            expect(interrupts.acknowledge(line)).toBe(latched.delete(line));
          }
          if (kind === "take") {
            const expected = queue.find((other) => open.has(other)) ?? -1;
            expect(interrupts.takeNext()).toBe(expected);
            latched.delete(expected);
            queue = queue.filter((other) => other !== expected);
            if (expected >= 0) settle(expected);
          } else {
            settle(line);
          }
          expect(interrupts.deliverable).toBe(queue.some((other) => open.has(other)));
        }
      }),
      { seed: 20251122, numRuns: 500 },
    );
  });
});
