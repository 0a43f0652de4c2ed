/**
 * A channel between tasks with room for one message (or as many as are asked for). Senders wait
 * while it is full, receivers while it is empty, each first in, first out. A message is handed
 * over, never put up for grabs; one that reached a receiver which is gone goes back to its place.
 */
import { isReelError, ReelError } from "../errors.ts";
import type { Executor } from "../task/executor.ts";
import { PENDING, type Poll } from "../task/future.ts";
import { Suspension, type SuspensionOwner } from "../task/suspension.ts";
import { WaiterQueue } from "../task/waiter-queue.ts";

/** A message, and its place in the order of all messages of its channel. */
interface Message<T> {
  readonly value: T;
  readonly sequence: number;
}

class SendWait<T> extends Suspension<void> {
  readonly value: T;

  constructor(owner: SuspensionOwner, description: string, value: T) {
    super(owner, description);
    this.value = value;
  }
}

class ReceiveWait<T> extends Suspension<T> {
  readonly #channel: Channel<T>;
  #message: Message<T> | undefined = undefined;

  constructor(owner: SuspensionOwner, description: string, channel: Channel<T>) {
    super(owner, description);
    this.#channel = channel;
  }

  give(message: Message<T>): void {
    this.#message = message;
    this.wake(message.value);
  }

  protected override get canWithdraw(): boolean {
    return true;
  }

  protected override withdraw(): void {
    this.#channel.giveBack(this.#message!);
  }
}

export interface ChannelOptions {
  /** For messages and the deadlock report. */
  name?: string;
  /** How many messages there is room for: 1 (the default) or more. */
  capacity?: number;
}

export class Channel<T> implements AsyncIterable<T> {
  readonly name: string;
  readonly capacity: number;
  readonly #executor: Executor;
  readonly #messages: Message<T>[] = [];
  readonly #senders = new WaiterQueue<SendWait<T>>();
  readonly #receivers = new WaiterQueue<ReceiveWait<T>>();
  readonly #sendDescription: string;
  readonly #receiveDescription: string;
  #accepted = 0;
  #closed = false;

  /** @throws {RangeError} when the capacity is no whole number of 1 or more */
  constructor(executor: Executor, options: ChannelOptions = {}) {
    this.#executor = executor;
    this.name = options.name ?? "channel";
    this.capacity = options.capacity ?? 1;
    if (!Number.isSafeInteger(this.capacity) || this.capacity < 1) {
      throw new RangeError(
        `Cannot make a channel: capacity must be a whole number from 1: found ${this.capacity}`,
      );
    }
    this.#sendDescription = `room in channel "${this.name}"`;
    this.#receiveDescription = `a message in channel "${this.name}"`;
  }

  /** How many messages lie in the channel. */
  get size(): number {
    return this.#messages.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many senders and receivers wait. One of the two is always 0. */
  get waiting(): { readonly senders: number; readonly receivers: number } {
    return { senders: this.#senders.size, receivers: this.#receivers.size };
  }

  /**
   * Sends a message, after all senders who came before; without suspending if there is room.
   * @throws {ReelError} ERR_CLOSED when the channel is or gets closed: the message was not taken
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled: the message was not taken
   */
  send(value: T): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError("send"));
    if (this.#offer(value)) return Promise.resolve();
    const wait = new SendWait<T>(this.#executor.owner, this.#sendDescription, value);
    this.#senders.push(wait);
    return wait.promise;
  }

  /**
   * Sends a message if there is room.
   * @returns false when the channel is full
   * @throws {ReelError} ERR_CLOSED when the channel is closed
   */
  trySend(value: T): boolean {
    if (this.#closed) throw this.#closedError("send");
    return this.#offer(value);
  }

  /**
   * Takes the oldest message, after all receivers who came before; without suspending if there is
   * one. A closed channel gives out what lies in it first.
   * @throws {ReelError} ERR_CLOSED when the channel is closed and empty
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled: no message was taken
   */
  receive(): Promise<T> {
    if (this.#messages.length > 0) return Promise.resolve(this.#takeOldest());
    if (this.#closed) return Promise.reject(this.#closedError("receive"));
    const wait = new ReceiveWait<T>(this.#executor.owner, this.#receiveDescription, this);
    this.#receivers.push(wait);
    return wait.promise;
  }

  /**
   * Takes the oldest message if there is one.
   * @returns PENDING when there is none yet
   * @throws {ReelError} ERR_CLOSED when the channel is closed and empty
   */
  tryReceive(): Poll<T> {
    if (this.#messages.length > 0) return this.#takeOldest();
    if (this.#closed) throw this.#closedError("receive");
    return PENDING;
  }

  /**
   * Closes both ends: waiting senders and receivers fail with ERR_CLOSED. What lies in the channel
   * can still be received. Closing again is no error.
   */
  close(): void {
    this.#closed = true;
    for (let next = this.#senders.shift(); next !== undefined; next = this.#senders.shift()) {
      next.fail(this.#closedError("send"));
    }
    for (let next = this.#receivers.shift(); next !== undefined; next = this.#receivers.shift()) {
      next.fail(this.#closedError("receive"));
    }
  }

  /** Receives until the channel is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.receive();
      } catch (error) {
        if (isReelError(error, "ERR_CLOSED")) return;
        throw error;
      }
      yield value;
    }
  }

  /** A message comes back from a receiver that is gone: it keeps its place in the order. */
  giveBack(message: Message<T>): void {
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) {
      receiver.give(message);
      return;
    }
    let place = 0;
    while (place < this.#messages.length && this.#messages[place]!.sequence < message.sequence) {
      place++;
    }
    this.#messages.splice(place, 0, message);
  }

  #offer(value: T): boolean {
    const receiver = this.#receivers.shift();
    if (receiver === undefined && this.#messages.length >= this.capacity) return false;
    const message = { value, sequence: this.#accepted++ };
    if (receiver === undefined) this.#messages.push(message);
    else receiver.give(message);
    return true;
  }

  #takeOldest(): T {
    const message = this.#messages.shift()!;
    // The room that this makes belongs to the sender who waits longest.
    const sender = this.#messages.length < this.capacity ? this.#senders.shift() : undefined;
    if (sender !== undefined) {
      this.#messages.push({ value: sender.value, sequence: this.#accepted++ });
      sender.wake();
    }
    return message.value;
  }

  #closedError(action: "send" | "receive"): ReelError {
    const found = action === "send" ? "it is closed" : "it is closed and empty";
    return new ReelError("ERR_CLOSED", `Cannot ${action} on channel "${this.name}": ${found}`);
  }
}
