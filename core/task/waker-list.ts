/**
 * Wakers that stand in line, for futures of which several may wait for one thing. One slot for a
 * waker is not enough there: the second waiter would push out the first, who would sleep for ever.
 */
import { type Context, type Waker } from "./future.ts";
import { latestWaker } from "./leaf-futures.ts";
import { QueueNode, WaiterQueue } from "./waiter-queue.ts";

/** The place of one future in a {@link WakerList}. Each future keeps one for its whole life. */
export class WakerPlace extends QueueNode {
  readonly #list: WakerList;
  #waker: Waker | undefined = undefined;
  #woken = false;

  constructor(list: WakerList) {
    super();
    this.#list = list;
  }

  /** Stands in line with the waker of this poll: at the end if it does not stand there yet. */
  wait(cx: Context): void {
    this.#waker = latestWaker(this.#waker, cx);
    this.#woken = false;
    if (this.queue === undefined) this.#list.places.push(this);
  }

  /** The future got what it waited for: it leaves the line, and its wake is used up. */
  done(): void {
    this.#woken = false;
    this.#leave();
  }

  /** The future gave up: it leaves the line, and a wake that it did not use goes to the next. */
  drop(): void {
    const unused = this.#woken;
    this.done();
    if (unused) this.#list.wakeOne();
  }

  /** Called by the list, which has taken the place out of the line. */
  wake(): void {
    this.#woken = true;
    this.#waker?.wake();
  }

  #leave(): void {
    this.queue?.remove(this);
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/** A line of waiting futures, first in first out. */
export class WakerList {
  readonly places = new WaiterQueue<WakerPlace>();

  /** How many stand in line. */
  get size(): number {
    return this.places.size;
  }

  /** A place for a future of the caller's, not yet in line. */
  place(): WakerPlace {
    return new WakerPlace(this);
  }

  /** Wakes the one who waits longest. Without effect when nobody waits. */
  wakeOne(): void {
    this.places.shift()?.wake();
  }

  /** Wakes those who stand in line now; who joins meanwhile is not woken. */
  wakeAll(): void {
    for (let count = this.places.size; count > 0; count--) this.places.shift()?.wake();
  }
}
