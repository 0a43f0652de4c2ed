/**
 * What an operation costs the garbage collector once it is started: nothing, however often its
 * layers wait, call each other and are woken.
 */
import { describe, expect, test } from "bun:test";
import { hostSoon } from "../clock.ts";
import { layer, struct, u32, type Layer } from "../provider/index.ts";
import { emulatedRig } from "./engine-rig.fixture.ts";

/**
 * Whether synchronous code makes so many objects that the collector runs: a weakly held object from
 * before is gone afterwards. The engine tells no count of allocations, but this it cannot hide.
 */
async function collectsGarbage(run: () => void): Promise<boolean> {
  Bun.gc(true);
  const canary = (() => new WeakRef({ unreachable: true }))();
  // A weak reference keeps its object until the turn that made it is over.
  await new Promise<void>((resolve) => hostSoon(resolve));
  run();
  return canary.deref() === undefined;
}

/** What earlier tests left behind may set off a collection too, but not every time. */
async function alwaysCollects(run: () => void): Promise<boolean> {
  for (let attempt = 0; attempt < 8; attempt++) if (!(await collectsGarbage(run))) return false;
  return true;
}

/** Makes objects that outlive their statement, so that no compiler can do without them. */
function makeObjects(count: number): unknown[] {
  const kept: unknown[] = [];
  for (let i = 0; i < count; i++) kept[i & 3] = { count: i };
  return kept;
}

/** So many transitions that one small object for each would be noticed in this process's heap. */
async function enough(): Promise<number> {
  let count = 1_000_000;
  while (!(await collectsGarbage(() => void makeObjects(count)))) count *= 2;
  return count;
}

describe("transitions", () => {
  test("waiting, calling and going on allocate nothing, a million times [M2.3]", async () => {
    const inner = layer({
      name: "test.inner",
      frame: struct({ value: u32 }),
      wait: (_frame, cx) => cx.ready(),
      complete: (_frame, cx) => cx.done(1),
    }) as unknown as Layer;
    const outer = layer({
      name: "test.outer",
      frame: struct({ rounds: u32 }),
      wait: (frame, cx) => (frame.rounds % 16 === 0 ? cx.within(9, cx.after(3)) : cx.ready()),
      complete(frame, cx) {
        frame.rounds++;
        if (frame.rounds >= cx.argument) return cx.done(0);
        return frame.rounds % 3 === 0 ? cx.call(inner) : cx.again();
      },
    });
    const rig = emulatedRig(["go"], () => ({ operations: { go: outer }, layers: [inner] }));
    const { counters } = rig.engine.state;
    const spend = (transitions: number): void => {
      const before = counters.transitions;
      while (counters.transitions - before < transitions) {
        rig.start("go", { argument: transitions });
        rig.finish();
      }
    };
    spend(300_000);
    const transitions = await enough();
    expect(await alwaysCollects(() => spend(transitions))).toBe(false);
  });

  test("interrupts and queues wake without allocating, a million times [C1, M2.3]", async () => {
    const rig = emulatedRig(["hears", "sleeps"], (driver) => {
      const queue = driver.queue();
      const hears = layer({
        name: "test.hears",
        frame: struct({}),
        wait: (_frame, cx) => cx.interrupt(9),
        complete: (_frame, cx) => (cx.wake(queue), cx.again()),
      });
      const sleeps = layer({
        name: "test.sleeps",
        frame: struct({}),
        wait: (_frame, cx) => cx.queue(queue),
        complete: (_frame, cx) => cx.again(),
      });
      return { operations: { hears, sleeps } };
    });
    for (const name of ["hears", "sleeps", "sleeps", "sleeps"]) rig.start(name);
    const { counters } = rig.engine.state;
    const spend = (transitions: number): void => {
      const until = counters.transitions + transitions;
      while (counters.transitions < until) {
        rig.engine.interrupt(9);
        while (rig.engine.work());
      }
    };
    spend(300_000);
    const transitions = await enough();
    expect(await alwaysCollects(() => spend(transitions))).toBe(false);
    rig.engine.cancelAll();
    rig.engine.work();
    expect(rig.leftovers()).toEqual([]);
  });
});
