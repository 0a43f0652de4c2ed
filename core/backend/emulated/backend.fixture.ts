/** What the tests of the emulated backend share: a sink that writes down, a machine to drive. */
import { isReelError } from "../../errors.ts";
import type { Sink } from "../contract.ts";
import type { DeviceHost, RegisterHandler } from "./device-host.ts";
import { EmulatedBackend } from "./emulated-backend.ts";
import { Machine, type MachineOptions } from "./machine.ts";

/** Writes down every call, and lets a test act from inside one. */
export class RecordingSink implements Sink {
  readonly calls: string[] = [];
  onInterrupt: (line: number) => void = () => {};
  onExpire: (nowNs: number) => void = () => {};
  onTurn: () => void = () => {};

  turn(nowNs: number): void {
    this.calls.push(`turn ${nowNs}`);
    this.onTurn();
  }

  complete(): void {
    throw new Error("the emulated backend has no ring");
  }

  interrupt(line: number): void {
    this.calls.push(`interrupt ${line}`);
    this.onInterrupt(line);
  }

  expire(nowNs: number): void {
    this.calls.push(`expire ${nowNs}`);
    this.onExpire(nowNs);
  }

  input(kind: number, value: number): void {
    this.calls.push(`input ${kind} ${value}`);
  }

  /** What was called since the last time. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

export interface Rig {
  machine: Machine;
  backend: EmulatedBackend;
  sink: RecordingSink;
}

export function rig(options: Partial<MachineOptions> = {}): Rig {
  const machine = new Machine({ seed: 1, ...options });
  return { machine, backend: new EmulatedBackend(machine), sink: new RecordingSink() };
}

/** Raises an edge on a line at a moment, by an event of the machine. */
export function raiseAt(machine: Machine, timeNs: number, line: number): void {
  machine.interrupts.enable(line);
  machine.timer(`raise.${line}.${timeNs}`, () => machine.interrupts.raise(line)).at(timeNs);
}

/** The code of the ReelError that a call throws. */
export function codeOf(what: () => void): unknown {
  try {
    what();
    return undefined;
  } catch (error) {
    return isReelError(error) ? error.code : error;
  }
}

/** A device with one status bit that holds its line up until the status is read. */
export class StatusDevice implements RegisterHandler {
  #done = false;
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
  }

  complete(): void {
    this.#done = true;
    this.#host.interrupt(true);
  }

  read(): number {
    const status = this.#done ? 1 : 0;
    this.#done = false;
    this.#host.interrupt(false);
    return status;
  }

  write(): void {}
}
