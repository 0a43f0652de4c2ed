/**
 * The emulated timer's device model: a plain class that knows registers, an interrupt line and the
 * passing of time, and nothing of ioreel. It can be mounted on any machine that offers its host.
 */
import {
  REG_COMPARE_HIGH,
  REG_COMPARE_LOW,
  REG_COUNTER_HIGH,
  REG_COUNTER_LOW,
  REG_DISARM,
  REG_STATUS,
  STATUS_ARMED,
  STATUS_FIRED,
} from "./registers.ts";

/** What the device sees of the world. */
export interface TimerHost {
  now(): number;
  interrupt(asserted: boolean): void;
  timer(
    name: string,
    fire: (argument: number) => void,
  ): {
    at(deadlineNs: number): void;
    cancel(): void;
    readonly armed: boolean;
  };
}

const WORD = 2 ** 32;
const STATE_VERSION = 1;

export class TimerDevice {
  readonly name = "timer";
  readonly #host: TimerHost;
  readonly #event: ReturnType<TimerHost["timer"]>;
  #compareLow = 0;
  #compareHigh = 0;
  #latchedHigh = 0;
  #fired = false;

  constructor(host: TimerHost) {
    this.#host = host;
    this.#event = host.timer("compare", () => {
      this.#fired = true;
      this.#host.interrupt(true);
    });
  }

  /** Reads a register; addresses that are none read 0. */
  readRegister(offset: number): number {
    switch (offset) {
      case REG_COUNTER_LOW: {
        const now = this.#host.now();
        this.#latchedHigh = Math.floor(now / WORD);
        return now % WORD;
      }
      case REG_COUNTER_HIGH:
        return this.#latchedHigh;
      case REG_COMPARE_LOW:
        return this.#compareLow;
      case REG_COMPARE_HIGH:
        return this.#compareHigh;
      case REG_STATUS:
        return (this.#fired ? STATUS_FIRED : 0) | (this.#event.armed ? STATUS_ARMED : 0);
      default:
        return 0;
    }
  }

  /** Writes a register; writes to read-only ones are dropped. */
  writeRegister(offset: number, value: number): void {
    switch (offset) {
      case REG_COMPARE_LOW:
        this.#compareLow = value >>> 0;
        break;
      case REG_COMPARE_HIGH:
        // Only the 21 bits that a clock in whole nanoseconds can show take part.
        this.#compareHigh = value & 0x1fffff;
        this.#event.at(this.#compareHigh * WORD + this.#compareLow);
        break;
      case REG_STATUS:
        if ((value & STATUS_FIRED) !== 0 && this.#fired) {
          this.#fired = false;
          this.#host.interrupt(false);
        }
        break;
      case REG_DISARM:
        this.#event.cancel();
        break;
      default:
        break;
    }
  }

  /** Back to power-on: disarmed, nothing pending. */
  reset(): void {
    this.#event.cancel();
    this.#compareLow = 0;
    this.#compareHigh = 0;
    this.#latchedHigh = 0;
    this.#fired = false;
    this.#host.interrupt(false);
  }

  /** The registers. The pending event itself is the machine's to save. */
  snapshot(): Uint8Array {
    const words = Uint32Array.of(
      STATE_VERSION,
      this.#compareLow,
      this.#compareHigh,
      this.#latchedHigh,
      this.#fired ? 1 : 0,
    );
    return new Uint8Array(words.buffer);
  }

  restore(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.slice().buffer);
    if (words.length !== 5 || words[0] !== STATE_VERSION) {
      throw new RangeError(`Cannot restore the timer: found version ${words[0]}, wanted 1`);
    }
    this.#compareLow = words[1]!;
    this.#compareHigh = words[2]!;
    this.#latchedHigh = words[3]!;
    this.#fired = words[4] === 1;
  }
}
