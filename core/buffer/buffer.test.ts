/** Buffers: whose memory it is, who may use it, and when it is the program's again. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { Arena } from "./arena.ts";
import type { IoBuffer } from "./buffer.ts";
import { BufferPool, type LeakedBuffer } from "./pool.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isReelError(error) ? error.code : String(error);
  }
  return "nothing";
}

const pool = (): BufferPool => new BufferPool(() => 0);

describe("an owned buffer", () => {
  test("is zeroed, and shows what an operation brought [B3]", () => {
    const buffers = pool();
    const first = buffers.owned(100);
    first.bytes.fill(7);
    first.dispose();
    const buffer = buffers.owned(100);
    expect(buffer.bytes.every((byte) => byte === 0)).toBe(true);
    buffer.lend(true);
    buffer.block.bytes.set([1, 2, 3]);
    buffer.settle(true, 0, 3);
    expect([...buffer.bytes.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
  });

  test("has one writer or many readers [A2.7, B4]", () => {
    const buffer = pool().owned(10);
    buffer.lend(false);
    buffer.lend(false);
    expect(codeOf(() => buffer.lend(true))).toBe("ERR_BUFFER_BORROWED");
    buffer.settle(false, 0, 0);
    expect(buffer.isBorrowed).toBe(true);
    buffer.settle(false, 0, 0);
    expect(buffer.isBorrowed).toBe(false);
    buffer.lend(true);
    expect([buffer.isBorrowed, buffer.isLentForWriting]).toEqual([true, true]);
    expect(codeOf(() => buffer.lend(true))).toBe("ERR_BUFFER_BORROWED");
    expect(codeOf(() => buffer.lend(false))).toBe("ERR_BUFFER_BORROWED");
    buffer.settle(true, 0, 0);
    expect(buffer.isBorrowed).toBe(false);
  });

  test("cannot be disposed of while it is lent, and its memory serves nobody else [B5]", () => {
    const buffers = pool();
    const buffer = buffers.owned(64);
    buffer.lend(true);
    expect(codeOf(() => buffer.dispose())).toBe("ERR_BUFFER_BORROWED");
    expect(buffer.isDisposed).toBe(false);
    const others = Array.from({ length: 20 }, () => buffers.owned(64));
    expect(others.every((other) => other.block.offset !== buffer.block.offset)).toBe(true);
    buffer.settle(true, 0, 0);
    buffer.dispose();
    buffer.dispose();
    expect(buffers.owned(64).block.offset).toBe(buffer.block.offset);
    expect(() => buffer.bytes).toThrow("it was disposed of");
    expect(codeOf(() => buffer.lend(false))).toBe("ERR_BAD_HANDLE");
  });

  test("is disposed of at the end of its scope", () => {
    const buffers = pool();
    {
      using buffer = buffers.owned(5);
      expect(buffer.sizeBytes).toBe(5);
    }
    expect(buffers.live).toBe(0);
  });
});

describe("a buffer over the program's memory", () => {
  test("aliases shared memory in place [B1]", () => {
    const memory = new Uint8Array(new SharedArrayBuffer(16));
    const buffer = pool().borrow(memory);
    expect(buffer.user).toBeUndefined();
    buffer.lend(true);
    buffer.block.bytes[3] = 9;
    expect(memory[3]).toBe(9);
  });

  test("copies plain memory before the call returns, so that it may change at once [B6]", () => {
    const memory = Uint8Array.of(1, 2, 3);
    const buffer = pool().borrow(memory);
    buffer.lend(false);
    memory.fill(0);
    expect([...buffer.block.bytes]).toEqual([1, 2, 3]);
  });

  test("brings a read's bytes back into plain memory, and only those [B1, B6]", () => {
    const memory = new Uint8Array(6).fill(5);
    const buffer = pool().borrow(memory);
    buffer.lend(true);
    buffer.block.bytes.fill(1);
    buffer.settle(true, 2, 3);
    expect([...memory]).toEqual([5, 5, 1, 1, 1, 5]);
  });

  test("does not change what a first operation sends when a second one is given it [B6]", () => {
    const memory = Uint8Array.of(1, 2, 3);
    const buffer = pool().borrow(memory);
    buffer.lend(false);
    buffer.lend(false);
    memory[0] = 9;
    expect(codeOf(() => buffer.lend(false))).toBe("ERR_BUFFER_BORROWED");
    expect([...buffer.block.bytes]).toEqual([1, 2, 3]);
  });

  test("refuses memory detached before the start, and drops what has no place after", () => {
    const memory = new Uint8Array(8);
    const buffer = pool().borrow(memory);
    buffer.lend(true);
    structuredClone(memory, { transfer: [memory.buffer] });
    buffer.settle(true, 0, 4);
    expect(buffer.isBorrowed).toBe(false);
    expect(() => buffer.lend(true)).toThrow("its memory was 8 bytes and is 0 now");
    buffer.dispose();
  });

  test("conflicts with others that overlap it, unless both only read [A2.7]", () => {
    const memory = new Uint8Array(new SharedArrayBuffer(100));
    const buffers = pool();
    const left = buffers.borrow(memory.subarray(0, 60));
    const right = buffers.borrow(memory.subarray(40, 100));
    const apart = buffers.borrow(memory.subarray(60, 100));
    left.lend(true);
    expect(codeOf(() => right.lend(true))).toBe("ERR_BUFFER_BORROWED");
    expect(codeOf(() => right.lend(false))).toBe("ERR_BUFFER_BORROWED");
    apart.lend(true);
    left.settle(true, 0, 0);
    apart.settle(true, 0, 0);
    left.lend(false);
    right.lend(false);
    expect(codeOf(() => apart.lend(true))).toBe("ERR_BUFFER_BORROWED");
  });

  test("copies another buffer's bytes to send them, and refuses to read into them", () => {
    const buffers = pool();
    const owned = buffers.owned(16);
    owned.bytes.fill(3);
    const alias = buffers.borrow(owned.bytes.subarray(4, 8));
    expect(() => alias.lend(true)).toThrow("give that buffer itself");
    alias.lend(false);
    owned.dispose();
    expect([...alias.block.bytes]).toEqual([3, 3, 3, 3]);
  });

  test("takes a Uint8Array and nothing else", () => {
    expect(() => pool().borrow([1, 2] as unknown as Uint8Array)).toThrow(TypeError);
    expect(() => pool().borrow(new Uint16Array(2) as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe("frozen memory", () => {
  test("is for reading only, by as many as want, and thaws at disposal [A2.7, B2]", () => {
    const memory = new Uint8Array(new SharedArrayBuffer(8));
    const buffers = pool();
    const frozen = buffers.freeze(memory);
    expect(codeOf(() => frozen.lend(true))).toBe("ERR_BAD_HANDLE");
    frozen.lend(false);
    frozen.lend(false);
    const other = buffers.borrow(memory.subarray(0, 4));
    expect(codeOf(() => other.lend(true))).toBe("ERR_BUFFER_BORROWED");
    frozen.settle(false, 0, 0);
    frozen.settle(false, 0, 0);
    expect(codeOf(() => other.lend(true))).toBe("ERR_BUFFER_BORROWED");
    frozen.dispose();
    expect(codeOf(() => other.lend(true))).toBe("nothing");
  });

  test("tells when somebody wrote to it [A2.7, B2]", () => {
    const memory = new Uint8Array(8);
    const buffers = pool();
    const frozen = buffers.freeze(memory);
    memory[7] = 1;
    expect(codeOf(() => frozen.dispose())).toBe("ERR_BUFFER_CHANGED");
    expect([frozen.isDisposed, buffers.live]).toEqual([true, 0]);
  });
});

describe("BufferPool", () => {
  test("numbers buffers from 1 and reuses numbers after disposal", () => {
    const buffers = pool();
    const [first, second] = [buffers.owned(1), buffers.owned(1)];
    expect([first.id, second.id]).toEqual([1, 2]);
    first.dispose();
    expect(codeOf(() => buffers.get(1))).toBe("ERR_BAD_HANDLE");
    expect(buffers.owned(1).id).toBe(1);
    expect([...buffers.all()].map((buffer) => buffer.id)).toEqual([1, 2]);
  });

  test("adopt() takes a number and gives it to nobody else, and the gaps to others", () => {
    const buffers = pool();
    const adopted = buffers.adopt(4, Uint8Array.of(1, 2));
    expect([adopted.id, buffers.get(4)]).toEqual([4, adopted]);
    expect(() => buffers.adopt(4, new Uint8Array(1))).toThrow("Cannot adopt buffer 4");
    const ids = Array.from({ length: 5 }, () => buffers.owned(1).id);
    expect(new Set([...ids, 4]).size).toBe(6);
    adopted.dispose();
    expect(buffers.owned(1).id).toBe(4);
  });

  test("watchLeaks() reports a buffer that was dropped, and none that was not [B5]", async () => {
    const buffers = pool();
    const leaks: LeakedBuffer[] = [];
    buffers.watchLeaks((leak) => leaks.push(leak));
    const kept = buffers.owned(10);
    buffers.owned(20).dispose();
    const lent = new WeakRef(lendAndDrop(buffers));
    drop(buffers, 30);
    for (let i = 0; i < 50 && leaks.length === 0; i++) {
      Bun.gc(true);
      await Bun.sleep(1);
    }
    expect(leaks.map((leak) => leak.sizeBytes)).toEqual([30]);
    expect(lent.deref()?.isBorrowed).toBe(true);
    expect([kept.sizeBytes, buffers.live]).toEqual([10, 3]);
    const again = buffers.owned(30);
    expect(again.id).not.toBe(leaks[0]!.id);
  });
});

function drop(buffers: BufferPool, sizeBytes: number): void {
  buffers.owned(sizeBytes);
}

function lendAndDrop(buffers: BufferPool): IoBuffer {
  const buffer = buffers.owned(40);
  buffer.lend(true);
  return buffer;
}

describe("Arena", () => {
  test("hands out powers of two, pages on page boundaries, the last freed first", () => {
    const arena = new Arena(() => 0x1234567);
    const small = arena.take(65);
    const page = arena.take(4097);
    expect([small.bytes.length, small.sizeClass, page.sizeClass]).toEqual([65, 7, 13]);
    expect(page.address % 4096).toBe(0);
    expect(arena.inUseBytes).toBe(128 + 8192);
    arena.give(small);
    expect(arena.take(128).offset).toBe(small.offset);
    expect(arena.resolve(page.address + 10, 5)?.length).toBe(5);
    expect(arena.resolve(1, 5)).toBeUndefined();
  });

  test("refuses to grow beyond its limit, and to take odd sizes", () => {
    const arena = new Arena(() => 0, 1 << 20);
    arena.take(1 << 20);
    expect(codeOf(() => arena.take(1))).toBe("ERR_LIMIT");
    expect(arena.inUseBytes).toBe(1 << 20);
    for (const size of [-1, 1.5, 2 ** 31, Number.NaN]) {
      expect(() => arena.take(size)).toThrow(RangeError);
    }
  });
});
