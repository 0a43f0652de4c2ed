/**
 * Faults of disks, by ordinal and by seed. A fault names what goes wrong, where (sectors, for
 * those that have a place) and when: `when` counts the occasions on which it could strike.
 *
 *     3       the third        3+     the third and all later     3..9    third to ninth
 *     3+2     third, fifth …   3..9+2 third, fifth, seventh, ninth
 */

/** What can go wrong, and whom it concerns. */
export const FAULT_KINDS = [
  // Sectors. Unreadable ones stay so; pending ones are healed by a write.
  "unreadable",
  "pending",
  // A write persists in part, or elsewhere, and says that all is well.
  "torn",
  "misdirected",
  // A flush fails with an error, or says that it is done and is not.
  "flush-error",
  "lost-flush",
  // A command that never ends; a CRC error on the cable; a DMA transfer that stops.
  "hang",
  "crc",
  "dma-error",
  // Interrupts that do not come, come late, or come for nothing.
  "lost-interrupt",
  "late-interrupt",
  "spurious-interrupt",
  // The device goes away.
  "unplug",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  kind: FaultKind;
  /** First sector that it concerns; without it, any. */
  lba?: number;
  /** How many sectors, default 1. */
  sectors?: number;
  /** On which occasions, default all. */
  when?: string;
  /** Strikes with this probability, default 1, drawn from the list's seed. */
  chance?: number;
  /** How late (late-interrupt), default 10 ms. */
  delayNs?: number;
}

/** Occasions from 1: first, last, and the step between them. */
interface Ordinals {
  first: number;
  last: number;
  step: number;
}

const WHEN = /^(\d{1,15})(?:\.\.(\d{1,15}))?(\+(\d{1,15})?)?$/;

/** Reads `when`. @throws {RangeError} for what is not of its forms */
export function parseWhen(when: string): Ordinals {
  const match = WHEN.exec(when);
  const first = Number(match?.[1]);
  const step = Number(match?.[4] ?? 1);
  if (match === null || first < 1 || step < 1) {
    throw new RangeError(`Cannot read when=${when}: wanted 3, 3+, 3+2, 3..9 or 3..9+2, from 1`);
  }
  const open = match[3] === undefined ? first : Infinity;
  const last = match[2] === undefined ? open : Number(match[2]);
  if (last < first) throw new RangeError(`Cannot read when=${when}: it ends before it begins`);
  return { first, last, step };
}

const WORDS = ["lba", "sectors", "when", "chance", "delayNs"];

/**
 * Reads a fault from a line: its kind, then `name=value` words: `unreadable lba=5 when=3..9+2`.
 * @throws {RangeError} naming the word that is none
 */
export function parseFault(line: string): Fault {
  const [kind, ...words] = line.trim().split(/\s+/);
  const fault: Record<string, unknown> = { kind };
  for (const word of words) {
    const [name, value = ""] = word.split("=");
    const isGood = WORDS.includes(name!) && (name === "when" || Number(value) >= 0);
    if (!isGood || value === "") {
      throw new RangeError(`Cannot read fault "${line}": found ${word}, wanted ${WORDS}`);
    }
    fault[name!] = name === "when" ? value : Number(value);
  }
  // The list checks kinds and ordinals.
  return fault as unknown as Fault;
}

export class FaultList {
  readonly #faults: readonly Fault[];
  readonly #ordinals: readonly (Ordinals | undefined)[];
  /** Occasions so far of each fault. */
  readonly #counts: Float64Array;
  /** Pending sectors that a write has healed, by the fault's place in the list. */
  readonly #healed = new Set<number>();
  #random: number;

  /** @throws {RangeError} for an unknown kind or a bad `when` */
  constructor(faults: readonly Fault[] = [], seed = 1) {
    for (const { kind } of faults) {
      if (!FAULT_KINDS.includes(kind)) {
        throw new RangeError(`Cannot inject ${kind}: wanted ${FAULT_KINDS.join(", ")}`);
      }
    }
    this.#faults = faults;
    this.#ordinals = faults.map(({ when }) => (when === undefined ? undefined : parseWhen(when)));
    this.#counts = new Float64Array(faults.length);
    this.#random = seed >>> 0;
  }

  get size(): number {
    return this.#faults.length;
  }

  /** An occasion for a fault without a place. @returns the fault that strikes, if one does */
  strike(kind: FaultKind, lba = -1, sectors = 0): Fault | undefined {
    let struck: Fault | undefined;
    for (let i = 0; i < this.#faults.length; i++) {
      const fault = this.#faults[i]!;
      if (fault.kind !== kind || !touches(fault, lba, sectors)) continue;
      if (this.#isDue(i) && struck === undefined) struck = fault;
    }
    return struck;
  }

  /**
   * A read of sectors.
   * @returns the first sector that cannot be read, or -1
   */
  unreadable(lba: number, sectors: number): number {
    let bad = -1;
    for (let i = 0; i < this.#faults.length; i++) {
      const fault = this.#faults[i]!;
      if (fault.kind !== "unreadable" && fault.kind !== "pending") continue;
      if (this.#healed.has(i) || !touches(fault, lba, sectors) || !this.#isDue(i)) continue;
      const at = Math.max(lba, fault.lba ?? lba);
      if (bad < 0 || at < bad) bad = at;
    }
    return bad;
  }

  /** A write of sectors: a pending sector is good again once it was written whole. */
  written(lba: number, sectors: number): void {
    for (let i = 0; i < this.#faults.length; i++) {
      const fault = this.#faults[i]!;
      if (fault.kind !== "pending" || fault.lba === undefined) continue;
      if (lba <= fault.lba && fault.lba + (fault.sectors ?? 1) <= lba + sectors) {
        this.#healed.add(i);
      }
    }
  }

  /** A whole number below a bound, of this list's seed. */
  below(bound: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * bound);
  }

  #isDue(i: number): boolean {
    const count = ++this.#counts[i]!;
    const ordinals = this.#ordinals[i];
    if (ordinals !== undefined) {
      const { first, last, step } = ordinals;
      if (count < first || count > last || (count - first) % step !== 0) return false;
    }
    const chance = this.#faults[i]!.chance ?? 1;
    return chance >= 1 || this.below(2 ** 24) < chance * 2 ** 24;
  }

  /** Counts and healed sectors, as fields for a snapshot. */
  save(): { counts: number[]; healed: number[]; random: number } {
    return { counts: [...this.#counts], healed: [...this.#healed], random: this.#random };
  }

  load(saved: { counts: number[]; healed: number[]; random: number }): void {
    this.#counts.fill(0);
    this.#counts.set(saved.counts.slice(0, this.#counts.length));
    this.#healed.clear();
    for (const i of saved.healed) this.#healed.add(i);
    this.#random = saved.random >>> 0;
  }
}

function touches(fault: Fault, lba: number, sectors: number): boolean {
  if (fault.lba === undefined) return true;
  return lba < fault.lba + (fault.sectors ?? 1) && fault.lba < lba + sectors;
}
