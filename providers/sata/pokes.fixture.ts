/** Hostile software for the HBA: bad deeds by seed, and what must hold after them. */
import { Random } from "../../core/random.ts";
import { CLB, DATA, FB, Rig, TABLES } from "./hba.fixture.ts";
import * as R from "./registers.ts";

export const RAM = 1 << 20;

/** Registers that matter, more often than the rest. */
const PORT_REGISTERS = [
  R.PORT_CLB,
  R.PORT_CLBU,
  R.PORT_FB,
  R.PORT_IS,
  R.PORT_IE,
  R.PORT_CMD,
  R.PORT_SCTL,
  R.PORT_SERR,
  R.PORT_SACT,
  R.PORT_CI,
];
export const COMMANDS = [
  0x25, 0x35, 0x60, 0x61, 0x60, 0x61, 0xec, 0xe7, 0x2f, 0x06, 0xa0, 0x24, 0x34,
];

export class Vandal {
  readonly rig: Rig;
  readonly #random: Random;

  constructor(seed: number, timing: "instant" | "hdd7200" | "ssd") {
    this.rig = new Rig({ timing, seed, ramBytes: RAM, faults: [{ kind: "hang", chance: 0.01 }] });
    this.rig.start();
    this.#random = new Random(seed);
  }

  /** One bad deed. */
  poke(): void {
    const { rig } = this;
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
        return this.#anyRegister();
      case 1:
        return this.#header(random.below(32));
      case 2:
      case 3:
        return this.#table(random.below(32));
      case 4:
      case 5: {
        const slots = random.chance(0.9) ? 2 ** random.below(32) : this.#word();
        if (random.chance(0.7)) rig.writePort(R.PORT_SACT, slots);
        return rig.writePort(R.PORT_CI, slots);
      }
      case 6:
        // A driver's own way out, so that there is always something new to spoil.
        if (random.chance(0.8)) this.#repair();
        rig.writePort(R.PORT_SCTL, random.chance(0.3) ? random.below(5) : 0);
        rig.writePort(R.PORT_CMD, R.CMD_FRE | (random.chance(0.5) ? R.CMD_CLO : 0));
        if (random.chance(0.9)) rig.restart();
        return;
      case 7:
        if (random.chance(0.5)) return this.#repair();
        rig.writePort(R.PORT_CLB, this.#word());
        rig.writePort(R.PORT_CLBU, random.chance(0.8) ? 0 : this.#word());
        return rig.writePort(R.PORT_FB, random.chance(0.5) ? FB : this.#word());
      case 8:
      case 9:
        return this.#honest();
      default:
        rig.machine.runUntil(rig.machine.now() + random.below(2e7));
    }
  }

  /** Good commands are what there is to spoil. */
  #honest(): void {
    const { rig } = this;
    const random = this.#random;
    if (random.chance(0.5)) {
      this.#repair();
      rig.restart();
    }
    const tag = random.below(32);
    rig.queue(tag, random.below(4090), 1 + random.below(8), random.chance(0.5));
  }

  #repair(): void {
    const { rig } = this;
    for (const register of [R.PORT_CLBU, R.PORT_FBU]) rig.writePort(register, 0);
    rig.writePort(R.PORT_CLB, CLB);
    rig.writePort(R.PORT_FB, FB);
    rig.writePort(R.PORT_SCTL, 0);
    rig.hba.writeRegister("config", 4, 2, 6);
  }

  #anyRegister(): void {
    const random = this.#random;
    const { rig } = this;
    const width = ([1, 2, 4] as const)[random.below(3)]!;
    if (random.chance(0.05)) {
      rig.hba.writeRegister("config", random.below(260), width, this.#word());
      // Without bus mastering nothing much can happen.
      if (random.chance(0.9)) rig.hba.writeRegister("config", 4, 2, 6);
      return;
    }
    const port = random.chance(0.8) ? 0 : random.below(8);
    const register = random.chance(0.7)
      ? R.PORT_BASE + port * R.PORT_BYTES + PORT_REGISTERS[random.below(10)]!
      : random.below(R.ABAR_BYTES - 4);
    rig.machine.memory.write(R.ABAR + register, width, this.#word());
    rig.machine.memory.read(R.ABAR + random.below(R.ABAR_BYTES - 4), width);
  }

  #header(slot: number): void {
    const random = this.#random;
    const flags = random.chance(0.8) ? 5 : random.below(65536);
    const count = random.chance(0.8) ? random.below(4) : random.below(65536);
    const table = random.chance(0.9) ? TABLES + random.below(32) * 0x400 : this.#address();
    const high = random.chance(0.98) ? 0 : this.#word();
    this.rig.pokeWords(CLB + slot * 32, [(flags | (count << 16)) >>> 0, 0, table, high]);
  }

  #table(slot: number): void {
    const random = this.#random;
    const fis = new Uint8Array(20);
    for (let i = 0; i < 20; i++) fis[i] = random.below(256);
    fis[0] = random.chance(0.95) ? 0x27 : fis[0]!;
    fis[1] = random.chance(0.9) ? 0x80 : fis[1]!;
    fis[2] = random.chance(0.9) ? COMMANDS[random.below(COMMANDS.length)]! : fis[2]!;
    if (random.chance(0.9)) {
      // An address on the disk, of a count that fits, for one of the tags.
      fis.fill(0, 5, 12);
      fis[7] = 0x40 | (random.below(2) << 7);
      const isQueued = (fis[2] & 0xfe) === 0x60;
      if (isQueued) fis[3] = random.below(40);
      fis[12] = isQueued ? slot << 3 : random.below(40);
      fis[13] = 0;
    }
    const at = TABLES + slot * 0x400;
    this.rig.poke(at, fis);
    for (let entry = 0; entry < 4; entry++) {
      const bytes = random.chance(0.9) ? random.below(20_000) : this.#word();
      const where = random.chance(0.9) ? DATA + random.below(0x10000) : this.#address();
      this.rig.pokeWords(at + 0x80 + entry * 16, [where, random.chance(0.99) ? 0 : 1, 0, bytes]);
    }
  }

  /** Near the end of memory, behind it, or anywhere. */
  #address(): number {
    const random = this.#random;
    return random.chance(0.5) ? RAM - random.below(8192) : this.#word();
  }

  #word(): number {
    const random = this.#random;
    return random.chance(0.3) ? 2 ** random.below(32) : random.uint32();
  }
}

/**
 * After all of it, a reset makes the HBA as good as new.
 * @throws {Error} when it does not
 */
export function expectUsable(rig: Rig): void {
  rig.write(R.HBA_GHC, R.GHC_HR);
  rig.writePort(R.PORT_CLBU, 0);
  rig.writePort(R.PORT_FBU, 0);
  rig.settle();
  rig.start();
  rig.settle();
  const task = { command: 0x25, lba: 4, count: 1 };
  // The fault list may hang this one too; then the next one is not.
  for (let attempt = 0; attempt < 4; attempt++) {
    if (rig.run(task, [{ address: DATA, bytes: 512 }]) === R.IS_DHRS) break;
    rig.writePort(R.PORT_SCTL, 0);
    rig.writePort(R.PORT_SCTL, 1);
    rig.writePort(R.PORT_SCTL, 0);
    rig.settle();
    rig.restart();
  }
  const status = rig.readPort(R.PORT_IS);
  if (status !== R.IS_DHRS) throw new Error(`PxIS is ${status} after a reset and a read`);
  const isSame = Buffer.compare(rig.peek(DATA, 512), rig.sectors(4, 1)) === 0;
  if (!isSame) throw new Error("The sector that was read is not the medium's");
}
