/**
 * Forks: several layers of one operation wait beside each other. The operation goes on when all
 * are over, with the sum of what they brought; the first error wins, and the siblings are cancelled
 * and awaited before anybody hears of it.
 */
import { describe, expect, test } from "bun:test";
import { ERRNO, layer, struct, u32, u8, type Layer } from "../provider/index.ts";
import { emulatedRig, scriptedRig, type EngineRig, type RigParts } from "./engine-rig.fixture.ts";
import type { ScriptedBackend } from "./scripted-backend.fixture.ts";

const piece = layer({
  name: "test.piece",
  frame: struct({ at: u32 }),
  wait: (frame, cx) => cx.ring.read(3, frame.at, frame.at, 8),
  complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
});

/** An operation of `count` pieces of 8 bytes; it passes on the result of all of them. */
function parts(count: number, of: Layer = piece as unknown as Layer): RigParts {
  const read = layer({
    name: "test.read",
    frame: struct({ joined: u8 }),
    wait: (_frame, cx) => cx.ready(),
    complete(frame, cx, result) {
      if (frame.joined === 1) return result < 0 ? cx.fail(-result) : cx.done(result);
      frame.joined = 1;
      for (let i = 0; i < count; i++) cx.fork(of, { at: i * 8 });
      return cx.join();
    },
  });
  return { operations: { read }, layers: [of] };
}

function striped(count: number): EngineRig<ScriptedBackend> {
  return scriptedRig(["read"], () => parts(count));
}

describe("fork() and join()", () => {
  test("all run beside each other and the result is their sum, in any order [M2.4]", () => {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const rig = striped(3);
      const buffer = rig.pool.owned(24);
      rig.start("read", { buffer });
      rig.engine.work();
      const requests = [...rig.backend.requests];
      expect(requests.map(({ address }) => address - buffer.block.address)).toEqual([0, 8, 16]);
      for (const [done, which] of order.entries()) {
        expect([done, rig.outcomes.length, buffer.isBorrowed]).toEqual([done, 0, true]);
        rig.backend.complete(rig.engine, requests[which]!, 8 - which);
        rig.engine.work();
      }
      expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 21, lent: false }]);
      expect(rig.leftovers()).toEqual([]);
    }
  });

  test("the first error wins; siblings are cancelled, and awaited before it is told [M2.4]", () => {
    const rig = striped(4);
    const buffer = rig.pool.owned(32);
    rig.start("read", { buffer });
    rig.engine.work();
    const [a, b, c, d] = [...rig.backend.requests];
    rig.backend.complete(rig.engine, a!, 8);
    rig.backend.complete(rig.engine, c!, -ERRNO.EIO);
    rig.engine.work();
    expect([b!.cancelled, d!.cancelled]).toEqual([true, true]);
    expect([rig.outcomes.length, buffer.isBorrowed]).toEqual([0, true]);
    // One won its race, the other failed in its own way: neither is what the operation tells.
    rig.backend.complete(rig.engine, d!, 8);
    rig.engine.work();
    expect(rig.outcomes).toEqual([]);
    rig.backend.complete(rig.engine, b!, -ERRNO.ENOSPC);
    rig.engine.work();
    expect(rig.outcomes).toMatchObject([{ code: "EIO", lent: false }]);
    expect([rig.backend.strayCancels, rig.backend.repeatedCancels]).toEqual([0, 0]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("cancelling the operation cancels all its forks and awaits them [M2.4]", () => {
    const rig = striped(3);
    const buffer = rig.pool.owned(24);
    const slot = rig.start("read", { buffer });
    rig.engine.work();
    const requests = [...rig.backend.requests];
    rig.engine.cancel(slot);
    rig.engine.cancel(slot);
    expect(requests.every(({ cancelled }) => cancelled)).toBe(true);
    for (const request of requests) {
      expect([rig.outcomes.length, buffer.isBorrowed]).toEqual([0, true]);
      rig.backend.complete(rig.engine, request, -ERRNO.ECANCELED);
      rig.engine.work();
    }
    expect(rig.codes).toEqual(["ECANCELED"]);
    expect([rig.backend.strayCancels, rig.backend.repeatedCancels]).toEqual([0, 0]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("a fork that faults ends the operation with its error, after the siblings [M2.4]", () => {
    const broken = layer({
      name: "test.broken",
      frame: struct({ at: u32 }),
      wait: (frame, cx) => cx.after(frame.at === 8 ? 5 : 1000),
      complete() {
        throw new Error("a broken piece");
      },
    });
    const rig = emulatedRig(["read"], () => parts(3, broken as unknown as Layer));
    rig.start("read", { buffer: rig.pool.owned(24) });
    rig.finish();
    expect(rig.outcomes).toMatchObject([{ code: "ERR_PROVIDER_FAULT", lent: false }]);
    expect((rig.outcomes[0]!.fault as Error).message).toContain("a broken piece");
    // The siblings were cut short: the clock did not go on to their deadlines.
    expect(rig.engine.now()).toBe(5);
    expect(rig.leftovers()).toEqual([]);
  });

  test("without slots for all forks the operation fails and nothing stays behind [M2.4]", () => {
    const rig = scriptedRig(["read"], () => parts(5), { table: { slots: 4 } });
    rig.start("read", { buffer: rig.pool.owned(40) });
    for (let i = 0; i < 10; i++) {
      rig.engine.work();
      for (const request of rig.backend.requests.slice()) {
        rig.backend.complete(rig.engine, request, -ERRNO.ECANCELED);
      }
    }
    rig.engine.work();
    expect(rig.codes).toEqual(["ERR_TABLE_FULL"]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("forks of forks run and join at every level [M2.4]", () => {
    const tree: Layer = layer({
      name: "test.tree",
      frame: struct({ level: u8, joined: u8 }),
      wait: (frame, cx) => (frame.joined === 1 ? cx.ready() : cx.after(1)),
      complete(frame, cx, result) {
        if (frame.joined === 1) return cx.done(result);
        if (frame.level === 3) return cx.done(1);
        frame.joined = 1;
        cx.fork(tree, { level: frame.level + 1 });
        cx.fork(tree, { level: frame.level + 1 });
        return cx.join();
      },
    }) as unknown as Layer;
    const rig = emulatedRig(["go"], () => ({ operations: { go: tree } }));
    rig.start("go");
    rig.finish();
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 8 }]);
    expect(rig.engine.now()).toBe(4);
    expect(rig.leftovers()).toEqual([]);
  });
});
