/**
 * Commands made of requests: an elevator grants a tag to the request that is next, and to those in
 * line that adjoin it (merging, at its back and its front). Each operation puts its own data in
 * place; the last one to do so starts the command; when it is over, each takes its own result, and
 * the last one gives the tag back. Whatever goes wrong with a command of several, each of them goes
 * again alone, so that only the guilty one fails.
 */
import { struct, bytes, type DriverContext } from "../../../core/provider/index.ts";
import { ELEVATOR_NAMES, Elevator, type ElevatorName } from "./elevator.ts";
import { KIND, REQUESTS_MAX, RequestTable, STATE, TAGS_MAX, TRAIT } from "./table.ts";

/** What a tag's command is about to do. */
const FLAG = { STARTED: 1, OVER: 2, BROKEN: 4 } as const;
const NONE = -1;
/** Where counting reads in a row ends. */
const PASSED_MAX = 255;
const FIFO = ELEVATOR_NAMES.indexOf("fifo");

export class Commands {
  readonly table: RequestTable;
  readonly #elevator: Elevator;
  // By tag, at `resource * TAGS_MAX + tag`.
  /** The first and the last request, plus one. */
  readonly #head: Uint8Array;
  readonly #last: Uint8Array;
  /** Requests that the command was made of, that are still in it, and whose data are missing. */
  readonly #count: Uint8Array;
  readonly #present: Uint8Array;
  readonly #missing: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #result: Int32Array;
  readonly #lba: Float64Array;
  readonly #sectors: Uint32Array;

  constructor(cx: DriverContext) {
    this.table = new RequestTable(cx);
    this.#elevator = new Elevator(this.table);
    const column = (name: string, sizeBytes: number): ArrayBufferLike =>
      cx.records(`tag-${name}`, struct({ values: bytes(sizeBytes * TAGS_MAX) })).slab.buffer;
    this.#head = new Uint8Array(column("head", 1));
    this.#last = new Uint8Array(column("last", 1));
    this.#count = new Uint8Array(column("count", 1));
    this.#present = new Uint8Array(column("present", 1));
    this.#missing = new Uint8Array(column("missing", 1));
    this.#flags = new Uint8Array(column("flags", 1));
    this.#result = new Int32Array(column("result", 4));
    this.#lba = new Float64Array(column("lba", 8));
    this.#sectors = new Uint32Array(column("sectors", 4));
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
      const tag = this.#freeTag(tags, held);
      const slot = tag === NONE ? NONE : this.#elevator.next(resource, table.cx.now());
      if (slot === NONE) return;
      this.#grant(resource, tag, slot);
    }
  }

  #freeTag(tags: number, held: number): number {
    const all = tags === TAGS_MAX ? -1 : (1 << tags) - 1;
    const free = all & ~held;
    return free === 0 ? NONE : 31 - Math.clz32(free & -free);
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
    this.#head[at] = slot + 1;
    this.#last[at] = slot + 1;
    this.#flags[at] = 0;
    this.#count[at] = 1;
    this.#present[at] = 1;
    this.#missing[at] = 1;
    this.#lba[at] = lba;
    this.#sectors[at] = sectors;
    const kind = table.kind[request];
    if (kind === KIND.ALONE) return;
    table.position[resource] = lba + sectors;
    if (kind === KIND.WRITE) line.passed = 0;
    else if (line.passed < PASSED_MAX) line.passed += 1;
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
    const at = resource * TAGS_MAX + tag;
    const request = resource * REQUESTS_MAX + slot;
    table.state[request] = STATE.GRANTED;
    table.tag[request] = tag;
    table.next[request] = 0;
    table.next[resource * REQUESTS_MAX + this.#last[at]! - 1] = slot + 1;
    this.#last[at] = slot + 1;
    this.#count[at]! += 1;
    this.#present[at]! += 1;
    this.#missing[at]! += 1;
    this.#sectors[at]! += table.sectors[request]!;
    if (table.lba[request]! < this.#lba[at]!) this.#lba[at] = table.lba[request]!;
    table.position[resource] = this.#lba[at]! + this.#sectors[at]!;
    const line = table.at(resource);
    line.waiting -= 1;
    line.merged += 1;
  }

  /** Adds requests that adjoin the command, for as long as there are some and it has room. */
  #merge(resource: number, tag: number, leader: number): void {
    const { table } = this;
    const { sectorsMax } = table.at(resource);
    const at = resource * TAGS_MAX + tag;
    const first = resource * REQUESTS_MAX;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      if (table.state[first + slot] !== STATE.WAITING) continue;
      if (!this.#isLike(first + slot, first + leader)) continue;
      const lba = table.lba[first + slot]!;
      const sectors = table.sectors[first + slot]!;
      const end = this.#lba[at]! + this.#sectors[at]!;
      if (lba !== end && lba + sectors !== this.#lba[at]) continue;
      if (this.#sectors[at]! + sectors > sectorsMax || table.isBlocked(resource, slot)) continue;
      this.#add(resource, tag, slot);
      // The command has grown: those that did not adjoin it may now.
      slot = NONE;
    }
  }

  #isLike(request: number, leader: number): boolean {
    const { kind, traits } = this.table;
    return kind[request] === kind[leader] && traits[request] === traits[leader];
  }

  /** The tag of the command that a request is in. */
  tagOf(resource: number, slot: number): number {
    return this.table.tag[resource * REQUESTS_MAX + slot]!;
  }

  /** Requests that a command was made of. */
  countOf(resource: number, tag: number): number {
    return this.#count[resource * TAGS_MAX + tag]!;
  }

  lbaOf(resource: number, tag: number): number {
    return this.#lba[resource * TAGS_MAX + tag]!;
  }

  sectorsOf(resource: number, tag: number): number {
    return this.#sectors[resource * TAGS_MAX + tag]!;
  }

  /** Where the data of a request lie in those of its command, in sectors. */
  offsetOf(resource: number, slot: number): number {
    const { lba, tag } = this.table;
    const request = resource * REQUESTS_MAX + slot;
    return lba[request]! - this.#lba[resource * TAGS_MAX + tag[request]!]!;
  }

  /**
   * The data of a request are in place.
   * @returns whether the command is complete: then the caller starts it
   */
  place(resource: number, slot: number): boolean {
    const request = resource * REQUESTS_MAX + slot;
    this.table.state[request] = STATE.PLACED;
    const at = resource * TAGS_MAX + this.table.tag[request]!;
    this.#missing[at]! -= 1;
    if (this.#missing[at] !== 0) return false;
    if ((this.#flags[at]! & FLAG.BROKEN) !== 0) {
      this.#dissolve(resource, this.table.tag[request]!);
      return false;
    }
    this.#flags[at]! |= FLAG.STARTED;
    return true;
  }

  /** Has the requests of a command wait again: one of them went away before it began. */
  #dissolve(resource: number, tag: number): void {
    const { table } = this;
    const first = resource * REQUESTS_MAX;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const state = table.state[first + slot];
      const isIn = state === STATE.PLACED || state === STATE.GRANTED;
      if (isIn && table.tag[first + slot] === tag) this.#wait(resource, slot);
    }
    this.#giveTag(resource, tag);
  }

  #wait(resource: number, slot: number): void {
    this.table.state[resource * REQUESTS_MAX + slot] = STATE.WAITING;
    this.table.at(resource).waiting += 1;
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
      const tag = this.#freeTag(line.tags, line.held);
      if (tag !== NONE && !table.isBlocked(resource, slot)) {
        this.#begin(resource, tag, slot);
        return;
      }
    }
    table.bornNs[resource * REQUESTS_MAX + slot] = table.cx.now();
    this.#wait(resource, slot);
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
    const at = resource * TAGS_MAX + tag;
    this.#flags[at]! |= FLAG.OVER;
    this.#result[at] = result;
    let orphans = 0;
    for (let slot = this.#head[at]! - 1; slot >= 0;) {
      const request = resource * REQUESTS_MAX + slot;
      const next = table.next[request]! - 1;
      if (table.state[request] === STATE.PLACED)
        table.cx.wake(table.queueOf(resource, slot), result);
      else if (table.state[request] === STATE.ORPHAN) {
        table.free(resource, slot);
        orphans += 1;
      }
      slot = next;
    }
    if (orphans > 0) table.letAllIn(resource);
    if (this.#present[at] !== 0) return true;
    this.#giveTag(resource, tag);
    return false;
  }

  /** Whether the command of a request is over, whose {@link resultOf} is then known. */
  isOver(resource: number, slot: number): boolean {
    const request = resource * REQUESTS_MAX + slot;
    if (this.table.state[request] !== STATE.PLACED) return false;
    return (this.#flags[resource * TAGS_MAX + this.table.tag[request]!]! & FLAG.OVER) !== 0;
  }

  resultOf(resource: number, slot: number): number {
    return this.#result[resource * TAGS_MAX + this.tagOf(resource, slot)]!;
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
    const tag = this.tagOf(resource, slot);
    const at = resource * TAGS_MAX + tag;
    this.#present[at]! -= 1;
    if (this.#present[at] === 0) this.#giveTag(resource, tag);
  }

  /**
   * An operation ends early.
   * @returns the tag of a command under way that is nobody's any more, or -1
   */
  leave(resource: number, slot: number): number {
    const { table } = this;
    const request = resource * REQUESTS_MAX + slot;
    const tag = table.tag[request]!;
    const at = resource * TAGS_MAX + tag;
    const state = table.state[request];
    if (state === STATE.WAITING) table.at(resource).waiting -= 1;
    else if (state === STATE.PLACED && (this.#flags[at]! & FLAG.STARTED) !== 0) {
      if ((this.#flags[at]! & FLAG.OVER) !== 0) {
        this.depart(resource, slot);
        return NONE;
      }
      table.state[request] = STATE.ORPHAN;
      this.#present[at]! -= 1;
      return this.#present[at] === 0 ? tag : NONE;
    } else {
      // The others of its command would leave a hole where its data should be.
      this.#flags[at]! |= FLAG.BROKEN;
      if (state === STATE.GRANTED) this.#missing[at]! -= 1;
      this.part(resource, slot);
    }
    table.free(resource, slot);
    const isHeld = state !== STATE.WAITING && this.#present[at]! > 0;
    if (isHeld && this.#missing[at] === 0) this.#dissolve(resource, tag);
    return NONE;
  }

  /** Has operations whose requests wait in line hear of an error. */
  refuse(resource: number, result: number): void {
    const { table } = this;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const isWaiting = table.state[resource * REQUESTS_MAX + slot] === STATE.WAITING;
      if (isWaiting) table.cx.wake(table.queueOf(resource, slot), result);
    }
  }
}
