/**
 * Loans over the life of an operation: the buffer is lent from the start to the delivery of the
 * outcome and no longer, and what the program does to its memory meanwhile is held to the rules.
 */
import { describe, expect, test } from "bun:test";
import { ERRNO, layer, struct, type Layer } from "../provider/index.ts";
import { scriptedRig, type EngineRig } from "./engine-rig.fixture.ts";
import type { ScriptedBackend } from "./scripted-backend.fixture.ts";

const borrowed = expect.objectContaining({ code: "ERR_BUFFER_BORROWED" });

function transfer(reads: boolean): Layer {
  return layer({
    name: reads ? "test.read" : "test.write",
    frame: struct({}),
    wait: (_frame, cx) => (reads ? cx.ring.read(3, -1) : cx.ring.write(3, -1)),
    complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
  }) as unknown as Layer;
}

const rigged = (): EngineRig<ScriptedBackend> =>
  scriptedRig(["read", "write"], () => ({
    operations: { read: transfer(true), write: transfer(false) },
  }));

describe("a loan", () => {
  test("lasts to the terminal completion and is over when it is delivered [B4]", () => {
    for (const [result, code] of [
      [5, "ok"],
      [0, "ok"],
      [-ERRNO.EIO, "EIO"],
      [-ERRNO.ECANCELED, "ECANCELED"],
    ] as const) {
      for (const name of ["read", "write"]) {
        const rig = rigged();
        const buffer = rig.pool.owned(16);
        expect(buffer.isBorrowed).toBe(false);
        const slot = rig.start(name, { buffer });
        expect(buffer.isBorrowed).toBe(true);
        rig.engine.cancel(slot);
        rig.engine.work();
        expect([rig.outcomes.length, buffer.isBorrowed]).toEqual([0, true]);
        rig.backend.complete(rig.engine, rig.backend.of(slot), result);
        rig.engine.work();
        expect(rig.outcomes).toMatchObject([{ code, lent: false }]);
      }
    }
  });

  test("keeps its memory from dispose() and from every other operation [B5]", () => {
    const rig = rigged();
    const buffer = rig.pool.owned(64);
    const slot = rig.start("read", { buffer });
    rig.engine.cancel(slot);
    expect(() => buffer.dispose()).toThrow(borrowed);
    expect(() => rig.start("read", { buffer })).toThrow(borrowed);
    expect(() => rig.start("write", { buffer })).toThrow(borrowed);
    const others = Array.from({ length: 8 }, () => rig.pool.owned(64).block.address);
    expect(others).not.toContain(buffer.block.address);
    rig.backend.complete(rig.engine, rig.backend.of(slot), -ERRNO.ECANCELED);
    buffer.dispose();
    rig.engine.work();
    expect(rig.codes).toEqual(["ECANCELED"]);
    expect(rig.leftovers()).toEqual([]);
  });

  test("a refused start leaves no trace: no slot, no loan, nothing in the ring [B5]", () => {
    const rig = rigged();
    const buffer = rig.pool.owned(64);
    rig.start("read", { buffer });
    expect(() => rig.start("write", { buffer })).toThrow(borrowed);
    const other = rig.pool.owned(8);
    for (const words of [{ at: 1, length: 8 }, { at: -1 }, { length: 9 }, { length: 0.5 }]) {
      expect(() => rig.start("read", { buffer: other, ...words })).toThrow(RangeError);
    }
    expect(other.isBorrowed).toBe(false);
    expect([rig.backend.requests.length, rig.engine.state.table.used]).toEqual([1, 1]);
    rig.backend.complete(rig.engine, rig.backend.of(0), 64);
    rig.engine.work();
    expect(rig.leftovers()).toEqual([]);
  });

  test("plain memory is sent as it was at the call, whatever comes after it [B6]", () => {
    const rig = rigged();
    const memory = Uint8Array.of(1, 2, 3, 4);
    const buffer = rig.pool.borrow(memory);
    const slot = rig.start("write", { buffer });
    memory.fill(9);
    expect([...buffer.block.bytes]).toEqual([1, 2, 3, 4]);
    rig.backend.complete(rig.engine, rig.backend.of(slot), 4);
    rig.engine.work();
    expect([...memory]).toEqual([9, 9, 9, 9]);
    expect(rig.outcomes).toMatchObject([{ code: "ok", bytes: 4, lent: false }]);
  });

  test("shared memory is used in place, and holds the result at delivery [B1, B3]", () => {
    const rig = rigged();
    const memory = new Uint8Array(new SharedArrayBuffer(8));
    for (const buffer of [rig.pool.borrow(memory), rig.pool.owned(8)]) {
      const slot = rig.start("read", { buffer });
      buffer.block.bytes.set([5, 6, 7]);
      rig.backend.complete(rig.engine, rig.backend.of(slot), 3);
      rig.engine.work();
      expect([...buffer.bytes.subarray(0, rig.outcomes.at(-1)!.bytes)]).toEqual([5, 6, 7]);
    }
    expect([...memory.subarray(0, 3)]).toEqual([5, 6, 7]);
  });

  test("more bytes than the buffer has are the provider's fault, and none is copied beyond", () => {
    const rig = rigged();
    const memory = new Uint8Array(8);
    const slot = rig.start("read", { buffer: rig.pool.borrow(memory), at: 2, length: 3 });
    rig.pool.get(1).block.bytes.fill(7);
    rig.backend.complete(rig.engine, rig.backend.of(slot), 4);
    rig.engine.work();
    expect(rig.outcomes).toMatchObject([{ code: "ERR_PROVIDER_FAULT", lent: false }]);
    expect([...memory]).toEqual([0, 0, 7, 7, 7, 0, 0, 0]);
  });
});
