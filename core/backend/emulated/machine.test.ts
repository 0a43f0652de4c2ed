/** The machine put together: devices on lines, their DMA and their chance. */
import { describe, expect, test } from "bun:test";
import { Machine } from "./machine.ts";

describe("Machine.attach", () => {
  test("a line shared by two devices is high until both let go [C8]", () => {
    const machine = new Machine({ seed: 1 });
    const a = machine.attach("a", 5);
    const b = machine.attach("b", 5);
    machine.interrupts.enable(5);
    a.interrupt(true);
    b.interrupt(true);
    a.interrupt(true);
    expect(machine.interrupts.takeNext()).toBe(5);
    a.interrupt(false);
    a.interrupt(false);
    expect(machine.interrupts.takeNext()).toBe(5);
    b.interrupt(false);
    expect(machine.interrupts.takeNext()).toBe(-1);
  });

  test("an edge-triggered output interrupts once for each rise", () => {
    const machine = new Machine({ seed: 1 });
    const host = machine.attach("ide", 14, { trigger: "edge" });
    machine.interrupts.enable(14);
    host.interrupt(true);
    host.interrupt(true);
    expect(machine.interrupts.takeNext()).toBe(14);
    expect(machine.interrupts.takeNext()).toBe(-1);
    host.interrupt(false);
    host.interrupt(true);
    expect(machine.interrupts.takeNext()).toBe(14);
  });

  test("refuses a taken name and an unknown line, leaving nothing behind [C2]", () => {
    const machine = new Machine({ seed: 1, lines: 4 });
    machine.attach("a", 0);
    expect(() => machine.attach("a", 1)).toThrow(/"a": the name must be new/);
    expect(() => machine.attach("b", 4)).toThrow(/interrupt line 4: this machine has 4 lines/);
    machine.attach("b", 3);
  });

  test("after() takes only functions that a snapshot can name", () => {
    const machine = new Machine({ seed: 1 });
    const host = machine.attach("disk", 1);
    const fired: number[] = [];
    const done = (tag: number): void => void fired.push(tag);
    expect(() => host.after(10, done)).toThrow(TypeError);
    const scheduler = host.scheduler("done", done);
    const token = host.after(10, done, 1);
    host.after(10, done, 2);
    expect(scheduler.cancel(token)).toBe(true);
    expect(() => host.after(10, () => {})).toThrow(/register the function with scheduler/);
    machine.runUntil(10);
    expect(fired).toEqual([2]);
  });

  test("DMA out of bounds is an answer and a count, not an exception", () => {
    const machine = new Machine({ seed: 1, ramBytes: 8192 });
    const host = machine.attach("disk", 1);
    expect(host.writeMemory(8191, Uint8Array.of(1, 2))).toBe(false);
    expect(host.readMemory(-1, new Uint8Array(1))).toBe(false);
    expect(host.writeMemory(8190, Uint8Array.of(1, 2))).toBe(true);
    expect(machine.ram.dmaErrors).toBe(2);
  });

  test("detach() lets the line go and withdraws the device's events", () => {
    const machine = new Machine({ seed: 1 });
    machine.interrupts.enable(2);
    const host = machine.attach("disk", 2);
    const timer = host.timer("done", () => {});
    host.interrupt(true);
    timer.after(10);
    machine.detach("disk");
    machine.detach("disk");
    expect(machine.interrupts.takeNext()).toBe(-1);
    expect(machine.nextEventNs).toBe(Infinity);
    machine.attach("disk", 2).timer("done", () => {});
  });

  test("a device's chance depends on the seed and its name, not on who else was attached", () => {
    const draw = (seed: number, others: string[]): number[] => {
      const machine = new Machine({ seed });
      for (const other of others) machine.attach(other, 0).random.uint32();
      const { random } = machine.attach("net", 1);
      return [random.uint32(), random.below(6), random.unit()];
    };
    expect(draw(7, [])).toEqual(draw(7, ["disk", "tape"]));
    expect(draw(7, [])).not.toEqual(draw(8, []));
  });

  test("constructor refuses options outside their limits, naming them", () => {
    expect(() => new Machine({ seed: 0.5 })).toThrow(/seed/);
    expect(() => new Machine({ seed: 1, lines: 0 })).toThrow(/lines must be 1 to 4096: found 0/);
    expect(() => new Machine({ seed: 1, ramBytes: 5000 })).toThrow(/ramBytes.*found 5000/);
    expect(() => new Machine({ seed: 1, clock: "fast" as "paced" })).toThrow(/virtual or paced/);
  });

  test("advanceTo() neither goes back nor steps over an event", () => {
    const machine = new Machine({ seed: 1 });
    const timer = machine.timer("t", () => {});
    timer.at(100);
    machine.advanceTo(60);
    for (const time of [59, 101, NaN, Infinity]) {
      expect(() => machine.advanceTo(time)).toThrow(RangeError);
    }
    machine.advanceTo(100);
    expect(machine.runDue()).toBe(1);
    expect(machine.runDue()).toBe(0);
  });
});
