/**
 * The emulated network device: moves frames by DMA between two rings of descriptors in memory and
 * the wire, and interrupts once for all that has happened since its cause was read. A plain class
 * that knows registers, memory, an interrupt line and the passing of time, and nothing of ioreel.
 *
 * Frames that find no receive descriptor wait in the device for a while; a real controller has a
 * packet buffer for that. Registers accept anything: a descriptor that names memory which is not
 * there is counted and skipped.
 */
import { FRAME_HEADER_BYTES } from "./network/frame.ts";
import { Wire, type WireHost } from "./network/wire.ts";
import {
  CAUSE_MISSED,
  CAUSE_RECEIVED,
  CAUSE_SENT,
  CAUSE_TIMER,
  CONTROL_RECEIVE,
  CONTROL_RESET,
  CONTROL_TRANSMIT,
  DESCRIPTOR_ADDRESS,
  DESCRIPTOR_ADDRESS_HIGH,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_DONE,
  DESCRIPTOR_ERROR,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_STATUS,
  FRAME_BYTES_MAX,
  NETWORK_LENGTH,
  REG_BAD_DESCRIPTORS,
  REG_CAUSE,
  REG_COMPARE_HIGH,
  REG_COMPARE_LOW,
  REG_CONTROL,
  REG_DISARM,
  REG_FRAMES_MISSED,
  REG_FRAMES_RECEIVED,
  REG_FRAMES_SENT,
  REG_MASK_CLEAR,
  REG_MASK_SET,
  REG_RECEIVE_BASE,
  REG_RECEIVE_COUNT,
  REG_RECEIVE_HEAD,
  REG_RECEIVE_TAIL,
  REG_TRANSMIT_BASE,
  REG_TRANSMIT_COUNT,
  REG_TRANSMIT_HEAD,
  REG_TRANSMIT_TAIL,
  RING_COUNT_MAX,
} from "./registers.ts";

/** What the device sees of the machine that it is mounted on. */
export interface NetworkHost extends WireHost {
  interrupt(asserted: boolean): void;
  readMemory(address: number, target: Uint8Array): boolean;
  writeMemory(address: number, bytes: Uint8Array): boolean;
  timer(
    name: string,
    fire: (argument: number) => void,
  ): {
    at(deadlineNs: number): void;
    after(delayNs: number): void;
    cancel(): void;
    readonly armed: boolean;
  };
}

/** From a write of a tail to the frames' moving: fetching descriptors and data. */
const FETCH_NS = 1000;
/** Frames that the device itself holds while no receive descriptor is free. */
const WAITING_MAX = 512;
const CAUSES = CAUSE_RECEIVED | CAUSE_SENT | CAUSE_TIMER | CAUSE_MISSED;
const WORD = 2 ** 32;

export class NetworkDevice {
  readonly wire: Wire;
  /** The register file, by offset in words; registers with no memory of their own stay 0. */
  readonly registers = new Uint32Array(NETWORK_LENGTH >> 2);
  /** Slots of the frames that wait for receive descriptors, oldest first. */
  readonly waiting: number[] = [];

  readonly #host: NetworkHost;
  readonly #fetch: ReturnType<NetworkHost["timer"]>;
  readonly #compare: ReturnType<NetworkHost["timer"]>;
  readonly #descriptor = new Uint8Array(new ArrayBuffer(DESCRIPTOR_BYTES));
  readonly #words = new Uint32Array(this.#descriptor.buffer);
  /** The part of a descriptor that the device writes back. */
  readonly #outcome = new Uint8Array(this.#descriptor.buffer, DESCRIPTOR_LENGTH);

  constructor(host: NetworkHost) {
    this.#host = host;
    this.wire = new Wire(host, (slot) => this.#receive(slot));
    this.#fetch = host.timer("fetch", () => this.#move());
    this.#compare = host.timer("compare", () => this.#raise(CAUSE_TIMER));
  }

  /** Reads a register; addresses that are none, and write-only ones, read 0. */
  readRegister(offset: number): number {
    if ((offset & 3) !== 0 || offset >= NETWORK_LENGTH) return 0;
    const value = this.registers[offset >> 2]!;
    if (offset === REG_CAUSE) {
      this.registers[REG_CAUSE >> 2] = 0;
      this.#host.interrupt(false);
    }
    return value;
  }

  /** Writes a register; writes to read-only ones are dropped. */
  writeRegister(offset: number, value: number): void {
    switch (offset) {
      case REG_CONTROL:
        if ((value & CONTROL_RESET) !== 0) this.reset();
        else this.#set(REG_CONTROL, value & (CONTROL_TRANSMIT | CONTROL_RECEIVE));
        break;
      case REG_MASK_SET:
        this.#set(REG_MASK_SET, (this.#get(REG_MASK_SET) | value) & CAUSES);
        this.#raise(0);
        break;
      case REG_MASK_CLEAR:
        this.#set(REG_MASK_SET, this.#get(REG_MASK_SET) & ~value);
        this.#raise(0);
        break;
      case REG_TRANSMIT_BASE:
      case REG_RECEIVE_BASE:
        this.#set(offset, value & ~15);
        break;
      case REG_TRANSMIT_COUNT:
      case REG_RECEIVE_COUNT:
        this.#set(offset, value >>> 0 > RING_COUNT_MAX ? RING_COUNT_MAX : value);
        this.#set(offset === REG_TRANSMIT_COUNT ? REG_TRANSMIT_HEAD : REG_RECEIVE_HEAD, 0);
        this.#set(offset === REG_TRANSMIT_COUNT ? REG_TRANSMIT_TAIL : REG_RECEIVE_TAIL, 0);
        break;
      case REG_TRANSMIT_TAIL:
        if (value >>> 0 < this.#get(REG_TRANSMIT_COUNT)) this.#set(REG_TRANSMIT_TAIL, value);
        this.#fetchSoon();
        break;
      case REG_RECEIVE_TAIL:
        if (value >>> 0 < this.#get(REG_RECEIVE_COUNT)) this.#set(REG_RECEIVE_TAIL, value);
        if (this.waiting.length > 0) this.#fetchSoon();
        break;
      case REG_COMPARE_LOW:
        this.#set(REG_COMPARE_LOW, value);
        break;
      case REG_COMPARE_HIGH:
        // Only the 21 bits that a clock in whole nanoseconds can show take part.
        this.#set(REG_COMPARE_HIGH, value & 0x1fffff);
        this.#compare.at(this.#get(REG_COMPARE_HIGH) * WORD + this.#get(REG_COMPARE_LOW));
        break;
      case REG_DISARM:
        this.#compare.cancel();
        break;
      default:
        break;
    }
  }

  /** Back to power-on. What is on the wire stays there; what waits in the device is lost. */
  reset(): void {
    for (const slot of this.waiting) this.wire.store.give(slot);
    this.waiting.length = 0;
    this.#fetch.cancel();
    this.#compare.cancel();
    this.registers.fill(0);
    this.#host.interrupt(false);
  }

  #get(register: number): number {
    return this.registers[register >> 2]!;
  }

  #set(register: number, value: number): void {
    this.registers[register >> 2] = value;
  }

  #raise(cause: number): void {
    const pending = this.#get(REG_CAUSE) | cause;
    this.#set(REG_CAUSE, pending);
    this.#host.interrupt((pending & this.#get(REG_MASK_SET)) !== 0);
  }

  #fetchSoon(): void {
    if (!this.#fetch.armed) this.#fetch.after(FETCH_NS);
  }

  /** Does what the tails allow: stores what waits, sends what the driver has queued. */
  #move(): void {
    let stored = 0;
    while (stored < this.waiting.length && this.#mayStore()) this.#store(this.waiting[stored++]!);
    if (stored > 0) this.waiting.splice(0, stored);
    if ((this.#get(REG_CONTROL) & CONTROL_TRANSMIT) === 0) return;
    if (this.#get(REG_TRANSMIT_HEAD) === this.#get(REG_TRANSMIT_TAIL)) return;
    do {
      this.#transmit();
      this.#advance(REG_TRANSMIT_HEAD, REG_TRANSMIT_COUNT);
    } while (this.#get(REG_TRANSMIT_HEAD) !== this.#get(REG_TRANSMIT_TAIL));
    this.#raise(CAUSE_SENT);
  }

  /** Sends the frame of the descriptor at the transmit head. */
  #transmit(): void {
    const address = this.#get(REG_TRANSMIT_BASE) + this.#get(REG_TRANSMIT_HEAD) * DESCRIPTOR_BYTES;
    if (!this.#fetchDescriptor(address)) return;
    const length = this.#words[DESCRIPTOR_LENGTH >> 2]!;
    if (length < FRAME_HEADER_BYTES || length > FRAME_BYTES_MAX) {
      this.#refuse(address);
      return;
    }
    const { store } = this.wire;
    const slot = store.take(length);
    // A full store is the wire's loss, not the descriptor's fault.
    if (slot !== -1) {
      if (!this.#host.readMemory(this.#words[DESCRIPTOR_ADDRESS >> 2]!, store.window(slot))) {
        store.give(slot);
        this.#refuse(address);
        return;
      }
      this.#count(REG_FRAMES_SENT);
      this.wire.launch(slot);
    }
    this.#finish(address, length, DESCRIPTOR_DONE);
  }

  #mayStore(): boolean {
    return this.#get(REG_RECEIVE_HEAD) !== this.#get(REG_RECEIVE_TAIL);
  }

  /** A frame arrives from the wire. */
  #receive(slot: number): void {
    const running = (this.#get(REG_CONTROL) & CONTROL_RECEIVE) !== 0;
    if (running && this.waiting.length === 0 && this.#mayStore()) {
      this.#store(slot);
    } else if (running && this.waiting.length < WAITING_MAX) {
      this.waiting.push(slot);
    } else {
      this.wire.store.give(slot);
      if (running) this.#miss();
    }
  }

  /** Puts a frame into the memory of the descriptor at the receive head. */
  #store(slot: number): void {
    const { store } = this.wire;
    const address = this.#get(REG_RECEIVE_BASE) + this.#get(REG_RECEIVE_HEAD) * DESCRIPTOR_BYTES;
    const length = store.lengths[slot]!;
    this.#advance(REG_RECEIVE_HEAD, REG_RECEIVE_COUNT);
    if (this.#fetchDescriptor(address)) {
      const target = this.#words[DESCRIPTOR_ADDRESS >> 2]!;
      const fits = length <= this.#words[DESCRIPTOR_LENGTH >> 2]!;
      if (fits && this.#host.writeMemory(target, store.window(slot))) {
        this.#finish(address, length, DESCRIPTOR_DONE);
        this.#count(REG_FRAMES_RECEIVED);
      } else {
        this.#refuse(address);
      }
    }
    store.give(slot);
    this.#raise(CAUSE_RECEIVED);
  }

  #miss(): void {
    this.#count(REG_FRAMES_MISSED);
    this.#raise(CAUSE_MISSED);
  }

  /** Reads a descriptor. @returns whether there is one that names an address below 4 GiB */
  #fetchDescriptor(address: number): boolean {
    if (!this.#host.readMemory(address, this.#descriptor)) {
      this.#count(REG_BAD_DESCRIPTORS);
      return false;
    }
    if (this.#words[DESCRIPTOR_ADDRESS_HIGH >> 2] === 0) return true;
    this.#refuse(address);
    return false;
  }

  #refuse(address: number): void {
    this.#count(REG_BAD_DESCRIPTORS);
    this.#finish(address, 0, DESCRIPTOR_DONE | DESCRIPTOR_ERROR);
  }

  /** Hands a descriptor back: its length and status are written, its address is left alone. */
  #finish(address: number, length: number, status: number): void {
    this.#words[DESCRIPTOR_LENGTH >> 2] = length;
    this.#words[DESCRIPTOR_STATUS >> 2] = status;
    this.#host.writeMemory(address + DESCRIPTOR_LENGTH, this.#outcome);
  }

  #advance(head: number, count: number): void {
    const next = this.#get(head) + 1;
    this.#set(head, next >= this.#get(count) ? 0 : next);
  }

  #count(register: number): void {
    this.#set(register, this.#get(register) + 1);
  }
}
