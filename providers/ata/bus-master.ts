/**
 * Bus-master IDE of one channel ([SFF-8038i]): walks a table of physical regions in memory and
 * moves the drive's data there or from there.
 *
 * What the status says at the end of a command: table and transfer equally long: interrupt, not
 * active. Table longer: interrupt, still active. Table shorter: not active, no interrupt; the drive
 * waits with DRQ for the rest. Memory that is not there: error, not active.
 */
import type { AccessWidth, DeviceHost } from "../disk/host.ts";
import { BM_COMMAND, BM_STATUS, BUS_MASTER, PRD_BYTES, PRD_LAST } from "./registers.ts";

const REGION_BYTES_MAX = 65536;
const TABLE_SPAN = 65536;
/** Descriptors walked before other events get their turn: a hostile table has 2-byte regions. */
const ENTRIES_AT_ONCE = 4096;

export class BusMaster {
  readonly #host: DeviceHost;
  /** Called when the engine starts: data may be waiting for it. */
  readonly #started: () => void;
  #command = 0;
  #status = 0;
  #table = 0;
  /** The next descriptor, and what is left of the current region. */
  #entryAt = 0;
  #regionAt = 0;
  #regionLeft = 0;
  #lastEntry = false;
  #budget = ENTRIES_AT_ONCE;
  readonly #entry = new Uint8Array(PRD_BYTES);
  readonly #entryView = new DataView(this.#entry.buffer);

  constructor(host: DeviceHost, started: () => void) {
    this.#host = host;
    this.#started = started;
  }

  get active(): boolean {
    return (this.#status & BM_STATUS.ACTIVE) !== 0;
  }

  /** Whether it walked many descriptors in this event and should go on in another. */
  get tired(): boolean {
    return this.#budget <= 0;
  }

  rest(): void {
    this.#budget = ENTRIES_AT_ONCE;
  }

  /** Whether it is set to move data in this direction. */
  goes(toMemory: boolean): boolean {
    return ((this.#command & BM_COMMAND.TO_MEMORY) !== 0) === toMemory;
  }

  read(offset: number, width: AccessWidth): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#readByte(offset + i);
    return value;
  }

  #readByte(offset: number): number {
    if (offset === BUS_MASTER.COMMAND) return this.#command;
    if (offset === BUS_MASTER.STATUS) return this.#status;
    if (offset >= BUS_MASTER.TABLE)
      return (this.#table >>> ((offset - BUS_MASTER.TABLE) * 8)) & 255;
    return 0;
  }

  write(offset: number, width: AccessWidth, value: number): void {
    for (let i = 0; i < width; i++) this.#writeByte(offset + i, (value >>> (i * 8)) & 0xff);
  }

  #writeByte(offset: number, value: number): void {
    if (offset === BUS_MASTER.COMMAND) return this.#control(value);
    if (offset === BUS_MASTER.STATUS) {
      const kept = this.#status & (BM_STATUS.ACTIVE | BM_STATUS.ERROR | BM_STATUS.INTERRUPT);
      const cleared = value & (BM_STATUS.ERROR | BM_STATUS.INTERRUPT);
      this.#status = (kept & ~cleared) | (value & BM_STATUS.CAPABLE);
      return;
    }
    if (offset < BUS_MASTER.TABLE) return;
    const shift = (offset - BUS_MASTER.TABLE) * 8;
    this.#table = ((this.#table & ~(0xff << shift)) | (value << shift)) & ~3;
  }

  #control(value: number): void {
    const wasOn = (this.#command & BM_COMMAND.START) !== 0;
    const isOn = (value & BM_COMMAND.START) !== 0;
    // The direction does not change under way ([SFF-8038i] 3.1).
    const direction = this.active ? this.#command : value;
    this.#command = (value & BM_COMMAND.START) | (direction & BM_COMMAND.TO_MEMORY);
    if (!isOn) {
      this.#status &= ~BM_STATUS.ACTIVE;
      return;
    }
    if (wasOn) return;
    this.#command = value & (BM_COMMAND.START | BM_COMMAND.TO_MEMORY);
    this.#status |= BM_STATUS.ACTIVE;
    this.#entryAt = this.#table >>> 0;
    this.#regionLeft = 0;
    this.#lastEntry = false;
    this.#started();
  }

  /**
   * Moves bytes between a buffer and the regions.
   * @returns how many; fewer than asked when the table ends, memory is missing or it is tired
   */
  move(buffer: Uint8Array, at: number, length: number, toMemory: boolean): number {
    let moved = 0;
    while (moved < length && this.active) {
      if (this.#regionLeft === 0 && !this.#nextRegion()) break;
      const count = Math.min(this.#regionLeft, length - moved);
      const part = buffer.subarray(at + moved, at + moved + count);
      const host = this.#host;
      const done = toMemory
        ? host.writeMemory(this.#regionAt, part)
        : host.readMemory(this.#regionAt, part);
      if (!done) {
        this.fail();
        break;
      }
      moved += count;
      this.#regionAt += count;
      this.#regionLeft -= count;
      if (this.#regionLeft === 0 && this.#lastEntry) this.#status &= ~BM_STATUS.ACTIVE;
    }
    return moved;
  }

  #nextRegion(): boolean {
    if (this.#budget <= 0) return false;
    this.#budget -= 1;
    if (!this.#host.readMemory(this.#entryAt, this.#entry)) {
      this.fail();
      return false;
    }
    const word = this.#entryView.getUint32(4, true);
    this.#regionAt = (this.#entryView.getUint32(0, true) & ~1) >>> 0;
    this.#regionLeft = word & 0xfffe || REGION_BYTES_MAX;
    this.#lastEntry = (word & PRD_LAST) !== 0;
    // A table lies inside 64 KiB ([SFF-8038i] 1.2): the address wraps there.
    const page = this.#entryAt - (this.#entryAt % TABLE_SPAN);
    this.#entryAt = page + ((this.#entryAt + PRD_BYTES) % TABLE_SPAN);
    return true;
  }

  /** A bus error: the transfer stops, and the drive keeps waiting. */
  fail(): void {
    this.#status = (this.#status & ~BM_STATUS.ACTIVE) | BM_STATUS.ERROR;
  }

  /** The drive's interrupt line rose. */
  interrupted(): void {
    this.#status |= BM_STATUS.INTERRUPT;
  }

  reset(): void {
    this.#command = 0;
    this.#status = 0;
    this.#table = 0;
    this.#regionLeft = 0;
    this.#lastEntry = false;
  }

  save() {
    return {
      command: this.#command,
      status: this.#status,
      table: this.#table,
      entryAt: this.#entryAt,
      regionAt: this.#regionAt,
      regionLeft: this.#regionLeft,
      lastEntry: this.#lastEntry,
      budget: this.#budget,
    };
  }

  load(saved: ReturnType<BusMaster["save"]>): void {
    this.#command = saved.command;
    this.#status = saved.status;
    this.#table = saved.table;
    this.#entryAt = saved.entryAt;
    this.#regionAt = saved.regionAt;
    this.#regionLeft = saved.regionLeft;
    this.#lastEntry = saved.lastEntry;
    this.#budget = saved.budget;
  }
}
