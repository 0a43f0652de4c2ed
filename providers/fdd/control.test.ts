/** The commands that touch no sector, on the bare machine: answers, steps and what resets leave. */
import { describe, expect, test } from "bun:test";
import { Bench, diskOf } from "./bare-machine.fixture.ts";

const AT = 0x20000;

describe("Control commands", () => {
  test("invalid ones answer 80h at once, without interrupt [5.3]", () => {
    const bench = new Bench();
    const before = bench.machine.interrupts;
    for (const byte of [0x00, 0x01, 0x0b, 0x15, 0x18, 0x1f, 0x8e, 0xff, 0x28, 0xa5]) {
      expect(bench.command(byte)).toEqual([0x80]);
    }
    expect(bench.machine.interrupts).toBe(before);
  });

  test("VERSION, LOCK, CONFIGURE and DUMPREG tell what was set [5.2]", () => {
    const bench = new Bench();
    expect(bench.command(0x10)).toEqual([0x90]);
    expect(bench.command(0x13, 0, 0x57, 40)).toEqual([]);
    expect(bench.command(0x12, 0x84)).toEqual([]);
    expect(bench.command(0x94)).toEqual([0x10]);
    expect(bench.command(0x0e)).toEqual([0, 0, 0, 0, 0xdf, 2, 0, 0x84, 0x57, 40]);
    bench.write(4, 0x80);
    bench.machine.run(1e6);
    for (let i = 0; i < 4; i++) bench.command(8);
    // LOCK keeps FIFO and threshold over a software reset; EIS and polling go back.
    expect(bench.command(0x0e)).toEqual([0, 0, 0, 0, 0xdf, 2, 0, 0x84, 0x07, 40]);
    expect(bench.command(0x14)).toEqual([0]);
    bench.write(4, 0x80);
    bench.machine.run(1e6);
    expect(bench.command(0x0e)[8]).toBe(0x20);
  });

  test("PART ID and DRIVE SPECIFICATION belong to the 82078, bounded [CVE-2015-3456]", () => {
    const bench = new Bench("1.44M", { chip: "82078" });
    expect(bench.command(0x18)).toEqual([0x41]);
    expect(bench.command(0x8e, 1, 2, 0xc0)).toEqual([]);
    expect(bench.command(0x8e, 1, 2, 3, 4, 5)).toEqual([0, 0, 0, 0]);
    const small = new Bench();
    for (let i = 0; i < 1000; i++) {
      small.write(5, 0x8e);
      small.write(5, 0x41);
    }
    small.write(2, 0x18);
    small.write(2, 0x1c);
    small.machine.run(1e6);
    for (let i = 0; i < 4; i++) expect(small.command(8)).toEqual([0xc0 | i, 0]);
  });

  test("SEEK, RECALIBRATE and RELATIVE SEEK step at the rate of SPECIFY [5.2.2, 5.2.3]", () => {
    const bench = new Bench();
    const timed = (...bytes: number[]): [number, number[]] => {
      const before = bench.machine.nowNs;
      bench.command(...bytes);
      bench.finish();
      return [bench.machine.nowNs - before, bench.command(8)];
    };
    expect(timed(0x0f, 0, 40)).toEqual([40 * 3e6, [0x20, 40]]);
    expect(timed(0xcf, 0, 10)).toEqual([10 * 3e6, [0x20, 50]]);
    expect(timed(0x8f, 0, 20)).toEqual([20 * 3e6, [0x20, 30]]);
    expect(timed(0x07, 0)).toEqual([30 * 3e6, [0x20, 0]]);
    bench.command(0x03, 0x8f, 2);
    expect(timed(0x0f, 0, 82)).toEqual([82 * 8e6, [0x20, 82]]);
    // 79 steps are not enough from here: equipment check, and the second one finds track 0.
    expect(timed(0x07, 0)[1]).toEqual([0x70, 0]);
    expect(timed(0x07, 0)[1]).toEqual([0x20, 0]);
    expect(bench.command(8)).toEqual([0x80]);
  });

  test("seeks on four drives overlap, each with its busy bit until it is sensed [2.1.6]", () => {
    const bench = new Bench();
    for (let unit = 0; unit < 4; unit++) bench.command(0x0f, unit, 10 + unit);
    expect(bench.read(4)).toBe(0x8f);
    bench.machine.run(200e6);
    const senses = [0, 1, 2, 3].map(() => bench.command(8));
    expect(senses).toEqual([0, 1, 2, 3].map((unit) => [0x20 | unit, 10 + unit]));
    expect(bench.read(4)).toBe(0x80);
  });

  test("where the arms are is kept over a reset, forgotten in power-down [5.2.3]", () => {
    const bench = new Bench();
    const reset = (value: number): number[][] => {
      bench.write(4, value);
      if (value !== 0x80) bench.write(4, 0x80);
      bench.machine.run(1e6);
      return [0, 1, 2, 3].map(() => bench.command(8));
    };
    bench.seek(10);
    expect(reset(0x80)).toEqual([
      [0xc0, 10],
      [0xc1, 0],
      [0xc2, 0],
      [0xc3, 0],
    ]);
    expect(reset(0x40)).toEqual([
      [0xc0, 0],
      [0xc1, 0],
      [0xc2, 0],
      [0xc3, 0],
    ]);
    // The arm is where it was: RECALIBRATE steps, and says 0 from its first step on [5.2.2].
    bench.command(7, 0);
    bench.machine.run(5e6);
    expect(bench.command(0x0e)[0]).toBe(0);
    bench.machine.run(40e6);
    expect(bench.command(8)).toEqual([0x20, 0]);
    expect(bench.machine.fdc.drives[0]!.state.cylinder).toBe(0);
  });

  test("the implied seek goes to the command's cylinder by itself [5.2.7]", () => {
    const bench = new Bench();
    bench.command(0x13, 0, 0x40, 0);
    bench.dma(0x44, AT, 512);
    expect(bench.execute(0x46, 0, 33, 0, 1, 2, 18, 0x1b, 0xff)).toEqual([0, 0, 0, 33, 0, 2, 2]);
    const { bytes } = bench.disk.medium;
    const found = bench.machine.memory.slice(AT, AT + 512);
    expect(found).toEqual(bytes.slice(33 * 36 * 512, 33 * 36 * 512 + 512));
  });

  test("SENSE DRIVE STATUS tells track 0, protection, head and drive [6.4]", () => {
    const bench = new Bench();
    expect(bench.command(4, 4)).toEqual([0x3c]);
    bench.seek(1);
    expect(bench.command(4, 0)).toEqual([0x28]);
    bench.machine.fdc.insert(1, diskOf("720K", { readOnly: true }).surface);
    expect(bench.command(4, 1)).toEqual([0x79]);
  });
});
