/**
 * The 8237A DMA controller of a PC's first four channels with its page registers, and the small
 * face by which a device sees one channel. An address is the 16-bit address register with the page
 * above it: it wraps inside its 64 KiB and never carries into the page [ISA].
 *
 * Not there: memory-to-memory transfers, rotating priority, software requests, compressed timing.
 * They are stored and read back as zeros.
 *
 * References: [8237] Intel 8237A High Performance Programmable DMA Controller, data sheet 231466.
 */

/** What a device sees of its channel: DREQ, the bytes, and TC. */
export interface DmaChannel {
  /**
   * Asks for service and moves bytes one by one until all are moved or terminal count comes.
   * @param bytes the device's bytes
   * @param length how many of them, from the first
   * @param toMemory whether the device gives bytes to memory
   * @returns how many were moved: 0 when the channel is masked or the controller is off
   */
  request(bytes: Uint8Array, length: number, toMemory: boolean): number;
  /** Whether the last byte of the last request came with terminal count. */
  readonly terminalCount: boolean;
}

/** The memory that the controller masters. Both answer false when an address is not there. */
export interface DmaMemory {
  readMemory(address: number, target: Uint8Array): boolean;
  writeMemory(address: number, bytes: Uint8Array): boolean;
}

/** Registers, [8237] "Register description"; ports 00h to 0Fh [ISA]. */
export const DMA_STATUS = 0x08; // read: terminal counts (cleared by reading), requests
export const DMA_COMMAND = 0x08; // write
export const DMA_REQUEST = 0x09;
export const DMA_MASK_ONE = 0x0a;
export const DMA_MODE = 0x0b;
export const DMA_CLEAR_POINTER = 0x0c;
export const DMA_MASTER_CLEAR = 0x0d;
export const DMA_CLEAR_MASK = 0x0e;
export const DMA_MASK_ALL = 0x0f;
export const DMA_LENGTH = 16;
/** The page registers' first port, and the offsets of channels 0 to 3 from it [ISA]. */
export const DMA_PAGE_BASE = 0x81;
export const DMA_PAGE_LENGTH = 3;
const PAGE_CHANNELS = [2, 3, 1] as const;

/** Mode register, [8237] "Mode register". */
export const MODE_CHANNEL = 0x03;
export const MODE_TYPE = 0x0c;
export const MODE_VERIFY = 0x00;
export const MODE_TO_MEMORY = 0x04;
export const MODE_FROM_MEMORY = 0x08;
export const MODE_AUTO_INITIALISE = 0x10;
export const MODE_DECREMENT = 0x20;
export const MODE_SINGLE = 0x40;
const COMMAND_DISABLE = 0x04;

const CHANNELS = 4;
const STATE_VERSION = 1;
const STATE_NAMES = ["base", "baseCount", "address", "count", "page", "mode"] as const;

type ChannelState = Record<(typeof STATE_NAMES)[number], number>;

const fresh = (): ChannelState => ({
  base: 0,
  baseCount: 0,
  address: 0,
  count: 0,
  page: 0,
  mode: 0,
});

export class DmaController {
  readonly name = "8237A";
  readonly #memory: DmaMemory;
  readonly #channels: ChannelState[] = Array.from({ length: CHANNELS }, fresh);
  readonly #one = new Uint8Array(1);
  #command = 0;
  #mask = 0x0f;
  #reached = 0;
  /** Which byte of a 16-bit register comes next: the first/last flip-flop. */
  #high = 0;

  constructor(memory: DmaMemory) {
    this.#memory = memory;
  }

  /** The face of one channel, 0 to 3. @throws {RangeError} for another number */
  channel(number: number): DmaChannel {
    if (!(Number.isInteger(number) && number >= 0 && number < CHANNELS)) {
      throw new RangeError(`Cannot give DMA channel ${number}: there are 0 to 3`);
    }
    let terminalCount = false;
    return {
      get terminalCount(): boolean {
        return terminalCount;
      },
      request: (bytes, length, toMemory) => {
        terminalCount = false;
        if ((this.#command & COMMAND_DISABLE) !== 0) return 0;
        if ((this.#mask & (1 << number)) !== 0) return 0;
        const moved = Math.min(length, this.#channels[number]!.count + 1);
        this.#move(this.#channels[number]!, bytes, moved, toMemory);
        terminalCount = this.#advance(number, moved);
        return moved;
      },
    };
  }

  /** @param block "channels" for ports 00h to 0Fh, "pages" for the page registers */
  readRegister(block: "channels" | "pages", offset: number): number {
    if (block === "pages") return this.#channels[PAGE_CHANNELS[offset] ?? 0]!.page;
    if (offset < 8) {
      const channel = this.#channels[offset >> 1]!;
      const value = (offset & 1) === 0 ? channel.address : channel.count;
      const byte = this.#high === 0 ? value & 0xff : value >> 8;
      this.#high ^= 1;
      return byte;
    }
    if (offset !== DMA_STATUS) return 0;
    const status = this.#reached;
    this.#reached = 0;
    return status;
  }

  writeRegister(block: "channels" | "pages", offset: number, value: number): void {
    const byte = value & 0xff;
    if (block === "pages") {
      const number = PAGE_CHANNELS[offset];
      if (number !== undefined) this.#channels[number]!.page = byte;
      return;
    }
    if (offset >= 0 && offset < 8) return this.#writeCounter(offset, byte);
    switch (offset) {
      case DMA_COMMAND:
        this.#command = byte;
        break;
      case DMA_MASK_ONE:
        if ((byte & 4) !== 0) this.#mask |= 1 << (byte & 3);
        else this.#mask &= ~(1 << (byte & 3));
        break;
      case DMA_MODE:
        this.#channels[byte & MODE_CHANNEL]!.mode = byte;
        break;
      case DMA_CLEAR_POINTER:
        this.#high = 0;
        break;
      case DMA_MASTER_CLEAR:
        this.reset();
        break;
      case DMA_CLEAR_MASK:
        this.#mask = 0;
        break;
      case DMA_MASK_ALL:
        this.#mask = byte & 0x0f;
        break;
      default:
        break;
    }
  }

  /** MASTER CLEAR, as the reset pin: all channels masked, [8237] "Software commands". */
  reset(): void {
    this.#command = 0;
    this.#reached = 0;
    this.#high = 0;
    this.#mask = 0x0f;
  }

  snapshot(): Uint8Array {
    const { "0": a, "1": b, "2": c, "3": d } = this.#channels;
    const state = {
      version: STATE_VERSION,
      command: this.#command,
      mask: this.#mask,
      reached: this.#reached,
      high: this.#high,
      channels: [a, b, c, d],
    };
    return new TextEncoder().encode(JSON.stringify(state));
  }

  /** @throws {RangeError} for bytes that are not its own; nothing changes then */
  restore(bytes: Uint8Array): void {
    const state = parse(bytes);
    if (state === undefined) throw new RangeError("Cannot restore the 8237A: not its own state");
    this.#command = state.command;
    this.#mask = state.mask;
    this.#reached = state.reached;
    this.#high = state.high;
    for (const [i, channel] of state.channels.entries()) Object.assign(this.#channels[i]!, channel);
  }

  #writeCounter(offset: number, byte: number): void {
    const channel = this.#channels[offset >> 1]!;
    const high = this.#high;
    this.#high ^= 1;
    const put = (old: number): number =>
      high === 0 ? (old & 0xff00) | byte : (byte << 8) | (old & 0xff);
    // Base and current register are written together: [8237] "Base address and word count".
    if ((offset & 1) === 0) {
      channel.base = put(channel.base);
      channel.address = put(channel.address);
    } else {
      channel.baseCount = put(channel.baseCount);
      channel.count = put(channel.count);
    }
  }

  /** Moves bytes without touching the counters. A wrong direction moves nothing to memory. */
  #move(channel: ChannelState, bytes: Uint8Array, length: number, toMemory: boolean): void {
    const type = channel.mode & MODE_TYPE;
    const wanted = toMemory ? MODE_TO_MEMORY : MODE_FROM_MEMORY;
    if (type !== wanted) {
      // Nobody drives the data bus: the device reads ones, memory is left alone.
      if (!toMemory) bytes.fill(0xff, 0, length);
      return;
    }
    const page = channel.page << 16;
    if ((channel.mode & MODE_DECREMENT) !== 0) {
      for (let i = 0; i < length; i++) {
        this.#moveRun(page | ((channel.address - i) & 0xffff), bytes, i, 1, toMemory);
      }
      return;
    }
    const first = Math.min(length, 0x10000 - channel.address);
    this.#moveRun(page | channel.address, bytes, 0, first, toMemory);
    if (first < length) this.#moveRun(page, bytes, first, length - first, toMemory);
  }

  #moveRun(
    address: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    toMemory: boolean,
  ): void {
    const part = length === bytes.length ? bytes : bytes.subarray(at, at + length);
    if (
      toMemory ? this.#memory.writeMemory(address, part) : this.#memory.readMemory(address, part)
    ) {
      return;
    }
    // Part of it is outside memory: what is inside moves, the rest is lost or reads ones.
    for (let i = 0; i < length; i++) {
      this.#one[0] = toMemory ? part[i]! : 0xff;
      if (toMemory) this.#memory.writeMemory(address + i, this.#one);
      else this.#memory.readMemory(address + i, this.#one);
      if (!toMemory) part[i] = this.#one[0]!;
    }
  }

  /** @returns whether terminal count came: the count register rolled over */
  #advance(number: number, moved: number): boolean {
    const channel = this.#channels[number]!;
    const step = (channel.mode & MODE_DECREMENT) === 0 ? moved : -moved;
    channel.address = (channel.address + step) & 0xffff;
    const ended = moved > channel.count;
    channel.count = (channel.count - moved) & 0xffff;
    if (!ended) return false;
    this.#reached |= 1 << number;
    if ((channel.mode & MODE_AUTO_INITIALISE) !== 0) {
      channel.address = channel.base;
      channel.count = channel.baseCount;
    } else {
      this.#mask |= 1 << number;
    }
    return true;
  }
}

interface DmaState {
  version: number;
  command: number;
  mask: number;
  reached: number;
  high: number;
  channels: ChannelState[];
}

function parse(bytes: Uint8Array): DmaState | undefined {
  const whole = (value: unknown, max: number): boolean =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
  try {
    const state = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as DmaState;
    if (state?.version !== STATE_VERSION || state.channels?.length !== CHANNELS) return undefined;
    if (!whole(state.command, 255) || !whole(state.mask, 15)) return undefined;
    if (!whole(state.reached, 15) || !whole(state.high, 1)) return undefined;
    for (const channel of state.channels) {
      if (Object.keys(channel).length !== STATE_NAMES.length) return undefined;
      for (const name of STATE_NAMES) if (!whole(channel[name], 0xffff)) return undefined;
      if (channel.page > 255 || channel.mode > 255) return undefined;
    }
    return state;
  } catch {
    return undefined;
  }
}
