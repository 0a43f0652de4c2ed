/**
 * Native command queuing on one port: the device has up to 32 commands, works on the one that it
 * reaches first, and tells which are done by Set Device Bits FISes.
 *
 * References: [AHCI] 5.3.12 to 5.3.13 and 5.6.4 (queued commands), 6.2.2.2 (errors); [SATA] 13.6.
 */
import { type Drive, type Plan, PROTOCOL } from "../disk/drive/drive.ts";
import type { DeviceScheduler } from "../disk/host.ts";
import { DMA } from "./dma.ts";
import type { PortEngine } from "./engine.ts";
import type { Port } from "./port.ts";
import type { PortBoard } from "./port-state.ts";
import * as R from "./registers.ts";

export class QueueEngine {
  readonly #board: PortBoard;
  readonly #port: Port;
  readonly #engine: PortEngine;
  readonly #media: DeviceScheduler;
  /** Tags that finished in the event that is running: one FIS tells of all. */
  #done = 0;
  #doneStatus = 0;

  constructor(board: PortBoard, port: Port, engine: PortEngine) {
    this.#board = board;
    this.#port = port;
    this.#engine = engine;
    this.#media = board.host.scheduler(`port-${port.number}.media`, (argument) => {
      const tag = argument % R.SLOTS;
      if ((argument - tag) / R.SLOTS !== port.state.generation) return;
      this.#complete(tag);
      this.pump();
      engine.kick();
    });
  }

  /**
   * The device accepts a queued command, and is free for the next: 5.6.4.1.
   * @returns the plan that may be used for the next command instead
   */
  accept(slot: number, plan: Plan): Plan {
    const s = this.#port.state;
    const engine = this.#engine;
    const bit = 1 << plan.tag;
    const { tag } = plan;
    if ((s.queued & bit) !== 0) {
      // The tag is in use: the device aborts everything, [ACS-3] 7.16.6.
      this.#fail(0x41, 0x04);
      return plan;
    }
    const mine = engine.slots[tag]!;
    // The device names the tag when it wants the data, and the HBA takes the slot of that number.
    if (tag !== slot && engine.loadHeader(tag, mine.cursor) === -1) {
      engine.stopFor(R.IS_HBFS);
      return plan;
    }
    const spare = mine.plan;
    mine.plan = plan;
    s.queued |= bit;
    s.ci &= ~(1 << slot);
    s.issued &= ~(1 << slot);
    s.tfd = 0x50;
    plan.status = 0x50;
    plan.error = 0;
    engine.post(R.RECEIVED_D2H, this.#board.fis.fillD2h(plan, false));
    return spare;
  }

  /** Lets the device begin with what it can begin with, and tells of what is done. */
  pump(): void {
    const port = this.#port;
    const s = port.state;
    const { drive } = port;
    if (drive === undefined) return;
    while (s.halted === 0) {
      const waiting = s.queued & ~s.active;
      if (waiting === 0 || countOf(s.active) >= drive.parallel) break;
      const tag = this.#nearest(drive, waiting);
      const { plan } = this.#engine.slots[tag]!;
      drive.start(plan);
      s.active |= 1 << tag;
      const busyNs = plan.delayNs + plan.transferNs;
      // A command that hangs is never heard of again.
      if (busyNs === Infinity) continue;
      if (busyNs > 0) this.#media.after(busyNs, s.generation * R.SLOTS + tag);
      else this.#complete(tag);
    }
    this.#tell();
  }

  /** Forgets all queued commands. Those that were done are done, and heard of no more. */
  abort(drive: Drive): void {
    const s = this.#port.state;
    this.#done = 0;
    for (let left = s.queued; left !== 0; left &= left - 1) {
      drive.abort(this.#engine.slots[31 - Math.clz32(left & -left)]!.plan);
    }
    if (s.active !== 0) s.generation += 1;
    s.queued = 0;
    s.active = 0;
  }

  /** Shortest positioning time first: what every drive's queue is for. */
  #nearest(drive: Drive, waiting: number): number {
    const lowest = 31 - Math.clz32(waiting & -waiting);
    if ((waiting & (waiting - 1)) === 0) return lowest;
    let best = lowest;
    let bestNs = Infinity;
    for (let left = waiting; left !== 0; left &= left - 1) {
      const tag = 31 - Math.clz32(left & -left);
      const ns = drive.distanceNs(this.#engine.slots[tag]!.plan);
      if (ns >= bestNs) continue;
      best = tag;
      bestNs = ns;
    }
    return best;
  }

  /** The data and the end of one command: DMA setup FIS, data, its bit in the next SDB. */
  #complete(tag: number): void {
    const { state: s, drive } = this.#port;
    const engine = this.#engine;
    const slot = engine.slots[tag]!;
    const { plan } = slot;
    const bit = 1 << tag;
    if (drive === undefined || (s.queued & bit) === 0) return;
    if (plan.transferBytes > 0 && !plan.failed) {
      const toHost = plan.protocol === PROTOCOL.DMA_IN;
      const { setupInterrupts, fis } = this.#board;
      const setup = fis.fillDmaSetup(tag, toHost, setupInterrupts, plan.transferBytes);
      if (!engine.post(R.RECEIVED_DMA_SETUP, setup)) return;
      if (setupInterrupts) this.#port.raise(R.IS_DSS);
      const status = engine.transfer(slot, drive, toHost, plan.transferBytes);
      if (status !== DMA.OK) {
        this.#tell();
        return engine.stopForDma(status);
      }
      if (slot.cursor.processed) {
        slot.cursor.processed = false;
        this.#port.raise(R.IS_DPS);
      }
    }
    drive.end(plan);
    s.queued &= ~bit;
    s.active &= ~bit;
    if ((plan.status & (R.STATUS_ERR | R.STATUS_DF)) !== 0) {
      this.#tell();
      return this.#fail(plan.status, plan.error);
    }
    this.#done |= bit;
    this.#doneStatus = plan.status;
  }

  /** Sends the Set Device Bits FIS for what is done: PxSACT is cleared by it, 5.3.13. */
  #tell(): void {
    const done = this.#done;
    if (done === 0) return;
    this.#done = 0;
    const s = this.#port.state;
    s.sact &= ~done;
    s.tfd = this.#doneStatus & 0x77;
    if (!this.#engine.post(R.RECEIVED_SDB, this.#board.fis.fillSetBits(s.tfd, 0, done))) return;
    this.#port.raise(R.IS_SDBS);
  }

  /** An error: the device stops its queue; which command it was is in log page 10h: 6.2.2.2. */
  #fail(status: number, error: number): void {
    const s = this.#port.state;
    const engine = this.#engine;
    engine.abort();
    s.halted = 1;
    s.failed = 1;
    s.tfd = (error << 8) | (status & 0x77);
    if (!engine.post(R.RECEIVED_SDB, this.#board.fis.fillSetBits(status, error, 0))) return;
    this.#port.raise(R.IS_SDBS | R.IS_TFES);
  }
}

/** How many bits are set. */
function countOf(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}
