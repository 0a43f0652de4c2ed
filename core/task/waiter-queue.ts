/**
 * The first-in-first-out list behind every queue of waiters. The links live in the waiters
 * themselves, so that joining, leaving from the middle and being served cost no allocation and no
 * search, and a waiter that gives up can never be left behind as a stale entry.
 */
import { ReelError } from "../errors.ts";

/** Something that can stand in one {@link WaiterQueue} at a time. */
export class QueueNode {
  /** The queue that this node stands in. Written by the queue alone. */
  queue: WaiterQueue<QueueNode> | undefined = undefined;
  queuePrevious: QueueNode | undefined = undefined;
  queueNext: QueueNode | undefined = undefined;
}

/** A list of waiters in arrival order. All operations take constant time. */
export class WaiterQueue<Node extends QueueNode> {
  #head: QueueNode | undefined = undefined;
  #tail: QueueNode | undefined = undefined;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** The one who waits longest, still in the queue. */
  get first(): Node | undefined {
    return this.#head as Node | undefined;
  }

  /**
   * Puts a waiter at the end.
   * @throws {ReelError} ERR_OPERATION_BUSY when it stands in a queue already
   */
  push(node: Node): void {
    if (node.queue !== undefined) {
      throw new ReelError(
        "ERR_OPERATION_BUSY",
        "Cannot queue a waiter: it already stands in a queue and can stand in one at a time",
      );
    }
    node.queue = this as unknown as WaiterQueue<QueueNode>;
    node.queuePrevious = this.#tail;
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.queueNext = node;
    this.#tail = node;
    this.#size++;
  }

  /** Takes the one who waits longest out of the queue. */
  shift(): Node | undefined {
    const node = this.#head;
    if (node !== undefined) this.remove(node);
    return node as Node | undefined;
  }

  /** Takes a waiter out, wherever it stands. Without effect on one that stands elsewhere. */
  remove(node: QueueNode): void {
    if (node.queue !== (this as unknown as WaiterQueue<QueueNode>)) return;
    const previous = node.queuePrevious;
    const next = node.queueNext;
    if (previous === undefined) this.#head = next;
    else previous.queueNext = next;
    if (next === undefined) this.#tail = previous;
    else next.queuePrevious = previous;
    node.queue = undefined;
    node.queuePrevious = undefined;
    node.queueNext = undefined;
    this.#size--;
  }
}
