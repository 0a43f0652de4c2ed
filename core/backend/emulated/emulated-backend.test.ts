/** The emulated backend: what one poll delivers, and in which order. */
import { describe, expect, test } from "bun:test";
import { INPUT_INTERRUPT } from "../contract.ts";
import { codeOf, raiseAt, rig, StatusDevice } from "./backend.fixture.ts";

describe("EmulatedBackend.poll", () => {
  test("delivers nothing and calls nobody when nothing is pending", () => {
    const { backend, sink } = rig();
    expect(backend.poll(sink, false)).toBe(0);
    expect(backend.poll(sink, true)).toBe(0);
    expect(backend.pending()).toBe(false);
    expect(sink.calls).toEqual([]);
  });

  test("with wait false delivers only what is due at the current moment", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 3);
    backend.arm(20);
    expect(backend.poll(sink, false)).toBe(0);
    expect(backend.now()).toBe(0);
    raiseAt(machine, 0, 4);
    expect(backend.poll(sink, false)).toBe(1);
    expect(sink.take()).toEqual(["turn 0", "interrupt 4"]);
    expect(backend.now()).toBe(0);
  });

  test("with wait true goes to the next moment and no further", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 3);
    raiseAt(machine, 30, 4);
    backend.arm(20);
    expect(backend.poll(sink, true)).toBe(1);
    expect(backend.poll(sink, true)).toBe(1);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.calls).toEqual([
      "turn 10",
      "interrupt 3",
      "turn 20",
      "expire 20",
      "turn 30",
      "interrupt 4",
    ]);
    expect(backend.counters.interrupts).toBe(2);
  });

  test("delivers what is pending before it moves the clock", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 3);
    machine.interrupts.enable(5);
    machine.interrupts.raise(5);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 0", "interrupt 5"]);
  });

  test("on a tie gives input, then interrupts by order of raising, then the deadline", () => {
    const { machine, backend, sink } = rig();
    backend.arm(10);
    raiseAt(machine, 10, 9);
    raiseAt(machine, 10, 3);
    const chained = machine.timer("chained", () => machine.interrupts.raise(1));
    machine.interrupts.enable(1);
    machine.timer("first", () => chained.after(0)).at(10);
    machine.advanceTo(9);
    backend.inject(INPUT_INTERRUPT, 2);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 9", "input 1 2"]);
    machine.advanceTo(10);
    backend.inject(INPUT_INTERRUPT, 15);
    expect(backend.poll(sink, false)).toBe(5);
    expect(sink.take()).toEqual([
      "turn 10",
      "input 1 15",
      "interrupt 9",
      "interrupt 3",
      "interrupt 1",
      "expire 10",
    ]);
  });

  test("an interrupt that withdraws the deadline of the same moment wins over it", () => {
    const { machine, backend, sink } = rig();
    backend.arm(10);
    raiseAt(machine, 10, 0);
    sink.onInterrupt = () => backend.arm(Infinity);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 10", "interrupt 0"]);
    expect(backend.pending()).toBe(false);
  });

  test("an interrupt raised during a delivery waits for a later poll, never nested [C6]", () => {
    const { machine, backend, sink } = rig();
    for (let line = 0; line < 4; line++) machine.interrupts.enable(line);
    let depth = 0;
    sink.onInterrupt = (line) => {
      expect(depth++).toBe(0);
      // The same line twice and another once: two lines are pending afterwards, not three.
      if (line === 0) {
        machine.interrupts.raise(0);
        machine.interrupts.raise(0);
        machine.interrupts.raise(2);
      }
      depth--;
    };
    machine.interrupts.raise(0);
    machine.interrupts.raise(1);
    expect(backend.poll(sink, false)).toBe(2);
    expect(sink.take()).toEqual(["turn 0", "interrupt 0", "interrupt 1"]);
    expect(backend.poll(sink, false)).toBe(2);
    expect(sink.take()).toEqual(["turn 0", "interrupt 0", "interrupt 2"]);
    // One at the first poll, and at the second also the edge of line 2, which was latched still.
    expect(machine.interrupts.lost).toBe(3);
  });

  test("a line latched while masked is delivered once it is enabled [C7]", () => {
    const { machine, backend, sink } = rig();
    machine.timer("t", () => machine.interrupts.raise(6)).at(5);
    expect(backend.poll(sink, true)).toBe(0);
    expect(backend.pending()).toBe(false);
    machine.interrupts.enable(6);
    expect(backend.pending()).toBe(true);
    expect(backend.poll(sink, false)).toBe(1);
    expect(sink.take()).toEqual(["turn 5", "interrupt 6"]);
  });

  test("a level comes back with every poll until the driver makes the device drop it [C8]", () => {
    const { machine, backend, sink } = rig();
    const device = new StatusDevice(machine.attach("d", 7));
    machine.ports.register(0x300, 1, device, "d");
    machine.interrupts.enable(7);
    device.complete();
    for (let i = 0; i < 3; i++) expect(backend.poll(sink, true)).toBe(1);
    expect(machine.ports.read(0x300, 1)).toBe(1);
    expect(backend.poll(sink, true)).toBe(0);
    const poll = ["turn 0", "interrupt 7"];
    expect(sink.take()).toEqual([...poll, ...poll, ...poll]);
  });

  test("masking a line from inside its delivery holds its level back, not lost [C7]", () => {
    const { machine, backend, sink } = rig();
    const device = new StatusDevice(machine.attach("d", 7));
    machine.interrupts.enable(7);
    device.complete();
    sink.onInterrupt = (line) => machine.interrupts.disable(line);
    expect(backend.poll(sink, true)).toBe(1);
    expect(backend.poll(sink, true)).toBe(0);
    expect(backend.pending()).toBe(false);
    machine.interrupts.enable(7);
    expect(backend.poll(sink, true)).toBe(1);
  });

  test("the deadline is one shot, is replaced by arm(), and is due at once when past", () => {
    const { machine, backend, sink } = rig();
    backend.arm(50);
    backend.arm(30);
    backend.arm(40.5);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 41", "expire 41"]);
    expect(backend.pending()).toBe(false);
    backend.arm(7);
    expect(backend.poll(sink, false)).toBe(1);
    expect(sink.take()).toEqual(["turn 41", "expire 41"]);
    sink.onExpire = (nowNs) => backend.arm(nowNs);
    backend.arm(-Infinity);
    expect(backend.poll(sink, true)).toBe(1);
    backend.arm(Infinity);
    expect(backend.poll(sink, true)).toBe(0);
    expect(machine.now()).toBe(41);
    expect(() => backend.arm(NaN)).toThrow(RangeError);
  });

  test("passes by moments at which devices only were busy with themselves", () => {
    const { machine, backend, sink } = rig();
    let steps = 0;
    const motor = machine.timer("motor", () => {
      if (++steps < 100) motor.after(1000);
      else machine.interrupts.raise(2);
    });
    motor.after(1000);
    machine.interrupts.enable(2);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 100000", "interrupt 2"]);
  });

  test("returns from a device that ticks for ever on a masked line", () => {
    const { machine, backend, sink } = rig();
    const tick = machine.timer("tick", () => {
      machine.interrupts.raise(0);
      tick.after(1000);
    });
    tick.after(1000);
    expect(backend.poll(sink, true)).toBe(0);
    expect(backend.pending()).toBe(true);
    const moved = machine.now();
    expect(moved).toBeGreaterThan(0);
    expect(backend.poll(sink, true)).toBe(0);
    expect(machine.now()).toBe(moved * 2);
  });

  test("refuses to be called from inside itself, and works afterwards", () => {
    const { machine, backend, sink } = rig();
    const codes: unknown[] = [];
    sink.onInterrupt = () => codes.push(codeOf(() => backend.poll(sink, false)));
    raiseAt(machine, 1, 0);
    raiseAt(machine, 2, 1);
    backend.poll(sink, true);
    backend.poll(sink, true);
    expect(codes).toEqual(["ERR_OPERATION_BUSY", "ERR_OPERATION_BUSY"]);
  });

  test("an error of the sink or of a device passes; what was not delivered comes later", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 1, 0);
    raiseAt(machine, 1, 1);
    machine
      .timer("broken", () => {
        throw new Error("device bug");
      })
      .at(2);
    backend.arm(3);
    sink.onInterrupt = (line) => {
      if (line === 0) throw new Error("diverged");
    };
    expect(() => backend.poll(sink, true)).toThrow("diverged");
    expect(backend.poll(sink, true)).toBe(1);
    expect(() => backend.poll(sink, true)).toThrow("device bug");
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual([
      "turn 1",
      "interrupt 0",
      "turn 1",
      "interrupt 1",
      "turn 3",
      "expire 3",
    ]);
  });
});
