/**
 * Deep operations: 127 words of stack cost no page, one more costs one, the result is the same,
 * all is given back, and beyond the hard limit the operation fails and the others do not.
 */
import { describe, expect, test } from "bun:test";
import { STACK_WORDS } from "../descriptor/layout.ts";
import { PAGES_PER_OPERATION_MAX } from "../descriptor/stack.ts";
import { layer, struct, u32, type Layer } from "../provider/index.ts";
import { emulatedRig, type EngineRig } from "./engine-rig.fixture.ts";
import type { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import type { EngineLimits } from "./state.ts";

/** Two words of data and one of its own: the frames of this layer take three words each. */
const FRAME_WORDS = 3;
const FITTING = Math.floor(STACK_WORDS / FRAME_WORDS);

interface Seen {
  pages: number;
}

/** `go` calls itself `argument - 1` times; each level adds 1 to the result of the one above. */
function deepRig(seen: Seen, limits?: EngineLimits): EngineRig<EmulatedBackend> {
  const level: Layer = layer({
    name: "test.level",
    frame: struct({ depth: u32, called: u32, spare: u32 }),
    wait: (frame, cx) => (frame.called === 0 && frame.depth === 0 ? cx.after(1) : cx.ready()),
    complete(frame, cx, result) {
      seen.pages = Math.max(seen.pages, rig.engine.state.stacks.pagesUsed);
      if (frame.called === 1) return result < 0 ? cx.fail(-result) : cx.done(result + 1);
      frame.called = 1;
      if (frame.depth + 1 === cx.argument) return cx.done(1);
      return cx.call(level, { depth: frame.depth + 1 });
    },
  }) as unknown as Layer;
  const rig: EngineRig<EmulatedBackend> = emulatedRig(
    ["go"],
    () => ({ operations: { go: level } }),
    limits,
  );
  return rig;
}

describe("the depth of an operation", () => {
  test("up to 127 words no page is used, one frame more takes one [S1, S2]", () => {
    for (const [depth, pages] of [
      [1, 0],
      [FITTING - 1, 0],
      [FITTING, 0],
      [FITTING + 1, 1],
      [2 * FITTING, 1],
      [2 * FITTING + 1, 2],
    ] as const) {
      const seen = { pages: 0 };
      const rig = deepRig(seen);
      rig.start("go", { argument: depth });
      rig.finish();
      expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: depth }]);
      expect([depth, seen.pages]).toEqual([depth, pages]);
      expect(rig.leftovers()).toEqual([]);
    }
  });

  test("beyond the hard limit it ends with ERR_STACK_TOO_DEEP, and others go on [S2]", () => {
    const rig = deepRig({ pages: 0 });
    const most = FITTING * (1 + PAGES_PER_OPERATION_MAX);
    for (const argument of [most, most + 1, 3]) {
      rig.start("go", { argument });
      rig.finish();
    }
    expect(rig.outcomes).toMatchObject([
      { code: "ok", bytes: most },
      { code: "ERR_STACK_TOO_DEEP" },
      { code: "ok", bytes: 3 },
    ]);
    expect(rig.engine.state.counters.faults).toBe(0);
    expect(rig.leftovers()).toEqual([]);
  });

  test("a pool that is used up fails the operation that asks for more, no other [S2]", () => {
    const rig = deepRig({ pages: 0 }, { table: { overflowPages: 1 } });
    for (const argument of [2 * FITTING + 1, FITTING + 1]) {
      rig.start("go", { argument });
      rig.finish();
    }
    expect(rig.codes).toEqual(["ERR_STACK_TOO_DEEP", "ok"]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("cancelling a deep operation gives its pages back [S2]", () => {
    const waits = layer({
      name: "test.waits",
      frame: struct({ depth: u32, ended: u32 }),
      wait: (frame, cx) => (frame.depth === 500 ? cx.after(1e9) : cx.ready()),
      complete: (frame, cx) => cx.call(waits as unknown as Layer, { depth: frame.depth + 1 }),
      cancel: (frame) => void ended.push(frame.depth),
    }) as unknown as Layer;
    const ended: number[] = [];
    const rig = emulatedRig(["go"], () => ({ operations: { go: waits } }));
    const slot = rig.start("go");
    expect(rig.engine.state.stacks.pagesUsed).toBeGreaterThan(0);
    rig.engine.cancel(slot);
    expect(rig.engine.state.stacks.pagesUsed).toBe(0);
    rig.finish();
    expect(rig.codes).toEqual(["ECANCELED"]);
    // Every layer was told, the last called first.
    expect(ended).toEqual(Array.from({ length: 501 }, (_, i) => 500 - i));
    expect(rig.leftovers()).toEqual([]);
  });
});
