/**
 * Our IDE controller on a machine of a few lines, as hardware to be compared with other hardware.
 */
import type { Drive } from "../disk/drive/drive.ts";
import type { AccessWidth } from "../disk/host.ts";
import { TinyMachine } from "../disk/machine.fixture.ts";
import type { Hardware } from "../disk/qemu/compare.fixture.ts";
import { IdeController } from "./device.ts";
import { BUS_MASTER_PORT, COMMAND_PORTS, CONTROL_PORTS } from "./registers.ts";

const [COMMAND] = COMMAND_PORTS;
const [CONTROL] = CONTROL_PORTS;
const MEMORY_BYTES = 4 << 20;

export class OurIde implements Hardware {
  readonly machine = new TinyMachine(MEMORY_BYTES);
  readonly ide: IdeController;

  constructor(drives: (now: () => number) => readonly (Drive | undefined)[]) {
    const hosts = [this.machine.host("14"), this.machine.host("15")] as const;
    this.ide = new IdeController({ hosts, drives: [drives(() => this.machine.nowNs)] });
    this.ide.writeRegister("pci", 4, 2, 5);
  }

  #place(port: number): [block: string, offset: number] {
    if (port >= BUS_MASTER_PORT) return ["bus-master", port - BUS_MASTER_PORT];
    return port === CONTROL ? ["control0", 0] : ["command0", port - COMMAND];
  }

  in(port: number, width: number): number {
    return this.ide.readRegister(...this.#place(port), width as AccessWidth) >>> 0;
  }

  out(port: number, width: number, value: number): void {
    this.ide.writeRegister(...this.#place(port), width as AccessWidth, value);
  }

  readMemory(address: number, length: number): Uint8Array {
    return this.machine.memory.slice(address, address + length);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.machine.memory.set(bytes, address);
  }

  line(number: number): boolean {
    return this.machine.lines.has(String(number));
  }

  settle(): void {
    this.machine.settle();
  }
}
