/** Saved controllers: restored at any event their future is the same, damage is refused. */
import { describe, expect, test } from "bun:test";
import { BareMachine, Bench } from "./bare-machine.fixture.ts";

const AT = 0x20000;

describe("snapshot() and restore()", () => {
  function program(bench: Bench): void {
    bench.command(0x13, 0, 0x47, 0);
    bench.command(0x0f, 1, 5);
    bench.dma(0x44, AT, 2 * 512);
    bench.command(0x46, 0, 2, 0, 17, 2, 18, 0x1b, 0xff);
  }

  test("at every event, also between two steps of a seek, the future is the same", () => {
    const bench = new Bench();
    program(bench);
    const saved = [bench.machine.save()];
    while (bench.machine.step()) saved.push(bench.machine.save());
    const wanted = bench.machine.save();
    expect(saved.length).toBeGreaterThan(8);
    for (const each of saved) {
      const other = new Bench();
      other.machine.load(each);
      expect(other.machine.save().fdc).toEqual(each.fdc);
      while (other.machine.step());
      expect(other.machine.save()).toEqual(wanted);
      expect(other.result()).toHaveLength(7);
    }
  });

  test("in the middle of a sector in the FIFO, the future is the same", () => {
    const run = (from: number): number[] => {
      let bench = new Bench();
      bench.command(0x13, 0, 0x0f, 0);
      bench.command(3, 0xdf, 3);
      bench.command(0x46, 0, 0, 0, 5, 2, 5, 0x1b, 0xff);
      const got: number[] = [];
      for (let i = 0; i < 5000 && (bench.read(4) & 0xf0) !== 0xd0; i++) {
        if (i === from) {
          const other = new Bench();
          other.machine.load(bench.machine.save());
          bench = other;
        }
        if ((bench.read(4) & 0xf0) === 0xf0) got.push(bench.read(5));
        else bench.machine.step();
      }
      return [...got, ...bench.result()];
    };
    const wanted = run(-1);
    expect(wanted).toHaveLength(519);
    for (const from of [0, 1, 17, 300, 700, 1020]) expect(run(from)).toEqual(wanted);
  });

  test("restore() refuses what is not its own and changes nothing", () => {
    const bench = new Bench();
    const own = bench.machine.fdc.snapshot();
    const foreign = [
      new Uint8Array(),
      new TextEncoder().encode("{}\n"),
      own.slice(0, own.length - 600),
      new Bench("720K").machine.fdc.snapshot(),
      new BareMachine().fdc.snapshot(),
      new TextEncoder().encode(
        new TextDecoder("latin1")
          .decode(own.slice(0, 2000))
          .replace('"fifoHead":0', '"fifoHead":99'),
      ),
    ];
    for (const bytes of foreign) {
      expect(() => bench.machine.fdc.restore(bytes)).toThrow(RangeError);
      expect(bench.machine.fdc.snapshot()).toEqual(own);
    }
  });
});
