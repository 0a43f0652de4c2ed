/**
 * The queues that connections stand in, which go through their control blocks: TIME_WAIT in the
 * order in which it ends, output to be made, and what a listener has not handed out.
 */
import type { Connection } from "./layout.ts";
import type { TransportMemory } from "./memory.ts";

/** Connections in TIME_WAIT, beyond which the oldest gives way (Linux: tcp_max_tw_buckets). */
const TIME_WAIT_MAX = 4096;

export class Queues {
  readonly #memory: TransportMemory;
  /** A view for neighbours, so that the caller's own stays where it is. */
  readonly #other: Connection;

  constructor(memory: TransportMemory) {
    this.#memory = memory;
    this.#other = memory.connection();
  }

  /**
   * Puts a connection at the end of the queue of TIME_WAIT.
   * @returns the connection that is to give way, or 0
   */
  enterTimeWait(c: Connection): number {
    const { root } = this.#memory;
    const { number } = c;
    c.previous = root.timeWaitLast;
    c.next = 0;
    if (root.timeWaitLast === 0) root.timeWaitFirst = number;
    else this.#at(root.timeWaitLast).next = number;
    root.timeWaitLast = number;
    root.timeWaitCount += 1;
    return root.timeWaitCount > TIME_WAIT_MAX ? root.timeWaitFirst : 0;
  }

  leaveTimeWait(c: Connection): void {
    const { root } = this.#memory;
    if (c.previous === 0) root.timeWaitFirst = c.next;
    else this.#at(c.previous).next = c.next;
    if (c.next === 0) root.timeWaitLast = c.previous;
    else this.#at(c.next).previous = c.previous;
    root.timeWaitCount -= 1;
    c.next = 0;
    c.previous = 0;
  }

  /** When the oldest connection in TIME_WAIT is done; Infinity when there is none. */
  get timeWaitNs(): number {
    const { root } = this.#memory;
    return root.timeWaitFirst === 0 ? Infinity : this.#at(root.timeWaitFirst).timerAtNs;
  }

  /** Puts a connection into the list of those with output to make, once. */
  queueOutput(c: Connection): void {
    if (c.queued) return;
    const { root } = this.#memory;
    const { number } = c;
    c.queued = true;
    c.nextOutput = 0;
    if (root.outputLast === 0) root.outputFirst = number;
    else this.#at(root.outputLast).nextOutput = number;
    root.outputLast = number;
  }

  /** Takes the first connection with output out of its list. The list must not be empty. */
  takeOutput(): number {
    const { root } = this.#memory;
    const number = root.outputFirst;
    const other = this.#at(number);
    root.outputFirst = other.nextOutput;
    if (other.nextOutput === 0) root.outputLast = 0;
    other.queued = false;
    return number;
  }

  /** Appends a connection to the queue of those that a listener has not handed out. */
  queueAccept(listener: Connection, c: Connection): void {
    const { number } = c;
    c.next = 0;
    if (listener.acceptLast === 0) listener.acceptFirst = number;
    else this.#at(listener.acceptLast).next = number;
    listener.acceptLast = number;
    listener.acceptCount += 1;
  }

  /** Takes the oldest connection of a listener out of its queue. @returns its number, or 0 */
  takeAccepted(listener: Connection): number {
    const number = listener.acceptFirst;
    if (number === 0) return 0;
    const other = this.#at(number);
    listener.acceptFirst = other.next;
    if (other.next === 0) listener.acceptLast = 0;
    listener.acceptCount -= 1;
    other.next = 0;
    other.parent = 0;
    return number;
  }

  #at(number: number): Connection {
    return this.#memory.point(this.#other, number);
  }
}
