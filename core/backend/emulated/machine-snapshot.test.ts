/**
 * Snapshots of the machine. The goal: whatever a machine is doing, its bytes put into a machine
 * that was put together alike have the same future. The method: devices that do every kind of thing
 * at random, copied at every event of their run.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../../errors.ts";
import type { DeviceHost } from "./device-host.ts";
import { Machine } from "./machine.ts";
import { build, BUDGET, copyOf, start, step, type World } from "./restless.fixture.ts";

describe("Machine.snapshot", () => {
  test("the same seed gives the same run to the byte, another seed another run", () => {
    const run = (seed: number): { log: string[]; state: Uint8Array } => {
      const world = build(seed, 3, BUDGET);
      start(world);
      while (step(world));
      return { log: world.log, state: world.machine.snapshot() };
    };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const first = run(seed);
        const second = run(seed);
        expect(second.log).toEqual(first.log);
        expect(second.state).toEqual(first.state);
      }),
      { seed: 20251125, numRuns: 30 },
    );
    expect(run(1).log).not.toEqual(run(2).log);
  });

  test("taken at every event and put into another machine, it has the same future", () => {
    let copies = 0;
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 5 }), (seed, deviceCount) => {
        const world = build(seed, deviceCount, BUDGET);
        start(world);
        const twins: { world: World; from: number }[] = [];
        do {
          const twin = copyOf(world, seed, BUDGET);
          expect(twin.machine.snapshot()).toEqual(world.machine.snapshot());
          twins.push({ world: twin, from: world.log.length });
        } while (step(world));
        const end = world.machine.snapshot();
        for (const { world: twin, from } of twins) {
          while (step(twin));
          expect(twin.log).toEqual(world.log.slice(from));
          expect(twin.machine.snapshot()).toEqual(end);
          copies += 1;
        }
      }),
      { seed: 20251126, numRuns: 12 },
    );
    expect(copies).toBeGreaterThan(100);
  });

  test("restored into the machine that took it, it rewinds", () => {
    const world = build(9, 3, BUDGET);
    start(world);
    for (let i = 0; i < 5; i++) step(world);
    const states = world.devices.map((device) => structuredClone(device.state));
    const bytes = world.machine.snapshot();
    const from = world.log.length;
    while (step(world));
    const first = world.log.splice(from);
    world.machine.restore(bytes);
    world.devices.forEach((device, i) => {
      device.state = states[i]!;
    });
    expect(world.machine.snapshot()).toEqual(bytes);
    while (step(world));
    expect(world.log.slice(from)).toEqual(first);
  });

  test("a line that two devices held when it was taken is high until both let go", () => {
    const machine = new Machine({ seed: 1 });
    const assemble = (on: Machine): DeviceHost[] => [on.attach("a", 3), on.attach("b", 3)];
    for (const host of assemble(machine)) host.interrupt(true);
    const twin = new Machine({ seed: 1 });
    const [a, b] = assemble(twin);
    twin.restore(machine.snapshot());
    twin.interrupts.enable(3);
    a!.interrupt(false);
    expect(twin.interrupts.takeNext()).toBe(3);
    b!.interrupt(false);
    expect(twin.interrupts.takeNext()).toBe(-1);
  });

  test("holds only memory that was used, and restores zeros where it was not", () => {
    const machine = new Machine({ seed: 1 });
    const empty = machine.snapshot();
    expect(empty.length).toBeLessThan(4096);
    const buffer = machine.ram.allocate(3 * 4096);
    machine.ram.write(buffer + 4096, Uint8Array.of(1));
    expect(machine.snapshot().length - empty.length).toBeLessThan(4096 + 64);
    const view = machine.ram.read(buffer, 4096)!;
    machine.restore(empty);
    expect(machine.ram.read(buffer + 4096, 1)![0]).toBe(0);
    expect(machine.ram.allocate(1)).toBe(buffer);
    // A driver's old view is still memory, and what it writes is still seen by the next snapshot.
    view[7] = 7;
    const twin = new Machine({ seed: 1 });
    twin.restore(machine.snapshot());
    expect(twin.ram.read(buffer, 8)![7]).toBe(7);
  });

  test("a device that came after the snapshot stays, idle and as new", () => {
    const machine = new Machine({ seed: 1, lines: 4 });
    machine.interrupts.enable(2);
    const before = machine.snapshot();
    const host = machine.attach("late", 2);
    const timer = host.timer("t", () => {});
    const first = host.random.uint32();
    host.interrupt(true);
    timer.after(10);
    machine.restore(before);
    expect(timer.armed).toBe(false);
    expect(machine.interrupts.deliverable).toBe(false);
    expect(host.random.uint32()).toBe(first);
    host.interrupt(true);
    expect(machine.interrupts.takeNext()).toBe(2);
  });

  test("refused inside an event, and restore() too", () => {
    const machine = new Machine({ seed: 1 });
    const bytes = machine.snapshot();
    const codes: unknown[] = [];
    const attempt = (what: () => void): void => {
      try {
        what();
      } catch (error) {
        codes.push(isReelError(error) ? error.code : error);
      }
    };
    const timer = machine.timer("t", () => {
      attempt(() => machine.snapshot());
      attempt(() => machine.restore(bytes));
      attempt(() => machine.runUntil(100));
    });
    timer.after(1);
    timer.after(0);
    machine.scheduler("s", () => {}).after(0);
    machine.runUntil(1);
    expect(codes).toEqual(["ERR_OPERATION_BUSY", "ERR_OPERATION_BUSY", "ERR_OPERATION_BUSY"]);
  });
});
