/** Registers, reset, the FIFO without DMA, media and timing on the bare machine. */
import { describe, expect, test } from "bun:test";
import { BareMachine, Bench, diskOf } from "./bare-machine.fixture.ts";
import { FaultList } from "../disk/faults.ts";
import { FORMATS, bytesOf, formatOfSize } from "./geometry.ts";

const AT = 0x20000;
const READ_FIRST = [0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff];

describe("Reset", () => {
  test("holds the controller, then one interrupt and four answers, the fifth invalid", () => {
    const bench = new Bench();
    bench.write(2, 0x18);
    expect(bench.read(4)).toBe(0);
    bench.write(5, 0x10);
    bench.machine.run(1e6);
    expect(bench.read(4)).toBe(0);
    const before = bench.machine.interrupts;
    bench.write(2, 0x1c);
    bench.machine.run(250_000);
    expect(bench.machine.interrupts).toBe(before + 1);
    const senses = Array.from({ length: 5 }, () => bench.command(8));
    expect(senses).toEqual([[0xc0, 0], [0xc1, 0], [0xc2, 0], [0xc3, 0], [0x80]]);
    expect(bench.machine.line).toBe(false);
  });

  test("in the middle of a transfer leaves no completion behind", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 512 * 18);
    bench.command(...READ_FIRST);
    bench.machine.step();
    bench.write(4, 0x80);
    bench.machine.run(1e6);
    for (let i = 0; i < 4; i++) bench.command(8);
    const { interrupts } = bench.machine;
    const memory = bench.machine.memory.slice();
    bench.machine.run(3e9);
    expect(bench.machine.interrupts).toBe(interrupts);
    expect(bench.machine.memory).toEqual(memory);
    expect(bench.read(4)).toBe(0x80);
  });

  test("the gate of the DOR keeps the interrupt inside, and lets it out later [2.1.3]", () => {
    const bench = new Bench();
    bench.write(2, 0x14);
    bench.command(7, 0);
    bench.machine.run(1e9);
    expect(bench.machine.line).toBe(false);
    bench.write(2, 0x1c);
    expect(bench.machine.line).toBe(true);
    expect(bench.command(8)).toEqual([0x20, 0]);
    expect(bench.machine.line).toBe(false);
  });

  test("registers that AT mode does not drive read FFh; TDR and DOR read back", () => {
    const bench = new Bench();
    expect([0, 1, 6].map((offset) => bench.read(offset))).toEqual([255, 255, 255]);
    bench.write(3, 0xff);
    expect([bench.read(3), bench.read(2)]).toEqual([3, 0x1c]);
  });
});

describe("Drives that are not ready", () => {
  test("without motor or disk a command waits for index pulses, for ever [CVE-2021-20196]", () => {
    for (const unit of [0, 3]) {
      const bench = new Bench();
      bench.write(2, 0x0c);
      bench.dma(0x44, AT, 512);
      bench.command(0x46, unit, 0, 0, 1, 2, 18, 0x1b, 0xff);
      bench.machine.run(60e9);
      expect(bench.read(4)).toBe(0x10);
      bench.write(2, 0x08);
      bench.write(2, 0x1c);
      bench.machine.run(1e6);
      expect(bench.command(8)).toEqual([0xc0, 0]);
    }
  });

  test("the command goes on when the motor comes on", () => {
    const bench = new Bench();
    bench.write(2, 0x0c);
    bench.dma(0x44, AT, 512);
    bench.command(...READ_FIRST);
    bench.machine.run(5e9);
    const before = bench.machine.nowNs;
    bench.write(2, 0x1c);
    expect(bench.finish().slice(0, 3)).toEqual([0, 0, 0]);
    expect(bench.machine.nowNs - before).toBeGreaterThan(300e6);
  });

  test("a drive that is not there never finds track 0, and takes no disk", () => {
    const machine = new BareMachine({ drives: 1 });
    expect(() => machine.fdc.insert(1, diskOf("360K").surface)).toThrow("no such drive");
    const bench = new Bench("1.44M", { drives: 1 });
    bench.command(7, 1);
    bench.finish();
    expect(bench.command(8)).toEqual([0x71, 0]);
  });

  test("the change line stays until a step with a disk in the drive [2.1.8]", () => {
    const bench = new Bench();
    expect(bench.read(7)).toBe(0x80);
    bench.seek(0);
    expect(bench.read(7)).toBe(0x80);
    bench.seek(1);
    expect(bench.read(7)).toBe(0);
    bench.machine.fdc.eject(0);
    expect(bench.read(7)).toBe(0x80);
    bench.seek(2);
    expect(bench.read(7)).toBe(0x80);
    bench.machine.fdc.insert(0, bench.disk.surface);
    expect(bench.read(7)).toBe(0x80);
    bench.write(2, 0x0c);
    expect(bench.read(7)).toBe(0);
    bench.write(2, 0x1c);
    bench.seek(1);
    expect(bench.read(7)).toBe(0);
  });

  test("a disk that leaves in the middle stops the transfer", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 512 * 18);
    bench.command(...READ_FIRST);
    bench.machine.run(150e6);
    bench.machine.fdc.eject(0);
    bench.machine.run(10e9);
    expect(bench.read(4) & 0xd0).toBe(0x10);
  });
});

describe("Non-DMA mode", () => {
  /** Serves the FIFO until the result phase, `lateNs` behind each request. */
  function serve(bench: Bench, bytes: number[], lateNs = 0): number[] {
    const got: number[] = [];
    for (let i = 0; i < 200_000; i++) {
      const status = bench.read(4);
      if ((status & 0xf0) === 0xf0) got.push(bench.read(5));
      else if ((status & 0xf0) === 0xb0) bench.write(5, bytes.shift() ?? 0);
      else if ((status & 0xf0) === 0xd0) break;
      else if (!bench.machine.step()) break;
      if (lateNs > 0) bench.machine.run(lateNs);
    }
    return got;
  }

  for (const [name, config] of [
    ["byte by byte", 0x20],
    ["through the FIFO", 0x07],
  ] as const) {
    test(`reads and writes a sector ${name} [3.2, 5.2.7]`, () => {
      const bench = new Bench();
      bench.command(0x13, 0, config, 0);
      bench.command(3, 0xdf, 3);
      const before = bench.machine.interrupts;
      bench.command(0x46, 0, 0, 0, 5, 2, 5, 0x1b, 0xff);
      const got = serve(bench, []);
      expect(bench.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
      expect(new Uint8Array(got)).toEqual(bench.disk.medium.bytes.slice(4 * 512, 5 * 512));
      const interrupts = bench.machine.interrupts - before;
      expect(interrupts).toBeGreaterThanOrEqual(config === 0x20 ? 512 : 512 / 16);
      bench.command(0x45, 0, 0, 0, 9, 2, 9, 0x1b, 0xff);
      serve(bench, [...got]);
      expect(bench.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
      expect(bench.disk.medium.bytes.slice(8 * 512, 9 * 512)).toEqual(new Uint8Array(got));
    });
  }

  test("a host that comes too late loses the command with OR, the sector unharmed [6.2]", () => {
    const bench = new Bench();
    bench.command(3, 0xdf, 3);
    bench.command(...READ_FIRST);
    bench.machine.run(1e9);
    expect(bench.result()).toEqual([0x40, 0x10, 0, 0, 0, 1, 2]);
    const before = bench.disk.medium.bytes.slice();
    bench.command(0x45, ...READ_FIRST.slice(1));
    serve(bench, [1, 2, 3], 40_000);
    expect(bench.result().slice(0, 3)).toEqual([0x40, 0x10, 0]);
    expect(bench.disk.medium.bytes).toEqual(before);
  });

  test("without time the disk waits for the host", () => {
    const bench = new Bench("1.44M", { timing: "instant" });
    bench.command(3, 0xdf, 3);
    bench.command(0x46, 0, 0, 0, 1, 2, 2, 0x1b, 0xff);
    bench.machine.run(5e9);
    const got = serve(bench, []);
    expect(new Uint8Array(got)).toEqual(bench.disk.medium.bytes.slice(0, 1024));
  });
});

describe("Formats and their times", () => {
  test("every format is read whole, cylinder by cylinder", () => {
    for (const format of FORMATS) {
      const bench = new Bench(format.name);
      bench.command(3, 0xdf, 2);
      const whole = new Uint8Array(bytesOf(format));
      const perCylinder = format.heads * format.sectorsPerTrack * 512;
      for (let c = 0; c < format.cylinders; c++) {
        if (c > 0) bench.seek(c);
        bench.dma(0x44, AT, perCylinder);
        const command = format.heads === 2 ? 0xc6 : 0x46;
        const eot = format.sectorsPerTrack;
        expect(bench.execute(command, 0, c, 0, 1, 2, eot, 0x1b, 0xff)[1]).toBe(0);
        whole.set(bench.machine.memory.subarray(AT, AT + perCylinder), c * perCylinder);
      }
      expect(whole).toEqual(bench.disk.medium.bytes.slice());
      expect(formatOfSize(whole.length)).toBe(format);
    }
  });

  test("a track takes a turn, its sectors fit between index pulses", () => {
    for (const format of FORMATS) {
      const { surface } = diskOf(format.name);
      const last = surface.times(format.sectorsPerTrack);
      expect(last.endNs).toBeLessThan(format.turnNs);
      expect(last.endNs).toBeGreaterThan(format.turnNs * 0.8);
      const bench = new Bench(format.name);
      bench.dma(0x44, AT, format.sectorsPerTrack * 512);
      const eot = format.sectorsPerTrack;
      const read = [0x42, 0, 0, 0, 1, 2, eot, 0x1b, 0xff];
      bench.execute(...read);
      const before = bench.machine.nowNs;
      bench.dma(0x44, AT, format.sectorsPerTrack * 512);
      bench.execute(...read);
      // From the end of the last sector to the same place one turn later.
      expect(Math.abs(bench.machine.nowNs - before - format.turnNs)).toBeLessThan(2);
    }
  });
});

describe("Faults", () => {
  test("lose, delay and break what their list says", () => {
    const of = (kind: "lost-interrupt" | "late-interrupt" | "hang" | "crc" | "dma-error") =>
      new FaultList([{ kind, when: "3" }]);
    const lost = new Bench("1.44M", { faults: of("lost-interrupt") });
    lost.command(7, 0);
    lost.finish();
    expect(lost.command(8)).toEqual([0x20, 0]);
    lost.command(7, 0);
    expect(lost.finish(1e9)).toEqual([]);
    expect(lost.command(8)).toEqual([0x20, 0]);
    const crc = new Bench("1.44M", { faults: of("crc") });
    crc.dma(0x44, AT, 18 * 512);
    expect(crc.execute(...READ_FIRST)).toEqual([0x40, 0x20, 0x20, 0, 0, 3, 2]);
    const dma = new Bench("1.44M", { faults: of("dma-error") });
    dma.dma(0x44, AT, 18 * 512);
    expect(dma.execute(...READ_FIRST)).toEqual([0x40, 0x10, 0, 0, 0, 3, 2]);
    const hang = new Bench("1.44M", { faults: of("hang") });
    for (let i = 0; i < 2; i++) expect(hang.execute(0x4a, 0)).toHaveLength(7);
    expect(hang.execute(0x4a, 0)).toEqual([]);
    const late = new Bench("1.44M", { faults: of("late-interrupt") });
    late.command(7, 0);
    late.finish();
    late.command(8);
    const before = late.machine.nowNs;
    late.execute(0x4a, 0);
    expect(late.machine.nowNs - before).toBeGreaterThanOrEqual(10e6);
  });
});
