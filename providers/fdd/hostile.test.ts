/**
 * Hostile hosts: random register pokes, with time passing and disks coming and going, must not
 * throw nor hang, nor write outside the medium, nor reach memory that no DMA register names.
 * `scripts/soak-pokes.ts` does more of it.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BareMachine, diskOf } from "./bare-machine.fixture.ts";
import { floppyAccess, FloppyVictim } from "./pokes.fixture.ts";

const POKES = 100_000;
const RUNS = 100;

test(`${POKES} random accesses, also in mid-command, leave a controller that resets`, () => {
  fc.assert(
    fc.property(
      fc.constantFrom("real" as const, "instant" as const),
      fc.array(floppyAccess, { minLength: POKES / RUNS, maxLength: POKES / RUNS, size: "max" }),
      (timing, accesses) => {
        const victim = new FloppyVictim(timing);
        for (const { op, value } of accesses) victim.poke(op, value);
        expect(() => victim.recover()).not.toThrow();
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
