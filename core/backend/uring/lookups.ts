/**
 * Requests that resolve host names, which the kernel cannot: made to look like all the others.
 *
 * A look-up goes through the ring as a NOP, so it is handed over, counted and taken back like any
 * request. When the NOP completes, the resolver is asked; when that answers, the slot's completion
 * is put where those are that had to leave the ring. The answer is written into the request's
 * memory when it is delivered and not before: nothing is written for a request that ended.
 */
import { ERRNO } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { ENTRY } from "./abi.ts";
import type { Backlog } from "./completions.ts";
import type { PinnedMemories } from "./pinned-memory.ts";
import { MARK_CANCELLED, RECORD_SHIFT } from "./requests.ts";
import type { RequestTable } from "./requests.ts";
import { hostResolver } from "./resolver.ts";
import type { Answer, Resolver } from "./resolver.ts";

interface Lookup {
  readonly slot: number;
  readonly generation: number;
  readonly name: string;
  readonly family: number;
  /** Whether its completion waits to be delivered, and with what. */
  ended: boolean;
  answer: Answer;
}

/** Stands for a look-up that goes on: see {@link Lookups.step}. */
export const GOES_ON = undefined;

export class Lookups {
  /** Told that a completion waits to be delivered. */
  onEnd: () => void = () => {};
  readonly #requests: RequestTable;
  readonly #pinned: PinnedMemories;
  readonly #backlog: Backlog;
  readonly #resolver: Resolver;
  /** Those that the resolver was asked about, and whose end was not delivered: oldest first. */
  readonly #active = new Set<Lookup>();

  constructor(
    requests: RequestTable,
    pinned: PinnedMemories,
    backlog: Backlog,
    resolver: Resolver = hostResolver,
  ) {
    this.#requests = requests;
    this.#pinned = pinned;
    this.#backlog = backlog;
    this.#resolver = resolver;
  }

  /** Whether some look-up has no answer yet. */
  get unanswered(): boolean {
    if (this.#active.size === 0) return false;
    for (const lookup of this.#active) if (!lookup.ended) return true;
    return false;
  }

  /**
   * Takes a completion of a look-up's slot: of the NOP, or of the look-up itself.
   * @returns the result to deliver, or {@link GOES_ON}
   */
  step(slot: number, generation: number, result: number): number | typeof GOES_ON {
    const lookup = this.#find(slot, generation);
    if (lookup !== undefined) this.#active.delete(lookup);
    if (this.#requests.isMarked(slot, MARK_CANCELLED)) return -ERRNO.ECANCELED;
    if (lookup !== undefined) return this.#write(slot << RECORD_SHIFT, lookup.answer);
    return result < 0 ? result : this.#begin(slot, generation);
  }

  /** Ends a look-up if it has begun. @returns whether it has */
  cancel(slot: number, generation: number): boolean {
    const lookup = this.#find(slot, generation);
    if (lookup !== undefined) this.#end(lookup, -ERRNO.ECANCELED);
    return lookup !== undefined;
  }

  cancelAll(): void {
    for (const lookup of this.#active) this.#end(lookup, -ERRNO.ECANCELED);
  }

  /** Forgets a look-up whose slot belongs to another request. */
  forget(slot: number, generation: number): void {
    const lookup = this.#find(slot, generation);
    if (lookup !== undefined) this.#active.delete(lookup);
  }

  /** Answers the oldest look-up on this thread, for as long as that takes. */
  answerNow(): void {
    for (const lookup of this.#active) {
      if (lookup.ended) continue;
      return this.#end(lookup, this.#resolver.now(lookup.name, lookup.family));
    }
  }

  #find(slot: number, generation: number): Lookup | undefined {
    for (const lookup of this.#active) {
      if (lookup.slot === slot && lookup.generation === generation) return lookup;
    }
    return undefined;
  }

  #begin(slot: number, generation: number): number | typeof GOES_ON {
    const { records } = this.#requests;
    const record = slot << RECORD_SHIFT;
    const family = records[record + ENTRY.OFFSET]!;
    if (family !== 0 && family !== 4 && family !== 6) return -ERRNO.EAFNOSUPPORT;
    const bytes = this.#memory(record, records[record + ENTRY.LENGTH]!);
    if (bytes === undefined) return -ERRNO.EFAULT;
    const lookup: Lookup = {
      slot,
      generation,
      name: new TextDecoder().decode(new Uint8Array(bytes)),
      family,
      ended: false,
      answer: 0,
    };
    this.#active.add(lookup);
    // Not at once: whoever holds the thread until the answer is there asks for it in another way.
    queueMicrotask(() => {
      if (!lookup.ended) void this.#ask(lookup);
    });
    return GOES_ON;
  }

  async #ask(lookup: Lookup): Promise<void> {
    this.#end(lookup, await this.#resolver.later(lookup.name, lookup.family));
  }

  /** Puts a look-up's completion among those to be delivered. One that has ended stays so. */
  #end(lookup: Lookup, answer: Answer): void {
    if (lookup.ended) return;
    lookup.ended = true;
    lookup.answer = answer;
    this.#backlog.add(lookup.slot, lookup.generation, 0, 0);
    this.onEnd();
  }

  /** Writes the addresses, as many as fit. @returns the bytes written, or why there are none */
  #write(record: number, answer: Answer): number {
    if (typeof answer === "number") return answer;
    const { records } = this.#requests;
    const room = this.#memory(record, records[record + ENTRY.OP_FLAGS]!);
    if (room === undefined) return -ERRNO.EFAULT;
    let text = "";
    for (const address of answer) {
      const longer = text === "" ? address : `${text}\n${address}`;
      if (longer.length > room.length) break;
      text = longer;
    }
    if (text === "") return -ERRNO.EOVERFLOW;
    room.set(new TextEncoder().encode(text));
    return text.length;
  }

  #memory(record: number, length: number): Uint8Array | undefined {
    const { records } = this.#requests;
    const low = records[record + ENTRY.ADDRESS]! >>> 0;
    const high = records[record + ENTRY.ADDRESS + 1]! >>> 0;
    return length < 0 ? undefined : this.#pinned.find(low + high * 4294967296, length);
  }
}

/** Makes the entry of a look-up one that the kernel completes at once. */
export function passAsNop(entries: Int32Array, at: number): void {
  entries.fill(0, at, at + ENTRY.USER_DATA);
  entries[at] = OPCODE.NOP;
  entries[at + ENTRY.FD] = -1;
}
