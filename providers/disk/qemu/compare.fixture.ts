/**
 * Two pieces of hardware that get the same register accesses, QEMU's and ours, and what they answer
 * differently. A stream of accesses comes from a seed; each deviation is named by the command in
 * whose course it was seen and by the register.
 */
import { Random } from "../../../core/random.ts";
import type { Qtest } from "./qtest.fixture.ts";

/** A machine as a program on it sees it. */
export interface Hardware {
  in(port: number, width: number): number;
  out(port: number, width: number, value: number): void;
  readMemory(address: number, length: number): Uint8Array;
  writeMemory(address: number, bytes: Uint8Array): void;
  /** Whether an interrupt line is high. */
  line(number: number): boolean;
  /** Lets a device work until it is quiet. */
  settle(isQuiet: () => boolean): void;
}

const SETTLE_TRIES_MAX = 400;

/** QEMU's; its registers are ports or memory. */
export class QemuHardware implements Hardware {
  readonly #qtest: Qtest;
  readonly #isMapped: boolean;
  readonly #high = new Set<number>();

  /** @param lineOf which of our lines a line of QEMU's is */
  constructor(
    qtest: Qtest,
    space: "ports" | "memory" = "ports",
    lineOf = (line: number): number => line,
  ) {
    this.#qtest = qtest;
    this.#isMapped = space === "memory";
    qtest.onLine = (number, high) => {
      const line = lineOf(number);
      if (high) this.#high.add(line);
      else this.#high.delete(line);
    };
  }

  in(port: number, width: number): number {
    return this.#isMapped ? this.#qtest.read(port, width) : this.#qtest.in(port, width);
  }

  out(port: number, width: number, value: number): void {
    if (this.#isMapped) this.#qtest.write(port, width, value);
    else this.#qtest.out(port, width, value);
  }

  readMemory(address: number, length: number): Uint8Array {
    return this.#qtest.ram.slice(address, address + length);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.#qtest.ram.set(bytes, address);
  }

  line(number: number): boolean {
    this.#qtest.listen(0);
    return this.#high.has(number);
  }

  settle(isQuiet: () => boolean): void {
    // The first looks come at once, later ones give QEMU's threads time to move data.
    for (let tries = 0; tries < SETTLE_TRIES_MAX && !isQuiet(); tries++) {
      this.#qtest.listen(tries < 4 ? 0 : 1);
    }
    this.#qtest.listen(0);
  }
}

export interface Deviation {
  count: number;
  /** The first one: what each answered. */
  qemu: string;
  ours: string;
}

/** Sends accesses to both, and keeps what differs. */
export class Comparison {
  readonly deviations = new Map<string, Deviation>();
  /** Answers that were compared. */
  compared = 0;
  /** What is being done, for names of deviations. */
  doing = "";
  readonly random: Random;
  readonly qemu: Hardware;
  readonly ours: Hardware;

  constructor(qemu: Hardware, ours: Hardware, seed: number) {
    this.qemu = qemu;
    this.ours = ours;
    this.random = new Random(seed);
  }

  out(port: number, width: number, value: number): void {
    this.qemu.out(port, width, value);
    this.ours.out(port, width, value);
  }

  /** Reads a register of both. @returns what QEMU's said */
  in(port: number, width: number, name: string, mask = 0xffffffff): number {
    const [qemu, ours] = [this.qemu.in(port, width), this.ours.in(port, width)];
    this.same(name, ((qemu & mask) >>> 0).toString(16), ((ours & mask) >>> 0).toString(16));
    return qemu;
  }

  line(number: number, name: string): void {
    this.same(name, String(this.qemu.line(number)), String(this.ours.line(number)));
  }

  memory(address: number, length: number, name: string): void {
    const [qemu, ours] = [this.qemu, this.ours].map((one) => one.readMemory(address, length));
    const at = qemu!.findIndex((byte, i) => byte !== ours![i]);
    if (at < 0) this.same(name, "", "");
    else this.same(name, `${qemu![at]} at ${at}`, `${ours![at]} at ${at}`);
  }

  /** @returns whether both answered the same */
  same(name: string, qemu: string, ours: string): boolean {
    this.compared += 1;
    if (qemu === ours) return true;
    const key = `${this.doing} ${name}`;
    const known = this.deviations.get(key);
    if (known === undefined) this.deviations.set(key, { count: 1, qemu, ours });
    else known.count += 1;
    return false;
  }

  settle(isQuiet: (hardware: Hardware) => boolean): void {
    for (const one of [this.qemu, this.ours]) one.settle(() => isQuiet(one));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)]!;
  }

  /** Deviations that no pattern names, as text. */
  unexplained(known: readonly RegExp[]): string[] {
    const strange = [...this.deviations].filter(([name]) => !known.some((one) => one.test(name)));
    return strange.map(
      ([name, { count, qemu, ours }]) => `${name}: ${qemu}, ours ${ours} ×${count}`,
    );
  }
}
