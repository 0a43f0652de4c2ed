/**
 * Bytes that a machine must not take over. The goal: damaged, foreign and hostile snapshots end in
 * one kind of error that names what is wrong, with the machine as it was. The method: real
 * snapshots with flipped bits and cuts, the same under a good checksum, and random bytes.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../../errors.ts";
import { decodeBlob, encodeBlob } from "../../state/blob.ts";
import { Machine, type MachineOptions } from "./machine.ts";
import { build, BUDGET, start, step } from "./restless.fixture.ts";

describe("Machine.restore", () => {
  function busyMachine(): Machine {
    const world = build(5, 3, BUDGET);
    start(world);
    for (let i = 0; i < 12; i++) step(world);
    return world.machine;
  }

  function refusal(machine: Machine, bytes: Uint8Array): string {
    try {
      machine.restore(bytes);
    } catch (error) {
      if (isReelError(error, "ERR_STATE_CORRUPT")) return error.message;
      throw error;
    }
    return "accepted";
  }

  test("names the timer, the device and the option that the machine lacks", () => {
    const machine = new Machine({ seed: 1 });
    machine.timer("lone", () => {}).after(1);
    const bytes = machine.snapshot();
    const fits: MachineOptions = { seed: 1 };
    expect(refusal(new Machine(fits), bytes)).toContain('no timer "lone"');
    expect(refusal(new Machine({ ...fits, seed: 2 }), bytes)).toContain("the seed must be 2");
    expect(refusal(new Machine({ ...fits, lines: 8 }), bytes)).toContain("lines must be 8");
    const tiny = new Machine({ ...fits, ramBytes: 8192 });
    tiny.timer("lone", () => {});
    expect(refusal(tiny, bytes)).toContain("size of memory must be 8192");
    machine.attach("tape", 3);
    const other = new Machine(fits);
    other.timer("lone", () => {});
    expect(refusal(other, machine.snapshot())).toContain('no device "tape"');
  });

  test("refuses a version that it does not know", () => {
    const machine = new Machine({ seed: 1 });
    const { payload } = decodeBlob(machine.snapshot(), "machine");
    let caught: unknown;
    try {
      machine.restore(encodeBlob("machine", 2, payload));
    } catch (error) {
      caught = error;
    }
    expect(isReelError(caught, "ERR_STATE_VERSION")).toBe(true);
  });

  test("any flipped bit or cut is refused, and the machine stays as it was", () => {
    const target = busyMachine();
    const before = target.snapshot();
    const bytes = before.slice();
    const position = fc.integer({ min: 0, max: bytes.length - 1 });
    fc.assert(
      fc.property(position, fc.nat(7), (at, bit) => {
        bytes[at] = bytes[at]! ^ (1 << bit);
        expect(refusal(target, bytes)).not.toBe("accepted");
        bytes[at] = bytes[at]! ^ (1 << bit);
        expect(refusal(target, bytes.subarray(0, at))).not.toBe("accepted");
      }),
      { seed: 20251127, numRuns: 500 },
    );
    expect(target.snapshot()).toEqual(before);
  });

  test("a payload altered under a good checksum is refused whole, or is a good state", () => {
    const original = busyMachine().snapshot();
    const { payload } = decodeBlob(original, "machine");
    // The pages of memory at the end are content, in which everything is legal.
    const structured = Math.min(payload.length, 1500);
    const change = fc.record({
      at: fc.nat(structured - 1),
      value: fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xf0, 0xff),
    });
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    let refused = 0;
    fc.assert(
      fc.property(changes, fc.boolean(), fc.nat(structured), (edits, cutOff, length) => {
        const hostile = cutOff ? payload.slice(0, length) : payload.slice();
        for (const { at, value } of edits) if (at < hostile.length) hostile[at] = value;
        const world = build(5, 3, 0);
        const before = world.machine.snapshot();
        if (refusal(world.machine, encodeBlob("machine", 1, hostile)) !== "accepted") {
          refused += 1;
          expect(world.machine.snapshot()).toEqual(before);
          return;
        }
        // What was accepted must run to its end and write itself down again as it was read.
        const accepted = world.machine.snapshot();
        const twin = build(5, 3, 0);
        twin.machine.restore(accepted);
        expect(twin.machine.snapshot()).toEqual(accepted);
        while (step(world));
      }),
      { seed: 20251128, numRuns: 1500 },
    );
    expect(refused).toBeGreaterThan(300);
  });

  test("bytes behind the end of the state are refused", () => {
    const machine = new Machine({ seed: 1 });
    const { payload } = decodeBlob(machine.snapshot(), "machine");
    const longer = new Uint8Array(payload.length + 1);
    longer.set(payload);
    expect(refusal(machine, encodeBlob("machine", 1, payload))).toBe("accepted");
    expect(refusal(machine, encodeBlob("machine", 1, longer))).toContain("1 more bytes");
  });

  test("random bytes are refused", () => {
    const machine = new Machine({ seed: 1 });
    const before = machine.snapshot();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600, size: "max" }), (bytes) => {
        expect(refusal(machine, bytes)).not.toBe("accepted");
        expect(refusal(machine, encodeBlob("machine", 1, bytes))).not.toBe("accepted");
      }),
      { seed: 20251129, numRuns: 500 },
    );
    expect(machine.snapshot()).toEqual(before);
  });
});
