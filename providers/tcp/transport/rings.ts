/**
 * The driver's side of the network device: fills transmit descriptors, empties receive descriptors,
 * and sets the timer. Tails are written once for all that a turn of the transport has done.
 */
import type { DriverContext } from "../../../core/provider/index.ts";
import {
  CAUSE_RECEIVED,
  CAUSE_SENT,
  CAUSE_TIMER,
  CONTROL_RECEIVE,
  CONTROL_TRANSMIT,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_DONE,
  DESCRIPTOR_ERROR,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_STATUS,
  FRAME_BYTES_MAX,
  NETWORK_BASE,
  REG_CAUSE,
  REG_COMPARE_HIGH,
  REG_COMPARE_LOW,
  REG_CONTROL,
  REG_MASK_CLEAR,
  REG_MASK_SET,
  REG_RECEIVE_BASE,
  REG_RECEIVE_COUNT,
  REG_RECEIVE_TAIL,
  REG_TRANSMIT_BASE,
  REG_TRANSMIT_COUNT,
  REG_TRANSMIT_TAIL,
} from "../registers.ts";
import type { TransportMemory } from "./memory.ts";

type Registers = DriverContext["machine"]["memory"];

/** Descriptors of each ring, and so frames that one turn may send or receive. Powers of two. */
export const TRANSMIT_COUNT = 128;
export const RECEIVE_COUNT = 128;
const WORD = 2 ** 32;

export class DeviceRings {
  readonly #memory: TransportMemory;
  readonly #registers: Registers;
  #sent = false;
  #received = false;

  constructor(memory: TransportMemory, registers: Registers) {
    this.#memory = memory;
    this.#registers = registers;
  }

  /** Takes memory for the rings and starts the device. @throws {ReelError} ENOMEM */
  bringUp(): void {
    const memory = this.#memory;
    const { root, u32 } = memory;
    root.transmitRing = memory.allocate(TRANSMIT_COUNT * DESCRIPTOR_BYTES);
    root.receiveRing = memory.allocate(RECEIVE_COUNT * DESCRIPTOR_BYTES);
    root.transmitBuffers = memory.allocate(TRANSMIT_COUNT * FRAME_BYTES_MAX);
    root.receiveBuffers = memory.allocate(RECEIVE_COUNT * FRAME_BYTES_MAX);
    for (let i = 0; i < TRANSMIT_COUNT; i++) {
      const at = (root.transmitRing + i * DESCRIPTOR_BYTES) >> 2;
      u32[at] = root.transmitBuffers + i * FRAME_BYTES_MAX;
      u32[at + (DESCRIPTOR_STATUS >> 2)] = DESCRIPTOR_DONE;
    }
    for (let i = 0; i < RECEIVE_COUNT; i++) {
      const at = (root.receiveRing + i * DESCRIPTOR_BYTES) >> 2;
      u32[at] = root.receiveBuffers + i * FRAME_BYTES_MAX;
      u32[at + (DESCRIPTOR_LENGTH >> 2)] = FRAME_BYTES_MAX;
    }
    this.#write(REG_TRANSMIT_BASE, root.transmitRing);
    this.#write(REG_TRANSMIT_COUNT, TRANSMIT_COUNT);
    this.#write(REG_RECEIVE_BASE, root.receiveRing);
    this.#write(REG_RECEIVE_COUNT, RECEIVE_COUNT);
    this.#write(REG_RECEIVE_TAIL, RECEIVE_COUNT - 1);
    this.#write(REG_MASK_SET, CAUSE_RECEIVED | CAUSE_TIMER);
    this.#write(REG_CONTROL, CONTROL_TRANSMIT | CONTROL_RECEIVE);
  }

  /** Why the device interrupts; asking lets its line go. */
  takeCause(): number {
    return this.#registers.read(NETWORK_BASE + REG_CAUSE, 4);
  }

  /** The memory for the next frame to send, or 0 while all descriptors are in use. */
  begin(): number {
    const { root } = this.#memory;
    const next = (root.transmitNext + 1) & (TRANSMIT_COUNT - 1);
    if (next === root.transmitOldest) {
      this.#reclaim();
      if (next === root.transmitOldest) return 0;
    }
    return root.transmitBuffers + root.transmitNext * FRAME_BYTES_MAX;
  }

  /** Queues the frame that {@link begin} gave memory for. */
  commit(lengthBytes: number): void {
    const { root, u32 } = this.#memory;
    const at = (root.transmitRing + root.transmitNext * DESCRIPTOR_BYTES) >> 2;
    u32[at + (DESCRIPTOR_LENGTH >> 2)] = lengthBytes;
    u32[at + (DESCRIPTOR_STATUS >> 2)] = 0;
    root.transmitNext = (root.transmitNext + 1) & (TRANSMIT_COUNT - 1);
    this.#sent = true;
  }

  /** Asks to be told, or not, when everything that is queued was sent. */
  tellWhenSent(tell: boolean): void {
    this.#write(tell ? REG_MASK_SET : REG_MASK_CLEAR, CAUSE_SENT);
  }

  /** Bytes of the oldest received frame that was not taken; 0 for none, -1 for one that failed. */
  received(): number {
    const { root, u32 } = this.#memory;
    const at = (root.receiveRing + root.receiveNext * DESCRIPTOR_BYTES) >> 2;
    const status = u32[at + (DESCRIPTOR_STATUS >> 2)]!;
    if ((status & DESCRIPTOR_DONE) === 0) return 0;
    const length = u32[at + (DESCRIPTOR_LENGTH >> 2)]!;
    return (status & DESCRIPTOR_ERROR) === 0 && length <= FRAME_BYTES_MAX ? length : -1;
  }

  /** Address of that frame. */
  get receivedAt(): number {
    const { root } = this.#memory;
    return root.receiveBuffers + root.receiveNext * FRAME_BYTES_MAX;
  }

  /** Gives that frame's descriptor back. */
  release(): void {
    const { root, u32 } = this.#memory;
    const at = (root.receiveRing + root.receiveNext * DESCRIPTOR_BYTES) >> 2;
    u32[at] = root.receiveBuffers + root.receiveNext * FRAME_BYTES_MAX;
    u32[at + (DESCRIPTOR_LENGTH >> 2)] = FRAME_BYTES_MAX;
    u32[at + (DESCRIPTOR_STATUS >> 2)] = 0;
    root.receiveNext = (root.receiveNext + 1) & (RECEIVE_COUNT - 1);
    this.#received = true;
  }

  /** Tells the device what was queued and given back. */
  flush(): void {
    const { root } = this.#memory;
    if (this.#sent) this.#write(REG_TRANSMIT_TAIL, root.transmitNext);
    if (this.#received) {
      this.#write(REG_RECEIVE_TAIL, (root.receiveNext + RECEIVE_COUNT - 1) & (RECEIVE_COUNT - 1));
    }
    this.#sent = false;
    this.#received = false;
  }

  /** Sets the device's timer. */
  arm(atNs: number): void {
    this.#write(REG_COMPARE_LOW, atNs % WORD);
    this.#write(REG_COMPARE_HIGH, Math.floor(atNs / WORD));
  }

  /** Takes descriptors back that the device is done with. */
  #reclaim(): void {
    const { root, u32 } = this.#memory;
    while (root.transmitOldest !== root.transmitNext) {
      const at = (root.transmitRing + root.transmitOldest * DESCRIPTOR_BYTES) >> 2;
      if ((u32[at + (DESCRIPTOR_STATUS >> 2)]! & DESCRIPTOR_DONE) === 0) return;
      root.transmitOldest = (root.transmitOldest + 1) & (TRANSMIT_COUNT - 1);
    }
  }

  #write(register: number, value: number): void {
    this.#registers.write(NETWORK_BASE + register, 4, value);
  }
}
