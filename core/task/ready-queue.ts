/**
 * The queue of tasks that can run. It works in batches: all tasks that are queued at one moment run
 * before any that is queued later, so that a task which wakes itself runs again only after the
 * others. With a random source the order inside each batch is permuted, to explore interleavings
 * that the program must not depend on; without one it is first in, first out.
 */
import type { Random } from "../random.ts";
import type { Task } from "./task.ts";

const INITIAL_CAPACITY = 64;

export class ReadyQueue {
  readonly #permute: Random | undefined;
  // A ring whose capacity is a power of two; it grows and is never given back.
  #ring: (Task | undefined)[] = new Array<Task | undefined>(INITIAL_CAPACITY).fill(undefined);
  #mask = INITIAL_CAPACITY - 1;
  #head = 0;
  #size = 0;
  #batchLeft = 0;

  constructor(permute?: Random) {
    this.#permute = permute;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts a task at the end. The caller sees to it that it is not in the queue. */
  push(task: Task): void {
    if (this.#size > this.#mask) this.#grow();
    this.#ring[(this.#head + this.#size) & this.#mask] = task;
    this.#size++;
  }

  /** Takes the next task of the batch. */
  shift(): Task | undefined {
    if (this.#size === 0) return undefined;
    if (this.#permute !== undefined) this.#draw(this.#permute);
    const task = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
    return task;
  }

  /** Brings a random task of the batch to the head: one step of a Fisher-Yates shuffle. */
  #draw(random: Random): void {
    if (this.#batchLeft === 0) this.#batchLeft = this.#size;
    // A batch of one takes no draw, so that a program without concurrency is the same by any seed.
    if (this.#batchLeft > 1) {
      const chosen = (this.#head + random.below(this.#batchLeft)) & this.#mask;
      const task = this.#ring[chosen];
      this.#ring[chosen] = this.#ring[this.#head];
      this.#ring[this.#head] = task;
    }
    this.#batchLeft--;
  }

  #grow(): void {
    const capacity = this.#ring.length * 2;
    const ring = new Array<Task | undefined>(capacity).fill(undefined);
    for (let i = 0; i < this.#size; i++) ring[i] = this.#ring[(this.#head + i) & this.#mask];
    this.#ring = ring;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}
