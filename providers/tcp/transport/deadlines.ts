/**
 * The connections' deadlines: a binary heap in the machine's memory, which grows with the number of
 * connections. An entry may be earlier than what its connection waits for, never later: putting a
 * deadline off, which every acknowledgement does, leaves the entry where it is.
 */
import { offsetOf } from "./layout.ts";
import type { TransportMemory } from "./memory.ts";

const HEAP_AT = offsetOf("heapAt");
const CAPACITY_MIN = 1024;
/** Bytes of an entry: its time, and its connection's number. */
export const ENTRY_BYTES = 16;

export class DeadlineHeap {
  readonly #memory: TransportMemory;

  constructor(memory: TransportMemory) {
    this.#memory = memory;
  }

  /** Takes memory for the first entries. @throws {ReelError} ENOMEM */
  bringUp(): void {
    const { root } = this.#memory;
    root.heap = this.#memory.allocate(CAPACITY_MIN * ENTRY_BYTES);
    root.heapCapacity = CAPACITY_MIN;
  }

  /** The earliest entry's time, or Infinity. */
  get earliestNs(): number {
    const { root, f64 } = this.#memory;
    return root.heapSize === 0 ? Infinity : f64[root.heap >> 3]!;
  }

  /** Takes the earliest entry out. The heap must not be empty. @returns its connection */
  take(): number {
    const { root, u32 } = this.#memory;
    const number = u32[(root.heap >> 2) + 2]!;
    this.#removeAt(0, number);
    return number;
  }

  /** Makes room for as many entries as there are connections. @returns whether there is memory */
  fit(entries: number): boolean {
    const memory = this.#memory;
    const { root, u8 } = memory;
    if (entries <= root.heapCapacity) return true;
    const capacity = root.heapCapacity * 2;
    const heap = memory.tryAllocate(capacity * ENTRY_BYTES);
    if (heap === 0) return false;
    u8.copyWithin(heap, root.heap, root.heap + root.heapSize * ENTRY_BYTES);
    memory.ram.free(root.heap);
    root.heap = heap;
    root.heapCapacity = capacity;
    return true;
  }

  /**
   * Sees to it that a connection's entry is no later than its deadline.
   * @param atNs when the connection wants to be looked at
   */
  want(connection: number, atNs: number): void {
    const { root, u32, f64 } = this.#memory;
    const place = u32[(this.#memory.addressOf(connection) + HEAP_AT) >> 2]!;
    if (place === 0) {
      this.#rise(root.heapSize++, atNs, connection);
    } else if (atNs < f64[(root.heap + (place - 1) * ENTRY_BYTES) >> 3]!) {
      this.#rise(place - 1, atNs, connection);
    }
  }

  /** Takes a connection's entry out, if it has one. */
  remove(connection: number): void {
    const place = this.#memory.u32[(this.#memory.addressOf(connection) + HEAP_AT) >> 2]!;
    if (place !== 0) this.#removeAt(place - 1, connection);
  }

  #removeAt(place: number, connection: number): void {
    const { root, u32, f64 } = this.#memory;
    u32[(this.#memory.addressOf(connection) + HEAP_AT) >> 2] = 0;
    const last = --root.heapSize;
    if (place === last) return;
    const entry = root.heap + last * ENTRY_BYTES;
    const atNs = f64[entry >> 3]!;
    const moved = u32[(entry + 8) >> 2]!;
    if (this.#rise(place, atNs, moved) === place) this.#sink(place, atNs, moved);
  }

  #rise(start: number, atNs: number, connection: number): number {
    const { f64 } = this.#memory;
    const heap = this.#memory.root.heap >> 3;
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (f64[heap + parent * 2]! <= atNs) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#put(place, atNs, connection);
    return place;
  }

  #sink(start: number, atNs: number, connection: number): void {
    const { f64, root } = this.#memory;
    const heap = root.heap >> 3;
    const size = root.heapSize;
    let place = start;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && f64[heap + child * 2 + 2]! < f64[heap + child * 2]!) child++;
      if (f64[heap + child * 2]! >= atNs) break;
      this.#move(child, place);
      place = child;
    }
    this.#put(place, atNs, connection);
  }

  #move(from: number, to: number): void {
    const { f64, u32, root } = this.#memory;
    const entry = (root.heap + from * ENTRY_BYTES) >> 3;
    this.#put(to, f64[entry]!, u32[entry * 2 + 2]!);
  }

  #put(place: number, atNs: number, connection: number): void {
    const { f64, u32, root } = this.#memory;
    const entry = (root.heap + place * ENTRY_BYTES) >> 3;
    f64[entry] = atNs;
    u32[entry * 2 + 2] = connection;
    u32[(this.#memory.addressOf(connection) + HEAP_AT) >> 2] = place + 1;
  }
}
