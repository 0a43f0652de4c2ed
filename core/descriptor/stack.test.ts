/** Stacks of frames against a model: where frames lie, when pages are taken and given back. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HEADER_SHIFT, LAYER, PAGE_BYTES, PAGE_COUNT, STACK_WORDS, TOP } from "./layout.ts";
import { FRAME_BYTES_MAX, FrameStacks, PAGES_PER_OPERATION_MAX } from "./stack.ts";
import { DescriptorTable } from "./table.ts";

function fresh(slots = 2, overflowPages = 4) {
  const table = new DescriptorTable({ slots, overflowPages, lists: 128 });
  for (let i = 0; i < slots; i++) table.acquire();
  return { table, stacks: new FrameStacks(table) };
}

/** Pushes frames of one size until the operation is too deep. @returns how many fitted */
function fill(stacks: FrameStacks, slot: number, sizeBytes: number): number {
  for (let depth = 0; ; depth++) {
    if (stacks.push(slot, depth, sizeBytes, depth === 0 ? 0 : sizeBytes) === 0) return depth;
  }
}

describe("FrameStacks", () => {
  test("has 127 words a page, one of them for each frame's header [S1]", () => {
    expect(STACK_WORDS * 8 + 8).toBe(PAGE_BYTES);
    const { stacks } = fresh(2, 0);
    expect(fill(stacks, 0, 0)).toBe(STACK_WORDS);
    expect(fill(stacks, 1, 24)).toBe(Math.floor((STACK_WORDS * 8) / 32));
    expect(FRAME_BYTES_MAX).toBe((STACK_WORDS - 1) * 8);
  });

  test("takes a page from the pool when its own is full, and gives it back [S2]", () => {
    const { stacks } = fresh();
    expect(stacks.push(0, 1, FRAME_BYTES_MAX, 0)).not.toBe(0);
    expect(stacks.pagesUsed).toBe(0);
    const second = stacks.push(0, 2, 8, FRAME_BYTES_MAX);
    expect(stacks.pagesUsed).toBe(1);
    expect(stacks.frames(0).map((frame) => frame.layer)).toEqual([1, 2]);
    expect(stacks.frames(0)[1]!.base).toBe(second);
    stacks.pop(0);
    expect(stacks.pagesUsed).toBe(0);
    expect(stacks.pop(0)).toBe(0);
    expect(stacks.frames(0)).toEqual([]);
  });

  test("refuses to go beyond limit and pool, and leaves the stack as it was [S2]", () => {
    const roomy = fresh(2, 200);
    const deep = fill(roomy.stacks, 0, FRAME_BYTES_MAX);
    expect(deep).toBe(1 + PAGES_PER_OPERATION_MAX);
    expect(roomy.stacks.pagesUsed).toBe(PAGES_PER_OPERATION_MAX);
    expect(roomy.stacks.frames(0).length).toBe(deep);
    const tight = fresh(2, 3);
    expect(fill(tight.stacks, 0, FRAME_BYTES_MAX)).toBe(4);
    expect(fill(tight.stacks, 1, FRAME_BYTES_MAX)).toBe(1);
    for (let i = 0; i < 4; i++) tight.stacks.pop(0);
    expect(fill(tight.stacks, 1, FRAME_BYTES_MAX)).toBe(3);
  });

  test("zeroes a frame that lies where another was", () => {
    const { stacks, table } = fresh();
    for (const size of [8, 136, FRAME_BYTES_MAX]) {
      const base = stacks.push(0, 1, size, 0);
      table.slab.u8.fill(0xff, base, base + size);
      stacks.pop(0);
      expect(stacks.push(0, 1, size, 0)).toBe(base);
      expect(table.slab.u8.subarray(base, base + size).every((byte) => byte === 0)).toBe(true);
      stacks.pop(0);
    }
  });

  test("any schedule of pushes and pops agrees with arrays [S1, S2, S3]", () => {
    const command = fc.tuple(
      fc.nat({ max: 1 }),
      fc.option(
        fc.nat({ max: 126 }).map((words) => words * 8),
        { freq: 2, nil: undefined },
      ),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80, size: "max" }), (commands) => {
        const { stacks, table } = fresh(2, 6);
        const model: { layer: number; size: number; fill: number }[][] = [[], []];
        let layer = 0;
        for (const [slot, size] of commands) {
          const frames = model[slot]!;
          if (size === undefined) {
            if (frames.length === 0) continue;
            frames.pop();
            expect(stacks.pop(slot) === 0).toBe(frames.length === 0);
          } else {
            const base = stacks.push(slot, ++layer, size, frames.at(-1)?.size ?? 0);
            if (base === 0) continue;
            table.slab.u8.fill(layer & 0xff, base, base + size);
            frames.push({ layer, size, fill: layer & 0xff });
          }
          checkAgainst(table, stacks, model);
        }
        for (const [slot, frames] of model.entries()) for (const _ of frames) stacks.pop(slot);
        expect(stacks.pagesUsed).toBe(0);
      }),
      { seed: 20_250_804, numRuns: 300 },
    );
  });
});

function checkAgainst(
  table: DescriptorTable,
  stacks: FrameStacks,
  model: readonly (readonly { layer: number; size: number; fill: number }[])[],
): void {
  let pages = 0;
  for (const [slot, frames] of model.entries()) {
    const found = stacks.frames(slot);
    expect(found.map((frame) => frame.layer)).toEqual(frames.map((frame) => frame.layer));
    for (const [i, { base }] of found.entries()) {
      const bytes = table.slab.u8.subarray(base, base + frames[i]!.size);
      expect(bytes.every((byte) => byte === frames[i]!.fill)).toBe(true);
    }
    const header = slot << HEADER_SHIFT;
    if (found.length > 0) {
      expect(table.i32[header + TOP]).toBe(found.at(-1)!.base);
      expect(table.i32[header + LAYER]).toBe(found.at(-1)!.layer);
    }
    pages += table.i32[header + PAGE_COUNT]!;
  }
  expect(stacks.pagesUsed).toBe(pages);
}
