/**
 * What a transport (an IDE channel, an AHCI port) and a drive say to each other. The drive knows
 * commands, sectors, features and time; the transport knows registers, interrupts and DMA.
 *
 * A command's life: `accept(task, plan)` decodes it; `start(plan)` begins its work and says in
 * `plan.delayNs` when the first data (or the end) is there; the transport waits that long, moves
 * the data phase with `produce` or `consume`, waits `plan.transferNs` spread over it, and calls
 * `end(plan)`, after which the plan holds what the result registers show. One plan exists per
 * command in flight and is reused; nothing here allocates.
 *
 * PACKET: the plan comes back with protocol PACKET; the transport collects 12 bytes and calls
 * `packet(plan, bytes)`, after which the plan's protocol is that of the data phase.
 */

import type { FaultList } from "../faults.ts";

/** How a command moves its data ([ACS-3] 4.3, [ATA-6] clause 9). */
export const PROTOCOL = {
  /** No data: after `delayNs` comes the end. */
  NONE: 0,
  PIO_IN: 1,
  PIO_OUT: 2,
  DMA_IN: 3,
  DMA_OUT: 4,
  /** Collect a command packet, then see `packet`. */
  PACKET: 5,
  /** Resets the device (DEVICE RESET, EXECUTE DEVICE DIAGNOSTIC): the signature is in the plan. */
  RESET: 6,
} as const;
export type Protocol = (typeof PROTOCOL)[keyof typeof PROTOCOL];

/** A command as the host wrote it. */
export interface TaskFile {
  command: number;
  /** 16 bits; the high half is only looked at by 48-bit and queued commands. */
  features: number;
  /** 16 bits, as written. */
  count: number;
  /** The six LBA registers as one 48-bit number: high-order bytes are the previous contents. */
  lba: number;
  /** The device register: bit 6 LBA, bit 4 which drive, bits 3:0 LBA 27:24 or head. */
  device: number;
}

/** What the drive makes of a command. */
export interface Plan {
  protocol: Protocol;
  command: number;
  /** The command as it was accepted. */
  readonly task: TaskFile;
  /** NCQ ([ACS-3] 7.16, 7.64): completes by Set Device Bits with {@link tag}. */
  queued: boolean;
  tag: number;
  /** Force unit access. */
  fua: boolean;
  /** 48-bit command: the result goes to the high-order registers too. */
  extended: boolean;
  /** First sector and count of a medium access; count 0 when the data are ready-made. */
  firstLba: number;
  sectors: number;
  /** Bytes of the data phase; 0 for none. */
  transferBytes: number;
  /** Bytes of a PIO DRQ block: an interrupt (PIO Setup FIS) each. Packet: the byte count limit. */
  blockBytes: number;
  /** From `start` to the first data, or to the end of a command without. */
  delayNs: number;
  /** Media and interface time of the whole data phase. */
  transferNs: number;
  /** Data that are not the medium's (IDENTIFY, log pages) or that come in (TRIM ranges). */
  data: Uint8Array;
  /** Bytes of the data phase that are done with, counted by produce and consume. */
  movedBytes: number;
  /** What faults do to a write: sectors that persist at most, and how far off they land. */
  keepSectors: number;
  shiftSectors: number;
  /** True from the first failure on: nothing more moves, call `end`. */
  failed: boolean;
  // The result registers, valid after `end` (or after `accept` when `failed`).
  status: number;
  error: number;
  /** Result COUNT, LBA and DEVICE registers: on an error the failing LBA. */
  resultCount: number;
  resultLba: number;
  resultDevice: number;
}

/** Signature of a device after reset ([ATA-6] 9.12): what its task file shows. */
export interface Signature {
  error: number;
  count: number;
  lba: number;
  device: number;
  status: number;
}

export interface Drive {
  readonly kind: "disk" | "packet";
  /** What goes wrong with this drive and its cable. */
  readonly faults: FaultList;
  /** How long a reset takes, nanoseconds. */
  readonly resetNs: number;
  /** Queued commands that the medium works on at once: start no more than so many. */
  readonly parallel: number;
  readonly name: string;
  /** A plan to reuse, one for each command that can be in flight. */
  plan(): Plan;
  /**
   * Decodes a command. A refused one is `failed`, with ABRT in its error; it ends after `delayNs`
   * like any other.
   */
  accept(task: TaskFile, plan: Plan): void;
  /** Hands a command packet over; `bytes` holds 12 from `at` on. Calls for `start` again. */
  packet(plan: Plan, bytes: Uint8Array, at: number): void;
  /** How far away the command's first sector is, for choosing among queued ones. */
  distanceNs(plan: Plan): number;
  /**
   * Begins the mechanical work: fills `delayNs` and `transferNs`, and moves the head. A `delayNs`
   * of Infinity is a device that hangs: the command stays until a reset.
   */
  start(plan: Plan): void;
  /**
   * Brings data of an IN command from `plan.movedBytes` on.
   * @param length a multiple of the sector size, unless all that is left
   * @returns bytes brought; fewer than asked when a sector failed: `plan.failed` is set then
   */
  produce(plan: Plan, target: Uint8Array, at: number, length: number): number;
  /** Takes data of an OUT command; parameters and result as {@link produce}. */
  consume(plan: Plan, source: Uint8Array, at: number, length: number): number;
  /** Finishes the command: makes effects of non-data commands and fills the result registers. */
  end(plan: Plan): void;
  /** Forgets a command (reset, abort): sectors that it has moved stay moved. */
  abort(plan: Plan): void;
  /** Soft reset or COMRESET: the features return to what [ATA-6] 9.2 says. */
  reset(hard: boolean): void;
  /** The power goes: what only the write cache had is lost. */
  powerLoss(): void;
  signature(): Signature;
  /** Whether the device takes no commands: asleep, or hung by a fault. */
  readonly asleep: boolean;
  snapshot(): Uint8Array;
  /** @throws {RangeError} for bytes that are not its own; nothing changes then */
  restore(bytes: Uint8Array): void;
}

/** An empty plan. */
export function emptyPlan(): Plan {
  return {
    protocol: PROTOCOL.NONE,
    command: 0,
    task: { command: 0, features: 0, count: 0, lba: 0, device: 0 },
    queued: false,
    tag: 0,
    fua: false,
    extended: false,
    firstLba: 0,
    sectors: 0,
    transferBytes: 0,
    blockBytes: 512,
    delayNs: 0,
    transferNs: 0,
    data: NO_DATA,
    movedBytes: 0,
    keepSectors: Infinity,
    shiftSectors: 0,
    failed: false,
    status: 0x50,
    error: 0,
    resultCount: 0,
    resultLba: 0,
    resultDevice: 0,
  };
}

const NO_DATA = new Uint8Array(0);

/** Time of so many bytes of a command's data. */
export function partNs(plan: Plan, bytes: number): number {
  return plan.transferBytes === 0 ? 0 : Math.round((plan.transferNs * bytes) / plan.transferBytes);
}

/** The same of its next DRQ block. */
export function blockNs(plan: Plan): number {
  return partNs(plan, Math.min(plan.blockBytes, plan.transferBytes - plan.movedBytes));
}

/**
 * From the first sector under the head to when the host has something to do: a block of PIO lies
 * in the buffer once it was read; DMA, and reading without data, are over with the last sector.
 */
export function leadNs(plan: Plan): number {
  const isPio = plan.protocol === PROTOCOL.PIO_IN || plan.protocol === PROTOCOL.PIO_OUT;
  return isPio ? blockNs(plan) : plan.transferNs;
}
