/** The machine's time: timers, schedulers, and what an event may do to them. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../../errors.ts";
import { EVENTS_MAX } from "./event-heap.ts";
import { Machine } from "./machine.ts";

describe("Machine.timer", () => {
  test("at() replaces the pending event, so that a timer fires once", () => {
    const machine = new Machine({ seed: 1 });
    const fired: [number, number][] = [];
    const timer = machine.timer("t", (argument) => fired.push([machine.now(), argument]));
    timer.at(100, 1);
    timer.at(50, 2);
    timer.after(70, 3);
    expect(timer.armed).toBe(true);
    machine.runUntil(1000);
    expect(fired).toEqual([[70, 3]]);
    expect(timer.armed).toBe(false);
    timer.cancel();
    timer.at(2000);
    timer.cancel();
    expect(machine.nextEventNs).toBe(Infinity);
  });

  test("a past deadline fires at the current moment, a fraction never early", () => {
    const machine = new Machine({ seed: 1 });
    const fired: number[] = [];
    const timer = machine.timer("t", () => fired.push(machine.now()));
    machine.runUntil(1000);
    for (const deadline of [0, -5, -Infinity, 999, 1000]) {
      timer.at(deadline);
      machine.runUntil(1000);
    }
    timer.after(-1e9);
    machine.runUntil(1000);
    timer.at(1000.25);
    machine.runUntil(1001);
    timer.after(0.5);
    machine.runUntil(1002);
    expect(fired).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 1001, 1002]);
  });

  test("a past deadline does not overtake what was armed before it for this moment", () => {
    const machine = new Machine({ seed: 1 });
    const order: string[] = [];
    machine.runUntil(1000);
    machine.timer("present", () => order.push("present")).at(1000);
    machine.timer("past", () => order.push("past")).at(10);
    machine.runUntil(1000);
    expect(order).toEqual(["present", "past"]);
  });

  test("refuses deadlines that are no time, keeping what is pending elsewhere", () => {
    const machine = new Machine({ seed: 1 });
    const timer = machine.timer("t", () => {});
    const scheduler = machine.scheduler("s", () => {});
    scheduler.after(5);
    for (const deadline of [NaN, Infinity, 2 ** 60]) {
      expect(() => timer.at(deadline)).toThrow(/deadline must be a number of nanoseconds/);
      expect(() => scheduler.after(deadline)).toThrow(RangeError);
    }
    expect(machine.nextEventNs).toBe(5);
    expect(scheduler.pending).toBe(1);
  });

  test("an event armed from inside an event runs in the same moment, behind the others", () => {
    const machine = new Machine({ seed: 1 });
    const order: string[] = [];
    const late = machine.timer("late", () => order.push("late"));
    const first = machine.timer("first", () => {
      order.push("first");
      late.after(0);
    });
    const second = machine.timer("second", () => order.push("second"));
    first.at(10);
    second.at(10);
    machine.runUntil(10);
    expect(order).toEqual(["first", "second", "late"]);
  });

  test("a device that reschedules itself without delay for ever ends with ERR_LIMIT", () => {
    const machine = new Machine({ seed: 1 });
    const stuck = machine.timer("fdc.stuck", () => stuck.after(0));
    stuck.after(10);
    let caught: unknown;
    try {
      machine.runUntil(20);
    } catch (error) {
      caught = error;
    }
    expect(isReelError(caught, "ERR_LIMIT")).toBe(true);
    expect((caught as Error).message).toContain('"fdc.stuck"');
    machine.runUntil(30);
    expect(machine.now()).toBe(30);
  });

  test("an error of a callback passes through once; the events behind it still run", () => {
    const machine = new Machine({ seed: 1 });
    const order: string[] = [];
    const broken = machine.timer("broken", () => {
      throw new Error("device bug");
    });
    const sound = machine.timer("sound", () => order.push("sound"));
    broken.at(10);
    sound.at(10);
    expect(() => machine.runUntil(10)).toThrow("device bug");
    expect(broken.armed).toBe(false);
    machine.runUntil(10);
    expect(order).toEqual(["sound"]);
  });

  test("refuses a name that is taken, empty or too long; release() gives it back", () => {
    const machine = new Machine({ seed: 1 });
    const old = machine.timer("t", () => {});
    for (const name of ["t", "", "x".repeat(129)]) {
      expect(() => machine.timer(name, () => {})).toThrow(RangeError);
      expect(() => machine.scheduler(name, () => {})).toThrow(RangeError);
    }
    old.at(10);
    old.release();
    expect(machine.nextEventNs).toBe(Infinity);
    const fresh = machine.timer("t", () => {});
    fresh.at(20);
    old.cancel();
    old.release();
    expect(fresh.armed).toBe(true);
    expect(() => old.at(5)).toThrow('Cannot arm timer "t": it was released');
  });

  test("scheduler() keeps many events, each with its token", () => {
    const machine = new Machine({ seed: 1 });
    const fired: number[] = [];
    const scheduler = machine.scheduler("packets", (argument) => fired.push(argument));
    const tokens = [30, 10, 20, 10].map((delay, i) => scheduler.after(delay, i));
    expect(scheduler.pending).toBe(4);
    expect(scheduler.cancel(tokens[2]!)).toBe(true);
    expect(scheduler.cancel(tokens[2]!)).toBe(false);
    machine.runUntil(100);
    expect(fired).toEqual([1, 3, 0]);
    expect(scheduler.cancel(tokens[0]!)).toBe(false);
  });

  test("scheduler() refuses more events than there are tokens, and recovers", () => {
    const machine = new Machine({ seed: 1 });
    const scheduler = machine.scheduler("flood", () => {});
    for (let i = 0; i < EVENTS_MAX; i++) scheduler.at(i);
    expect(() => scheduler.at(0)).toThrow(RangeError);
    machine.runUntil(0);
    scheduler.at(5);
    expect(scheduler.pending).toBe(EVENTS_MAX);
  });
});
