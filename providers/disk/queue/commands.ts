/**
 * Commands made of requests: an elevator grants a tag to the request that is next, and to those in
 * line that adjoin it (merging, at its back and its front). Each operation puts its own data in
 * place; the last one to do so starts the command; when it is over, each takes its own result, and
 * the last one gives the tag back. Whatever goes wrong with a command of several, each of them goes
 * again alone, so that only the guilty one fails.
 */
import type { DriverContext } from "../../../core/provider/index.ts";
import { ELEVATOR_NAMES, Elevator, type ElevatorName } from "./elevator.ts";
import { KIND, REQUESTS_MAX, RequestTable, STATE, TAGS_MAX, TRAIT } from "./table.ts";
import { FLAG, TagTable, freeTag } from "./tags.ts";

const NONE = -1;
const FIFO = ELEVATOR_NAMES.indexOf("fifo");

export class Commands {
  readonly table: RequestTable;
  readonly #elevator: Elevator;
  readonly #tags: TagTable;

  constructor(cx: DriverContext) {
    this.table = new RequestTable(cx);
    this.#elevator = new Elevator(this.table);
    this.#tags = new TagTable(cx);
  }

  /** Makes the queue of a disk, closed until {@link setOpen}. */
  begin(resource: number, elevator: ElevatorName, tags: number, sectorsMax: number): void {
    this.table.begin(resource);
    const line = this.table.at(resource);
    line.elevator = ELEVATOR_NAMES.indexOf(elevator);
    line.tags = tags;
    line.sectorsMax = sectorsMax;
  }

  /** Lets requests go, or holds them back. */
  setOpen(resource: number, isOpen: boolean): void {
    this.table.at(resource).open = isOpen;
    if (isOpen) this.dispatch(resource);
  }

  /** Grants tags for as long as there are some, and requests that may go. */
  dispatch(resource: number): void {
    const { table } = this;
    for (;;) {
      const { open, waiting, tags, held } = table.at(resource);
      if (waiting === 0 || !open) return;
      const tag = freeTag(tags, held);
      const slot = tag === NONE ? NONE : this.#elevator.next(resource, table.cx.now());
      if (slot === NONE) return;
      this.#grant(resource, tag, slot);
    }
  }

  /** Makes a command of a request. */
  #begin(resource: number, tag: number, slot: number): void {
    const { table } = this;
    const line = table.at(resource);
    line.held = (line.held | (1 << tag)) >>> 0;
    const at = resource * TAGS_MAX + tag;
    const request = resource * REQUESTS_MAX + slot;
    const lba = table.lba[request]!;
    const sectors = table.sectors[request]!;
    table.state[request] = STATE.GRANTED;
    table.tag[request] = tag;
    table.next[request] = 0;
    this.#tags.begin(at, slot, lba, sectors);
    if (table.kind[request] !== KIND.ALONE) table.position[resource] = lba + sectors;
  }

  /** Makes a command of a request that waits, and of those that adjoin it, and wakes them. */
  #grant(resource: number, tag: number, leader: number): void {
    const { table } = this;
    const line = table.at(resource);
    line.waiting -= 1;
    this.#begin(resource, tag, leader);
    const isLone = (table.traits[resource * REQUESTS_MAX + leader]! & TRAIT.UNMERGED) !== 0;
    if (!isLone && line.waiting > 0 && line.elevator !== FIFO) this.#merge(resource, tag, leader);
    for (let slot = leader; slot >= 0;) {
      const next = table.next[resource * REQUESTS_MAX + slot]! - 1;
      table.cx.wake(table.queueOf(resource, slot));
      slot = next;
    }
  }

  /** Puts another request that waits into a command. */
  #add(resource: number, tag: number, slot: number): void {
    const { table } = this;
    const tags = this.#tags;
    const at = resource * TAGS_MAX + tag;
    const request = resource * REQUESTS_MAX + slot;
    table.state[request] = STATE.GRANTED;
    table.tag[request] = tag;
    table.next[request] = 0;
    table.next[resource * REQUESTS_MAX + tags.last[at]! - 1] = slot + 1;
    tags.last[at] = slot + 1;
    tags.count[at]! += 1;
    tags.present[at]! += 1;
    tags.missing[at]! += 1;
    tags.sectors[at]! += table.sectors[request]!;
    if (table.lba[request]! < tags.lba[at]!) tags.lba[at] = table.lba[request]!;
    table.position[resource] = tags.lba[at]! + tags.sectors[at]!;
    const line = table.at(resource);
    line.waiting -= 1;
    line.merged += 1;
  }

  /** Adds requests that adjoin the command, for as long as there are some and it has room. */
  #merge(resource: number, tag: number, leader: number): void {
    const { table } = this;
    const tags = this.#tags;
    const { sectorsMax } = table.at(resource);
    const at = resource * TAGS_MAX + tag;
    const first = resource * REQUESTS_MAX;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      if (table.state[first + slot] !== STATE.WAITING) continue;
      if (!table.isLike(first + slot, first + leader)) continue;
      const lba = table.lba[first + slot]!;
      const sectors = table.sectors[first + slot]!;
      const end = tags.lba[at]! + tags.sectors[at]!;
      if (lba !== end && lba + sectors !== tags.lba[at]) continue;
      if (tags.sectors[at]! + sectors > sectorsMax || table.isBlocked(resource, slot)) continue;
      this.#add(resource, tag, slot);
      // The command has grown: those that did not adjoin it may now.
      slot = NONE;
    }
  }

  /** The tag of the command that a request is in. */
  tagOf(resource: number, slot: number): number {
    return this.table.tag[resource * REQUESTS_MAX + slot]!;
  }

  /** Requests that a command was made of. */
  countOf(resource: number, tag: number): number {
    return this.#tags.count[resource * TAGS_MAX + tag]!;
  }

  lbaOf(resource: number, tag: number): number {
    return this.#tags.lba[resource * TAGS_MAX + tag]!;
  }

  sectorsOf(resource: number, tag: number): number {
    return this.#tags.sectors[resource * TAGS_MAX + tag]!;
  }

  /** Where the data of a request lie in those of its command, in sectors. */
  offsetOf(resource: number, slot: number): number {
    const tags = this.#tags;
    const { lba, tag } = this.table;
    const request = resource * REQUESTS_MAX + slot;
    return lba[request]! - tags.lba[resource * TAGS_MAX + tag[request]!]!;
  }

  /**
   * The data of a request are in place.
   * @returns whether the command is complete: then the caller starts it
   */
  place(resource: number, slot: number): boolean {
    const tags = this.#tags;
    const request = resource * REQUESTS_MAX + slot;
    this.table.state[request] = STATE.PLACED;
    const at = resource * TAGS_MAX + this.table.tag[request]!;
    tags.missing[at]! -= 1;
    if (tags.missing[at] !== 0) return false;
    if ((tags.flags[at]! & FLAG.BROKEN) !== 0) {
      this.#dissolve(resource, this.table.tag[request]!);
      return false;
    }
    tags.flags[at]! |= FLAG.STARTED;
    return true;
  }

  /** Has the requests of a command wait again: one of them went away before it began. */
  #dissolve(resource: number, tag: number): void {
    const { table } = this;
    const first = resource * REQUESTS_MAX;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const state = table.state[first + slot];
      const isIn = state === STATE.PLACED || state === STATE.GRANTED;
      if (isIn && table.tag[first + slot] === tag) this.table.wait(resource, slot);
    }
    this.#giveTag(resource, tag);
  }

  #giveTag(resource: number, tag: number): void {
    const line = this.table.at(resource);
    line.held = (line.held & ~(1 << tag)) >>> 0;
  }

  /** Puts a request in line, and lets it go at once if it may. */
  submit(resource: number, slot: number): void {
    const { table } = this;
    const line = table.at(resource);
    if (line.waiting === 0 && line.open) {
      // Nobody to choose from: what most requests find on a disk with many tags.
      const tag = freeTag(line.tags, line.held);
      if (tag !== NONE && !table.isBlocked(resource, slot)) {
        this.#begin(resource, tag, slot);
        return;
      }
    }
    table.bornNs[resource * REQUESTS_MAX + slot] = table.cx.now();
    this.table.wait(resource, slot);
    this.dispatch(resource);
    const { waiting, queuedMax } = table.at(resource);
    if (waiting > queuedMax) table.at(resource).queuedMax = waiting;
  }

  /**
   * A command is over: wakes its operations with the result.
   * @returns whether there are any; if not, the tag is free again
   */
  finish(resource: number, tag: number, result: number): boolean {
    const { table } = this;
    const tags = this.#tags;
    const at = resource * TAGS_MAX + tag;
    tags.flags[at]! |= FLAG.OVER;
    tags.result[at] = result;
    for (let slot = tags.head[at]! - 1; slot >= 0;) {
      const request = resource * REQUESTS_MAX + slot;
      const next = table.next[request]! - 1;
      if (table.state[request] === STATE.PLACED)
        table.cx.wake(table.queueOf(resource, slot), result);
      else if (table.state[request] === STATE.ORPHAN) table.free(resource, slot);
      slot = next;
    }
    if (tags.present[at] !== 0) return true;
    this.#giveTag(resource, tag);
    return false;
  }

  /** Whether the command of a request is over, whose {@link resultOf} is then known. */
  isOver(resource: number, slot: number): boolean {
    const tags = this.#tags;
    const request = resource * REQUESTS_MAX + slot;
    if (this.table.state[request] !== STATE.PLACED) return false;
    return (tags.flags[resource * TAGS_MAX + this.table.tag[request]!]! & FLAG.OVER) !== 0;
  }

  resultOf(resource: number, slot: number): number {
    const tags = this.#tags;
    return tags.result[resource * TAGS_MAX + this.tagOf(resource, slot)]!;
  }

  /** A request has its result. */
  depart(resource: number, slot: number): void {
    this.part(resource, slot);
    this.table.free(resource, slot);
  }

  /** A request has its result and waits again. */
  again(resource: number, slot: number): void {
    this.part(resource, slot);
    this.submit(resource, slot);
  }

  /** Takes a request out of its command; the last one gives the tag back. */
  part(resource: number, slot: number): void {
    const tags = this.#tags;
    const tag = this.tagOf(resource, slot);
    const at = resource * TAGS_MAX + tag;
    tags.present[at]! -= 1;
    if (tags.present[at] === 0) this.#giveTag(resource, tag);
  }

  /**
   * An operation ends early.
   * @returns the tag of a command under way that is nobody's any more, or -1
   */
  leave(resource: number, slot: number): number {
    const { table } = this;
    const tags = this.#tags;
    const request = resource * REQUESTS_MAX + slot;
    const tag = table.tag[request]!;
    const at = resource * TAGS_MAX + tag;
    const state = table.state[request];
    if (state === STATE.WAITING) table.at(resource).waiting -= 1;
    else if (state === STATE.PLACED && (tags.flags[at]! & FLAG.STARTED) !== 0) {
      if ((tags.flags[at]! & FLAG.OVER) !== 0) {
        this.depart(resource, slot);
        return NONE;
      }
      table.state[request] = STATE.ORPHAN;
      tags.present[at]! -= 1;
      return tags.present[at] === 0 ? tag : NONE;
    } else {
      // The others of its command would leave a hole where its data should be.
      tags.flags[at]! |= FLAG.BROKEN;
      if (state === STATE.GRANTED) tags.missing[at]! -= 1;
      this.part(resource, slot);
    }
    table.free(resource, slot);
    const isHeld = state !== STATE.WAITING && tags.present[at]! > 0;
    if (isHeld && tags.missing[at] === 0) this.#dissolve(resource, tag);
    return NONE;
  }
}
