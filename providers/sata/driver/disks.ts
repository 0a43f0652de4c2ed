/**
 * What all layers of the SATA driver share: registers, records, tags, and the interrupt service
 * that tells operations that their commands are done.
 *
 * A command's life: an operation takes a tag, builds the command in memory, waits in the tag's
 * queue and sets its bit in PxSACT and PxCI. The interrupt service compares the bits with those
 * that are in flight and wakes the queues of the tags that are done.
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
import { areaBytes, PortArea } from "./area.ts";
import { diskState, TAG_QUEUES, tagQueues } from "./record.ts";

/** A command that takes longer is given up. */
export const COMMAND_TIMEOUT_NS = 7e9;
/** An interrupt that has more to say than that commands are done. */
const TROUBLE = R.IS_FATAL | R.IS_OFS | R.IS_INFS | R.IS_UFS | R.IS_PRCS | R.IS_PCS;
export const INTERRUPTS = R.IS_DHRS | R.IS_PSS | R.IS_SDBS | TROUBLE;

const NO_PORT = -1;

export class Disks {
  readonly cx: DriverContext;
  /** Scratch: a command that is being built. */
  readonly task: TaskFile = { command: 0, features: 0, count: 0, lba: 0, device: 0 };
  readonly #records;
  readonly #queues;
  /** Views of memory, made when they are first needed: nothing that a snapshot would miss. */
  readonly #areas: (PortArea | undefined)[] = [];
  /** Resource of each port. */
  readonly #resources = new Int16Array(R.PORTS_MAX).fill(NO_PORT);

  constructor(cx: DriverContext) {
    this.cx = cx;
    this.#records = cx.records("disk", diskState);
    this.#queues = cx.records("queues", tagQueues);
  }

  at(resource: number) {
    return this.#records.at(resource);
  }

  /** Where the operation that holds a tag waits. */
  tagQueue(resource: number, tag: number): WaitQueue {
    return this.#queues.at(resource)[TAG_QUEUES[tag]!] as WaitQueue;
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
  begin(resource: number, port: number, tags: number, readOnly: boolean): void {
    const { cx } = this;
    const address = cx.machine.ram.allocate(areaBytes(tags));
    const disk = this.at(resource);
    disk.port = port;
    disk.area = address;
    disk.tags = tags;
    disk.readOnly = readOnly;
    disk.waiters = cx.queue();
    disk.alones = cx.queue();
    disk.repair = cx.queue();
    const queues = this.#queues.at(resource);
    for (let tag = 0; tag < tags; tag++) queues[TAG_QUEUES[tag]!] = cx.queue();
    this.area(resource).prepare(tags);
    this.#resources[port] = resource;
  }

  /** Gives back what {@link begin} took. */
  end(resource: number): void {
    const { cx } = this;
    const disk = this.at(resource);
    for (let tag = 0; tag < disk.tags; tag++) cx.dispose(this.tagQueue(resource, tag));
    for (const queue of [disk.waiters, disk.alones, disk.repair]) cx.dispose(queue as WaitQueue);
    cx.machine.ram.free(disk.area);
    this.#areas[resource] = undefined;
    this.#resources[disk.port] = NO_PORT;
  }

  /** A disk was restored: its port is its own again. */
  adopt(resource: number): void {
    this.#resources[this.at(resource).port] = resource;
    this.#areas[resource] = undefined;
  }

  /**
   * Takes a tag for an operation.
   * @returns the tag, or -1 when it has to wait
   */
  takeTag(resource: number): number {
    const disk = this.at(resource);
    if (disk.phase !== "ready" || disk.alone || disk.aloneWaiting > 0) return -1;
    const all = disk.usable === R.SLOTS ? -1 : (1 << disk.usable) - 1;
    const free = all & ~disk.held;
    if (free === 0) return -1;
    const bit = free & -free;
    disk.held = (disk.held | bit) >>> 0;
    return 31 - Math.clz32(bit);
  }

  /** Takes the whole disk for an operation that must be alone: tag 0. @returns whether it could */
  takeAlone(resource: number): boolean {
    const disk = this.at(resource);
    if (disk.phase !== "ready" || disk.held !== 0) return false;
    disk.held = 1;
    disk.alone = true;
    return true;
  }

  /** Gives a tag back, and has the next in line look. */
  giveTag(run: LayerContext, tag: number): void {
    const disk = this.at(run.resource);
    disk.held = (disk.held & ~(1 << tag)) >>> 0;
    if (disk.alone) {
      disk.alone = false;
      if (disk.aloneWaiting === 0) run.wake(disk.waiters as WaitQueue);
    }
    this.passOn(run);
  }

  /** Wakes who may go on now. */
  passOn(run: LayerContext): void {
    const disk = this.at(run.resource);
    if (disk.aloneWaiting === 0) run.wakeOne(disk.waiters as WaitQueue);
    else if (disk.held === 0) run.wakeOne(disk.alones as WaitQueue);
  }

  /** Hands a built command to the hardware and waits for it. */
  issue(run: LayerContext, tag: number, queued: boolean): Wait {
    const disk = this.at(run.resource);
    const { port } = disk;
    const bit = (1 << tag) >>> 0;
    const queue = this.tagQueue(run.resource, tag);
    disk.commands++;
    disk.flying = (disk.flying | bit) >>> 0;
    if ((disk.innocents & bit) !== 0) this.#forgive(run.resource, tag);
    // The waiter is in its queue before the command begins.
    const wait = run.within(COMMAND_TIMEOUT_NS, run.queue(queue));
    if (queued) this.writePort(port, R.PORT_SACT, bit);
    this.writePort(port, R.PORT_CI, bit);
    return wait;
  }

  /** Another command on a tag: that the one before it was issued again counts no more. */
  #forgive(resource: number, tag: number): void {
    const disk = this.at(resource);
    const counts = disk.reissues.slice();
    counts[tag] = 0;
    disk.reissues = counts;
    disk.innocents = (disk.innocents & ~(1 << tag)) >>> 0;
  }

  /** Wakes the operation that holds a tag. Whoever was cancelled has left the tag behind. */
  finishTag(resource: number, tag: number, result: number): void {
    const disk = this.at(resource);
    const { cx } = this;
    disk.flying = (disk.flying & ~(1 << tag)) >>> 0;
    disk.orphans = (disk.orphans & ~(1 << tag)) >>> 0;
    disk.late = (disk.late & ~(1 << tag)) >>> 0;
    if (cx.wake(this.tagQueue(resource, tag), result) > 0) return;
    disk.held = (disk.held & ~(1 << tag)) >>> 0;
    disk.alone = false;
    cx.wake(disk.waiters as WaitQueue);
    cx.wake(disk.alones as WaitQueue);
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
  isDone(resource: number, tag: number): boolean {
    const { phase, port, flying } = this.at(resource);
    const bit = 1 << tag;
    if (phase !== "ready" || (flying & bit) === 0) return false;
    const busy = this.readPort(port, R.PORT_SACT) | this.readPort(port, R.PORT_CI);
    if ((busy & bit) !== 0) return false;
    const disk = this.at(resource);
    disk.flying = (flying & ~bit) >>> 0;
    return true;
  }

  /** An operation that holds a tag has waited for too long: the port is to be reset. */
  reportLate(resource: number, tags: number): void {
    const disk = this.at(resource);
    disk.late = (disk.late | tags) >>> 0;
    if (disk.phase === "ready") disk.phase = "repairing";
    this.writePort(disk.port, R.PORT_IE, 0);
    this.cx.wake(disk.repair as WaitQueue);
  }

  /** An operation ends early: its tag is free, or is left to whoever sees its command end. */
  leave(run: LayerContext, tag: number): void {
    const disk = this.at(run.resource);
    if ((disk.flying & (1 << tag)) === 0) return this.giveTag(run, tag);
    disk.orphans = (disk.orphans | (1 << tag)) >>> 0;
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
    if (disk.phase === "ready") disk.phase = "repairing";
    this.cx.wake(disk.repair as WaitQueue);
  }
}
