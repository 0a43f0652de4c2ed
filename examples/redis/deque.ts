/** A list that grows and shrinks at both ends in constant time: a ring of a power of two places. */
export class Deque<T> {
  #places: (T | undefined)[] = Array.from({ length: 8 }, () => undefined);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  pushFirst(value: T): void {
    this.#grow();
    this.#first = (this.#first - 1) & (this.#places.length - 1);
    this.#places[this.#first] = value;
    this.#length++;
  }

  pushLast(value: T): void {
    this.#grow();
    this.#places[(this.#first + this.#length) & (this.#places.length - 1)] = value;
    this.#length++;
  }

  popFirst(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#places[this.#first];
    this.#places[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#places.length - 1);
    this.#length--;
    return value;
  }

  popLast(): T | undefined {
    if (this.#length === 0) return undefined;
    const at = (this.#first + --this.#length) & (this.#places.length - 1);
    const value = this.#places[at];
    this.#places[at] = undefined;
    return value;
  }

  /** @param index from 0 to the length, exclusive */
  at(index: number): T {
    return this.#places[(this.#first + index) & (this.#places.length - 1)]!;
  }

  #grow(): void {
    if (this.#length < this.#places.length) return;
    const all = Array.from({ length: this.#length }, (_, index) => this.at(index));
    this.#places = [...all, ...Array.from({ length: all.length }, () => undefined)];
    this.#first = 0;
  }
}
