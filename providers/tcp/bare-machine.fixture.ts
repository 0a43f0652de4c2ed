/**
 * The smallest machine that the network device runs on: memory, a clock with a list of events, an
 * interrupt line, a generator of numbers. It shares nothing with ioreel's own machine, so that the
 * device is held to what its host promises and to nothing else.
 */
import { NetworkDevice, type NetworkHost } from "./device.ts";

interface Pending {
  at: number;
  fire: (argument: number) => void;
  argument: number;
  source: object;
}

export class BareMachine implements NetworkHost {
  readonly memory = new Uint8Array(1 << 16);
  readonly words = new Uint32Array(this.memory.buffer);
  /** Accesses by the device outside memory, all of which were refused. */
  outside = 0;
  asserted = false;
  nowNs = 0;
  readonly device: NetworkDevice;
  #pending: Pending[] = [];
  #state = 1;

  constructor() {
    this.device = new NetworkDevice(this);
  }

  readonly random = {
    unit: (): number => {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
      return this.#state / 2 ** 32;
    },
  };

  now(): number {
    return this.nowNs;
  }

  interrupt(asserted: boolean): void {
    this.asserted = asserted;
  }

  readMemory(address: number, target: Uint8Array): boolean {
    if (!this.#inside(address, target.length)) return false;
    target.set(this.memory.subarray(address, address + target.length));
    return true;
  }

  writeMemory(address: number, bytes: Uint8Array): boolean {
    if (!this.#inside(address, bytes.length)) return false;
    this.memory.set(bytes, address);
    return true;
  }

  timer(_name: string, fire: (argument: number) => void) {
    const source = {};
    const cancel = (): void => {
      this.#pending = this.#pending.filter((each) => each.source !== source);
    };
    const at = (deadlineNs: number): void => {
      cancel();
      this.#pending.push({ at: Math.max(deadlineNs, this.nowNs), fire, argument: 0, source });
    };
    const isArmed = (): boolean => this.#pending.some((each) => each.source === source);
    return {
      at,
      after: (delayNs: number) => at(this.nowNs + delayNs),
      cancel,
      get armed() {
        return isArmed();
      },
    };
  }

  scheduler(_name: string, fire: (argument: number) => void) {
    return {
      at: (deadlineNs: number, argument = 0) => {
        return this.#pending.push({ at: deadlineNs, fire, argument, source: {} });
      },
    };
  }

  /** Runs all events, or those up to a moment. @returns how many ran */
  run(untilNs = Infinity): number {
    let ran = 0;
    for (;;) {
      const next = this.#pending.reduce<Pending | undefined>(
        (first, each) => (first === undefined || each.at < first.at ? each : first),
        undefined,
      );
      if (next === undefined || next.at > untilNs) return ran;
      this.#pending.splice(this.#pending.indexOf(next), 1);
      this.nowNs = Math.max(this.nowNs, next.at);
      next.fire(next.argument);
      ran++;
    }
  }

  #inside(address: number, length: number): boolean {
    const inside = address >= 0 && address + length <= this.memory.length;
    if (!inside) this.outside++;
    return inside;
  }
}
