/**
 * A request of the backend's own that completes by itself a moment later, from a timer of the
 * kernel, as real completions do: what the wake-up path is tested with.
 */
import { us } from "../../clock.ts";
import { OPCODE } from "../contract.ts";
import { ENTRY } from "./abi.ts";
import type { RingQueue } from "./ring-queue.ts";
import { OWN_PROBE } from "./user-data.ts";

/** Long enough to be asynchronous, short enough not to be noticed at start-up. */
const DELAY_NS = us(200);

export class SelfTest {
  readonly #queue: RingQueue;
  #arrived = false;

  constructor(queue: RingQueue) {
    this.#queue = queue;
  }

  /** Whether the request has completed. */
  get arrived(): boolean {
    return this.#arrived;
  }

  /** Hands the request to the kernel. */
  send(): void {
    const { entries, time } = this.#queue;
    const at = this.#queue.takeOwn(OWN_PROBE, 0);
    entries[at] = OPCODE.TIMEOUT;
    time.putTimerAddress(entries, at + ENTRY.ADDRESS);
    entries[at + ENTRY.LENGTH] = 1;
    time.setTimer(DELAY_NS);
    this.#queue.enter(0);
  }

  /** Takes the completion of one of the backend's own requests. */
  ended(kind: number): void {
    if (kind === OWN_PROBE) this.#arrived = true;
  }
}
