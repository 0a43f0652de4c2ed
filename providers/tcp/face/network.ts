/** The emulated network, for people: its methods are commands to the device. */
import type { FaceEnd } from "../../../core/provider/index.ts";

/** What a link does to frames; what is left out stays as it is. */
export interface LinkConditions {
  latencyNs?: number;
  jitterNs?: number;
  bandwidthBytesPerSecond?: number;
  /** Probabilities from 0 to 1. */
  lossRate?: number;
  reorderRate?: number;
  duplicateRate?: number;
}

export class Network implements AsyncDisposable {
  readonly #end: FaceEnd;

  /** Made by `io.network`. */
  constructor(end: FaceEnd) {
    this.#end = end;
  }

  /** Drops everything between two hosts, in both directions, until {@link heal}. */
  partition(a: string, b: string): Promise<void> {
    return this.command(`partition ${a} ${b}`);
  }

  /** Ends one partition, or all of them. */
  heal(a?: string, b?: string): Promise<void> {
    return this.command(a === undefined || b === undefined ? "heal" : `heal ${a} ${b}`);
  }

  /** Holds everything between two hosts back, until {@link unclog} lets it through. */
  clog(a: string, b: string): Promise<void> {
    return this.command(`clog ${a} ${b}`);
  }

  unclog(a: string, b: string): Promise<void> {
    return this.command(`unclog ${a} ${b}`);
  }

  /** Sets the conditions between two hosts. */
  link(a: string, b: string, conditions: LinkConditions): Promise<void> {
    const words = Object.entries(conditions).map(([name, value]) => `${name}=${value}`);
    return this.command(["link", a, b, ...words].join(" "));
  }

  /** Any command of the device; see the provider's README. */
  async command(line: string): Promise<void> {
    await this.#end.write(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end.close();
  }
}
