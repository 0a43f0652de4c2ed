/** The 8237A: counters, pages, modes, and what terminal count does. */
import { describe, expect, test } from "bun:test";
import { DmaController } from "./dma.ts";

const SIZE = 1 << 18;

function bench(mode: number, address: number, count: number) {
  const memory = Uint8Array.from({ length: SIZE }, (_, i) => (i * 3) & 0xff);
  const inside = (at: number, length: number): boolean => at >= 0 && at + length <= SIZE;
  const dma = new DmaController({
    readMemory(at, target) {
      if (!inside(at, target.length)) return false;
      target.set(memory.subarray(at, at + target.length));
      return true;
    },
    writeMemory(at, bytes) {
      if (!inside(at, bytes.length)) return false;
      memory.set(bytes, at);
      return true;
    },
  });
  const out = (port: number, value: number): void => dma.writeRegister("channels", port, value);
  const word = (port: number): number => {
    out(0x0c, 0);
    return dma.readRegister("channels", port) | (dma.readRegister("channels", port) << 8);
  };
  out(0x0c, 0);
  out(0x0b, mode | 2);
  for (const value of [address & 0xff, (address >> 8) & 0xff]) out(4, value);
  for (const value of [count & 0xff, count >> 8]) out(5, value);
  dma.writeRegister("pages", 0, address >> 16);
  out(0x0a, 2);
  return { memory, dma, out, word, channel: dma.channel(2) };
}

describe("DmaController", () => {
  test("moves count + 1 bytes, then masks the channel and says terminal count", () => {
    const { memory, dma, channel, word } = bench(0x44, 0x12345, 99);
    const bytes = new Uint8Array(60).fill(0xee);
    expect([channel.request(bytes, 60, true), channel.terminalCount]).toEqual([60, false]);
    expect([word(4), word(5)]).toEqual([0x2345 + 60, 39]);
    expect([channel.request(bytes, 60, true), channel.terminalCount]).toEqual([40, true]);
    expect(memory.subarray(0x12345, 0x12345 + 100).every((byte) => byte === 0xee)).toBe(true);
    expect(memory[0x12345 + 100]).toBe(((0x12345 + 100) * 3) & 0xff);
    expect(channel.request(bytes, 60, true)).toBe(0);
    // Reading the status register clears the terminal count bits.
    expect([0, 0].map(() => dma.readRegister("channels", 8))).toEqual([4, 0]);
  });

  test("with autoinitialise begins again at its base", () => {
    const { channel, word } = bench(0x54, 0x1000, 9);
    const bytes = new Uint8Array(10);
    expect([channel.request(bytes, 10, true), channel.terminalCount]).toEqual([10, true]);
    expect([word(4), word(5)]).toEqual([0x1000, 9]);
    expect([channel.request(bytes, 4, true), channel.terminalCount]).toEqual([4, false]);
  });

  test("wraps inside its 64 KiB page and never carries into the page register", () => {
    const { memory, channel } = bench(0x44, 0x1fffe, 3);
    const before = memory[0x20000];
    channel.request(Uint8Array.of(1, 2, 3, 4), 4, true);
    expect([memory[0x1fffe], memory[0x1ffff], memory[0x10000], memory[0x10001]]).toEqual([
      1, 2, 3, 4,
    ]);
    expect(memory[0x20000]).toBe(before);
  });

  test("verifies without touching memory, and a wrong direction moves nothing either", () => {
    for (const mode of [0x40, 0x48]) {
      const { memory, channel, word } = bench(mode, 0x1000, 9);
      const before = memory.slice();
      expect(channel.request(new Uint8Array(4).fill(9), 4, true)).toBe(4);
      expect(memory).toEqual(before);
      expect(word(5)).toBe(5);
    }
    const { channel } = bench(0x44, 0x1000, 9);
    const bytes = new Uint8Array(4);
    expect(channel.request(bytes, 4, false)).toBe(4);
    expect([...bytes]).toEqual([255, 255, 255, 255]);
  });

  test("counts down with the decrement bit", () => {
    const { memory, channel } = bench(0x64, 0x1010, 2);
    channel.request(Uint8Array.of(7, 8, 9), 3, true);
    expect([...memory.subarray(0x100e, 0x1011)]).toEqual([9, 8, 7]);
  });

  test("moves what is inside memory when part of it is not", () => {
    const { memory, channel } = bench(0x44, 0x3fffe, 3);
    expect(channel.request(Uint8Array.of(1, 2, 3, 4), 4, true)).toBe(4);
    expect([memory[SIZE - 2], memory[SIZE - 1], memory[0x30000]]).toEqual([1, 2, 3]);
    const far = bench(0x48, 0xff0000, 3);
    const bytes = new Uint8Array(4);
    expect(far.channel.request(bytes, 4, false)).toBe(4);
    expect([...bytes]).toEqual([255, 255, 255, 255]);
  });

  test("does nothing while masked or disabled, and MASTER CLEAR masks all", () => {
    const { channel, out } = bench(0x44, 0, 9);
    const bytes = new Uint8Array(4);
    out(8, 4);
    expect(channel.request(bytes, 4, true)).toBe(0);
    out(8, 0);
    out(0x0d, 0);
    expect(channel.request(bytes, 4, true)).toBe(0);
    out(0x0e, 0);
    expect(channel.request(bytes, 4, true)).toBe(4);
    out(0x0f, 0x0f);
    expect(channel.request(bytes, 4, true)).toBe(0);
  });

  test("restore() takes its own snapshot over and refuses any other", () => {
    const one = bench(0x54, 0x12345, 99);
    one.channel.request(new Uint8Array(7), 7, true);
    const two = bench(0x44, 0, 0);
    two.dma.restore(one.dma.snapshot());
    expect(two.dma.snapshot()).toEqual(one.dma.snapshot());
    for (const text of ["", "{}", "[]", "null", '{"version":2}']) {
      const bytes = new TextEncoder().encode(text);
      expect(() => two.dma.restore(bytes)).toThrow("not its own state");
    }
    expect(() => two.dma.channel(4)).toThrow(RangeError);
  });
});
