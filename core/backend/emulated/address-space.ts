/**
 * An address space of device registers: ports, or memory-mapped I/O. Devices register ranges;
 * drivers read and write 1, 2 or 4 bytes. What nobody registered behaves as an undriven bus does:
 * reads answer all ones, writes are dropped, and both are counted.
 */
import type { AccessWidth, RegisterHandler } from "./device-host.ts";

/** A registered range. */
export interface AddressRegion {
  readonly name: string;
  readonly base: number;
  readonly length: number;
  /** Takes the range out of the space. Idempotent. */
  remove(): void;
}

interface Region {
  readonly name: string;
  readonly base: number;
  /** The first address behind the range. */
  readonly end: number;
  readonly handler: RegisterHandler;
}

export class AddressSpace {
  readonly name: string;
  /** Addresses run from 0 to one below this. */
  readonly size: number;
  /** Bytes read that no device answered. */
  unmappedReads = 0;
  /** Bytes written that no device took. */
  unmappedWrites = 0;

  /** Ranges by rising base. Replaced as a whole, so that a handler may register and remove. */
  #regions: readonly Region[] = [];
  /** The range of the last access: drivers touch one device many times in a row. */
  #last: Region | undefined;

  /**
   * @param name for error messages: `ports`
   * @param size how many addresses there are, up to 2⁵²
   */
  constructor(name: string, size: number) {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 52) {
      throw new RangeError(`Cannot build ${name}: size must be 1 to 2^52: found ${size}`);
    }
    this.name = name;
    this.size = size;
  }

  /**
   * Gives a range of addresses to a device.
   * @param base the first address
   * @param length how many addresses
   * @param handler gets offsets from `base`
   * @param name the device, for error messages
   * @throws {RangeError} when the range is empty, leaves the space or overlaps another
   */
  register(base: number, length: number, handler: RegisterHandler, name: string): AddressRegion {
    const end = base + length;
    if (!Number.isInteger(base) || !Number.isInteger(length) || base < 0 || length < 1) {
      throw new RangeError(
        `Cannot register ${name}: base and length must be whole numbers from 0 and from 1: ` +
          `found ${base} and ${length}`,
      );
    }
    if (end > this.size) {
      throw new RangeError(
        `Cannot register ${name}: ${describeRange(base, end)} is outside ${this.name}, ` +
          `which ends at ${hex(this.size)}`,
      );
    }
    for (const other of this.#regions) {
      if (base >= other.end || end <= other.base) continue;
      throw new RangeError(
        `Cannot register ${name}: ${describeRange(base, end)} overlaps ${other.name} ` +
          `at ${describeRange(other.base, other.end)} in ${this.name}`,
      );
    }
    const region: Region = { name, base, end, handler };
    this.#regions = [...this.#regions, region].sort((a, b) => a.base - b.base);
    return { name, base, length, remove: () => this.#remove(region) };
  }

  /**
   * Reads a register. An access that reaches over the end of a range is split into bytes, each of
   * which goes where it belongs. An error of a device passes through to the driver.
   * @returns an unsigned number of `width` bytes, little-endian
   * @throws {RangeError} for an address outside the space, or another width
   */
  read(address: number, width: AccessWidth): number {
    this.#check("read", address, width);
    const region = this.#find(address);
    if (region !== undefined && address + width <= region.end) {
      return cut(region.handler.read(address - region.base, width), width);
    }
    if (width === 1) {
      this.unmappedReads += 1;
      return 0xff;
    }
    let value = 0;
    for (let i = width - 1; i >= 0; i--) {
      value = value * 256 + (address + i < this.size ? this.read(address + i, 1) : 0xff);
    }
    return value;
  }

  /**
   * Writes a register. Split like {@link read}, the lowest address first.
   * @param value cut to `width` bytes
   * @throws {RangeError} for an address outside the space, or another width
   */
  write(address: number, width: AccessWidth, value: number): void {
    this.#check("write", address, width);
    const region = this.#find(address);
    if (region !== undefined && address + width <= region.end) {
      region.handler.write(address - region.base, width, cut(value, width));
      return;
    }
    if (width === 1) {
      this.unmappedWrites += 1;
      return;
    }
    for (let i = 0; i < width && address + i < this.size; i++) {
      this.write(address + i, 1, (value >>> (i * 8)) & 0xff);
    }
  }

  #check(what: string, address: number, width: number): void {
    if (width !== 1 && width !== 2 && width !== 4) {
      throw new RangeError(`Cannot ${what} ${this.name}: width must be 1, 2 or 4: found ${width}`);
    }
    if (address >= 0 && address < this.size && Number.isInteger(address)) return;
    throw new RangeError(
      `Cannot ${what} ${this.name}: the address must be below ${hex(this.size)}: found ${address}`,
    );
  }

  #find(address: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.base && address < last.end) return last;
    const regions = this.#regions;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (regions[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    const region = regions[low];
    if (region === undefined || address < region.base) return undefined;
    this.#last = region;
    return region;
  }

  #remove(region: Region): void {
    this.#regions = this.#regions.filter((other) => other !== region);
    if (this.#last === region) this.#last = undefined;
  }
}

function cut(value: number, width: AccessWidth): number {
  if (width === 4) return value >>> 0;
  return width === 2 ? value & 0xffff : value & 0xff;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

function describeRange(base: number, end: number): string {
  return `${hex(base)} to ${hex(end - 1)}`;
}
