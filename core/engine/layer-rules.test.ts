/**
 * The contract between engine and layers: when `wait` and `complete` are called, to whom a result
 * goes, what a descriptor tells a layer, and what becomes of a layer that breaks the rules.
 */
import { describe, expect, test } from "bun:test";
import {
  ERRNO,
  bytes,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Move,
  type Wait,
} from "../provider/index.ts";
import { Random } from "../random.ts";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import { BufferPool } from "../buffer/pool.ts";
import { Engine } from "./engine.ts";
import { emulatedRig, testProvider, scriptedRig } from "./engine-rig.fixture.ts";

const empty = struct({});

describe("wait() and complete()", () => {
  test("again leads to the next wait, done to no call ever after [M2.1]", () => {
    const calls: string[] = [];
    const steps = layer({
      name: "test.steps",
      frame: struct({ rounds: u8 }),
      wait(frame, cx) {
        calls.push(`wait ${frame.rounds}`);
        return frame.rounds === 1 ? cx.ready() : cx.after(5);
      },
      complete(frame, cx, result) {
        calls.push(`complete ${frame.rounds} ${result}`);
        frame.rounds++;
        return frame.rounds === 3 ? cx.done(42) : cx.again();
      },
    });
    const rig = emulatedRig(["go"], () => ({ operations: { go: steps } }));
    const slot = rig.start("go");
    rig.finish();
    const expected = [0, 1, 2].flatMap((round) => [`wait ${round}`, `complete ${round} 0`]);
    expect(calls).toEqual(expected);
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 42 }]);
    rig.engine.cancel(slot);
    rig.engine.interrupt(3);
    rig.engine.expire(1e9);
    rig.finish();
    expect(calls).toEqual(expected);
    expect(rig.outcomes.length).toBe(1);
  });
});

describe("completions that come twice or late", () => {
  test("a second completion of the same wait is counted and ignored [M2.1, W2]", () => {
    const seen: number[] = [];
    const rig = scriptedRig(["go"], () => ({
      operations: {
        go: layer({
          name: "test.nop",
          frame: empty,
          wait: (_frame, cx) => cx.ring.nop(),
          complete: (_frame, cx, result) => (seen.push(result), cx.done(result)),
        }),
      },
    }));
    const slot = rig.start("go", { autoRelease: false });
    const request = rig.backend.of(slot);
    rig.backend.complete(rig.engine, request, 7);
    rig.engine.complete(slot, request.generation, 8, 0);
    rig.engine.work();
    rig.engine.complete(slot, request.generation, 9, 0);
    rig.engine.work();
    expect(seen).toEqual([7]);
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 7 }]);
    expect(rig.engine.state.counters.stale).toBe(2);
  });

  test("a completion of a slot's former life does not reach the operation there now [W2]", () => {
    const rig = scriptedRig(["go"], () => ({
      operations: {
        go: layer({
          name: "test.nop",
          frame: empty,
          wait: (_frame, cx) => cx.ring.nop(),
          complete: (_frame, cx, result) => cx.done(result),
        }),
      },
    }));
    const first = rig.start("go");
    const former = rig.backend.of(first);
    rig.backend.complete(rig.engine, former, 1);
    rig.engine.work();
    expect(rig.start("go")).toBe(first);
    rig.engine.complete(first, former.generation, 666, 0);
    expect(rig.engine.state.counters.stale).toBe(1);
    rig.backend.complete(rig.engine, rig.backend.of(first), 2);
    rig.engine.work();
    expect(rig.outcomes.map((outcome) => outcome.bytes)).toEqual([1, 2]);
  });
});

describe("an operation without state", () => {
  test("an operation whose frame is empty delivers its outcome [W3]", () => {
    const rig = emulatedRig(["go"], () => ({
      operations: {
        go: layer({
          name: "test.empty",
          frame: empty,
          wait: (_frame, cx) => cx.ready(),
          complete: (_frame, cx) => cx.done(3),
        }),
      },
    }));
    rig.start("go");
    // Its stack is empty again, its outcome is still to come: that is work.
    expect(rig.engine.hasWork()).toBe(true);
    expect(rig.outcomes).toEqual([]);
    rig.finish();
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 3 }]);
    expect(rig.engine.hasWork()).toBe(false);
  });
});

describe("the stack of layers", () => {
  test("a result goes to the layer that called, last in first out [S3]", () => {
    const log: string[] = [];
    const inner = layer({
      name: "test.inner",
      frame: struct({ value: u32 }),
      wait: (_frame, cx) => cx.after(1),
      complete: (frame, cx) => (log.push(`inner ${frame.value}`), cx.done(frame.value * 2)),
    });
    const middle = layer({
      name: "test.middle",
      frame: struct({ value: u32, phase: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        log.push(`middle ${frame.phase} ${result}`);
        if (frame.phase++ === 0) return cx.call(inner, { value: frame.value + 1 });
        return cx.fail(ERRNO.EIO);
      },
    });
    const outer = layer({
      name: "test.outer",
      frame: struct({ phase: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        log.push(`outer ${frame.phase} ${result}`);
        return frame.phase++ === 0 ? cx.call(middle, { value: 10 }) : cx.done(1);
      },
    });
    const layers = [inner, middle];
    const rig = emulatedRig(["go"], () => ({ operations: { go: outer }, layers }));
    rig.start("go");
    rig.finish();
    expect(log).toEqual(["outer 0 0", "middle 0 0", "inner 11", "middle 1 22", "outer 1 -5"]);
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 1 }]);
    expect(rig.leftovers()).toEqual([]);
  });
});

const wrongs: Record<string, { wait?: () => Wait; move?: (cx: LayerContext) => Move }> = {
  "a wait that it did not ask for": { wait: () => 3 as Wait },
  "undefined instead of a wait": { wait: () => undefined as unknown as Wait },
  "a move that it did not ask for": { move: () => 17 as Move },
  "undefined instead of a move": { move: () => undefined as unknown as Move },
  "another move than its last": { move: (cx) => (cx.again(), 17 as Move) },
  "a wait where a move is due": { move: (cx) => cx.ready() as number as Move },
};

describe("a layer that returns something else than its context gave", () => {
  for (const [title, { wait, move }] of Object.entries(wrongs)) {
    test(`ends with ERR_PROVIDER_FAULT for ${title}, and others go on [S3]`, () => {
      const breaks = layer({
        name: "test.breaks",
        frame: empty,
        wait: (_frame, cx) => (wait === undefined ? cx.ready() : wait()),
        complete: (_frame, cx) => (move as (context: LayerContext) => Move)(cx),
      });
      const keeps = layer({
        name: "test.keeps",
        frame: empty,
        wait: (_frame, cx) => cx.after(3),
        complete: (_frame, cx) => cx.done(5),
      });
      const operations = { breaks, keeps };
      const rig = emulatedRig(["breaks", "keeps"], () => ({ operations }));
      rig.start("keeps");
      rig.start("breaks");
      rig.start("keeps");
      rig.finish();
      expect(rig.codes).toEqual(["ERR_PROVIDER_FAULT", "ok", "ok"]);
      expect(rig.outcomes[0]!.fault).toBeInstanceOf(Error);
      expect(rig.engine.state.counters.faults).toBe(1);
      expect(rig.leftovers()).toEqual([]);
    });
  }
});

describe("what a descriptor tells its layer", () => {
  test("position, direction, buffer and the layer's own state are in the slot [A2.1]", () => {
    const seen: unknown[] = [];
    const look = layer({
      name: "test.look",
      frame: struct({ secret: u32 }),
      wait(frame, cx) {
        frame.secret = 0xdecade;
        return cx.after(1);
      },
      complete(frame, cx) {
        seen.push([cx.offset, cx.length, cx.memoryAt, cx.argument, cx.resource, cx.end]);
        seen.push(frame.secret.toString(16), cx.memory.length);
        cx.progress(10);
        return cx.done(4);
      },
    });
    const rig = emulatedRig(["read"], () => ({ operations: { read: look } }));
    const buffer = rig.pool.owned(64);
    const offset = 2 ** 50 + 1;
    const slot = rig.start("read", { buffer, at: 16, offset, argument: 9 });
    expect(buffer.isLentForWriting).toBe(true);
    rig.finish();
    expect(seen).toEqual([[offset, 48, 16, 9, 0, 0], "decade", 64]);
    // The generation went on, so the handle of the outcome is the one of that life.
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 14 }]);
    expect(rig.engine.state.table.slotOf(rig.outcomes[0]!.handle)).toBe(-1);
    expect(rig.start("read", { buffer })).toBe(slot);
  });

  test("a provider's metadata lies inline in the slab, one blob an operation", () => {
    const meta = struct({ tag: bytes(16), count: u32 });
    const keep = layer({
      name: "test.keep",
      frame: meta,
      wait(frame, cx) {
        frame.tag = new Uint8Array(16).fill(cx.argument);
        return cx.after(cx.argument);
      },
      complete: (frame, cx) => cx.done(frame.tag.reduce((sum, byte) => sum + byte, 0)),
    });
    const rig = emulatedRig(["go"], () => ({ operations: { go: keep } }));
    const { stacks, table } = rig.engine.state;
    for (const argument of [3, 1, 2]) {
      const slot = rig.start("go", { argument });
      const [frame] = stacks.frames(slot);
      const blob = table.slab.u8.subarray(frame!.base, frame!.base + 16);
      expect([...blob]).toEqual(Array.from({ length: 16 }, () => argument));
    }
    rig.finish();
    expect(rig.outcomes.map((outcome) => outcome.bytes)).toEqual([16, 32, 48]);
  });
});

describe("the registry of providers", () => {
  test("each has its number, its own handle of what is open, and its state inline [A2.2]", () => {
    const seen: number[][] = [];
    const keep = (mark: number) =>
      layer({
        name: "test.keep",
        frame: struct({ mark: u32 }),
        wait(frame, cx) {
          frame.mark = mark + cx.argument;
          return cx.after(1);
        },
        complete: (frame, cx) => (seen.push([cx.resource, cx.end, frame.mark]), cx.done(0)),
      });
    const backend = new EmulatedBackend(new Machine({ seed: 1, ramBytes: 1 << 16 }));
    const engine = new Engine(backend, new BufferPool(() => 0));
    const disk = testProvider(["go"], () => ({ operations: { go: keep(100) } }), "disk");
    const tcp = testProvider(["go"], () => ({ operations: { go: keep(200) } }), "tcp");
    expect([disk, tcp].map((each) => engine.register(each, new Random(1)))).toEqual([0, 1]);
    const again = expect.objectContaining({ code: "ERR_PLUGIN_INVALID" });
    expect(() => engine.register(disk, new Random(1))).toThrow(again);
    const { ends, stacks, table } = engine.state;
    const words = { operation: 0, buffer: undefined, at: 0, length: 0, offset: 0 };
    for (const [provider, resource] of [
      [1, 77],
      [0, 77],
      [1, 5],
    ] as const) {
      const end = ends.open(provider, resource, 0);
      const slot = engine.start(
        { end, ...words, argument: resource, autoRelease: true },
        undefined,
      );
      const [frame] = stacks.frames(slot);
      expect(table.slab.u32[frame!.base >> 2]).toBe((provider + 1) * 100 + resource);
    }
    while (engine.work() || engine.poll(true) > 0);
    expect(seen).toEqual([
      [77, 0, 277],
      [77, 0, 177],
      [5, 0, 205],
    ]);
  });
});
