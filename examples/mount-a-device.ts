/**
 * ioreel's IDE controller on a machine that is not ioreel's: sixty lines of memory, clock and
 * interrupt line, and a program that reads a sector by words and another by bus mastering.
 *
 * Run: bun examples/mount-a-device.ts
 * Expect: IOREEL DISK, 2048 sectors
 * Expect: sector 5 by words: fifth
 * Expect: sector 6 by bus master: sixth
 * Expect: 4 interrupts, 0 ns
 */
import { DiskDrive, FaultList, IdeController, MemoryMedium, timingOf } from "ioreel/devices";

/** Memory, a clock that jumps from event to event, and interrupt lines that are counted. */
class Machine {
  readonly memory = new Uint8Array(65536);
  interrupts = 0;
  now = 0;
  #events: { at: number; fire: () => void; owner: object }[] = [];

  /** What one device sees of the machine. */
  host() {
    let level = false;
    const inside = (address: number, length: number) => address + length <= this.memory.length;
    const source = (fire: (argument: number) => void) => {
      const owner = {};
      const cancel = () => {
        this.#events = this.#events.filter((event) => event.owner !== owner);
        return true;
      };
      const at = (deadline: number, argument = 0) => {
        cancel();
        this.#events.push({ at: Math.max(deadline, this.now), fire: () => fire(argument), owner });
        return 1;
      };
      const after = (delay: number, argument = 0) => at(this.now + delay, argument);
      return { at, after, cancel, armed: false, pending: 0 };
    };
    return {
      interrupt: (asserted: boolean) => {
        if (asserted && !level) this.interrupts += 1;
        level = asserted;
      },
      readMemory: (address: number, target: Uint8Array) => {
        if (!inside(address, target.length)) return false;
        target.set(this.memory.subarray(address, address + target.length));
        return true;
      },
      writeMemory: (address: number, bytes: Uint8Array) => {
        if (!inside(address, bytes.length)) return false;
        this.memory.set(bytes, address);
        return true;
      },
      now: () => this.now,
      timer: (_name: string, fire: (argument: number) => void) => source(fire),
      scheduler: (_name: string, fire: (argument: number) => void) => source(fire),
      after: () => 0,
      random: { uint32: () => 4, unit: () => 0.5, below: () => 0, chance: () => false },
    };
  }

  /** Lets everything happen that is under way. @returns the time, nanoseconds */
  run(): number {
    while (this.#events.length > 0) {
      this.#events.sort((a, b) => a.at - b.at);
      const event = this.#events.shift()!;
      this.now = event.at;
      event.fire();
    }
    return this.now;
  }
}

const machine = new Machine();
const medium = new MemoryMedium(new Uint8Array(1 << 20));
medium.bytes.set(new TextEncoder().encode("fifth"), 5 * 512);
medium.bytes.set(new TextEncoder().encode("sixth"), 6 * 512);
const disk = new DiskDrive({
  name: "disk",
  medium,
  timing: timingOf("instant", medium.sectors),
  faults: new FaultList(),
  now: () => machine.now,
  position: 0,
});
const ide = new IdeController({ hosts: [machine.host(), machine.host()], drives: [[disk]] });

/** Writes a task file for one sector and the command, and waits for its end. */
function command(opcode: number, lba = 0): number {
  ide.writeRegister("command0", 6, 1, 0xe0);
  ide.writeRegister("command0", 2, 1, 1);
  for (const i of [0, 1, 2]) ide.writeRegister("command0", 3 + i, 1, (lba >> (8 * i)) & 0xff);
  ide.writeRegister("command0", 7, 1, opcode);
  machine.run();
  return ide.readRegister("command0", 7, 1);
}

/** The data register's 256 words. */
function words(): Uint8Array {
  const data = new Uint8Array(512);
  const view = new DataView(data.buffer);
  for (let at = 0; at < 512; at += 2) {
    view.setUint16(at, ide.readRegister("command0", 0, 2), true);
  }
  return data;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll("\0", "").trim();

command(0xec); // IDENTIFY DEVICE
const identity = words();
const model = text(identity.slice(54, 94))
  .replaceAll(/(.)(.)/g, "$2$1")
  .trim();
console.log(`${model}, ${identity[120]! + identity[121]! * 256} sectors`);

command(0x20, 5); // READ SECTORS
console.log(`sector 5 by words: ${text(words())}`);

ide.writeRegister("pci", 4, 2, 5); // I/O space, bus mastering
new DataView(machine.memory.buffer).setBigUint64(0x1000, 0x8000_0200_0000_2000n, true);
ide.writeRegister("bus-master", 4, 4, 0x1000);
ide.writeRegister("bus-master", 0, 1, 9); // start, towards memory
command(0xc8, 6); // READ DMA
console.log(`sector 6 by bus master: ${text(machine.memory.subarray(0x2000, 0x2200))}`);

command(0xe7); // FLUSH CACHE
console.log(`${machine.interrupts} interrupts, ${machine.run()} ns`);
