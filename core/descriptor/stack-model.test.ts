/**
 * The stack of an operation: 127 words in the slot, then overflow pages up to a hard limit. A model
 * of plain arrays is held against it over random histories of several operations at once.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HEADER_SHIFT, LAYER, STACK_WORDS, TOP } from "./layout.ts";
import { FRAME_BYTES_MAX, FrameStacks, PAGES_PER_OPERATION_MAX } from "./stack.ts";
import { DescriptorTable } from "./table.ts";

/** Operations whose frames all have one size: what a stack of equal layers is. */
function rig(overflowPages: number): { table: DescriptorTable; stacks: FrameStacks; slot: number } {
  const table = new DescriptorTable({ slots: 3, lists: 128, ends: 1, overflowPages });
  const stacks = new FrameStacks(table);
  return { table, stacks, slot: table.acquire() };
}

describe("FrameStacks", () => {
  test("an operation has 127 words before its first overflow page [S1, S2]", () => {
    // A frame is its data and one word: the words in use are counted with it.
    for (const dataWords of [0, 1, 3, 8, 31, 125, 126]) {
      const { stacks, slot } = rig(4);
      const deepest = Math.floor(STACK_WORDS / (dataWords + 1));
      for (let i = 0; i < deepest; i++) {
        expect(stacks.push(slot, i, dataWords * 8, dataWords * 8)).toBeGreaterThan(0);
      }
      expect(stacks.pagesUsed).toBe(0);
      expect(stacks.push(slot, deepest, dataWords * 8, dataWords * 8)).toBeGreaterThan(0);
      expect(stacks.pagesUsed).toBe(1);
      expect(stacks.frames(slot).map(({ layer }) => layer)).toEqual(
        Array.from({ length: deepest + 1 }, (_, i) => i),
      );
      stacks.pop(slot);
      expect(stacks.pagesUsed).toBe(0);
    }
    expect(STACK_WORDS).toBe(127);
    expect(FRAME_BYTES_MAX).toBe((STACK_WORDS - 1) * 8);
  });

  test("an operation is refused a page beyond the hard limit, and goes on below it [S2]", () => {
    const { stacks, slot } = rig(200);
    let depth = 0;
    while (stacks.push(slot, depth, FRAME_BYTES_MAX, FRAME_BYTES_MAX) !== 0) depth++;
    expect(depth).toBe(1 + PAGES_PER_OPERATION_MAX);
    expect(stacks.pagesUsed).toBe(PAGES_PER_OPERATION_MAX);
    expect(stacks.push(slot, 7, FRAME_BYTES_MAX, FRAME_BYTES_MAX)).toBe(0);
    expect(stacks.frames(slot).length).toBe(depth);
    for (let i = 0; i < depth; i++) stacks.pop(slot);
    expect(stacks.pagesUsed).toBe(0);
    expect(stacks.frames(slot)).toEqual([]);
  });

  test("an empty pool refuses a page; one that was given back serves another [S2]", () => {
    const { table, stacks, slot } = rig(1);
    const other = table.acquire();
    for (const each of [slot, other]) stacks.push(each, 0, FRAME_BYTES_MAX, 0);
    const page = stacks.push(slot, 1, 8, FRAME_BYTES_MAX);
    expect(page).toBeGreaterThan(0);
    expect(stacks.push(other, 1, 8, FRAME_BYTES_MAX)).toBe(0);
    stacks.pop(slot);
    expect(stacks.push(other, 1, 8, FRAME_BYTES_MAX)).toBe(page);
  });
});

interface ModelFrame {
  layer: number;
  sizeBytes: number;
  fill: number;
}

const step = fc.record({
  slot: fc.nat(2),
  pops: fc.boolean(),
  words: fc.oneof(fc.nat(6), fc.integer({ min: 40, max: 126 })),
});

describe("FrameStacks against arrays", () => {
  test("every history keeps all frames' bytes, and frees a page with its last frame [S2]", () => {
    const property = fc.property(fc.array(step, { maxLength: 90, size: "max" }), (steps) => {
      const { table, stacks } = rig(5);
      table.acquire();
      table.acquire();
      const model: ModelFrame[][] = [[], [], []];
      for (const [i, { slot, pops, words }] of steps.entries()) {
        const frames = model[slot]!;
        const running = frames.at(-1);
        if (pops && running !== undefined) {
          frames.pop();
          expect(stacks.pop(slot) === 0).toBe(frames.length === 0);
        } else {
          const base = stacks.push(slot, i, words * 8, running?.sizeBytes ?? 0);
          if (base !== 0) {
            const data = table.slab.u8.subarray(base, base + words * 8);
            expect(data.every((byte) => byte === 0)).toBe(true);
            data.fill(1 + (i % 255));
            frames.push({ layer: i, sizeBytes: words * 8, fill: 1 + (i % 255) });
          }
        }
        compare(table, stacks, model);
      }
      for (const [slot, frames] of model.entries()) for (const _ of frames) stacks.pop(slot);
      expect(stacks.pagesUsed).toBe(0);
    });
    fc.assert(property, { seed: 41, numRuns: 120 });
  });
});

function compare(table: DescriptorTable, stacks: FrameStacks, model: ModelFrame[][]): void {
  for (const [slot, frames] of model.entries()) {
    const found = stacks.frames(slot);
    expect(found.map(({ layer }) => layer)).toEqual(frames.map(({ layer }) => layer));
    for (const [i, { sizeBytes, fill }] of frames.entries()) {
      const { base } = found[i]!;
      const data = table.slab.u8.subarray(base, base + sizeBytes);
      expect(data.every((byte) => byte === fill)).toBe(true);
    }
    const header = slot << HEADER_SHIFT;
    if (frames.length === 0) expect(table.i32[header + TOP]).toBe(0);
    else expect(table.i32[header + LAYER]).toBe(frames.at(-1)!.layer);
  }
}
