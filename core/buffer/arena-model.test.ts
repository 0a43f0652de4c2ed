/** The arena: live blocks never overlap, lie where devices want them, and stay in its limit. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Arena, type Block } from "./arena.ts";

/** Addresses as a kernel would give them: never on a page boundary, far apart. */
function unaligned(): (bytes: Uint8Array) => number {
  let next = 0x7f00_0000_0123;
  return (bytes) => {
    const address = next;
    next += bytes.length + 0x10_0000;
    return address;
  };
}

const sizes = fc.oneof(
  fc.nat(200),
  fc.constantFrom(0, 1, 63, 64, 65, 4095, 4096, 4097, 65536, (1 << 20) - 1, 1 << 20),
  fc.nat(300_000),
);
const step = fc.record({ gives: fc.boolean(), sizeBytes: sizes, which: fc.nat(30) });

function expectApart(blocks: readonly Block[]): void {
  const sorted = blocks.toSorted((a, b) => a.address - b.address);
  for (const [i, block] of sorted.entries()) {
    const next = sorted[i + 1];
    const realBytes = 2 ** block.sizeClass;
    expect(realBytes).toBeGreaterThanOrEqual(Math.max(64, block.bytes.length));
    if (next !== undefined) expect(block.address + realBytes).toBeLessThanOrEqual(next.address);
    expect(block.address % Math.min(realBytes, 4096)).toBe(0);
  }
}

describe("Arena", () => {
  for (const [title, pin] of [
    ["with addresses", unaligned],
    ["without addresses", () => () => 0],
  ] as const) {
    test(`live blocks never overlap, and are aligned and their own, ${title}`, () => {
      const property = fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const arena = new Arena(pin());
        let live: { block: Block; fill: number }[] = [];
        for (const [i, { gives, sizeBytes, which }] of steps.entries()) {
          const given = gives ? live[which] : undefined;
          if (given !== undefined) {
            arena.give(given.block);
            live = live.filter((each) => each !== given);
          } else if (!gives) {
            const block = arena.take(sizeBytes);
            expect(block.bytes.length).toBe(sizeBytes);
            expect(block.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
            block.bytes.fill(i + 1);
            live.push({ block, fill: i + 1 });
          }
          expectApart(live.map(({ block }) => block));
          const inUse = live.reduce((sum, { block }) => sum + 2 ** block.sizeClass, 0);
          expect(arena.inUseBytes).toBe(inUse);
          expect(arena.reservedBytes).toBeGreaterThanOrEqual(inUse);
        }
        for (const { block, fill } of live) {
          expect(block.bytes.every((byte) => byte === fill)).toBe(true);
          const found = arena.resolve(block.address, block.bytes.length);
          expect(found?.byteOffset).toBe(block.bytes.byteOffset);
          expect(found?.buffer).toBe(block.bytes.buffer);
        }
      });
      fc.assert(property, { seed: 71, numRuns: 40 });
    });
  }

  test("the same history gets the same offsets, whatever the addresses are", () => {
    const history = (pin: (bytes: Uint8Array) => number): number[] => {
      const arena = new Arena(pin);
      const first = arena.take(100);
      const blocks = [first, arena.take(5000), arena.take(2 << 20), arena.take(1)];
      arena.give(first);
      return [...blocks, arena.take(65), arena.take(65)].map(({ offset }) => offset);
    };
    expect(history(unaligned())).toEqual(history(() => 0));
  });

  test("a freed block serves the next request of its size, last freed first", () => {
    const arena = new Arena(() => 0);
    const [a, b] = [arena.take(100), arena.take(100)];
    arena.give(a);
    arena.give(b);
    expect([arena.take(128), arena.take(70)].map(({ offset }) => offset)).toEqual([
      b.offset,
      a.offset,
    ]);
  });

  test("take() refuses what would grow the arena over its limit, and can go on", () => {
    const arena = new Arena(() => 0, 1 << 20);
    const whole = arena.take(1 << 20);
    expect(() => arena.take(1)).toThrow(expect.objectContaining({ code: "ERR_LIMIT" }));
    expect(arena.inUseBytes).toBe(1 << 20);
    arena.give(whole);
    expect(arena.take(1 << 20).offset).toBe(whole.offset);
  });

  test("take() refuses sizes that are none", () => {
    const arena = new Arena(() => 0);
    for (const size of [-1, 0.5, NaN, Infinity, (1 << 30) + 1]) {
      expect(() => arena.take(size)).toThrow(RangeError);
    }
    expect(arena.inUseBytes).toBe(0);
    expect(arena.resolve(0, 1)).toBeUndefined();
  });
});
