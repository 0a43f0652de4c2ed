/**
 * The command in progress on a channel, from acceptance to its results ([ATA-6] clause 9): which
 * phase it is in, the block or chunk that waits to be moved, and the time of its next step. Every
 * step happens in a timer's event, never inside a register write.
 */
import { REASON, STATUS } from "../disk/drive/bits.ts";
import { type Drive, type Plan, PROTOCOL, blockNs, leadNs, partNs } from "../disk/drive/drive.ts";
import { loadPlan, savePlan } from "../disk/drive/plan-state.ts";
import type { DeviceHost, DeviceTimer } from "../disk/host.ts";
import type { BusMaster } from "./bus-master.ts";
import { DataPort, PORT_BYTES } from "./data-port.ts";
import { moveChunk } from "./dma-phase.ts";
import { REG } from "./registers.ts";
import type { Slot } from "./slot.ts";

export const PHASE = {
  IDLE: 0,
  /** The command's work goes on; the next step is timed. */
  BUSY: 1,
  /** The host reads a block from the data register. */
  IN: 2,
  /** The host writes a block to the data register. */
  OUT: 3,
  /** The host writes a command packet. */
  PACKET: 4,
  /** A block was written and is being taken. */
  TAKING: 5,
  /** Data wait for the bus master, or it for them. */
  DMA: 6,
} as const;

const PACKET_BYTES = 12;
const READY = STATUS.DRDY | STATUS.DSC;

/** What a command in progress asks of its channel. */
export interface ChannelWires {
  readonly host: DeviceHost;
  readonly busMaster: BusMaster;
  /** Whether the PCI function may move data by itself. */
  mayMaster(): boolean;
  /** INTRQ of the slot's drive. */
  raise(slot: Slot): void;
}

export class CommandRun {
  readonly #wires: ChannelWires;
  readonly #timer: DeviceTimer;
  readonly #port = new DataPort();
  readonly #plans: (Plan | undefined)[] = [undefined, undefined];
  #slot: Slot | undefined;
  #position = 0;
  #phase: number = PHASE.IDLE;
  /** A completion of an older command than this is nobody's. */
  #generation = 1;

  constructor(wires: ChannelWires) {
    this.#wires = wires;
    this.#timer = wires.host.timer("command", (generation) => {
      if (generation === this.#generation) this.#step();
    });
  }

  get phase(): number {
    return this.#phase;
  }

  /** Takes a command that the drive was not busy for. */
  begin(slot: Slot, position: number, accept: (drive: Drive, plan: Plan) => void): void {
    const drive = slot.drive!;
    const plan = (this.#plans[position] ??= drive.plan());
    this.#slot = slot;
    this.#position = position;
    this.#port.close();
    slot.status = STATUS.BSY;
    slot.error = 0;
    accept(drive, plan);
    drive.start(plan);
    this.#phase = PHASE.BUSY;
    // A write begins with its data; what the disk has to do comes after the first block.
    const waits = plan.protocol !== PROTOCOL.PIO_OUT && plan.protocol !== PROTOCOL.PACKET;
    if (plan.delayNs === Infinity) return;
    this.#after(waits ? plan.delayNs + leadNs(plan) : 0);
  }

  #after(delayNs: number): void {
    this.#timer.after(delayNs, this.#generation);
  }

  /** Forgets the command: a reset. */
  abort(): void {
    const plan = this.#plans[this.#position];
    if (this.#phase !== PHASE.IDLE && plan !== undefined) this.#slot?.drive?.abort(plan);
    this.#generation += 1;
    this.#timer.cancel();
    this.#phase = PHASE.IDLE;
    this.#port.close();
  }

  /** Forgets the command of a drive that is put in or taken out. */
  abortAt(position: number): void {
    if (this.#position === position) this.abort();
  }

  /** The next step is due. */
  #step(): void {
    const plan = this.#plans[this.#position];
    if (plan === undefined || this.#slot?.drive === undefined) return;
    if (this.#phase === PHASE.TAKING) return this.#take(plan);
    if (this.#phase === PHASE.DMA) return this.pump();
    if (this.#phase !== PHASE.BUSY) return;
    if (plan.failed) return this.#finish(plan);
    switch (plan.protocol) {
      case PROTOCOL.PIO_IN:
        return this.#offerBlock(plan);
      case PROTOCOL.PIO_OUT:
        return this.#wantBlock(plan, plan.movedBytes > 0 || this.#isPacket());
      case PROTOCOL.PACKET:
        return this.#wantPacket();
      case PROTOCOL.DMA_IN:
      case PROTOCOL.DMA_OUT:
        this.#phase = PHASE.DMA;
        this.#slot.status = READY | STATUS.DRQ;
        return this.pump();
      default:
        return this.#finish(plan);
    }
  }

  #isPacket(): boolean {
    return this.#slot!.drive!.kind === "packet";
  }

  /** A block lies ready in the data register; the interrupt comes before each ([ATA-6] 9.5). */
  #offerBlock(plan: Plan): void {
    const slot = this.#slot!;
    const wanted = Math.min(plan.blockBytes, plan.transferBytes - plan.movedBytes, PORT_BYTES);
    const count = slot.drive!.produce(plan, this.#port.bytes, 0, wanted);
    if (count === 0) return this.#finish(plan);
    this.#open(PHASE.IN, count);
    if (this.#isPacket()) this.#showBlock(REASON.TO_HOST, count);
    this.#wires.raise(slot);
  }

  /** A block is wanted; the interrupt comes before each but the first ([ATA-6] 9.6). */
  #wantBlock(plan: Plan, interrupt: boolean): void {
    const count = Math.min(plan.blockBytes, plan.transferBytes - plan.movedBytes, PORT_BYTES);
    if (count === 0) return this.#finish(plan);
    this.#open(PHASE.OUT, count);
    if (this.#isPacket()) this.#showBlock(0, count);
    if (interrupt) this.#wires.raise(this.#slot!);
  }

  #wantPacket(): void {
    this.#open(PHASE.PACKET, PACKET_BYTES);
    this.#slot!.now[REG.COUNT] = REASON.COMMAND;
  }

  #open(phase: number, count: number): void {
    this.#phase = phase;
    this.#port.open(count);
    this.#slot!.status = READY | STATUS.DRQ;
  }

  /** Packet devices say how large the block is and which way it goes ([ATA-6] 9.8). */
  #showBlock(reason: number, count: number): void {
    const { now } = this.#slot!;
    now[REG.COUNT] = reason;
    now[REG.LBA_MID] = count & 0xff;
    now[REG.LBA_HIGH] = (count >>> 8) & 0xff;
  }

  /** The data register; without a block it is not driven. */
  readData(width: 1 | 2 | 4): number {
    if (this.#phase !== PHASE.IN) return 0;
    const value = this.#port.read(width);
    if (this.#port.isOver) this.#blockRead();
    return value;
  }

  #blockRead(): void {
    const slot = this.#slot!;
    const plan = this.#plans[this.#position]!;
    const isDone = plan.movedBytes >= plan.transferBytes && !plan.failed;
    if (isDone && !this.#isPacket()) {
      // After the last block comes no interrupt: status shows the end ([ATA-6] 9.5).
      slot.drive!.end(plan);
      slot.show(plan);
      this.#phase = PHASE.IDLE;
      return;
    }
    slot.status = STATUS.BSY;
    this.#phase = PHASE.BUSY;
    if (isDone) plan.protocol = PROTOCOL.NONE;
    this.#after(isDone || plan.failed ? 0 : blockNs(plan));
  }

  writeData(width: 1 | 2 | 4, value: number): void {
    if (this.#phase !== PHASE.OUT && this.#phase !== PHASE.PACKET) return;
    this.#port.write(width, value);
    if (this.#port.isOver) this.#blockWritten();
  }

  #blockWritten(): void {
    const slot = this.#slot!;
    const plan = this.#plans[this.#position]!;
    slot.status = STATUS.BSY;
    if (this.#phase === PHASE.PACKET) {
      this.#phase = PHASE.BUSY;
      slot.drive!.packet(plan, this.#port.bytes, 0);
      slot.drive!.start(plan);
      if (plan.delayNs !== Infinity) this.#after(plan.delayNs + leadNs(plan));
      return;
    }
    this.#phase = PHASE.TAKING;
    const reach = plan.movedBytes === 0 ? plan.delayNs : 0;
    this.#after(reach + partNs(plan, this.#port.end));
  }

  /** The block that the host wrote goes to the medium. */
  #take(plan: Plan): void {
    const drive = this.#slot!.drive!;
    this.#phase = PHASE.BUSY;
    const taken = drive.consume(plan, this.#port.bytes, 0, this.#port.end);
    if (taken < this.#port.end || plan.movedBytes >= plan.transferBytes) return this.#finish(plan);
    this.#wantBlock(plan, true);
  }

  /** Moves what can be moved between the drive and memory; called when either becomes ready. */
  pump(): void {
    const plan = this.#plans[this.#position];
    const { busMaster } = this.#wires;
    const drive = this.#slot?.drive;
    if (this.#phase !== PHASE.DMA || plan === undefined || drive === undefined) return;
    const toMemory = plan.protocol === PROTOCOL.DMA_IN;
    if (!busMaster.active || !busMaster.goes(toMemory) || !this.#wires.mayMaster()) return;
    if (drive.faults.size > 0 && drive.faults.strike("dma-error")) return busMaster.fail();
    busMaster.rest();
    for (;;) {
      const isOver = moveChunk(busMaster, drive, plan, this.#port);
      if (isOver) return this.#finish(plan);
      if (busMaster.tired) return this.#after(0);
      if (!busMaster.active) return;
    }
  }

  #finish(plan: Plan): void {
    const slot = this.#slot!;
    slot.drive!.end(plan);
    slot.show(plan);
    this.#phase = PHASE.IDLE;
    this.#port.close();
    this.#wires.raise(slot);
  }

  save() {
    const plan = this.#plans[this.#position];
    return {
      phase: this.#phase,
      position: this.#position,
      generation: this.#generation,
      port: this.#port.save(),
      hasPlan: plan !== undefined,
      plan: savePlan(plan),
    };
  }

  /** @param slots the channel's, of which the saved command names one */
  load(saved: ReturnType<CommandRun["save"]>, slots: readonly Slot[]): void {
    this.#position = saved.position & 1;
    this.#slot = slots[this.#position];
    this.#phase = this.#slot?.drive === undefined ? PHASE.IDLE : saved.phase;
    this.#generation = saved.generation;
    this.#port.load(saved.port);
    const drive = this.#slot?.drive;
    if (!saved.hasPlan || drive === undefined) return;
    loadPlan((this.#plans[this.#position] ??= drive.plan()), saved.plan);
  }
}
