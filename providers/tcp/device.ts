/**
 * The emulated network device: moves frames by DMA between two rings of descriptors in memory and
 * the wire, and interrupts once for all that has happened since its cause was read. A plain class
 * that knows registers, memory, an interrupt line and the passing of time, and nothing of ioreel.
 *
 * Frames that find no receive descriptor wait in the device for a while; a real controller has a
 * packet buffer for that. Registers accept anything: a descriptor that names memory which is not
 * there is counted and skipped.
 */
import { Wire, type WireHost } from "./network/wire.ts";
import * as at from "./registers.ts";

/** What the device sees of the machine that it is mounted on. */
export interface NetworkHost extends WireHost {
  interrupt(asserted: boolean): void;
  readMemory(address: number, target: Uint8Array): boolean;
  writeMemory(address: number, bytes: Uint8Array): boolean;
  timer(
    name: string,
    fire: (argument: number) => void,
  ): { at(deadlineNs: number): void; after(delayNs: number): void; cancel(): void; armed: boolean };
}

/** Registers by name, as a snapshot has them. */
export type NetworkRegisters = Record<keyof typeof POWER_ON, number>;

const POWER_ON = {
  control: 0,
  cause: 0,
  mask: 0,
  transmitBase: 0,
  transmitCount: 0,
  transmitHead: 0,
  transmitTail: 0,
  receiveBase: 0,
  receiveCount: 0,
  receiveHead: 0,
  receiveTail: 0,
  compareLow: 0,
  compareHigh: 0,
  sent: 0,
  received: 0,
  missed: 0,
  bad: 0,
  /** Frames that wait for receive descriptors: the first and the last slot, and how many. */
  waitingFirst: -1,
  waitingLast: -1,
  waiting: 0,
};

/** From a write of the transmit tail to the frames' leaving: fetching descriptors and data. */
const FETCH_NS = 1000;
/** Frames that the device itself holds while no receive descriptor is free. */
const WAITING_MAX = 512;
const WORD = 2 ** 32;

export class NetworkDevice {
  readonly wire: Wire;
  readonly #host: NetworkHost;
  readonly #fetch: ReturnType<NetworkHost["timer"]>;
  readonly #compare: ReturnType<NetworkHost["timer"]>;
  readonly #descriptor = new Uint8Array(new ArrayBuffer(at.DESCRIPTOR_BYTES));
  readonly #words = new Uint32Array(this.#descriptor.buffer);
  readonly #written = new Uint8Array(this.#descriptor.buffer, at.DESCRIPTOR_LENGTH);
  #r: NetworkRegisters = { ...POWER_ON };

  constructor(host: NetworkHost) {
    this.#host = host;
    this.wire = new Wire(host, (slot) => this.#receive(slot));
    this.#fetch = host.timer("fetch", () => this.#move());
    this.#compare = host.timer("compare", () => this.#raise(at.CAUSE_TIMER));
  }

  /** Reads a register; addresses that are none, and write-only ones, read 0. */
  readRegister(offset: number): number {
    const r = this.#r;
    switch (offset) {
      case at.REG_CONTROL:
        return r.control;
      case at.REG_CAUSE: {
        const { cause } = r;
        r.cause = 0;
        this.#host.interrupt(false);
        return cause;
      }
      case at.REG_MASK_SET:
        return r.mask;
      case at.REG_TRANSMIT_BASE:
        return r.transmitBase;
      case at.REG_TRANSMIT_COUNT:
        return r.transmitCount;
      case at.REG_TRANSMIT_HEAD:
        return r.transmitHead;
      case at.REG_TRANSMIT_TAIL:
        return r.transmitTail;
      case at.REG_RECEIVE_BASE:
        return r.receiveBase;
      case at.REG_RECEIVE_COUNT:
        return r.receiveCount;
      case at.REG_RECEIVE_HEAD:
        return r.receiveHead;
      case at.REG_RECEIVE_TAIL:
        return r.receiveTail;
      case at.REG_COMPARE_LOW:
        return r.compareLow;
      case at.REG_COMPARE_HIGH:
        return r.compareHigh;
      case at.REG_FRAMES_SENT:
        return r.sent;
      case at.REG_FRAMES_RECEIVED:
        return r.received;
      case at.REG_FRAMES_MISSED:
        return r.missed;
      case at.REG_BAD_DESCRIPTORS:
        return r.bad;
      default:
        return 0;
    }
  }

  /** Writes a register; writes to read-only ones are dropped. */
  writeRegister(offset: number, value: number): void {
    const r = this.#r;
    switch (offset) {
      case at.REG_CONTROL:
        if ((value & at.CONTROL_RESET) !== 0) this.reset();
        else r.control = value & (at.CONTROL_TRANSMIT | at.CONTROL_RECEIVE);
        break;
      case at.REG_MASK_SET:
        r.mask = (r.mask | value) & 0xf;
        this.#raise(0);
        break;
      case at.REG_MASK_CLEAR:
        r.mask &= ~value;
        this.#raise(0);
        break;
      case at.REG_TRANSMIT_BASE:
        r.transmitBase = (value & ~15) >>> 0;
        break;
      case at.REG_TRANSMIT_COUNT:
        r.transmitCount = Math.min(value, at.RING_COUNT_MAX);
        r.transmitHead = 0;
        r.transmitTail = 0;
        break;
      case at.REG_TRANSMIT_TAIL:
        if (value < r.transmitCount) r.transmitTail = value;
        this.#fetchSoon();
        break;
      case at.REG_RECEIVE_BASE:
        r.receiveBase = (value & ~15) >>> 0;
        break;
      case at.REG_RECEIVE_COUNT:
        r.receiveCount = Math.min(value, at.RING_COUNT_MAX);
        r.receiveHead = 0;
        r.receiveTail = 0;
        break;
      case at.REG_RECEIVE_TAIL:
        if (value < r.receiveCount) r.receiveTail = value;
        if (r.waiting > 0) this.#fetchSoon();
        break;
      case at.REG_COMPARE_LOW:
        r.compareLow = value;
        break;
      case at.REG_COMPARE_HIGH:
        // Only the 21 bits that a clock in whole nanoseconds can show take part.
        r.compareHigh = value & 0x1fffff;
        this.#compare.at(r.compareHigh * WORD + r.compareLow);
        break;
      case at.REG_DISARM:
        this.#compare.cancel();
        break;
      default:
        break;
    }
  }

  /** Back to power-on. What is on the wire stays there; what waits in the device is lost. */
  reset(): void {
    while (this.#r.waiting > 0) this.wire.store.give(this.#takeWaiting());
    this.#fetch.cancel();
    this.#compare.cancel();
    this.#r = { ...POWER_ON };
    this.#host.interrupt(false);
  }

  /** The registers, copied, for a snapshot. Pending events are the machine's to save. */
  captureRegisters(): NetworkRegisters {
    return { ...this.#r };
  }

  /** Puts registers of a snapshot in place. */
  applyRegisters(registers: NetworkRegisters): void {
    this.#r = { ...registers };
  }

  #raise(cause: number): void {
    this.#r.cause |= cause;
    this.#host.interrupt((this.#r.cause & this.#r.mask) !== 0);
  }

  #fetchSoon(): void {
    if (!this.#fetch.armed) this.#fetch.after(FETCH_NS);
  }

  /** Does what the tails allow: sends what the driver has queued, stores what waits. */
  #move(): void {
    const r = this.#r;
    while (r.waiting > 0 && r.receiveHead !== r.receiveTail) this.#store(this.#takeWaiting());
    if ((r.control & at.CONTROL_TRANSMIT) === 0 || r.transmitHead === r.transmitTail) return;
    do {
      this.#transmit();
      r.transmitHead = r.transmitHead + 1 === r.transmitCount ? 0 : r.transmitHead + 1;
    } while (r.transmitHead !== r.transmitTail);
    this.#raise(at.CAUSE_SENT);
  }

  /** Sends the frame of the descriptor at the transmit head. */
  #transmit(): void {
    const r = this.#r;
    const address = r.transmitBase + r.transmitHead * at.DESCRIPTOR_BYTES;
    if (!this.#fetchDescriptor(address)) return;
    const length = this.#words[at.DESCRIPTOR_LENGTH >> 2]!;
    let status = at.DESCRIPTOR_DONE | at.DESCRIPTOR_ERROR;
    if (length >= 20 && length <= at.FRAME_BYTES_MAX) {
      const { store } = this.wire;
      const slot = store.take(length);
      // A full store is the wire's loss, not the descriptor's fault.
      if (slot === -1) status = at.DESCRIPTOR_DONE;
      else if (this.#host.readMemory(this.#words[0]!, store.window(slot))) {
        status = at.DESCRIPTOR_DONE;
        r.sent = (r.sent + 1) >>> 0;
        this.wire.launch(slot);
      } else store.give(slot);
    }
    this.#finish(address, length, status);
  }

  /** A frame arrives from the wire. */
  #receive(slot: number): void {
    const r = this.#r;
    const running = (r.control & at.CONTROL_RECEIVE) !== 0;
    if (running && r.waiting === 0 && r.receiveHead !== r.receiveTail) {
      this.#store(slot);
    } else if (running && r.waiting < WAITING_MAX) {
      this.#addWaiting(slot);
    } else {
      this.wire.store.give(slot);
      if (running) this.#miss();
    }
  }

  /** Puts a frame into the memory of the descriptor at the receive head. */
  #store(slot: number): void {
    const r = this.#r;
    const { store } = this.wire;
    const address = r.receiveBase + r.receiveHead * at.DESCRIPTOR_BYTES;
    const length = store.lengths[slot]!;
    if (this.#fetchDescriptor(address)) {
      const room = this.#words[at.DESCRIPTOR_LENGTH >> 2]!;
      if (length > room) this.#miss();
      else if (this.#host.writeMemory(this.#words[0]!, store.window(slot))) {
        this.#finish(address, length, at.DESCRIPTOR_DONE);
        r.received = (r.received + 1) >>> 0;
      } else this.#finish(address, 0, at.DESCRIPTOR_DONE | at.DESCRIPTOR_ERROR);
      // A frame that does not fit leaves the descriptor to the next one.
      if (length <= room) {
        r.receiveHead = r.receiveHead + 1 === r.receiveCount ? 0 : r.receiveHead + 1;
        this.#raise(at.CAUSE_RECEIVED);
      }
    } else {
      r.receiveHead = r.receiveHead + 1 === r.receiveCount ? 0 : r.receiveHead + 1;
    }
    store.give(slot);
  }

  #miss(): void {
    this.#r.missed = (this.#r.missed + 1) >>> 0;
    this.#raise(at.CAUSE_MISSED);
  }

  /** Reads a descriptor. @returns whether there is one, and its address is one of memory */
  #fetchDescriptor(address: number): boolean {
    const read = this.#host.readMemory(address, this.#descriptor);
    if (read && this.#words[at.DESCRIPTOR_ADDRESS_HIGH >> 2] === 0) return true;
    this.#r.bad = (this.#r.bad + 1) >>> 0;
    if (read) this.#finish(address, 0, at.DESCRIPTOR_DONE | at.DESCRIPTOR_ERROR);
    return false;
  }

  /** Hands a descriptor back: its length and status are written, its address is left alone. */
  #finish(address: number, length: number, status: number): void {
    this.#words[at.DESCRIPTOR_LENGTH >> 2] = length;
    this.#words[at.DESCRIPTOR_STATUS >> 2] = status;
    this.#host.writeMemory(address + at.DESCRIPTOR_LENGTH, this.#written);
  }

  #addWaiting(slot: number): void {
    const r = this.#r;
    if (r.waiting++ === 0) r.waitingFirst = slot;
    else this.wire.store.nexts[r.waitingLast] = slot;
    r.waitingLast = slot;
  }

  #takeWaiting(): number {
    const r = this.#r;
    const slot = r.waitingFirst;
    r.waitingFirst = --r.waiting === 0 ? -1 : this.wire.store.nexts[slot]!;
    this.wire.store.nexts[slot] = -1;
    return slot;
  }
}
