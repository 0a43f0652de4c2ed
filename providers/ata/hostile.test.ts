/**
 * Hostile guests: any registers written with anything, in any order, events in between or not. The
 * controller must never throw, hang, write outside its medium or move data outside memory, and
 * must work after a reset. IOREEL_POKES raises the number of writes, 100,000 by default.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PacketDrive } from "../disk/drive/packet-drive.ts";
import { FaultList } from "../disk/faults.ts";
import type { TinyMachine } from "../disk/machine.fixture.ts";
import type { Medium } from "../disk/medium.ts";
import { timingOf } from "../disk/timing.ts";
import { IdeBench, numberedMedium, SECTOR } from "./device.fixture.ts";

const POKES = Number(process.env["IOREEL_POKES"] ?? 100_000);
const RUNS = 100;
const BLOCKS = ["command0", "control0", "command1", "control1", "bus-master", "pci", "none"];
/** Commands that do something, so that chance does not spend its time on refused ones. */
const COMMANDS = [
  0x06, 0x08, 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x90, 0xa0, 0xa1, 0xb0, 0xc4,
  0xc5, 0xc6, 0xc8, 0xca, 0xe6, 0xe7, 0xec, 0xef, 0x2f, 0x47, 0x60,
];

const poke = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      block: fc.constantFrom(...BLOCKS),
      offset: fc.integer({ min: 0, max: 18 }),
      width: fc.constantFrom(1, 2, 4),
      value: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 8 })),
      events: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      block: fc.constant("command0"),
      offset: fc.constant(7),
      width: fc.constant(1),
      value: fc.constantFrom(...COMMANDS),
      events: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      block: fc.constant("bus-master"),
      offset: fc.constant(0),
      width: fc.constant(1),
      value: fc.constantFrom(0, 1, 8, 9),
      events: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

/** Fails when anybody reaches outside. */
function guarded(medium: Medium): Medium {
  const check = (lba: number, sectors: number): void => {
    if (!(lba >= 0 && sectors >= 0 && lba + sectors <= medium.sectors)) {
      throw new Error(`sectors ${lba} to ${lba + sectors} of ${medium.sectors}`);
    }
  };
  return {
    sectorBytes: medium.sectorBytes,
    sectors: medium.sectors,
    readOnly: false,
    get status() {
      return medium.status;
    },
    read(lba, sectors, target, at) {
      check(lba, sectors);
      return medium.read(lba, sectors, target, at);
    },
    write(lba, sectors, source, at) {
      check(lba, sectors);
      return medium.write(lba, sectors, source, at);
    },
    flush: () => medium.flush(),
    discard(lba, sectors) {
      check(lba, sectors);
      return medium.discard(lba, sectors);
    },
    snapshot: () => medium.snapshot(),
    restore: (bytes) => medium.restore(bytes),
  };
}

function bench(): IdeBench {
  const made = new IdeBench({ disk: { medium: guarded(numberedMedium(200)) } });
  const { machine } = made;
  const medium = numberedMedium(256);
  const cd = new PacketDrive({
    name: "cd",
    medium: { ...guarded(medium), sectorBytes: 2048, sectors: 64, read: readZeros },
    timing: timingOf("hdd7200", 64),
    faults: new FaultList(),
    now: () => machine.nowNs,
    position: 1,
  });
  made.ide.channels[0].plug(1, cd);
  return made;
}

const readZeros = (_lba: number, sectors: number, target: Uint8Array, at: number): number => {
  if (at + sectors * 2048 > target.length) throw new Error("a read behind its buffer");
  return sectors;
};

describe("IdeController under hostile writes", () => {
  test("never throws, hangs or reaches outside, and works after a reset", () => {
    fc.assert(
      fc.property(
        fc.array(poke, { minLength: POKES / RUNS, maxLength: POKES / RUNS }),
        fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
        (pokes, memory) => {
          const { ide, machine, ...rest } = bench();
          void rest;
          for (let at = 0; at < machine.memory.length; at += 65536) machine.memory.set(memory, at);
          for (const { block, offset, width, value, events } of pokes) {
            ide.writeRegister(block, offset, width as 1, value);
            ide.readRegister(block, offset % 8, width as 1);
            for (let i = 0; i < events; i++) machine.step();
          }
          expect(machine.settle(10_000)).toBeLessThan(10_000);
          works(ide, machine);
        },
      ),
      { seed: 4, numRuns: RUNS, endOnFailure: true },
    );
  }, 120_000);
});

/** After a reset of everything the disk reads as ever. */
function works(ide: IdeBench["ide"], machine: TinyMachine): void {
  ide.reset();
  machine.settle();
  ide.writeRegister("command0", 6, 1, 0x40);
  ide.writeRegister("command0", 2, 1, 1);
  for (const register of [3, 4, 5]) ide.writeRegister("command0", register, 1, 0);
  ide.writeRegister("command0", 7, 1, 0x20);
  machine.settle();
  expect(ide.readRegister("control0", 0, 1)).toBe(0x58);
  for (let i = 0; i < SECTOR / 4; i++) ide.readRegister("command0", 0, 4);
  expect(ide.readRegister("control0", 0, 1)).toBe(0x50);
}
