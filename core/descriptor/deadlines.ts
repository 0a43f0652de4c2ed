/**
 * The deadline heap: every sleep, timeout and timed wait of a session shares it, and so shares one
 * kernel timeout. Entries are small numbers that the caller chooses; setting, moving and removing
 * one is O(log n) and allocates nothing once the heap has grown. Equal deadlines leave in the order
 * in which they were set.
 */

export class DeadlineHeap {
  #ids = new Int32Array(64);
  #deadlines = new Float64Array(64);
  #sequences = new Float64Array(64);
  /** Position of an id in the heap plus one, 0 when it is not in it. */
  #places = new Int32Array(64);
  #size = 0;
  #sequence = 0;

  get size(): number {
    return this.#size;
  }

  /** The nearest deadline, or Infinity. */
  next(): number {
    return this.#size === 0 ? Infinity : this.#deadlines[0]!;
  }

  has(id: number): boolean {
    return id < this.#places.length && this.#places[id] !== 0;
  }

  /** Sets or moves the deadline of an id. */
  set(id: number, deadlineNs: number): void {
    if (id >= this.#places.length) this.#places = grow(this.#places, id + 1);
    if (this.#places[id] !== 0) this.remove(id);
    if (this.#size === this.#ids.length) {
      this.#ids = grow(this.#ids, this.#size + 1);
      this.#deadlines = grow(this.#deadlines, this.#size + 1);
      this.#sequences = grow(this.#sequences, this.#size + 1);
    }
    this.#up(this.#size++, id, deadlineNs, this.#sequence++);
  }

  /** Removes an id. @returns whether it was there */
  remove(id: number): boolean {
    if (!this.has(id)) return false;
    const place = this.#places[id]! - 1;
    this.#places[id] = 0;
    const last = --this.#size;
    if (place === last) return true;
    this.#down(place, this.#ids[last]!, this.#deadlines[last]!, this.#sequences[last]!);
    return true;
  }

  /** Takes out the first id whose deadline is at or before `nowNs`. @returns -1 for none */
  takeDue(nowNs: number): number {
    if (this.#size === 0 || this.#deadlines[0]! > nowNs) return -1;
    const id = this.#ids[0]!;
    this.remove(id);
    return id;
  }

  /** All entries in the order in which they are due. Allocates: for snapshots and inspection. */
  entries(): { id: number; deadlineNs: number }[] {
    const places = Array.from({ length: this.#size }, (_, place) => place);
    places.sort((a, b) => {
      return this.#before(this.#deadlines[a]!, this.#sequences[a]!, b) ? -1 : 1;
    });
    return places.map((place) => ({
      id: this.#ids[place]!,
      deadlineNs: this.#deadlines[place]!,
    }));
  }

  deadlineOf(id: number): number {
    return this.has(id) ? this.#deadlines[this.#places[id]! - 1]! : Infinity;
  }

  #before(deadline: number, sequence: number, place: number): boolean {
    const other = this.#deadlines[place]!;
    return deadline < other || (deadline === other && sequence < this.#sequences[place]!);
  }

  #put(place: number, id: number, deadline: number, sequence: number): void {
    this.#ids[place] = id;
    this.#deadlines[place] = deadline;
    this.#sequences[place] = sequence;
    this.#places[id] = place + 1;
  }

  #up(from: number, id: number, deadline: number, sequence: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#before(deadline, sequence, parent)) break;
      this.#put(place, this.#ids[parent]!, this.#deadlines[parent]!, this.#sequences[parent]!);
      place = parent;
    }
    this.#put(place, id, deadline, sequence);
  }

  #down(from: number, id: number, deadline: number, sequence: number): void {
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size) {
        if (this.#before(this.#deadlines[right]!, this.#sequences[right]!, child)) child = right;
      }
      if (this.#before(deadline, sequence, child)) break;
      this.#put(place, this.#ids[child]!, this.#deadlines[child]!, this.#sequences[child]!);
      place = child;
    }
    // A moved entry may also belong above its new place; #up settles it either way.
    this.#up(place, id, deadline, sequence);
  }
}

function grow<A extends Int32Array | Float64Array>(array: A, atLeast: number): A {
  const size = Math.max(array.length * 2, atLeast);
  const larger = (array instanceof Int32Array ? new Int32Array(size) : new Float64Array(size)) as A;
  larger.set(array);
  return larger;
}
