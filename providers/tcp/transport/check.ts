/**
 * Looks through a restored memory before the transport uses it: whoever made the snapshot may have
 * written anything into it. What is accepted may be nonsense for a network, but every list in it
 * ends, and every address lies in memory.
 */
import { DESCRIPTOR_BYTES, FRAME_BYTES_MAX } from "../registers.ts";
import { KEEP_ALIVE_DELAY_NS_MIN } from "./calls.ts";
import { BUCKETS } from "./connections.ts";
import { ENTRY_BYTES } from "./deadlines.ts";
import {
  CLOSED,
  FREE,
  LISTEN,
  RANGES_MAX,
  SYN_SENT,
  TIME_WAIT,
  type Connection,
} from "./layout.ts";
import { CHUNKS_MAX, CONNECTIONS_MAX, KEPT_BYTES_MAX, PAGE_BYTES } from "./memory.ts";
import { RECEIVE_COUNT, TRANSMIT_COUNT } from "./rings.ts";
import { DATA_AT, SCALE_MAX } from "./segment.ts";
import type { Transport } from "./transport.ts";

/** Half of what the clock can show: sums of two times are still times. */
const TIME_NS_MAX = 2 ** 52;
const isTime = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= TIME_NS_MAX;
const CHUNK_CONNECTIONS = CONNECTIONS_MAX / CHUNKS_MAX;

function refuse(what: string): never {
  throw new RangeError(`Cannot restore the transport: found ${what}, wanted what was saved`);
}

/**
 * Takes a restored memory over.
 * @param rootAt where everything begins in it
 * @throws {RangeError} naming what is wrong with it
 */
export function checkMemory(t: Transport, rootAt: unknown): void {
  const checker = new MemoryChecker(t);
  checker.root(rootAt);
  checker.connections();
  checker.queues();
  checker.heap();
  checker.regions();
}

class MemoryChecker {
  readonly #t: Transport;
  readonly #c: Connection;
  readonly #regions: { address: number; sizeBytes: number }[] = [];
  #blocks = 0;

  constructor(t: Transport) {
    this.#t = t;
    this.#c = t.memory.connection();
  }

  root(rootAt: unknown): void {
    const { memory } = this.#t;
    if (typeof rootAt !== "number") refuse("a root that is none");
    this.#region(rootAt, PAGE_BYTES, "a root");
    memory.adopt(rootAt);
    const { root } = memory;
    const made = root.connectionsMade;
    if (made > CONNECTIONS_MAX || made % CHUNK_CONNECTIONS !== 0) refuse(`${made} connections`);
    this.#region(root.chunks, CHUNKS_MAX * 4, "a table of chunks");
    this.#region(root.buckets, BUCKETS * 4, "buckets");
    this.#region(root.heap, root.heapCapacity * ENTRY_BYTES, "a heap");
    if (root.heapSize > root.heapCapacity || made > root.heapCapacity) refuse("a heap too small");
    this.#region(root.transmitRing, TRANSMIT_COUNT * DESCRIPTOR_BYTES, "a ring");
    this.#region(root.receiveRing, RECEIVE_COUNT * DESCRIPTOR_BYTES, "a ring");
    this.#region(root.transmitBuffers, TRANSMIT_COUNT * FRAME_BYTES_MAX, "buffers");
    this.#region(root.receiveBuffers, RECEIVE_COUNT * FRAME_BYTES_MAX, "buffers");
    const places = [root.transmitNext, root.transmitOldest, root.receiveNext];
    if (places.some((place) => place >= TRANSMIT_COUNT)) refuse("places in no ring");
    memory.eachChunk((address, sizeBytes) => this.#region(address, sizeBytes, "a chunk"));
    if (![root.armedNs, root.retransmissions, root.malformed].every(isTime)) refuse("no numbers");
    this.#checkKept();
  }

  connections(): void {
    const { memory } = this.#t;
    const { root, u32 } = memory;
    const made = root.connectionsMade;
    const free = this.#list(root.freeConnection, (c) => c.next, "free connections");
    let used = 0;
    for (let number = 1; number <= made; number++) {
      const c = this.#at(number);
      if ((c.state === FREE) !== free.has(number)) refuse("a connection that is half free");
      if (c.state === FREE) continue;
      used++;
      this.#checkConnection(c, number);
    }
    if (used !== root.connectionsUsed) refuse(`${root.connectionsUsed} connections in use`);
    if (this.#blocks !== root.blocksUsed) refuse(`${root.blocksUsed} blocks in use`);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const first = u32[(root.buckets >> 2) + bucket]!;
      for (const number of this.#list(first, (c) => c.nextInBucket, "a bucket")) {
        if (free.has(number)) refuse("a free connection in a bucket");
      }
    }
  }

  queues(): void {
    const { root } = this.#t.memory;
    const waiting = this.#list(root.timeWaitFirst, (c) => c.next, "TIME_WAIT");
    let previous = 0;
    for (const number of waiting) {
      const c = this.#at(number);
      if (c.state !== TIME_WAIT || c.previous !== previous) refuse("a queue of TIME_WAIT");
      previous = number;
    }
    if (root.timeWaitLast !== previous || root.timeWaitCount !== waiting.size) {
      refuse("an end of TIME_WAIT");
    }
    const output = this.#list(root.outputFirst, (c) => c.nextOutput, "a list of output");
    for (const number of output) if (!this.#at(number).queued) refuse("output of nobody");
    if (root.outputLast !== ([...output].at(-1) ?? 0)) refuse("an end of the list of output");
  }

  heap(): void {
    const { root, u32, f64 } = this.#t.memory;
    for (let place = 0; place < root.heapSize; place++) {
      const entry = root.heap + place * ENTRY_BYTES;
      const number = u32[(entry + 8) >> 2]!;
      const atNs = f64[entry >> 3]!;
      if (!isTime(atNs)) refuse("a deadline that is no time");
      const c = this.#known(number, "a deadline") ? this.#at(number) : undefined;
      if (c === undefined || c.state === FREE || c.heapAt !== place + 1) refuse("a deadline");
    }
  }

  /** No two parts lie in the same place: what changes one would change the other. */
  regions(): void {
    let end = 0;
    for (const { address, sizeBytes } of this.#regions.sort((a, b) => a.address - b.address)) {
      if (address < end) refuse("two parts in one place");
      end = address + sizeBytes;
    }
  }

  #checkConnection(c: Connection, number: number): void {
    if (c.number !== number || c.state > TIME_WAIT) refuse(`connection ${number}`);
    if (c.heapAt > this.#t.memory.root.heapSize) refuse("a deadline that is not there");
    if (c.rangeCount > RANGES_MAX || c.sendScale > SCALE_MAX || c.receiveScale > SCALE_MAX) {
      refuse(`numbers of connection ${number}`);
    }
    if (c.parent !== 0) this.#known(c.parent, "a listener");
    if (c.state === CLOSED && (c.heapAt !== 0 || c.sendBlock !== 0)) refuse("a half closed one");
    const isSender = c.state >= SYN_SENT;
    if ((isSender && c.segmentBytesMax < 1) || c.segmentBytesMax > FRAME_BYTES_MAX - DATA_AT) {
      refuse(`a segment of ${c.segmentBytesMax} bytes`);
    }
    const times = [c.timerAtNs, c.keepAliveAtNs, c.keepAliveDelayNs, c.heardNs, c.timedSinceNs];
    const estimates = [c.timeoutNs, c.smoothedNs, c.deviationNs];
    if (![...times, ...estimates].every(isTime)) refuse("a time that is none");
    if (c.keepAlive && c.keepAliveDelayNs < KEEP_ALIVE_DELAY_NS_MIN) refuse("a hasty keep-alive");
    const sent = (c.sendEnd - c.sendFirst) | 0;
    const received = (c.receiveNext - c.readNext) | 0;
    this.#checkRing(c.sendBlock, c.sendBlockBytes, sent);
    this.#checkRing(c.receiveBlock, c.receiveBlockBytes, received - (c.ended ? 1 : 0));
    if (c.state !== LISTEN) return;
    const comers = this.#list(c.acceptFirst, (comer) => comer.next, "a listener's queue");
    const last = [...comers].at(-1) ?? 0;
    if (comers.size !== this.#at(number).acceptCount || last !== this.#at(number).acceptLast) {
      refuse("a listener's queue");
    }
  }

  #checkRing(block: number, sizeBytes: number, usedBytes: number): void {
    if (block === 0) return;
    if (sizeBytes < PAGE_BYTES || (sizeBytes & (sizeBytes - 1)) !== 0 || usedBytes > sizeBytes) {
      refuse("a ring that is none");
    }
    this.#region(block, sizeBytes, "a ring");
    this.#blocks++;
  }

  /** Blocks that are kept: as many bytes as the root says, so that the lists end. */
  #checkKept(): void {
    const { memory } = this.#t;
    let bytes = 0;
    memory.eachKept((address, sizeBytes) => {
      this.#region(address, sizeBytes, "a kept block");
      bytes += sizeBytes;
      if (bytes > KEPT_BYTES_MAX) refuse("kept blocks without end");
    });
    if (bytes !== memory.root.keptBytes) refuse(`${memory.root.keptBytes} bytes kept`);
  }

  /** The numbers of a list, which ends and has each once. */
  #list(first: number, next: (c: Connection) => number, what: string): Set<number> {
    const numbers = new Set<number>();
    for (let number = first; number !== 0; number = next(this.#at(number))) {
      this.#known(number, what);
      if (numbers.has(number)) refuse(`${what} without end`);
      numbers.add(number);
    }
    return numbers;
  }

  #known(number: number, what: string): true {
    if (number < 1 || number > this.#t.memory.root.connectionsMade) {
      refuse(`${what} of connection ${number}`);
    }
    return true;
  }

  #at(number: number): Connection {
    return this.#t.memory.point(this.#c, number);
  }

  /** A region of memory, which snapshots hold from now on. */
  #region(address: number, sizeBytes: number, what: string): void {
    const { ram } = this.#t.memory;
    const inside = address >= PAGE_BYTES && address + sizeBytes <= ram.sizeBytes;
    if (!inside || address % 8 !== 0) refuse(`${what} outside memory`);
    this.#regions.push({ address, sizeBytes });
    this.#t.memory.touch(address, sizeBytes);
  }
}
