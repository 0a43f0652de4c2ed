/**
 * A port's command engine: fetches commands from the command list and hands them to the drive.
 * Commands that are not queued are carried out by `SoloEngine`, queued ones by `QueueEngine`; both
 * move their data and send their FISes through this class.
 *
 * Nothing happens inside a register write: `kick` only arms an event.
 *
 * References: [AHCI] 5.3.6 to 5.3.13 (states), 5.5 (building), 6.1 to 6.2 (errors).
 */
import type { Drive, Plan, TaskFile } from "../disk/drive/drive.ts";
import { ATA } from "../disk/drive/bits.ts";
import type { DeviceTimer } from "../disk/host.ts";
import { DMA, type DmaStatus, PrdCursor, STAGE_BYTES } from "./dma.ts";
import { CONTROL_SRST, FIS_H2D, H2D_COMMAND, H2D_CONTROL_AT, readTask } from "./fis.ts";
import type { Port } from "./port.ts";
import type { PortBoard } from "./port-state.ts";
import { QueueEngine } from "./queue.ts";
import * as R from "./registers.ts";
import { refuse, SoloEngine } from "./solo.ts";

const HIGH = 2 ** 32;
const ERROR_LOG_PAGE = 0x10;
const CFL_MIN = 2;
const CFL_MAX = 16;

/** A command slot, or, for queued commands, a tag: the drive's plan and the place in the table. */
export interface Slot {
  plan: Plan;
  readonly cursor: PrdCursor;
}

export class PortEngine {
  readonly queue: QueueEngine;
  readonly solo: SoloEngine;
  /** Filled when a drive is plugged in. */
  slots: Slot[] = [];
  readonly #board: PortBoard;
  readonly #port: Port;
  readonly #fetch: DeviceTimer;
  readonly #reset: DeviceTimer;
  readonly #task: TaskFile = { command: 0, features: 0, count: 0, lba: 0, device: 0 };
  /** Where a command is decoded before it is known whose it is. */
  #incoming: Plan | undefined;

  constructor(board: PortBoard, port: Port) {
    this.#board = board;
    this.#port = port;
    this.queue = new QueueEngine(board, port, this);
    this.solo = new SoloEngine(board, port, this);
    const name = `port-${port.number}`;
    this.#fetch = board.host.timer(`${name}.fetch`, (generation) => {
      if (generation === port.state.generation) this.work();
    });
    this.#reset = board.host.timer(`${name}.reset`, (generation) => {
      const { drive } = port;
      if (generation === port.state.generation && drive !== undefined) this.sendSignature(drive);
    });
  }

  /** Makes the plans for a drive. */
  fit(drive: Drive): void {
    this.#incoming = drive.plan();
    this.slots = Array.from({ length: R.SLOTS }, () => ({
      plan: drive.plan(),
      cursor: new PrdCursor(),
    }));
  }

  /** Has the command list looked at, soon. */
  kick(): void {
    if (this.#ready() && !this.#fetch.armed) this.#fetch.after(0, this.#port.state.generation);
  }

  /** Forgets everything that is under way; nothing of it will be heard of again. */
  abort(): void {
    const { state, drive } = this.#port;
    state.generation += 1;
    this.#fetch.cancel();
    this.#reset.cancel();
    this.solo.cancel();
    if (drive !== undefined) {
      if (state.current >= 0) drive.abort(this.slots[state.current]!.plan);
      this.queue.abort(drive);
    }
    state.current = -1;
    state.issued = 0;
  }

  /** An error that stops the port until PxCMD.ST has been 0: 6.2.2. */
  stopFor(bits: number): void {
    this.abort();
    this.#port.state.halted = 1;
    this.#port.raise(bits);
  }

  /** Stops for what went wrong with memory. */
  stopForDma(status: DmaStatus): void {
    const badData = status === DMA.BAD_DATA ? R.IS_HBDS : R.IS_HBFS;
    this.stopFor(status === DMA.OVERFLOW ? R.IS_OFS : badData);
  }

  /** The device's signature after a reset: PxTFD and PxSIG come from it, 3.3.8 and 3.3.9. */
  sendSignature(drive: Drive): void {
    const s = this.#port.state;
    const signature = drive.signature();
    const lba = signature.lba % 2 ** 24;
    s.tfd = (signature.error << 8) | signature.status;
    s.sig = lba * 256 + (signature.count & 0xff);
    this.post(R.RECEIVED_D2H, this.#board.fis.fillSignature(signature));
    this.kick();
  }

  /** Puts a FIS into the received-FIS area, if software wants them. @returns false: port stopped */
  post(at: number, fis: Uint8Array): boolean {
    const s = this.#port.state;
    if ((s.cmd & R.CMD_FR) === 0) return true;
    if (this.#board.dma.store(s.fbu * HIGH + s.fb + at, fis)) return true;
    this.stopFor(R.IS_HBFS);
    return false;
  }

  /** Points a cursor at the table of a slot's header. @returns the header's word 0, or -1 */
  loadHeader(slot: number, cursor: PrdCursor): number {
    const s = this.#port.state;
    const { dma } = this.#board;
    if (!dma.fetch(s.clbu * HIGH + s.clb + slot * R.HEADER_BYTES, 32)) return -1;
    const { words } = dma;
    const table = words[3]! * HIGH + words[2]! - (words[2]! & 0x7f);
    cursor.begin(table, words[0]! >>> R.HEADER_PRDTL_SHIFT);
    return words[0]!;
  }

  /**
   * Moves data of a command between drive and memory, in pieces of the stage.
   * @param bytes how many, unless the drive fails before
   */
  transfer(slot: Slot, drive: Drive, toHost: boolean, bytes: number): DmaStatus {
    const { plan, cursor } = slot;
    const { dma } = this.#board;
    const { faults } = this.#port;
    if (faults.size > 0 && faults.strike("dma-error", plan.firstLba, plan.sectors) !== undefined) {
      return DMA.BAD_DATA;
    }
    let left = bytes;
    while (left > 0 && !plan.failed) {
      const length = Math.min(left, STAGE_BYTES);
      if (toHost) {
        const brought = drive.produce(plan, dma.stage, 0, length);
        const status = dma.move(cursor, brought, true);
        if (status !== DMA.OK) return status;
        if (brought < length) break;
      } else {
        const status = dma.move(cursor, length, false);
        if (status !== DMA.OK) return status;
        if (drive.consume(plan, dma.stage, 0, length) < length) break;
      }
      left -= length;
    }
    return DMA.OK;
  }

  #ready(): boolean {
    const port = this.#port;
    const s = port.state;
    return (
      (s.ci & ~s.issued) !== 0 &&
      (s.cmd & R.CMD_CR) !== 0 &&
      s.halted === 0 &&
      (s.tfd & (R.STATUS_BSY | R.STATUS_DRQ)) === 0 &&
      port.drive !== undefined &&
      port.linked &&
      this.#board.dma.enabled()
    );
  }

  /** Fetches what can be fetched, then lets the device work on its queue. */
  work(): void {
    for (;;) {
      while (this.#ready()) this.#issue(this.#nextSlot());
      this.queue.pump();
      if (!this.#ready()) return;
    }
  }

  /** Slots take turns, from the one behind the last: 5.3.6. */
  #nextSlot(): number {
    const { ci, issued, cmd } = this.#port.state;
    const wanted = ci & ~issued;
    const last = (cmd & R.CMD_CCS_MASK) >>> R.CMD_CCS_SHIFT;
    const behind = wanted & ~((2 << last) - 1);
    const chosen = behind === 0 ? wanted : behind;
    return 31 - Math.clz32(chosen & -chosen);
  }

  #issue(slot: number): void {
    const port = this.#port;
    const s = port.state;
    const { dma } = this.#board;
    const { cursor } = this.slots[slot]!;
    if (port.failPlug()) return;
    s.issued |= 1 << slot;
    s.cmd = (s.cmd & ~R.CMD_CCS_MASK) | (slot << R.CMD_CCS_SHIFT);
    // A tag of this number may be on its way: its place in its table is not ours to lose.
    const mine = (s.queued & (1 << slot)) === 0 ? cursor : new PrdCursor();
    const header = this.loadHeader(slot, mine);
    if (header === -1 || !dma.fetch(mine.table, 64)) return this.stopFor(R.IS_HBFS);
    const words = header & R.HEADER_CFL_MASK;
    const { bytes } = dma;
    if (words < CFL_MIN || words > CFL_MAX || bytes[0] !== FIS_H2D) {
      // The device answers what it does not know with R_ERR: 6.1.2.
      s.serr |= R.SERR_H;
      return this.stopFor(R.IS_IFS);
    }
    if ((bytes[1]! & H2D_COMMAND) === 0) return this.#deviceControl(slot, header, bytes);
    s.tfd = (s.tfd & ~0xff) | R.STATUS_BSY;
    const drive = port.drive!;
    const plan = this.#incoming!;
    readTask(bytes, this.#task);
    s.current = slot;
    // A device that sleeps or hangs takes the FIS and is not heard of again.
    if (drive.asleep) return;
    drive.accept(this.#task, plan);
    if (s.failed !== 0 && !this.#readsErrorLog()) refuse(plan);
    if (plan.queued && !plan.failed) {
      s.current = -1;
      this.#incoming = this.queue.accept(slot, plan);
      return;
    }
    this.#incoming = this.solo.begin(slot, drive, plan);
  }

  /** READ LOG EXT page 10h ends the state that a failed queued command leaves: [ACS-3] 4.16.4. */
  #readsErrorLog(): boolean {
    const { command, lba } = this.#task;
    const isLog = command === ATA.READ_LOG_EXT || command === ATA.READ_LOG_DMA_EXT;
    if (!isLog || (lba & 0xff) !== ERROR_LOG_PAGE) return false;
    this.#port.state.failed = 0;
    return true;
  }

  /** A register FIS with the C bit clear: software reset, [SATA] 11.4; 10.4.1. */
  #deviceControl(slot: number, header: number, fis: Uint8Array): void {
    const { state: s, drive } = this.#port;
    const srst = (fis[H2D_CONTROL_AT]! & CONTROL_SRST) !== 0 ? 1 : 0;
    const before = s.srst;
    s.ci &= ~(1 << slot);
    if (srst === 0 && before === 0) {
      s.issued &= ~(1 << slot);
      return;
    }
    this.abort();
    s.srst = srst;
    if (srst === 1) {
      s.tfd = (header & R.HEADER_C) !== 0 ? s.tfd & ~R.STATUS_BSY : s.tfd | R.STATUS_BSY;
      return this.kick();
    }
    s.failed = 0;
    drive!.reset(false);
    s.tfd |= R.STATUS_BSY;
    this.#reset.after(drive!.resetNs, s.generation);
  }
}
