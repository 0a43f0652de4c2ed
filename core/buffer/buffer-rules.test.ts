/**
 * Buffers and their ledger: whose memory it is, who may use it at the same time, when it may be
 * let go of, and how a change of frozen memory is found.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { IoBuffer } from "./buffer.ts";
import { BufferPool } from "./pool.ts";

const borrowed = expect.objectContaining({ code: "ERR_BUFFER_BORROWED" });
const bad = expect.objectContaining({ code: "ERR_BAD_HANDLE" });
const changed = expect.objectContaining({ code: "ERR_BUFFER_CHANGED" });
const pool = () => new BufferPool(() => 0);
const shared = (sizeBytes: number) => new Uint8Array(new SharedArrayBuffer(sizeBytes));

describe("IoBuffer", () => {
  test("borrow() of shared memory aliases it: either side sees the other's bytes [B1]", () => {
    const memory = shared(32);
    const buffer = pool().borrow(memory.subarray(8, 24));
    buffer.bytes[0] = 7;
    expect(memory[8]).toBe(7);
    memory[9] = 8;
    buffer.lend(false);
    expect(buffer.block.bytes[1]).toBe(8);
    expect(buffer.block.bytes.buffer).toBe(memory.buffer);
    expect(buffer.sizeBytes).toBe(16);
  });

  test("borrow() of plain memory shows the caller's own bytes, filled when it settles [B1]", () => {
    const memory = new Uint8Array(16);
    const buffer = pool().borrow(memory);
    expect(buffer.bytes).toBe(memory);
    buffer.lend(true);
    buffer.block.bytes.set([1, 2, 3, 4, 5], 3);
    buffer.settle(true, 4, 3);
    // Only what the operation says that it wrote.
    expect([...memory.subarray(0, 9)]).toEqual([0, 0, 0, 0, 2, 3, 4, 0, 0]);
  });

  test("owned() memory is zeroed, also when it was another's, and readable to its end [B3]", () => {
    const buffers = pool();
    const first = buffers.owned(100);
    first.bytes.fill(9);
    const { offset } = first.block;
    first.dispose();
    const second = buffers.owned(70);
    expect(second.block.offset).toBe(offset);
    expect(second.bytes.length).toBe(70);
    expect(second.bytes.every((byte) => byte === 0)).toBe(true);
    second.lend(true);
    second.block.bytes.fill(3);
    second.settle(true, 0, 70);
    expect(second.bytes.every((byte) => byte === 3)).toBe(true);
  });

  test("dispose() of a lent buffer throws and its memory is not given away [B5]", () => {
    for (const write of [true, false]) {
      const buffers = pool();
      const buffer = buffers.owned(64);
      buffer.lend(write);
      expect(() => buffer.dispose()).toThrow(borrowed);
      expect(() => buffer[Symbol.dispose]()).toThrow(borrowed);
      expect(buffer.isDisposed).toBe(false);
      expect(buffers.get(buffer.id)).toBe(buffer);
      const others = Array.from({ length: 50 }, () => buffers.owned(64));
      expect(others.every((each) => each.block.offset !== buffer.block.offset)).toBe(true);
      buffer.settle(write, 0, 0);
      buffer.dispose();
      expect(buffers.owned(64).block.offset).toBe(buffer.block.offset);
    }
  });

  test("a disposed buffer can be used for nothing, and disposed of again", () => {
    const buffers = pool();
    const buffer = buffers.owned(8);
    buffer.dispose();
    buffer.dispose();
    expect(buffers.live).toBe(0);
    expect(() => buffer.bytes).toThrow(bad);
    expect(() => buffer.lend(false)).toThrow(bad);
    expect(() => buffers.get(buffer.id)).toThrow(bad);
    expect(() => buffers.get(0)).toThrow(bad);
  });

  test("lend() takes plain memory's bytes there and then: later changes are not sent [B6]", () => {
    const memory = Uint8Array.of(1, 2, 3);
    const buffer = pool().borrow(memory);
    buffer.lend(false);
    memory.fill(0xee);
    expect([...buffer.block.bytes]).toEqual([1, 2, 3]);
  });
});

describe("frozen memory", () => {
  test("dispose() finds one changed byte, and lets the memory go anyway [A2.7]", () => {
    for (const memory of [shared(4096), new Uint8Array(4096)]) {
      const buffers = pool();
      const buffer = buffers.freeze(memory);
      memory[4095]! ^= 1;
      expect(() => buffer.dispose()).toThrow(changed);
      expect(buffer.isDisposed).toBe(true);
      expect(buffers.live).toBe(0);
      buffers.freeze(memory).dispose();
    }
  });

  test("a frozen buffer may be read by many and written by none, for its whole life [B2]", () => {
    const buffers = pool();
    const memory = shared(64);
    const frozen = buffers.freeze(memory);
    expect(() => frozen.lend(true)).toThrow(bad);
    // The freeze holds before, between and after loans, not only during one.
    const alias = buffers.borrow(memory.subarray(60));
    expect(() => alias.lend(true)).toThrow(borrowed);
    frozen.lend(false);
    frozen.lend(false);
    alias.lend(false);
    alias.settle(false, 0, 0);
    frozen.settle(false, 0, 0);
    frozen.settle(false, 0, 0);
    expect(() => alias.lend(true)).toThrow(borrowed);
    frozen.dispose();
    alias.lend(true);
    expect(alias.isLentForWriting).toBe(true);
  });

  test("overlapping loans: readers share, a writer is alone, neighbours are free [A2.7]", () => {
    const buffers = pool();
    const memory = shared(100);
    const low = buffers.borrow(memory.subarray(0, 60));
    const high = buffers.borrow(memory.subarray(59, 100));
    const apart = buffers.borrow(memory.subarray(60, 100));
    low.lend(true);
    expect(() => high.lend(true)).toThrow(borrowed);
    expect(() => high.lend(false)).toThrow(borrowed);
    apart.lend(true);
    apart.settle(true, 0, 0);
    low.settle(true, 0, 0);
    low.lend(false);
    high.lend(false);
    expect(() => apart.lend(true)).toThrow(borrowed);
    high.settle(false, 0, 0);
    apart.lend(true);
  });
});

interface Span {
  buffer: IoBuffer;
  from: number;
  to: number;
  readers: number;
  writer: boolean;
}

const action = fc.record({
  what: fc.constantFrom("make", "read", "write", "settle", "dispose"),
  which: fc.nat(5),
  from: fc.nat(40),
  length: fc.integer({ min: 1, max: 20 }),
});

/** Whether the loan may be made, said anew in the plainest way. */
function mayLend(spans: readonly Span[], span: Span, write: boolean): boolean {
  if (span.writer || (write && span.readers > 0)) return false;
  return !spans.some((other) => {
    if (other === span || other.to <= span.from || span.to <= other.from) return false;
    return other.writer || (write && other.readers > 0);
  });
}

describe("the ledger against a model", () => {
  test("no history lends memory for writing that another loan uses [A2.7, B5]", () => {
    const property = fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const buffers = pool();
      const memory = shared(64);
      let spans: Span[] = [];
      for (const { what, which, from, length } of actions) {
        const span = spans[which];
        if (what === "make") {
          const buffer = buffers.borrow(memory.subarray(from, from + length));
          spans.push({ buffer, from, to: from + length, readers: 0, writer: false });
        } else if (span === undefined) {
          continue;
        } else if (what === "read" || what === "write") {
          lend(spans, span, what === "write");
        } else if (what === "settle") {
          settle(span);
        } else if (span.writer || span.readers > 0) {
          expect(() => span.buffer.dispose()).toThrow(borrowed);
        } else {
          span.buffer.dispose();
          spans = spans.filter((each) => each !== span);
        }
        for (const each of spans) {
          expect(each.buffer.isBorrowed).toBe(each.writer || each.readers > 0);
          expect(each.buffer.isLentForWriting).toBe(each.writer);
        }
        expect(buffers.live).toBe(spans.length);
        expect([...buffers.all()].length).toBe(spans.length);
      }
    });
    fc.assert(property, { seed: 81, numRuns: 300 });
  });
});

function lend(spans: readonly Span[], span: Span, write: boolean): void {
  if (!mayLend(spans, span, write)) {
    expect(() => span.buffer.lend(write)).toThrow(borrowed);
    return;
  }
  span.buffer.lend(write);
  if (write) span.writer = true;
  else span.readers++;
}

function settle(span: Span): void {
  if (!span.writer && span.readers === 0) return;
  span.buffer.settle(span.writer, 0, 0);
  if (span.writer) span.writer = false;
  else span.readers--;
}
