/**
 * What all layers of the SATA driver share: registers, records, tags, and the interrupt service
 * that tells operations that their commands are done.
 *
 * A command's life: an operation gets a tag by its turn in the disk's queue, builds the command in
 * memory, waits for its end and sets its bit in PxSACT and PxCI. The interrupt service compares the
 * bits with those that are in flight and wakes the operations of the tags that are done.
 *
 * References: [AHCI] 5.5 (issuing), 10.7.2 (interrupts).
 */
import {
  ERRNO,
  type DriverContext,
  type LayerContext,
  type Wait,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import type { TaskFile } from "../../disk/drive/drive.ts";
import * as R from "../registers.ts";
import type { ElevatorName } from "../../disk/queue/elevator.ts";
import { Turns } from "../../disk/queue/turns.ts";
import { areaBytes, CHUNK_BYTES, PortArea } from "./area.ts";
import { diskState, type TurnView } from "./record.ts";

/** A command that takes longer is given up. */
export const COMMAND_TIMEOUT_NS = 7e9;
/** An interrupt that has more to say than that commands are done. */
const TROUBLE = R.IS_FATAL | R.IS_OFS | R.IS_INFS | R.IS_UFS | R.IS_PRCS | R.IS_PCS;
export const INTERRUPTS = R.IS_DHRS | R.IS_PSS | R.IS_SDBS | TROUBLE;

const NO_PORT = -1;
const SECTOR = 512;

/** What a disk in a port is opened with. */
interface Beginning {
  readonly port: number;
  readonly tags: number;
  readonly readOnly: boolean;
  readonly elevator: ElevatorName;
}

export class Disks {
  readonly cx: DriverContext;
  /** Scratch: a command that is being built. */
  readonly task: TaskFile = { command: 0, features: 0, count: 0, lba: 0, device: 0 };
  readonly turns: Turns;
  readonly #records;
  /** Views of memory, made when they are first needed: nothing that a snapshot would miss. */
  readonly #areas: (PortArea | undefined)[] = [];
  /** Resource of each port. */
  readonly #resources = new Int16Array(R.PORTS_MAX).fill(NO_PORT);

  constructor(cx: DriverContext) {
    this.cx = cx;
    this.#records = cx.records("disk", diskState);
    this.turns = new Turns(cx);
  }

  at(resource: number) {
    return this.#records.at(resource);
  }

  read(register: number): number {
    return this.cx.machine.memory.read(R.ABAR + register, 4);
  }

  write(register: number, value: number): void {
    this.cx.machine.memory.write(R.ABAR + register, 4, value);
  }

  readPort(port: number, register: number): number {
    return this.read(R.PORT_BASE + port * R.PORT_BYTES + register);
  }

  writePort(port: number, register: number, value: number): void {
    this.write(R.PORT_BASE + port * R.PORT_BYTES + register, value);
  }

  /** A disk's memory. */
  area(resource: number): PortArea {
    const { area: address, tags } = this.at(resource);
    const known = this.#areas[resource];
    if (known?.address === address) return known;
    const bytes = this.cx.machine.ram.read(address, areaBytes(tags))!;
    return (this.#areas[resource] = new PortArea(address, bytes));
  }

  /** Makes a record ready for a disk in a port. @throws {ReelError} ENOMEM, ERR_LIMIT */
  begin(resource: number, { port, tags, readOnly, elevator }: Beginning): void {
    const { cx } = this;
    const address = cx.machine.ram.allocate(areaBytes(tags));
    const disk = this.at(resource);
    disk.port = port;
    disk.area = address;
    disk.tags = tags;
    disk.readOnly = readOnly;
    disk.repair = cx.queue();
    this.turns.commands.begin(resource, elevator, tags, CHUNK_BYTES / SECTOR);
    this.area(resource).prepare(tags);
    this.#resources[port] = resource;
  }

  /** Gives back what {@link begin} took. */
  end(resource: number): void {
    const { cx } = this;
    const disk = this.at(resource);
    this.turns.commands.table.release(resource);
    cx.dispose(disk.repair as WaitQueue);
    cx.machine.ram.free(disk.area);
    this.#areas[resource] = undefined;
    this.#resources[disk.port] = NO_PORT;
  }

  /** A disk was restored: its port is its own again. */
  adopt(resource: number): void {
    this.#resources[this.at(resource).port] = resource;
    this.#areas[resource] = undefined;
  }

  /** The disk can be given commands, so many at a time. */
  open(resource: number): void {
    const disk = this.at(resource);
    disk.phase = "ready";
    this.turns.commands.table.at(resource).tags = disk.usable;
    this.turns.commands.setOpen(resource, true);
  }

  /**
   * Hands a built command to the hardware and waits for it. While the port is repaired, whoever
   * repairs it hands the command over.
   */
  issue(at: TurnView, run: LayerContext, tag: number, queued: boolean): Wait {
    const { resource } = run;
    const disk = this.at(resource);
    const { port, phase } = disk;
    if (phase === "gone") {
      this.turns.commands.finish(resource, tag, -ERRNO.ENODEV);
      return run.ready();
    }
    const bit = (1 << tag) >>> 0;
    disk.commands++;
    disk.flying = (disk.flying | bit) >>> 0;
    if ((disk.innocents & bit) !== 0) this.#forgive(resource, tag);
    // The waiter is in its queue before the command begins.
    const wait = this.waitLimited(at, run);
    if (phase !== "ready") return wait;
    if (queued) this.writePort(port, R.PORT_SACT, bit);
    this.writePort(port, R.PORT_CI, bit);
    return wait;
  }

  /** Waits for the end of a command. */
  waitLimited(at: TurnView, run: LayerContext): Wait {
    return run.within(COMMAND_TIMEOUT_NS, this.turns.queue(at, run));
  }

  /** Waits for the turn, or again for the end of the command. */
  waitOn(at: TurnView, run: LayerContext): Wait {
    const isWaiting = this.turns.isWaiting(at, run.resource);
    return isWaiting ? this.turns.queue(at, run) : this.waitLimited(at, run);
  }

  /**
   * What a wait that is over means to an operation that is in the disk's queue.
   * @returns the result of its command, or undefined when it is to wait on
   */
  outcome(at: TurnView, run: LayerContext, answer: number): number | undefined {
    const { resource } = run;
    const { commands } = this.turns;
    const slot = at.line - 1;
    if (this.turns.isWaiting(at, resource)) {
      return this.at(resource).phase === "gone" ? -ERRNO.ENODEV : undefined;
    }
    if (!commands.isOver(resource, slot)) {
      if (answer !== -ERRNO.ETIME) return undefined;
      const tag = commands.tagOf(resource, slot);
      if (!this.#isDone(resource, tag)) {
        this.reportLate(resource, (1 << tag) >>> 0);
        return undefined;
      }
      this.finishTag(resource, tag, 0);
    }
    return commands.resultOf(resource, slot);
  }

  /** Another command on a tag: that the one before it was issued again counts no more. */
  #forgive(resource: number, tag: number): void {
    const disk = this.at(resource);
    const counts = disk.reissues.slice();
    counts[tag] = 0;
    disk.reissues = counts;
    disk.innocents = (disk.innocents & ~(1 << tag)) >>> 0;
  }

  /** Wakes the operations of a tag's command. Whoever was cancelled has left it behind. */
  finishTag(resource: number, tag: number, result: number): void {
    const disk = this.at(resource);
    const { commands } = this.turns;
    disk.flying = (disk.flying & ~(1 << tag)) >>> 0;
    disk.orphans = (disk.orphans & ~(1 << tag)) >>> 0;
    disk.late = (disk.late & ~(1 << tag)) >>> 0;
    if (commands.finish(resource, tag, result)) return;
    // Nobody asks what was the matter, maybe another disc: its size is not known any more.
    if (result < 0 && disk.packet) disk.sectors = 0;
    disk.alone = false;
    commands.dispatch(resource);
    // The service lets in who waited outside for the line that is free now.
    this.cx.wake(this.at(resource).repair as WaitQueue);
  }

  /** Tags in flight whose commands the hardware has done. */
  finishDone(resource: number): void {
    const disk = this.at(resource);
    const { port } = disk;
    const busy = this.readPort(port, R.PORT_SACT) | this.readPort(port, R.PORT_CI);
    for (let done = disk.flying & ~busy; done !== 0; done &= done - 1) {
      this.finishTag(resource, 31 - Math.clz32(done & -done), 0);
    }
  }

  /**
   * The interrupt service: each port's status first, then the HBA's, or the interrupt would come
   * back ([AHCI] 10.7.2.1).
   */
  readonly serve = (): void => {
    const asking = this.read(R.HBA_IS);
    for (let left = asking | 0; left !== 0; left &= left - 1) {
      const port = 31 - Math.clz32(left & -left);
      const status = this.readPort(port, R.PORT_IS);
      this.writePort(port, R.PORT_IS, status);
      const resource = this.#resources[port]!;
      if (resource === NO_PORT) {
        this.writePort(port, R.PORT_IE, 0);
        continue;
      }
      const disk = this.at(resource);
      disk.interrupts++;
      if (disk.phase === "ready") this.finishDone(resource);
      if ((status & TROUBLE) !== 0) this.#report(resource, status);
    }
    this.write(R.HBA_IS, asking);
  };

  /** Whether the hardware has done a tag's command although nobody was told. */
  #isDone(resource: number, tag: number): boolean {
    const { phase, port, flying } = this.at(resource);
    const bit = 1 << tag;
    if (phase !== "ready" || (flying & bit) === 0) return false;
    const busy = this.readPort(port, R.PORT_SACT) | this.readPort(port, R.PORT_CI);
    return (busy & bit) === 0;
  }

  /** An operation that holds a tag has waited for too long: the port is to be reset. */
  reportLate(resource: number, tags: number): void {
    const disk = this.at(resource);
    disk.late = (disk.late | tags) >>> 0;
    this.#holdBack(resource);
    this.writePort(disk.port, R.PORT_IE, 0);
    this.cx.wake(disk.repair as WaitQueue);
  }

  /** An operation ends early: a command that nobody waits for is left to the repair service. */
  leave(at: TurnView, run: LayerContext): void {
    const orphan = this.turns.leave(at, run);
    if (orphan < 0) return;
    const disk = this.at(run.resource);
    disk.orphans = (disk.orphans | (1 << orphan)) >>> 0;
    run.wake(disk.repair as WaitQueue);
  }

  /** Why no operation can begin on a disk now, as an error number below 0; 0 when one can. */
  refusal(resource: number): number {
    const disk = this.at(resource);
    if (disk.phase === "gone") return -ERRNO.ENODEV;
    if (!disk.changed || disk.phase !== "ready") return 0;
    disk.changed = false;
    return -ERRNO.ENOMEDIUM;
  }

  /** Something to repair: no more interrupts from the port until its service has looked. */
  #report(resource: number, status: number): void {
    const disk = this.at(resource);
    const { port } = disk;
    this.writePort(port, R.PORT_IE, 0);
    disk.fault = (disk.fault | (status & TROUBLE)) >>> 0;
    disk.faultTask = this.readPort(port, R.PORT_TFD);
    this.#holdBack(resource);
    this.cx.wake(disk.repair as WaitQueue);
  }

  /** No more commands until the port is repaired. */
  #holdBack(resource: number): void {
    const disk = this.at(resource);
    if (disk.phase === "ready") disk.phase = "repairing";
    this.turns.commands.setOpen(resource, false);
  }
}
