/**
 * A machine of few lines for tests of device models: memory, a clock with named timers, interrupt
 * lines. It shows that the models need nothing of the core, and can be saved at any event.
 */
import type { DeviceHost, DeviceScheduler, DeviceTimer } from "./host.ts";

interface Pending {
  deadlineNs: number;
  order: number;
  timer: string;
  argument: number;
  token: number;
}

export class TinyMachine {
  readonly memory: Uint8Array;
  readonly lines = new Set<string>();
  /** DMA accesses outside memory, which the machine refused. */
  refusals = 0;
  nowNs = 0;
  #order = 0;
  #pending: Pending[] = [];
  readonly #timers = new Map<string, (argument: number) => void>();

  constructor(memoryBytes = 1 << 20) {
    this.memory = new Uint8Array(memoryBytes);
  }

  /** A device's view. @param line the name of its interrupt line */
  host(line: string): DeviceHost {
    const source = (name: string, fire: (argument: number) => void, many: boolean) =>
      this.#source(`${line}.${name}`, fire, many);
    const inside = (address: number, length: number): boolean => {
      if (!Number.isSafeInteger(address) || address < 0) throw new Error(`DMA at ${address}`);
      const isInside = address >= 0 && address + length <= this.memory.length;
      if (!isInside) this.refusals += 1;
      return isInside;
    };
    let seed = 1;
    const uint32 = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
    return {
      interrupt: (on) => void (on ? this.lines.add(line) : this.lines.delete(line)),
      readMemory: (address, target) => {
        if (!inside(address, target.length)) return false;
        target.set(this.memory.subarray(address, address + target.length));
        return true;
      },
      writeMemory: (address, bytes) => {
        if (!inside(address, bytes.length)) return false;
        this.memory.set(bytes, address);
        return true;
      },
      now: () => this.nowNs,
      timer: (name, fire) => source(name, fire, false),
      scheduler: (name, fire) => source(name, fire, true),
      after: () => 0,
      random: {
        uint32,
        unit: () => uint32() / 2 ** 32,
        below: (bound) => uint32() % bound,
        chance: (probability) => uint32() / 2 ** 32 < probability,
      },
    };
  }

  #source(timer: string, fire: (argument: number) => void, many: boolean) {
    this.#timers.set(timer, fire);
    const mine = (): Pending[] => this.#pending.filter((one) => one.timer === timer);
    const at = (deadlineNs: number, argument = 0): number => {
      if (!many) this.#pending = this.#pending.filter((one) => one.timer !== timer);
      const order = ++this.#order;
      const due = Math.max(this.nowNs, Math.ceil(deadlineNs));
      this.#pending.push({ deadlineNs: due, order, timer, argument, token: order });
      return order;
    };
    return {
      at,
      after: (delayNs: number, argument = 0) => at(this.nowNs + delayNs, argument),
      cancel: (token?: number) => {
        const before = this.#pending.length;
        const gone = (one: Pending): boolean =>
          one.timer === timer && (!many || one.token === token);
        this.#pending = this.#pending.filter((one) => !gone(one));
        return this.#pending.length < before;
      },
      get armed() {
        return mine().length > 0;
      },
      get pending() {
        return mine().length;
      },
    } as DeviceTimer & DeviceScheduler;
  }

  /** Runs one event. @returns whether there was one */
  step(): boolean {
    const next = this.#pending.toSorted(
      (a, b) => a.deadlineNs - b.deadlineNs || a.order - b.order,
    )[0];
    if (next === undefined) return false;
    this.#pending = this.#pending.filter((one) => one !== next);
    this.nowNs = next.deadlineNs;
    this.#timers.get(next.timer)!(next.argument);
    return true;
  }

  /** Runs until nothing is pending. @returns events that ran */
  settle(most = 1e6): number {
    let ran = 0;
    while (ran < most && this.step()) ran += 1;
    return ran;
  }

  save() {
    const { nowNs } = this;
    const memory = this.memory.slice();
    return structuredClone({
      nowNs,
      memory,
      order: this.#order,
      pending: this.#pending,
      lines: [...this.lines],
    });
  }

  load(saved: ReturnType<TinyMachine["save"]>): void {
    this.nowNs = saved.nowNs;
    this.memory.set(saved.memory);
    this.#order = saved.order;
    this.#pending = structuredClone(saved.pending);
    this.lines.clear();
    for (const line of saved.lines) this.lines.add(line);
  }
}
