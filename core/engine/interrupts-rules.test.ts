/**
 * Interrupt passes: those who wait when an interrupt comes are woken by it, each once, in the order
 * in which they began to wait; whoever leaves or comes meanwhile has no part in it.
 */
import { describe, expect, test } from "bun:test";
import type { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { layer, struct, u8 } from "../provider/index.ts";
import { emulatedRig, type EngineRig } from "./engine-rig.fixture.ts";

/** `waits` waits for the line of its offset `argument` times and notes each time its offset. */
function rigOf(
  log: number[],
  woken: (rig: EngineRig<EmulatedBackend>, who: number) => void = () => {},
): EngineRig<EmulatedBackend> {
  const rig: EngineRig<EmulatedBackend> = emulatedRig(["waits"], () => ({
    operations: {
      waits: layer({
        name: "test.waits",
        frame: struct({ rounds: u8 }),
        wait: (_frame, cx) => cx.interrupt(7),
        complete(frame, cx) {
          log.push(cx.offset);
          woken(rig, cx.offset);
          return ++frame.rounds === cx.argument ? cx.done(0) : cx.again();
        },
      }),
    },
  }));
  return rig;
}

describe("an interrupt pass", () => {
  test("wakes everybody present once, first come first served [C5, C3]", () => {
    const log: number[] = [];
    const rig = rigOf(log);
    for (const offset of [3, 1, 2]) rig.start("waits", { offset, argument: 1 });
    rig.backend.machine.interrupts.raise(7);
    rig.finish();
    expect(log).toEqual([3, 1, 2]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("does not wake those who wait anew during it: the next interrupt does [C5]", () => {
    const log: number[] = [];
    const rig = rigOf(log);
    for (const offset of [1, 2]) rig.start("waits", { offset, argument: 3 });
    for (const expected of [
      [1, 2],
      [1, 2, 1, 2],
      [1, 2, 1, 2, 1, 2],
    ]) {
      rig.backend.machine.interrupts.raise(7);
      rig.finish();
      expect(log).toEqual(expected);
    }
    expect(rig.codes).toEqual(["ok", "ok"]);
    expect(rig.backend.machine.interrupts.isEnabled(7)).toBe(false);
  });

  test("does not wake those who begin to wait while its interrupt is delivered [C5]", () => {
    const log: number[] = [];
    const rig = rigOf(log, (running, who) => {
      if (who === 1) running.start("waits", { offset: 9, argument: 1 });
    });
    for (const offset of [1, 2]) rig.start("waits", { offset, argument: 1 });
    // The sink is called as the backend calls it: the list must not grow under the pass.
    rig.engine.interrupt(7);
    while (rig.engine.work());
    expect(log).toEqual([1, 2]);
    rig.engine.interrupt(7);
    while (rig.engine.work());
    expect(log).toEqual([1, 2, 9]);
  });

  test("stands that the woken one drops the next, any other, or itself [C4]", () => {
    for (const gone of [0, 1, 2, 3]) {
      const log: number[] = [];
      const slots: number[] = [];
      const rig = rigOf(log, (running, who) => {
        if (who === 0) running.engine.cancel(slots[gone]!);
      });
      for (const offset of [0, 1, 2, 3]) slots.push(rig.start("waits", { offset, argument: 1 }));
      rig.backend.machine.interrupts.raise(7);
      rig.finish();
      // The interrupt had ended the wait of each already: the cancel comes too late for them.
      expect(log).toEqual([0, 1, 2, 3]);
      expect(rig.codes).toEqual(["ok", "ok", "ok", "ok"]);
      expect(rig.leftovers()).toEqual([]);
    }
  });

  test("dropping head, middle, tail or the only one before it leaves the others [C4, C3]", () => {
    for (const [count, gone] of [
      [4, 0],
      [4, 2],
      [4, 3],
      [1, 0],
    ] as const) {
      const log: number[] = [];
      const rig = rigOf(log);
      const all = Array.from({ length: count }, (_, offset) => offset);
      const slots = all.map((offset) => rig.start("waits", { offset, argument: 1 }));
      rig.engine.cancel(slots[gone]!);
      expect(rig.backend.machine.interrupts.isEnabled(7)).toBe(count > 1);
      rig.backend.machine.interrupts.raise(7);
      rig.finish();
      expect(log).toEqual(all.filter((offset) => offset !== gone));
      expect(rig.codes.filter((code) => code === "ECANCELED").length).toBe(1);
    }
  });
});

describe("interrupt lines", () => {
  test("there is a fixed number, empty at the start; waiting for another fails [C2]", () => {
    const rig = emulatedRig(["waits"], () => ({
      operations: {
        waits: layer({
          name: "test.waits",
          frame: struct({}),
          wait: (_frame, cx) => cx.interrupt(cx.argument),
          complete: (_frame, cx) => cx.done(0),
        }),
      },
    }));
    const { lists } = rig.engine.state;
    expect(Array.from({ length: 64 }, (_, line) => lists.first(line))).toEqual(
      Array.from({ length: 64 }, () => -1),
    );
    for (const argument of [64, -1, 0.5]) rig.start("waits", { argument });
    rig.engine.work();
    expect(rig.codes).toEqual(["ERR_PROVIDER_FAULT", "ERR_PROVIDER_FAULT", "ERR_PROVIDER_FAULT"]);
    expect((rig.outcomes[0]!.fault as Error).message).toContain("lines are 0 to 63");
    rig.start("waits", { argument: 63 });
    rig.backend.machine.interrupts.raise(63);
    rig.finish();
    expect(rig.codes.at(-1)).toBe("ok");
    expect(rig.leftovers()).toEqual([]);
  });
});
