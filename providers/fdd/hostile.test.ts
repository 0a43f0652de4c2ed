/**
 * Hostile hosts: random register pokes, with time passing and disks coming and going, must not
 * throw nor hang, nor write outside the medium, nor reach memory that no DMA register names.
 * 10^5 accesses in the suite; FDD_POKES=1000000 for more.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BareMachine, diskOf } from "./bare-machine.fixture.ts";
import { FORMAT_NAMES } from "./geometry.ts";
import { COMMANDS } from "./commands.ts";

const POKES = Number(process.env["FDD_POKES"] ?? 100_000);
const RUNS = 100;
const VALID = COMMANDS.flatMap((shape, byte) => (shape === undefined ? [] : [byte]));
/** Events that one wait may run: a controller that never comes to rest would hang the host. */
const EVENTS_MAX = 20_000;

const access = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("fifo"), value: fc.nat(255) }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("fifo"), value: fc.constantFrom(...VALID) }),
  },
  // Small numbers are the sectors, heads and cylinders that are there.
  { weight: 6, arbitrary: fc.record({ op: fc.constant("fifo"), value: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("read"), value: fc.nat(7) }) },
  // A whole command with likely parameters; what goes wrong with it is up to the rest.
  { weight: 3, arbitrary: fc.record({ op: fc.constant("command"), value: fc.nat(0xffff) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("dor"), value: fc.nat(255) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("on"), value: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("dsr"), value: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("ccr"), value: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("dma"), value: fc.nat(0xffff) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("time"), value: fc.nat(2000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("disk"), value: fc.nat(255) }) },
);

class Victim {
  readonly machine: BareMachine;
  readonly media: { bytes: Uint8Array; guard: Uint8Array }[] = [];

  constructor(timing: "real" | "instant") {
    this.machine = new BareMachine({ timing, chip: timing === "real" ? "82077AA" : "82078" });
    for (let unit = 0; unit < 3; unit++) this.insert(unit, unit);
  }

  insert(unit: number, kind: number): void {
    const name = FORMAT_NAMES[kind % FORMAT_NAMES.length]!;
    const { medium, surface } = diskOf(name, { readOnly: kind % 5 === 0 });
    this.media.push({
      bytes: medium.bytes,
      guard: medium.readOnly ? medium.bytes.slice() : new Uint8Array(),
    });
    this.machine.fdc.insert(unit, surface);
  }

  poke(op: string, value: number): void {
    const { machine } = this;
    const { fdc, dma } = machine;
    if (op === "fifo") fdc.writeRegister("io", 5, 1, value);
    else if (op === "command") this.command(value);
    else if (op === "read") expect(fdc.readRegister("io", value) & ~0xff).toBe(0);
    else if (op === "dor") fdc.writeRegister("io", 2, 1, value);
    else if (op === "on") fdc.writeRegister("io", 2, 1, 0xfc | value);
    else if (op === "dsr") fdc.writeRegister("io", 4, 1, value);
    else if (op === "ccr") fdc.writeRegister("io", 7, 1, value);
    else if (op === "dma" && value < 0x4000) dma.writeRegister("pages", 0, value & 0xff);
    else if (op === "dma") dma.writeRegister("channels", (value >> 8) & 15, value & 0xff);
    else if (op === "disk" && value < 64) fdc.eject(value & 3);
    else if (op === "disk") this.insert(value & 3, value >> 2);
    else if (op === "time") this.pass(value * 1e5);
  }

  command(value: number): void {
    const { fdc, dma } = this.machine;
    const head = (value >> 7) & 1;
    dma.writeRegister("channels", 0x0b, (value & 0x100 ? 0x44 : 0x48) | 2);
    dma.writeRegister("channels", 0x0a, 2);
    const record = 1 + ((value >> 9) & 15);
    const bytes = [
      VALID[value % VALID.length]!,
      (head << 2) | ((value >> 5) & 3),
      value >> 14,
      head,
    ];
    for (const byte of [...bytes, record, 2, record + 3, 0x1b, 0xff]) {
      fdc.writeRegister("io", 5, 1, byte);
    }
  }

  pass(durationNs: number): void {
    const untilNs = this.machine.nowNs + durationNs;
    let events = 0;
    while (this.machine.step(untilNs)) {
      events += 1;
      if (events > EVENTS_MAX) throw new Error("the controller does not come to rest");
    }
    this.machine.nowNs = untilNs;
  }
}

test(`${POKES} random accesses, also in mid-command, leave a controller that resets`, () => {
  fc.assert(
    fc.property(
      fc.constantFrom("real" as const, "instant" as const),
      fc.array(access, { minLength: POKES / RUNS, maxLength: POKES / RUNS, size: "max" }),
      (timing, accesses) => {
        const victim = new Victim(timing);
        for (const { op, value } of accesses) victim.poke(op, value);
        victim.pass(5e9);
        for (const { bytes, guard } of victim.media) {
          if (guard.length > 0) expect(Buffer.compare(bytes, guard)).toBe(0);
        }
        // Whatever was done to it, a reset brings it back.
        const { machine } = victim;
        machine.fdc.writeRegister("io", 2, 1, 0);
        machine.fdc.writeRegister("io", 2, 1, 0x0c);
        victim.pass(1e6);
        expect(machine.fdc.readRegister("io", 4)).toBe(0x80);
        const other = new BareMachine();
        for (const [unit, { surface }] of machine.fdc.drives.entries()) {
          if (surface !== undefined) other.fdc.insert(unit, diskOf(surface.format.name).surface);
        }
        other.fdc.restore(machine.fdc.snapshot());
        expect(other.fdc.snapshot()).toEqual(machine.fdc.snapshot());
      },
    ),
    { seed: 20261121, numRuns: RUNS, endOnFailure: true },
  );
}, 600_000);

test("DMA reaches only what its address and count registers name", () => {
  fc.assert(
    fc.property(
      fc.nat(0xfffff),
      fc.nat(0xffff),
      fc.constantFrom(0x44, 0x54, 0x64, 0x40, 0x48),
      (address, count, mode) => {
        const machine = new BareMachine({ timing: "instant" });
        machine.fdc.insert(0, diskOf("1.44M").surface);
        const { fdc, dma } = machine;
        const out = (port: number, value: number): void =>
          dma.writeRegister("channels", port, value);
        fdc.writeRegister("io", 2, 1, 0x1c);
        machine.run(1e6);
        fdc.writeRegister("io", 7, 1, 0);
        for (const byte of [address & 0xff, (address >> 8) & 0xff]) out(4, byte);
        for (const byte of [count & 0xff, count >> 8]) out(5, byte);
        dma.writeRegister("pages", 0, address >> 16);
        out(0x0b, mode | 2);
        machine.memory.fill(0xa5);
        out(0x0a, 2);
        for (const byte of [0xc6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]) {
          fdc.writeRegister("io", 5, 1, byte);
        }
        machine.run(1e9);
        const page = address & 0xf0000;
        const moved = Math.min(count + 1, 36 * 512);
        const named = new Uint8Array(0x10000);
        const writes = (mode & 0x0c) === 0x04;
        for (let i = 0; writes && i < (mode & 0x10 ? count + 1 : moved); i++) {
          named[((address & 0xffff) + (mode & 0x20 ? -i : i)) & 0xffff] = 1;
        }
        for (let at = 0; at < machine.memory.length; at++) {
          if (machine.memory[at] === 0xa5) continue;
          const isNamed = (at & 0xf0000) === page && named[at & 0xffff] === 1;
          if (!isNamed) throw new Error(`byte ${at} was written, address ${address}`);
        }
      },
    ),
    { seed: 20261122, numRuns: 30 },
  );
});
