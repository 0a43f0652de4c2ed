/**
 * The life of one worker of a pool, from its start to its exit: what is said to it and heard of it,
 * and what it leaves behind.
 */
import {
  MessageChannel,
  Worker,
  receiveMessageOnPort,
  type MessagePort,
} from "node:worker_threads";

import { RingMessenger } from "../backend/uring/ring-message.ts";
import { hostAfter } from "../clock.ts";
import { unpackError } from "./carried-error.ts";
import type { FromThread, ThreadSetup, ToThread } from "./messages.ts";

const ENTRY = new URL("./thread-main.ts", import.meta.url);

/** Memory that the kernel may still write to, of workers that did not say that it was over. */
const abandoned = new Set<SharedArrayBuffer>();

/** What a worker has to say that is about its tasks. */
export type News = FromThread & { kind: "ready" | "ended" };

export class WorkerLife {
  /** What it said last, about its runtime's end. */
  farewell: (FromThread & { kind: "closed" }) | undefined;
  /** Set when it was told to close, and when it was ended by force. */
  closing = false;
  terminated = false;
  /** Settles with the exit code, when everything that it has said has been heard. */
  readonly exited: Promise<number>;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #hear: (message: News) => void;
  readonly #memories = new Map<number, SharedArrayBuffer>();
  #bell: RingMessenger | undefined;
  /** What was thrown in it and caught by nobody. */
  #fault: unknown;

  constructor(setup: Omit<ThreadSetup, "port">, hear: (message: News) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#hear = hear;
    this.#worker = new Worker(ENTRY, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
    });
    port1.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("error", (error) => {
      this.#fault = error;
    });
    const exit = Promise.withResolvers<number>();
    this.exited = exit.promise;
    this.#worker.on("exit", (code) => {
      this.#end();
      exit.resolve(code);
    });
  }

  /**
   * Says something to it.
   * @throws {DOMException} when the message cannot be cloned
   */
  say(message: ToThread): void {
    this.#port.postMessage(message);
    // A job waits for its companions; everything else is to be heard now.
    if (message.kind !== "run") this.#bell?.send();
  }

  /** Whether the process lives on for its sake. */
  hold(on: boolean): void {
    for (const part of [this.#worker, this.#port]) {
      if (on) part.ref();
      else part.unref();
    }
  }

  /** Tells it to close, and waits until it is gone; by force when it takes too long. */
  async close(timeoutMs: number): Promise<void> {
    this.closing = true;
    this.hold(true);
    this.say({ kind: "close" });
    const withdraw = hostAfter(timeoutMs, () => {
      this.terminated = true;
      void this.#worker.terminate();
    });
    await this.exited;
    withdraw();
  }

  /** Why it ended, as far as is known. */
  get cause(): unknown {
    const { farewell } = this;
    return farewell?.error === undefined ? this.#fault : unpackError(farewell.error);
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case "memory":
        this.#memories.set(message.number, message.memory);
        return;
      case "memory free":
        this.#memories.delete(message.number);
        return;
      case "closed":
        this.farewell = message;
        return;
      case "ready":
        if (message.bell !== undefined) {
          this.#bell = new RingMessenger(message.bell);
          // It may have missed what was said before there was a bell.
          this.#bell.send();
        }
        return this.#hear(message);
      default:
        this.#hear(message);
    }
  }

  #end(): void {
    const next = (): FromThread | undefined =>
      (receiveMessageOnPort(this.#port) as { message: FromThread } | undefined)?.message;
    for (let message = next(); message !== undefined; message = next()) this.#take(message);
    this.#port.close();
    for (const memory of this.#memories.values()) abandoned.add(memory);
  }
}
