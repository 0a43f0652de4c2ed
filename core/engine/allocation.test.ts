/**
 * What a transition costs in memory: nothing. The measure is the engine's own count of objects by
 * type, taken while no collection runs between; a machine of boxed closures shows that it measures.
 */
import { describe, expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { layer, type Layer } from "../provider/layer.ts";
import { oneOf, u53, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { onRing, plainLayer, providerOf } from "./engine.fixture.ts";
import type { ScriptedBackend } from "./scripted-door.fixture.ts";
import type { Settler } from "./state.ts";

/** Objects that a run leaves in the heap, garbage included. */
function objectsMadeBy(run: () => void): number {
  Bun.gc(true);
  const before = heapStats().objectTypeCounts;
  run();
  const after = heapStats().objectTypeCounts;
  let made = 0;
  for (const [type, count] of Object.entries(after)) {
    made += Math.max(0, count - (before[type] ?? 0));
  }
  return made;
}

/**
 * The least of several runs, since the runtime's own doings only ever add objects, without those
 * that looking takes by itself.
 */
function leastObjectsMadeBy(run: () => void): number {
  const tries = [0, 1, 2, 3, 4];
  const looking = Math.min(...tries.map(() => objectsMadeBy(() => {})));
  return Math.min(...tries.map(() => objectsMadeBy(run))) - looking;
}

/** A state machine of boxed closures, each making the next: the Model 1 of the notes. */
class BoxedClosures {
  #next: ((result: number) => void) | undefined;
  moved = 0;

  start(transitions: number): void {
    let left = transitions;
    const arm = (): void => {
      this.#next = (result) => {
        this.moved += result;
        if (--left > 0) arm();
        else this.#next = undefined;
      };
    };
    arm();
  }

  /** @returns whether it goes on */
  complete(result: number): boolean {
    const next = this.#next!;
    next(result);
    return this.#next !== undefined;
  }
}

/** A ring that keeps one request, without making an object for it. */
class OneRequest {
  slot = -1;
  generation = 0;

  attach(backend: ScriptedBackend): void {
    backend.ring.prepare = (_opcode, slot, generation) => {
      this.slot = slot;
      this.generation = generation;
    };
  }
}

const twoPhases = layer({
  name: "disk.two-phases",
  frame: struct({ phase: oneOf("seek", "transfer"), done: u8, moved: u53 }),
  wait: (_frame, cx) => cx.ring.nop(),
  complete(frame, cx, result) {
    frame.moved += result;
    frame.phase = frame.phase === "seek" ? "transfer" : "seek";
    return frame.moved < cx.argument ? cx.again() : cx.done(0);
  },
}) as unknown as Layer;

/** Drives one operation through so many transitions of a layer over the ring. */
function rounds(body: Layer, layers: readonly Layer[] = []) {
  const t = onRing([
    providerOf("disk", ["plain"], () => ({ operations: { plain: body }, layers })),
  ]);
  const one = new OneRequest();
  one.attach(t.backend);
  const settler: Settler = { settled() {} };
  const request = {
    end: 0,
    operation: 0,
    buffer: undefined,
    at: 0,
    length: 0,
    offset: 0,
    argument: 0,
    autoRelease: true,
  };
  const run = (transitions: number): void => {
    request.argument = transitions;
    t.engine.start(request, settler);
    for (let i = 0; i < transitions; i++) t.engine.complete(one.slot, one.generation, 1, 0);
    while (t.engine.work());
  };
  return { t, run };
}

const TRANSITIONS = 5000;

describe("a transition", () => {
  test("of boxed closures allocates each time, and the measure shows it [M1.1]", () => {
    const made = leastObjectsMadeBy(() => {
      const machine = new BoxedClosures();
      machine.start(TRANSITIONS);
      while (machine.complete(1));
      if (machine.moved !== TRANSITIONS) throw new Error("It lost its way");
    });
    expect(made).toBeGreaterThan(TRANSITIONS * 0.9);
  });

  test("of a layer allocates nothing [M1.1, M2.3, C1]", () => {
    const { t, run } = rounds(twoPhases);
    run(20_000);
    const made = leastObjectsMadeBy(() => run(TRANSITIONS));
    expect(made).toBeLessThan(TRANSITIONS / 100);
    expect(t.engine.state.counters.settled).toBe(6);
  });

  test("that calls and leaves a layer allocates nothing either [M2.3, S2]", () => {
    const inner = plainLayer(
      "disk.inner",
      (cx) => cx.ring.nop(),
      (cx, result) => cx.done(result),
    );
    const outer = layer({
      name: "disk.outer",
      frame: struct({ moved: u53 }),
      wait: (_frame, cx) => cx.ready(0),
      complete(frame, cx, result) {
        frame.moved += result;
        return frame.moved < cx.argument ? cx.call(inner) : cx.done(0);
      },
    }) as unknown as Layer;
    const { run } = rounds(outer, [inner]);
    run(20_000);
    expect(leastObjectsMadeBy(() => run(TRANSITIONS))).toBeLessThan(TRANSITIONS / 100);
  });

  test("does not grow the heap over a million of them [M2.3, C1]", () => {
    const { t, run } = rounds(twoPhases);
    run(50_000);
    const heap = (): { objects: number; bytes: number } => {
      Bun.gc(true);
      const { heapSize, objectCount } = heapStats();
      return { objects: objectCount, bytes: heapSize };
    };
    const [first, before] = [heap(), heap()];
    run(1_000_000);
    const after = heap();
    const looking = before.objects - first.objects;
    expect(after.objects - before.objects - looking).toBeLessThan(100);
    expect(after.bytes - before.bytes).toBeLessThan(256 * 1024);
    expect(t.engine.state.counters.transitions).toBeGreaterThanOrEqual(2_000_000);
  });
});

describe("an operation", () => {
  test("from start to release allocates nothing [C1]", () => {
    const nop = plainLayer(
      "disk.nop",
      (cx) => cx.ring.nop(),
      (cx, result) => cx.done(result),
    );
    const { run } = rounds(nop);
    const many = (): void => {
      for (let i = 0; i < TRANSITIONS; i++) run(1);
    };
    many();
    many();
    expect(leastObjectsMadeBy(many)).toBeLessThan(TRANSITIONS / 100);
  });
});
