/**
 * A PCI function's configuration space, as disk controllers need it: a type 0 header with base
 * address registers, the command and status registers, and a list of capabilities. It stores and
 * masks; what the bits mean for its registers and interrupts is the controller's to ask.
 *
 * References: [PCI] PCI Local Bus Specification 3.0, chapter 6.
 */

/** Offsets of the type 0 header: [PCI] figure 6-1. */
export const PCI_VENDOR_ID = 0x00;
export const PCI_DEVICE_ID = 0x02;
export const PCI_COMMAND = 0x04;
export const PCI_STATUS = 0x06;
export const PCI_REVISION = 0x08;
export const PCI_CLASS = 0x09;
export const PCI_BAR0 = 0x10;
export const PCI_SUBSYSTEM_VENDOR = 0x2c;
export const PCI_SUBSYSTEM = 0x2e;
export const PCI_CAPABILITIES = 0x34;
export const PCI_INTERRUPT_LINE = 0x3c;
export const PCI_INTERRUPT_PIN = 0x3d;

/** Bits of the command register: [PCI] table 6-1. */
export const COMMAND_IO = 0x0001;
export const COMMAND_MEMORY = 0x0002;
export const COMMAND_BUS_MASTER = 0x0004;
export const COMMAND_INTERRUPT_DISABLE = 0x0400;
const COMMAND_WRITABLE =
  COMMAND_IO | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTERRUPT_DISABLE;

/** Bits of the status register: [PCI] table 6-2. */
const STATUS_INTERRUPT = 0x0008;
const STATUS_CAPABILITIES = 0x0010;

/** Capability identifiers: [PCI] appendix H. */
export const CAPABILITY_MSI = 0x05;
export const CAPABILITY_SATA = 0x12;

const SPACE_BYTES = 256;
const BARS = 6;

/** A base address register. Its size is a power of two, at least 4 (ports) or 16 (memory). */
export interface PciBar {
  index: number;
  space: "ports" | "memory";
  sizeBytes: number;
}

/** A capability: its bytes, the first two of which (identifier, next pointer) are filled in. */
export interface PciCapability {
  id: number;
  /** Offset in configuration space, from 40h, a multiple of 4. */
  at: number;
  /** What follows the two header bytes. */
  body: readonly number[];
  /** For each byte of the body, the bits that software may write. */
  writable: readonly number[];
}

export interface PciDescription {
  vendorId: number;
  deviceId: number;
  /** Base class, subclass and programming interface: `0x010601`. */
  classCode: number;
  revision: number;
  bars: readonly PciBar[];
  /** In the order in which software is to find them. */
  capabilities?: readonly PciCapability[];
  /** 1 for INTA#, 0 for a function that has none. */
  interruptPin: number;
}

export class PciFunction {
  readonly #initial = new Uint8Array(SPACE_BYTES);
  readonly #writable = new Uint8Array(SPACE_BYTES);
  readonly #space = new Uint8Array(SPACE_BYTES);

  constructor(description: PciDescription) {
    const { bars, capabilities = [] } = description;
    this.#set16(PCI_VENDOR_ID, description.vendorId);
    this.#set16(PCI_DEVICE_ID, description.deviceId);
    this.#initial[PCI_REVISION] = description.revision;
    this.#initial[PCI_CLASS] = description.classCode & 0xff;
    this.#set16(PCI_CLASS + 1, description.classCode >>> 8);
    this.#set16(PCI_SUBSYSTEM_VENDOR, description.vendorId);
    this.#set16(PCI_SUBSYSTEM, description.deviceId);
    this.#initial[PCI_INTERRUPT_PIN] = description.interruptPin;
    this.#writable[PCI_COMMAND] = COMMAND_WRITABLE & 0xff;
    this.#writable[PCI_COMMAND + 1] = COMMAND_WRITABLE >>> 8;
    this.#writable[PCI_INTERRUPT_LINE] = 0xff;
    for (const bar of bars) this.#placeBar(bar);
    this.#placeCapabilities(capabilities);
    this.reset();
  }

  /** Back to power-on: everything that software wrote is gone. */
  reset(): void {
    this.#space.set(this.#initial);
  }

  /** Reads 1, 2 or 4 bytes; what lies outside the 256 bytes reads as all ones. */
  read(offset: number, width: 1 | 2 | 4): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + (this.#space[offset + i] ?? 0xff);
    return value;
  }

  /** Writes 1, 2 or 4 bytes; bits that are not writable keep their value. */
  write(offset: number, width: 1 | 2 | 4, value: number): void {
    for (let i = 0; i < width; i++) {
      const at = offset + i;
      if (at >= SPACE_BYTES) return;
      const mask = this.#writable[at]!;
      const byte = (value >>> (i * 8)) & 0xff;
      this.#space[at] = (this.#space[at]! & ~mask) | (byte & mask);
    }
  }

  /** The command register. */
  get command(): number {
    return this.read(PCI_COMMAND, 2);
  }

  /** Whether the function may start transfers of its own: without it no DMA happens. */
  get busMaster(): boolean {
    return (this.#space[PCI_COMMAND]! & COMMAND_BUS_MASTER) !== 0;
  }

  /** Whether the pin may be asserted: [PCI] 6.2.2, bit 10. */
  get pinEnabled(): boolean {
    return (this.command & COMMAND_INTERRUPT_DISABLE) === 0;
  }

  /** Where software has put a base address register's range; 0 before it did. */
  barAddress(index: number): number {
    const value = this.read(PCI_BAR0 + index * 4, 4);
    return (value & 1) === 1 ? (value & ~3) >>> 0 : (value & ~15) >>> 0;
  }

  /** Shows in the status register whether an interrupt is pending: [PCI] 6.2.3, bit 3. */
  showInterrupt(pending: boolean): void {
    const low = this.#space[PCI_STATUS]!;
    this.#space[PCI_STATUS] = pending ? low | STATUS_INTERRUPT : low & ~STATUS_INTERRUPT;
  }

  /** All 256 bytes. */
  capture(): Uint8Array {
    return this.#space.slice();
  }

  /** Whether bytes could be a capture of this function: what is read-only must agree. */
  accepts(space: Uint8Array): boolean {
    if (space.length !== SPACE_BYTES) return false;
    for (let at = 0; at < SPACE_BYTES; at++) {
      const live = this.#writable[at]! | (at === PCI_STATUS ? STATUS_INTERRUPT : 0);
      if (((space[at]! ^ this.#initial[at]!) & ~live & 0xff) !== 0) return false;
    }
    return true;
  }

  /** Takes a capture over that {@link accepts} said yes to. */
  apply(space: Uint8Array): void {
    this.#space.set(space);
  }

  /** Sizing works by what cannot be written: [PCI] 6.2.5.1. */
  #placeBar({ index, space, sizeBytes }: PciBar): void {
    const least = space === "ports" ? 4 : 16;
    const powerOfTwo = Number.isInteger(Math.log2(sizeBytes));
    if (!(index >= 0 && index < BARS) || sizeBytes < least || !powerOfTwo) {
      throw new RangeError(
        `Cannot place BAR ${index}: its size must be a power of two from ${least}: ${sizeBytes}`,
      );
    }
    const at = PCI_BAR0 + index * 4;
    const mask = (~(sizeBytes - 1) & ~(least - 1)) >>> 0;
    for (let i = 0; i < 4; i++) this.#writable[at + i] = (mask >>> (i * 8)) & 0xff;
    this.#initial[at] = space === "ports" ? 1 : 0;
  }

  #placeCapabilities(capabilities: readonly PciCapability[]): void {
    let pointerAt = PCI_CAPABILITIES;
    for (const { id, at, body, writable } of capabilities) {
      this.#initial[pointerAt] = at;
      this.#initial[at] = id;
      this.#initial.set(body, at + 2);
      this.#writable.set(writable, at + 2);
      pointerAt = at + 1;
    }
    if (capabilities.length > 0) this.#initial[PCI_STATUS] = STATUS_CAPABILITIES;
  }

  #set16(at: number, value: number): void {
    this.#initial[at] = value & 0xff;
    this.#initial[at + 1] = (value >>> 8) & 0xff;
  }
}
