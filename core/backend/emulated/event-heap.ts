/**
 * The machine's pending events: a binary heap ordered by (time, sequence) over typed arrays. An
 * event is nothing but numbers (time, sequence, source, argument), so the heap can be copied out
 * and put back at any moment, and nothing is allocated but when it outgrows its arrays.
 *
 * Times, sequences and slots lie in heap order, so that sifting touches neighbours; the rest of an
 * event lies in its slot, which never moves and whose number is half of the event's token.
 */
import type { EventHeapState } from "./event-state.ts";

/** Bound on pending events: slot numbers take 20 bits of a token, generations the next 32. */
export const EVENTS_MAX = 1 << 20;
const GENERATION_MAX = 0xffffffff;
/** Position of a slot that holds no event. */
const NOWHERE = -1;

export class EventHeap {
  /** What {@link pop} took out. Fields instead of a result object: popping allocates nothing. */
  poppedSource = 0;
  poppedArgument = 0;

  #size = 0;
  #slotCount = 0;
  #freeCount = 0;
  #nextSequence = 1;
  #times: Float64Array;
  #sequences: Float64Array;
  #slots: Int32Array;
  #positions: Int32Array;
  #generations: Uint32Array;
  #sources: Int32Array;
  #arguments: Float64Array;
  #free: Int32Array;

  /** @param capacity events to hold before the first growth */
  constructor(capacity = 64) {
    this.#times = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#positions = new Int32Array(capacity);
    this.#generations = new Uint32Array(capacity);
    this.#sources = new Int32Array(capacity);
    this.#arguments = new Float64Array(capacity);
    this.#free = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Time of the earliest event, Infinity when there is none. */
  get earliest(): number {
    return this.#size === 0 ? Infinity : this.#times[0]!;
  }

  /** Sequence of the earliest event; meaningless when there is none. */
  get earliestSequence(): number {
    return this.#sequences[0]!;
  }

  /** The sequence that the next event will get. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /**
   * Adds an event behind all earlier ones of the same time.
   * @param source a small whole number that names who is called
   * @returns a token: a whole number above 0 that names this event until it is popped or removed
   * @throws {RangeError} when EVENTS_MAX events are pending
   */
  push(time: number, source: number, argument: number): number {
    const slot = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#freshSlot();
    this.#sources[slot] = source;
    this.#arguments[slot] = argument;
    this.#siftUp(this.#size++, time, this.#nextSequence++, slot);
    return this.#generations[slot]! * EVENTS_MAX + slot;
  }

  /** Takes the earliest event out into the `popped` fields. The heap must not be empty. */
  pop(): void {
    const slot = this.#slots[0]!;
    this.poppedSource = this.#sources[slot]!;
    this.poppedArgument = this.#arguments[slot]!;
    this.#removeAt(0);
    this.#release(slot);
  }

  /** Whether the token names a pending event of this source. */
  holds(token: number, source: number): boolean {
    return this.#slotOf(token, source) !== NOWHERE;
  }

  /** Removes an event. @returns whether the token named a pending event of this source */
  remove(token: number, source: number): boolean {
    const slot = this.#slotOf(token, source);
    if (slot === NOWHERE) return false;
    this.#removeAt(this.#positions[slot]!);
    this.#release(slot);
    return true;
  }

  /** Removes every event of a source. @returns how many there were */
  removeAll(source: number): number {
    let removed = 0;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (this.#positions[slot] === NOWHERE || this.#sources[slot] !== source) continue;
      this.#removeAt(this.#positions[slot]!);
      this.#release(slot);
      removed += 1;
    }
    return removed;
  }

  /** How many events of a source are pending: a walk, for inspection. */
  countOf(source: number): number {
    let count = 0;
    for (let position = 0; position < this.#size; position++) {
      if (this.#sources[this.#slots[position]!] === source) count += 1;
    }
    return count;
  }

  /** Copies everything out. */
  capture(): EventHeapState {
    const events: EventHeapState["events"] = [];
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const position = this.#positions[slot]!;
      if (position === NOWHERE) continue;
      events.push({
        slot,
        timeNs: this.#times[position]!,
        sequence: this.#sequences[position]!,
        source: this.#sources[slot]!,
        argument: this.#arguments[slot]!,
      });
    }
    return {
      nextSequence: this.#nextSequence,
      generations: Array.from(this.#generations.subarray(0, this.#slotCount)),
      events,
      free: Array.from(this.#free.subarray(0, this.#freeCount)),
    };
  }

  /** Puts a state, which somebody has checked, in place of what is there. */
  apply(state: EventHeapState): void {
    this.#grow(state.generations.length);
    this.#size = 0;
    this.#slotCount = state.generations.length;
    this.#generations.set(state.generations);
    this.#positions.fill(NOWHERE);
    this.#free.set(state.free);
    this.#freeCount = state.free.length;
    for (const event of state.events) {
      this.#sources[event.slot] = event.source;
      this.#arguments[event.slot] = event.argument;
      this.#siftUp(this.#size++, event.timeNs, event.sequence, event.slot);
    }
    this.#nextSequence = state.nextSequence;
  }

  /** The token of the event in a slot, for timers that find their events again. */
  tokenOf(slot: number): number {
    return this.#generations[slot]! * EVENTS_MAX + slot;
  }

  #slotOf(token: number, source: number): number {
    const slot = token % EVENTS_MAX;
    if (!(slot >= 0 && slot < this.#slotCount)) return NOWHERE;
    if (this.#positions[slot] === NOWHERE || this.#sources[slot] !== source) return NOWHERE;
    return this.#generations[slot] === (token - slot) / EVENTS_MAX ? slot : NOWHERE;
  }

  #freshSlot(): number {
    if (this.#slotCount === EVENTS_MAX) {
      throw new RangeError(
        `Cannot schedule an event: ${EVENTS_MAX} are pending, the most there is`,
      );
    }
    if (this.#slotCount === this.#times.length) this.#grow(this.#slotCount * 2);
    const slot = this.#slotCount++;
    this.#generations[slot] = 1;
    return slot;
  }

  #release(slot: number): void {
    this.#positions[slot] = NOWHERE;
    const generation = this.#generations[slot]!;
    this.#generations[slot] = generation === GENERATION_MAX ? 1 : generation + 1;
    this.#free[this.#freeCount++] = slot;
  }

  #removeAt(position: number): void {
    const last = --this.#size;
    if (position === last) return;
    const time = this.#times[last]!;
    const sequence = this.#sequences[last]!;
    const slot = this.#slots[last]!;
    // The last event takes the place; when it need not rise from there it may have to sink.
    if (this.#siftUp(position, time, sequence, slot) === position) {
      this.#siftDown(position, time, sequence, slot);
    }
  }

  #siftUp(start: number, time: number, sequence: number, slot: number): number {
    const times = this.#times;
    const sequences = this.#sequences;
    const slots = this.#slots;
    const positions = this.#positions;
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const other = times[parent]!;
      if (other < time || (other === time && sequences[parent]! < sequence)) break;
      times[position] = other;
      sequences[position] = sequences[parent]!;
      positions[(slots[position] = slots[parent]!)] = position;
      position = parent;
    }
    this.#place(position, time, sequence, slot);
    return position;
  }

  #siftDown(start: number, time: number, sequence: number, slot: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const slots = this.#slots;
    const positions = this.#positions;
    const size = this.#size;
    let position = start;
    for (;;) {
      let child = position * 2 + 1;
      if (child >= size) break;
      let other = times[child]!;
      const right = child + 1;
      if (right < size) {
        const rival = times[right]!;
        if (rival < other || (rival === other && sequences[right]! < sequences[child]!)) {
          child = right;
          other = rival;
        }
      }
      if (time < other || (time === other && sequence < sequences[child]!)) break;
      times[position] = other;
      sequences[position] = sequences[child]!;
      positions[(slots[position] = slots[child]!)] = position;
      position = child;
    }
    this.#place(position, time, sequence, slot);
  }

  #place(position: number, time: number, sequence: number, slot: number): void {
    this.#times[position] = time;
    this.#sequences[position] = sequence;
    this.#slots[position] = slot;
    this.#positions[slot] = position;
  }

  #grow(capacity: number): void {
    if (capacity <= this.#times.length) return;
    const wider = <T extends Float64Array | Int32Array | Uint32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#times = wider(new Float64Array(capacity), this.#times);
    this.#sequences = wider(new Float64Array(capacity), this.#sequences);
    this.#slots = wider(new Int32Array(capacity), this.#slots);
    this.#positions = wider(new Int32Array(capacity), this.#positions);
    this.#generations = wider(new Uint32Array(capacity), this.#generations);
    this.#sources = wider(new Int32Array(capacity), this.#sources);
    this.#arguments = wider(new Float64Array(capacity), this.#arguments);
    this.#free = wider(new Int32Array(capacity), this.#free);
  }
}
