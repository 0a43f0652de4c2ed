/** A real device model on the machine, driven by its ports: the pieces meet. */
import { describe, expect, test } from "bun:test";
import {
  CONTROL_LATCH,
  CONTROL_MODE_0,
  CONTROL_MODE_2,
  IntervalTimer,
  REG_CONTROL,
  REG_COUNTER_0,
  TIMER_HZ,
} from "./interval-timer.fixture.ts";
import { Machine } from "./machine.ts";

const PORT = 0x40;
const LINE = 0;

function withIntervalTimer(): { machine: Machine; device: IntervalTimer } {
  const machine = new Machine({ seed: 1 });
  const device = new IntervalTimer(machine.attach("pit", LINE, { trigger: "edge" }));
  machine.ports.register(PORT, 4, device, "pit");
  machine.interrupts.enable(LINE);
  return { machine, device };
}

function load(machine: Machine, control: number, count: number): void {
  machine.ports.write(PORT + REG_CONTROL, 1, control);
  machine.ports.write(PORT + REG_COUNTER_0, 1, count & 0xff);
  machine.ports.write(PORT + REG_COUNTER_0, 1, count >> 8);
}

function readCount(machine: Machine): number {
  const low = machine.ports.read(PORT + REG_COUNTER_0, 1);
  return low | (machine.ports.read(PORT + REG_COUNTER_0, 1) << 8);
}

describe("Machine with an 8254 interval timer", () => {
  test("mode 0 raises one interrupt, after the count and not before", () => {
    const { machine } = withIntervalTimer();
    load(machine, CONTROL_MODE_0, 1193);
    const due = Math.ceil((1193 * 1e9) / TIMER_HZ);
    machine.runUntil(due - 1);
    expect(machine.interrupts.takeNext()).toBe(-1);
    machine.runUntil(due);
    expect(machine.interrupts.takeNext()).toBe(LINE);
    machine.runUntil(due * 10);
    expect(machine.interrupts.takeNext()).toBe(-1);
    expect(machine.nextEventNs).toBe(Infinity);
  });

  test("mode 2 raises one interrupt a period, for ever, without drifting", () => {
    const { machine } = withIntervalTimer();
    load(machine, CONTROL_MODE_2, 11932);
    // Setting the mode drives the output high, and that is an edge too.
    expect(machine.interrupts.takeNext()).toBe(LINE);
    // 11932 ticks are no whole number of nanoseconds; a thousand periods must still be exact.
    for (let period = 1; period <= 1000; period++) {
      const due = Math.ceil((11932 * period * 1e9) / TIMER_HZ);
      expect(machine.nextEventNs).toBe(due);
      machine.runUntil(due);
      expect(machine.interrupts.takeNext()).toBe(LINE);
    }
    expect(machine.interrupts.lost).toBe(0);
  });

  test("the latch command holds a count while the counter runs on", () => {
    const { machine } = withIntervalTimer();
    load(machine, CONTROL_MODE_0, 50000);
    machine.runUntil(10_000_000);
    machine.ports.write(PORT + REG_CONTROL, 1, CONTROL_LATCH);
    const expected = 50000 - Math.floor((10_000_000 * TIMER_HZ) / 1e9);
    machine.runUntil(20_000_000);
    expect(readCount(machine)).toBe(expected);
    expect(readCount(machine)).toBe(50000 - Math.floor((20_000_000 * TIMER_HZ) / 1e9));
  });

  test("a new control word withdraws the interrupt that the old count would have raised", () => {
    const { machine } = withIntervalTimer();
    load(machine, CONTROL_MODE_0, 100);
    machine.ports.write(PORT + REG_CONTROL, 1, CONTROL_MODE_0);
    machine.runUntil(1e9);
    expect(machine.interrupts.takeNext()).toBe(-1);
  });

  test("the device goes on from the middle of a period on another machine", () => {
    const { machine, device } = withIntervalTimer();
    load(machine, CONTROL_MODE_2, 5000);
    machine.runUntil(2_000_000);
    const twin = withIntervalTimer();
    twin.machine.restore(machine.snapshot());
    twin.device.restore(device.snapshot());
    expect(readCount(twin.machine)).toBe(readCount(machine));
    for (let i = 0; i < 10; i++) {
      expect(twin.machine.nextEventNs).toBe(machine.nextEventNs);
      machine.runUntil(machine.nextEventNs);
      twin.machine.runUntil(twin.machine.nextEventNs);
    }
    expect(twin.machine.snapshot()).toEqual(machine.snapshot());
    expect(twin.device.snapshot()).toEqual(device.snapshot());
  });
});
