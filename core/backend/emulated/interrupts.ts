/**
 * The machine's interrupt controller: a fixed number of lines, each edge-latched or driven by a
 * level, each maskable. Lines that may be delivered stand in a queue, first raised first. The
 * controller delivers to nobody: who wants interrupts takes lines one by one, so nothing that
 * happens during a delivery can nest into it.
 */
import {
  LINE_ASSERTED as ASSERTED,
  LINE_ENABLED as ENABLED,
  LINE_LATCHED as LATCHED,
  LINE_PENDING as PENDING,
  LINE_SERVED as SERVED,
  type InterruptState,
} from "./interrupt-state.ts";

/** Bound on lines: twice the largest table of message-signalled interrupts that PCI allows. */
export const LINES_MAX = 4096;
const UNLINKED = -1;

export class InterruptController {
  /** How many lines there are; they are numbered from 0. */
  readonly lines: number;

  readonly #notify: () => void;
  readonly #flags: Uint8Array;
  /** When each pending line was raised, as a count of raisings. */
  readonly #orders: Float64Array;
  /** The queue of deliverable lines; the element after the last line is its head and tail. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #nextOrder = 1;
  #delivered = 0;
  #lost = 0;
  #spurious = 0;

  /**
   * @param lines 1 to {@link LINES_MAX}
   * @param notify called when a line becomes deliverable while none was
   * @throws {RangeError} for another number of lines
   */
  constructor(lines: number, notify: () => void = () => {}) {
    if (!Number.isInteger(lines) || lines < 1 || lines > LINES_MAX) {
      throw new RangeError(
        `Cannot build an interrupt controller: lines must be 1 to ${LINES_MAX}: found ${lines}`,
      );
    }
    this.lines = lines;
    this.#notify = notify;
    this.#flags = new Uint8Array(lines);
    this.#orders = new Float64Array(lines);
    this.#next = new Int32Array(lines + 1).fill(UNLINKED);
    this.#previous = new Int32Array(lines + 1).fill(UNLINKED);
    this.#clearQueue();
  }

  /** Interrupts taken by {@link takeNext}. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Edges that found their line latched already and so became one interrupt with it. */
  get lost(): number {
    return this.#lost;
  }

  /** Levels on enabled lines that fell before they were delivered: nobody saw them. */
  get spurious(): number {
    return this.#spurious;
  }

  /** Whether {@link takeNext} would answer a line. */
  get deliverable(): boolean {
    return this.#next[this.lines] !== this.lines;
  }

  /** The order that the next raising gets: the bound of a pass over what is pending now. */
  get nextOrder(): number {
    return this.#nextOrder;
  }

  /**
   * An edge: latches one interrupt on the line. A second one before the first is taken changes
   * nothing but the count of lost ones. A masked line keeps its latch until it is enabled.
   * @throws {RangeError} for an unknown line
   */
  raise(line: number): void {
    this.#check(line);
    const flags = this.#flags[line]!;
    if ((flags & LATCHED) !== 0) {
      this.#lost += 1;
      return;
    }
    this.#flags[line] = flags | LATCHED;
    if ((flags & PENDING) === 0) this.#becomePending(line);
  }

  /**
   * The level of a line. While it is high the line stays pending: it is delivered, goes to the end
   * of the queue, and is delivered again, until the device is made to drop it.
   * @throws {RangeError} for an unknown line
   */
  setLevel(line: number, asserted: boolean): void {
    this.#check(line);
    const flags = this.#flags[line]!;
    if (((flags & ASSERTED) !== 0) === asserted) return;
    if (asserted) {
      this.#flags[line] = (flags | ASSERTED) & ~SERVED;
      if ((flags & PENDING) === 0) this.#becomePending(line);
      return;
    }
    this.#flags[line] = flags & ~(ASSERTED | SERVED);
    if ((flags & LATCHED) !== 0) return;
    if ((flags & (ENABLED | SERVED)) === ENABLED) this.#spurious += 1;
    this.#unlink(line);
  }

  /**
   * Lets a line through. What it latched while masked takes its place in the queue, by the time of
   * its raising. Enabling an enabled line changes nothing.
   * @throws {RangeError} for an unknown line
   */
  enable(line: number): void {
    this.#check(line);
    const flags = this.#flags[line]!;
    if ((flags & ENABLED) !== 0) return;
    this.#flags[line] = flags | ENABLED;
    if ((flags & PENDING) !== 0) this.#link(line);
  }

  /** Masks a line; what is pending on it stays so. @throws {RangeError} for an unknown line */
  disable(line: number): void {
    this.#check(line);
    this.#flags[line] = this.#flags[line]! & ~ENABLED;
    this.#unlink(line);
  }

  /** @throws {RangeError} for an unknown line */
  isEnabled(line: number): boolean {
    this.#check(line);
    return (this.#flags[line]! & ENABLED) !== 0;
  }

  /** Whether the line holds a latched edge or a high level. @throws {RangeError} as above */
  isPending(line: number): boolean {
    this.#check(line);
    return (this.#flags[line]! & PENDING) !== 0;
  }

  /**
   * Clears a latched edge without delivering it: for a driver that saw the device's status by
   * itself. A high level is not cleared: only the device can drop it.
   * @returns whether there was one
   * @throws {RangeError} for an unknown line
   */
  acknowledge(line: number): boolean {
    this.#check(line);
    const flags = this.#flags[line]!;
    if ((flags & LATCHED) === 0) return false;
    this.#flags[line] = flags & ~LATCHED;
    if ((flags & ASSERTED) === 0) this.#unlink(line);
    return true;
  }

  /**
   * Takes the deliverable line that was raised first. That acknowledges its edge; a line whose
   * level is high goes to the end of the queue, as if raised again now.
   * @param raisedBefore only lines raised before this order ({@link nextOrder}, read at the start
   *   of a pass), so that a pass ends whatever happens in it
   * @returns the line, or -1
   */
  takeNext(raisedBefore = Infinity): number {
    const line = this.#next[this.lines]!;
    if (line === this.lines || this.#orders[line]! >= raisedBefore) return -1;
    this.#unlink(line);
    const flags = (this.#flags[line]! & ~LATCHED) | SERVED;
    this.#flags[line] = flags;
    this.#delivered += 1;
    if ((flags & ASSERTED) !== 0) {
      this.#orders[line] = this.#nextOrder++;
      this.#link(line);
    } else {
      this.#flags[line] = flags & ~SERVED;
    }
    return line;
  }

  /** Copies everything out. */
  capture(): InterruptState {
    return {
      nextOrder: this.#nextOrder,
      delivered: this.#delivered,
      lost: this.#lost,
      spurious: this.#spurious,
      flags: this.#flags.slice(),
      orders: this.#orders.slice(),
    };
  }

  /** Puts a state, which somebody has checked, in place of what is there. */
  apply(state: InterruptState): void {
    this.#nextOrder = state.nextOrder;
    this.#delivered = state.delivered;
    this.#lost = state.lost;
    this.#spurious = state.spurious;
    this.#flags.set(state.flags);
    this.#orders.set(state.orders);
    this.#clearQueue();
    for (let line = 0; line < this.lines; line++) {
      const flags = this.#flags[line]!;
      if ((flags & ENABLED) !== 0 && (flags & PENDING) !== 0) this.#link(line);
    }
  }

  #check(line: number): void {
    // A line that is no array index reads as undefined, which is the cheapest possible test.
    if (this.#flags[line] !== undefined) return;
    throw new RangeError(
      `Cannot use interrupt line ${line}: this machine has ${this.lines} lines, from 0`,
    );
  }

  #becomePending(line: number): void {
    this.#orders[line] = this.#nextOrder++;
    if ((this.#flags[line]! & ENABLED) !== 0) this.#link(line);
  }

  /** Puts a line into the queue by its order; nearly always that is the end. */
  #link(line: number): void {
    const head = this.lines;
    const wasEmpty = this.#next[head] === head;
    const order = this.#orders[line]!;
    let before = this.#previous[head]!;
    while (before !== head && this.#orders[before]! > order) before = this.#previous[before]!;
    const after = this.#next[before]!;
    this.#next[line] = after;
    this.#previous[line] = before;
    this.#next[before] = line;
    this.#previous[after] = line;
    if (wasEmpty) this.#notify();
  }

  #unlink(line: number): void {
    const after = this.#next[line]!;
    if (after === UNLINKED) return;
    const before = this.#previous[line]!;
    this.#next[before] = after;
    this.#previous[after] = before;
    this.#next[line] = UNLINKED;
    this.#previous[line] = UNLINKED;
  }

  #clearQueue(): void {
    this.#next.fill(UNLINKED);
    this.#previous.fill(UNLINKED);
    this.#next[this.lines] = this.lines;
    this.#previous[this.lines] = this.lines;
  }
}
