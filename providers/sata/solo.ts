/**
 * Commands that are not queued: one at a time, while the device shows BSY. Their data move by DMA,
 * in PIO blocks or after a packet, and a register FIS tells that they are over.
 *
 * References: [AHCI] 5.3.9 to 5.3.11 (states), 6.2 (errors); [SATA] 10.3.5, 10.3.10.
 */
import { ERROR } from "../disk/drive/bits.ts";
import { type Drive, type Plan, PROTOCOL, blockNs, leadNs } from "../disk/drive/drive.ts";
import type { DeviceTimer } from "../disk/host.ts";
import { DMA, type PrdCursor } from "./dma.ts";
import type { PortEngine, Slot } from "./engine.ts";
import type { Port } from "./port.ts";
import type { PortBoard } from "./port-state.ts";
import * as R from "./registers.ts";

const HIGH = 2 ** 32;
const READY = 0x50;

export class SoloEngine {
  readonly #board: PortBoard;
  readonly #port: Port;
  readonly #engine: PortEngine;
  readonly #step: DeviceTimer;

  constructor(board: PortBoard, port: Port, engine: PortEngine) {
    this.#board = board;
    this.#port = port;
    this.#engine = engine;
    this.#step = board.host.timer(`port-${port.number}.step`, (generation) => {
      if (generation !== port.state.generation) return;
      this.#runCurrent();
      engine.work();
    });
  }

  /** Nothing more happens by itself. */
  cancel(): void {
    this.#step.cancel();
  }

  /**
   * Begins a command.
   * @returns the plan that may be used for the next command instead
   */
  begin(slot: number, drive: Drive, plan: Plan): Plan {
    const s = this.#port.state;
    const engine = this.#engine;
    if (s.queued !== 0) {
      // Not queued among queued ones, or a bad queued one: all are aborted, [ACS-3] 4.16.4.
      engine.queue.abort(drive);
      s.failed = 1;
      if (!plan.failed) refuse(plan);
    }
    const mine = engine.slots[slot]!;
    const spare = mine.plan;
    mine.plan = plan;
    if (!plan.failed) drive.start(plan);
    this.#wait(plan.delayNs + leadNs(plan));
    return spare;
  }

  /** Goes on with the current command after so long, or at once: an event is running anyway. */
  #wait(delayNs: number): void {
    // A command that hangs is never heard of again.
    if (delayNs === Infinity) return;
    if (delayNs > 0) this.#step.after(delayNs, this.#port.state.generation);
    else this.#runCurrent();
  }

  #runCurrent(): void {
    const { state: s, drive } = this.#port;
    if (s.current < 0 || drive === undefined) return;
    const slot = this.#engine.slots[s.current]!;
    const { plan } = slot;
    if (plan.failed) return this.#finish(slot, drive);
    switch (plan.protocol) {
      case PROTOCOL.DMA_IN:
      case PROTOCOL.DMA_OUT: {
        const toHost = plan.protocol === PROTOCOL.DMA_IN;
        const status = this.#engine.transfer(slot, drive, toHost, plan.transferBytes);
        return status === DMA.OK ? this.#finish(slot, drive) : this.#engine.stopForDma(status);
      }
      case PROTOCOL.PIO_IN:
      case PROTOCOL.PIO_OUT:
        return this.#block(slot, drive);
      case PROTOCOL.PACKET:
        return this.#packet(slot, drive);
      default:
        return this.#finish(slot, drive);
    }
  }

  /** One DRQ block of a PIO command, announced by a PIO setup FIS: 5.3.11, [SATA] 10.3.10. */
  #block(slot: Slot, drive: Drive): void {
    const { plan, cursor } = slot;
    const toHost = plan.protocol === PROTOCOL.PIO_IN;
    const at = plan.movedBytes;
    const bytes = Math.min(plan.blockBytes, plan.transferBytes - at);
    if (bytes <= 0) return this.#finish(slot, drive);
    const last = at + bytes >= plan.transferBytes;
    const interrupt = toHost || at > 0;
    const endStatus = toHost && last ? READY : READY | R.STATUS_BSY;
    const { fis } = this.#board;
    const setup = fis.fillPioSetup(plan, toHost, interrupt, READY | R.STATUS_DRQ, endStatus, bytes);
    const status = this.#engine.transfer(slot, drive, toHost, bytes);
    if (plan.failed && plan.movedBytes === at) return this.#finish(slot, drive);
    if (!this.#engine.post(R.RECEIVED_PIO_SETUP, setup)) return;
    if (status !== DMA.OK) return this.#engine.stopForDma(status);
    if (interrupt) this.#port.raise(R.IS_PSS);
    if (cursor.processed) this.#announceRegion(cursor);
    if (plan.failed || last) return this.#finish(slot, drive);
    this.#wait(blockNs(plan));
  }

  /** The packet comes from the command table: 4.2.3.2, 5.3.10. */
  #packet(slot: Slot, drive: Drive): void {
    const { plan, cursor } = slot;
    const { dma, fis } = this.#board;
    const setup = fis.fillPioSetup(plan, false, false, READY | R.STATUS_DRQ, R.STATUS_BSY, 12);
    if (!this.#engine.post(R.RECEIVED_PIO_SETUP, setup)) return;
    if (!dma.fetch(cursor.table + R.TABLE_ACMD, 16)) return this.#engine.stopFor(R.IS_HBFS);
    drive.packet(plan, dma.bytes, 0);
    if (plan.protocol === PROTOCOL.PACKET) refuse(plan);
    if (!plan.failed) drive.start(plan);
    this.#wait(plan.delayNs + leadNs(plan));
  }

  /** The command is over: result registers, byte count, FIS, interrupt: 5.3.9. */
  #finish(slot: Slot, drive: Drive): void {
    const { plan, cursor } = slot;
    const s = this.#port.state;
    const { dma, fis } = this.#board;
    const number = s.current;
    drive.end(plan);
    s.tfd = (plan.error << 8) | plan.status;
    const failed = (plan.status & (R.STATUS_ERR | R.STATUS_DF)) !== 0;
    const header = s.clbu * HIGH + s.clb + number * R.HEADER_BYTES;
    if (plan.transferBytes > 0 && !dma.storeWord(header + 4, cursor.movedBytes)) {
      return this.#engine.stopFor(R.IS_HBFS);
    }
    // PIO in ends with its last block, whose setup FIS held the final status.
    const quiet = plan.protocol === PROTOCOL.PIO_IN && !failed && plan.transferBytes > 0;
    if (!quiet && !this.#engine.post(R.RECEIVED_D2H, fis.fillD2h(plan, true))) return;
    s.current = -1;
    if (cursor.processed) this.#announceRegion(cursor);
    if (failed) {
      this.#engine.abort();
      s.halted = 1;
      return this.#port.raise(R.IS_TFES | (quiet ? 0 : R.IS_DHRS));
    }
    s.ci &= ~(1 << number);
    s.issued &= ~(1 << number);
    if (!quiet) this.#port.raise(R.IS_DHRS);
  }

  #announceRegion(cursor: PrdCursor): void {
    cursor.processed = false;
    this.#port.raise(R.IS_DPS);
  }
}

/** Makes a plan one that was refused: command aborted. */
export function refuse(plan: Plan): void {
  plan.failed = true;
  plan.protocol = PROTOCOL.NONE;
  plan.transferBytes = 0;
  plan.status = READY | R.STATUS_ERR;
  plan.error = ERROR.ABRT;
  plan.delayNs = 0;
  plan.transferNs = 0;
}
