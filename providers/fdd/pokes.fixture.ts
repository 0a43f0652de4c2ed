/** Hostile hosts of the floppy controller: accesses of any kind, and one that suffers them. */
import fc from "fast-check";
import { BareMachine, diskOf } from "./bare-machine.fixture.ts";
import { COMMANDS } from "./commands.ts";
import { FORMAT_NAMES } from "./geometry.ts";

const VALID = COMMANDS.flatMap((shape, byte) => (shape === undefined ? [] : [byte]));
/** Events that one wait may run: a controller that never comes to rest would hang the host. */
const EVENTS_MAX = 20_000;

/** One access, or some time. */
export const floppyAccess = fc.oneof(
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

/** So many accesses by seed. */
export function floppyAccesses(count: number, seed: number) {
  return fc.sample(floppyAccess, { numRuns: count, seed });
}

export class FloppyVictim {
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
    else if (op === "read") this.read(value);
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

  read(offset: number): void {
    const value = this.machine.fdc.readRegister("io", offset);
    if ((value & ~0xff) !== 0) throw new Error(`Register ${offset} reads ${value}`);
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

  /** @throws {Error} unless it comes to rest, resets, and can be saved */
  recover(): void {
    this.pass(5e9);
    for (const { bytes, guard } of this.media) {
      const isSame = guard.length === 0 || Buffer.compare(bytes, guard) === 0;
      if (!isSame) throw new Error("A disk was written that is write-protected");
    }
    const { fdc } = this.machine;
    fdc.writeRegister("io", 2, 1, 0);
    fdc.writeRegister("io", 2, 1, 0x0c);
    this.pass(1e6);
    const status = fdc.readRegister("io", 4);
    if (status !== 0x80) throw new Error(`MSR is ${status} after a reset, wanted 128`);
    const other = new BareMachine();
    for (const [unit, { surface }] of fdc.drives.entries()) {
      if (surface !== undefined) other.fdc.insert(unit, diskOf(surface.format.name).surface);
    }
    other.fdc.restore(fdc.snapshot());
    const isSame = Buffer.compare(other.fdc.snapshot(), fdc.snapshot()) === 0;
    if (!isSame) throw new Error("What was saved is not what was restored");
  }
}
