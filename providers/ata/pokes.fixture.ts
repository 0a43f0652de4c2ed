/**
 * Hostile guests of the IDE controller: accesses to registers of any kind, and a controller with a
 * disk and a CD drive that suffers them.
 */
import fc from "fast-check";
import { PacketDrive } from "../disk/drive/packet-drive.ts";
import { FaultList } from "../disk/faults.ts";
import type { Medium } from "../disk/medium.ts";
import { timingOf, type TimingName } from "../disk/timing.ts";
import { IdeBench, numberedMedium, SECTOR } from "./device.fixture.ts";

const BLOCKS = ["command0", "control0", "command1", "control1", "bus-master", "pci", "none"];
/** Commands that do something, so that chance does not spend its time on refused ones. */
const COMMANDS = [
  0x06, 0x08, 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x90, 0xa0, 0xa1, 0xb0, 0xc4,
  0xc5, 0xc6, 0xc8, 0xca, 0xe6, 0xe7, 0xec, 0xef, 0x2f, 0x47, 0x60,
];

const events = fc.integer({ min: 0, max: 3 });
const slot = fc.constantFrom(0, 0, 0, 1);
const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 8 }));

/** One access to a register, whatever that is. */
const register = fc.record({
  op: fc.constant("register" as const),
  block: fc.constantFrom(...BLOCKS),
  offset: fc.integer({ min: 0, max: 18 }),
  width: fc.constantFrom(1, 2, 4),
  value: word,
  events,
});
/** A soft reset, begun and perhaps not ended, whatever was going on. */
const reset = register.map((access) => {
  return { ...access, block: "control0", offset: 0, width: 1, value: access.value & 4 };
});
/** A whole command that the drive may take; what goes wrong with it is up to the rest. */
const task = fc.record({
  op: fc.constant("task" as const),
  slot,
  command: fc.constantFrom(...COMMANDS),
  lba: fc.integer({ min: 0, max: 220 }),
  count: fc.integer({ min: 0, max: 20 }),
  features: fc.constantFrom(0, 0, 1, 2, 3, 0xd0, 0xd8),
  events,
});
/** Some of a block, or more than it. */
const data = fc.record({
  op: fc.constant("data" as const),
  words: fc.oneof(fc.constant(128), fc.integer({ min: 1, max: 2100 })),
  isWrite: fc.boolean(),
  events,
});
const packet = fc.record({
  op: fc.constant("packet" as const),
  operation: fc.constantFrom(
    0x00,
    0x03,
    0x12,
    0x1b,
    0x25,
    0x28,
    0x28,
    0x28,
    0x43,
    0x4a,
    0x5a,
    0xa8,
  ),
  lba: fc.integer({ min: 0, max: 70 }),
  count: fc.integer({ min: 0, max: 9 }),
  limit: fc.oneof(fc.constant(2048), fc.integer({ min: 0, max: 0xffff })),
  features: fc.constantFrom(0, 0, 1, 3),
  events,
});
/** A PRD table in memory, or near its end, or behind it; and the bus master begins. */
const master = fc.record({
  op: fc.constant("master" as const),
  table: fc.oneof(fc.constant(0x1000), fc.integer({ min: 0, max: 0x10_2000 }), word),
  address: fc.oneof(fc.integer({ min: 0, max: 0x10_2000 }), word),
  bytes: fc.oneof(fc.constant(4096), word),
  command: fc.constantFrom(0, 1, 8, 9, 9),
  events,
});

/** What a hostile guest does next, then some events. */
export const ideAccess = fc.oneof(
  { weight: 8, arbitrary: register },
  { weight: 3, arbitrary: reset },
  { weight: 6, arbitrary: task },
  { weight: 6, arbitrary: data },
  { weight: 3, arbitrary: packet },
  { weight: 4, arbitrary: master },
);
type IdeAccess = typeof ideAccess extends fc.Arbitrary<infer T> ? T : never;

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

function bench(timing: TimingName): IdeBench {
  const made = new IdeBench({ timing, disk: { medium: guarded(numberedMedium(200)) } });
  const { machine } = made;
  const medium = numberedMedium(256);
  const cd = new PacketDrive({
    name: "cd",
    medium: { ...guarded(medium), sectorBytes: 2048, sectors: 64, read: readZeros },
    timing: timingOf(timing, 64),
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

/** So many accesses by seed. */
export function ideAccesses(count: number, seed: number): readonly IdeAccess[] {
  return fc.sample(ideAccess, { numRuns: count, seed });
}

/** A controller that is handed over to them. */
export class IdeVictim {
  readonly #bench: IdeBench;

  /** @param pattern what memory is full of: PRD tables and data at once */
  constructor(pattern: Uint8Array, timing: TimingName) {
    this.#bench = bench(timing);
    const { memory } = this.#bench.machine;
    for (let at = 0; at < memory.length; at += 65536) memory.set(pattern, at);
  }

  suffer(access: IdeAccess): void {
    const { ide, machine } = this.#bench;
    switch (access.op) {
      case "register":
        ide.writeRegister(access.block, access.offset, access.width as 1, access.value);
        ide.readRegister(access.block, access.offset % 8, access.width as 1);
        break;
      case "task":
        this.#task(access);
        break;
      case "packet":
        this.#packet(access);
        break;
      case "master":
        this.#master(access);
        break;
      case "data":
        for (let i = 0; i < access.words; i++) {
          if (access.isWrite) ide.writeRegister("command0", 0, 4, i);
          else ide.readRegister("command0", 0, 4);
        }
    }
    for (let i = 0; i < access.events; i++) machine.step();
  }

  #command(offset: number, value: number): void {
    this.#bench.ide.writeRegister("command0", offset, 1, value & 0xff);
  }

  #task({ slot, command, lba, count, features }: IdeAccess & { op: "task" }): void {
    this.#command(6, 0x40 | (slot << 4));
    // The high-order bytes, which only 48-bit commands look at.
    for (let register = 1; register <= 5; register++) this.#command(register, 0);
    const low = [features, count, lba, 0, 0];
    for (const [i, value] of low.entries()) this.#command(i + 1, value);
    this.#command(7, command);
  }

  #packet({ operation, lba, count, limit, features, events }: IdeAccess & { op: "packet" }): void {
    this.#command(6, 0x10);
    this.#command(1, features);
    this.#command(4, limit);
    this.#command(5, limit >> 8);
    this.#command(7, 0xa0);
    // Without an event the packet comes before it is wanted.
    for (let i = 0; i < events; i++) this.#bench.machine.step();
    const bytes = [operation, 0, 0, 0, 0, lba, 0, 0, count, count, 0, 0];
    for (let i = 0; i < 12; i += 2) {
      this.#bench.ide.writeRegister("command0", 0, 2, bytes[i]! | (bytes[i + 1]! << 8));
    }
  }

  #master({ table, address, bytes, command }: IdeAccess & { op: "master" }): void {
    const { ide, machine } = this.#bench;
    ide.writeRegister("pci", 4, 2, 5);
    const at = table & ~3;
    const view = new DataView(machine.memory.buffer);
    if (at >= 0 && at + 16 <= machine.memory.length) {
      for (const [i, value] of [address, bytes, address + bytes, bytes | (2 ** 31)].entries()) {
        view.setUint32(at + 4 * i, value, true);
      }
    }
    ide.writeRegister("bus-master", 0, 1, 0);
    ide.writeRegister("bus-master", 4, 4, table);
    ide.writeRegister("bus-master", 0, 1, command);
  }

  /** @throws {Error} unless it comes to rest, and reads as ever after a reset of everything */
  recover(): void {
    const { ide, machine } = this.#bench;
    if (machine.settle(10_000) >= 10_000) throw new Error("The controller does not come to rest");
    ide.reset();
    machine.settle();
    ide.writeRegister("command0", 6, 1, 0x40);
    ide.writeRegister("command0", 2, 1, 1);
    for (const register of [3, 4, 5]) ide.writeRegister("command0", register, 1, 0);
    ide.writeRegister("command0", 7, 1, 0x20);
    machine.settle();
    expectStatus(ide.readRegister("control0", 0, 1), 0x58);
    for (let i = 0; i < SECTOR / 4; i++) ide.readRegister("command0", 0, 4);
    expectStatus(ide.readRegister("control0", 0, 1), 0x50);
  }
}

function expectStatus(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`The status is ${found} after a reset, wanted ${wanted}`);
}
