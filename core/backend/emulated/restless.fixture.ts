/** Devices that do every kind of thing at random, and a driver that masks and takes at random. */
import type { DeviceHost, DeviceScheduler, DeviceTimer } from "./device-host.ts";
import { Machine } from "./machine.ts";

const LINES = 6;
const RAM_BYTES = 64 * 4096;

/** A device that does whatever its random source says, and keeps its state as plain data. */
export class RestlessDevice {
  state = { fired: 0, tokens: [] as number[], high: false, budget: 0 };
  readonly #host: DeviceHost;
  readonly #timer: DeviceTimer;
  readonly #scheduler: DeviceScheduler;
  readonly #log: string[];
  readonly #name: string;

  constructor(host: DeviceHost, name: string, budget: number, log: string[]) {
    this.#host = host;
    this.#name = name;
    this.#log = log;
    this.state.budget = budget;
    this.#timer = host.timer("tick", (argument) => this.#act("tick", argument));
    this.#scheduler = host.scheduler("packet", (argument) => this.#act("packet", argument));
  }

  start(): void {
    this.#timer.after(this.#host.random.below(50));
  }

  #act(what: string, argument: number): void {
    const { random } = this.#host;
    const s = this.state;
    s.fired += 1;
    this.#log.push(`${this.#host.now()} ${this.#name} ${what} ${argument}`);
    if (s.budget-- <= 0) return;
    // Short delays from a small range, so that several devices meet in one moment.
    if (random.chance(0.7)) this.#timer.after(random.below(20), s.fired);
    if (random.chance(0.6)) s.tokens.push(this.#scheduler.after(random.below(30), random.uint32()));
    if (random.chance(0.3)) this.#host.after(random.below(5), this.#unregistered, 0);
    if (random.chance(0.3) && s.tokens.length > 0) {
      const at = random.below(s.tokens.length);
      this.#log.push(`cancelled ${this.#scheduler.cancel(s.tokens[at]!)}`);
      s.tokens.splice(at, 1);
    }
    if (random.chance(0.1)) this.#timer.cancel();
    if (random.chance(0.5)) this.#host.interrupt((s.high = !s.high));
    if (random.chance(0.3)) {
      const address = random.below(RAM_BYTES + 100);
      this.#host.writeMemory(address, Uint8Array.of(random.uint32() & 0xff, s.fired & 0xff));
    }
  }

  /** Given to `after`, which must find it by identity. Registered by {@link register}. */
  readonly #unregistered = (argument: number): void => this.#act("later", argument);

  register(): this {
    this.#host.scheduler("later", this.#unregistered);
    return this;
  }
}

export interface World {
  machine: Machine;
  devices: RestlessDevice[];
  log: string[];
}

export function build(seed: number, deviceCount: number, budget: number): World {
  const machine = new Machine({ seed, lines: LINES, ramBytes: RAM_BYTES });
  const log: string[] = [];
  const devices: RestlessDevice[] = [];
  for (let i = 0; i < deviceCount; i++) {
    const trigger = i % 2 === 0 ? "level" : "edge";
    const host = machine.attach(`device${i}`, i % LINES, { trigger });
    devices.push(new RestlessDevice(host, `device${i}`, budget, log).register());
  }
  return { machine, devices, log };
}

/** One moment of a run, with a driver that masks, unmasks and takes by the machine's own chance. */
export function step({ machine, log }: World): boolean {
  if (machine.nextEventNs === Infinity) return false;
  machine.advanceTo(machine.nextEventNs);
  machine.runDue();
  const line = machine.random.below(LINES);
  if (machine.random.chance(0.5)) machine.interrupts.enable(line);
  else machine.interrupts.disable(line);
  if (machine.random.chance(0.2)) machine.interrupts.raise(machine.random.below(LINES));
  log.push(`line ${machine.interrupts.takeNext()}`);
  if (machine.random.chance(0.1)) machine.ram.allocate(1 + machine.random.below(8192));
  return true;
}

export function start(world: World): void {
  for (const device of world.devices) device.start();
}

export function copyOf(source: World, seed: number, budget: number): World {
  const twin = build(seed, source.devices.length, budget);
  twin.machine.restore(source.machine.snapshot());
  source.devices.forEach((device, i) => {
    twin.devices[i]!.state = structuredClone(device.state);
  });
  return twin;
}

export const BUDGET = 12;
