/**
 * Gives a replay on the emulated backend what came from outside in the recorded run: signals and
 * the like, each at the recorded place in the program's progress. Everything else the machine does
 * again by itself.
 */
import type {
  Backend,
  BackendCounters,
  HostCalls,
  InputKind,
  Ring,
  Sink,
} from "../backend/contract.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import type { Images } from "../backend/images.ts";
import type { EventCursor } from "./cursor.ts";
import { EVENT } from "./event.ts";
import type { Verifier } from "./verifier.ts";

interface RecordedInput {
  readonly sequence: number;
  /** Number of the turn that it came with. */
  readonly turn: number;
  readonly steps: number;
  readonly timeNs: number;
  readonly kind: InputKind;
  readonly value: number;
}

/** Finds the inputs of a recording; there are few. */
export function recordedInputs(cursor: EventCursor): RecordedInput[] {
  const inputs: RecordedInput[] = [];
  let turn = 0;
  for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
    const { sequence, steps, timeNs } = cursor;
    if (record.kind === EVENT.TURN) turn = sequence;
    else if (record.kind === EVENT.INPUT) {
      const input = { kind: record.code as InputKind, value: record.value };
      inputs.push({ sequence, turn, steps, timeNs, ...input });
    }
    cursor.advance();
  }
  return inputs;
}

export class InputFeeder implements Backend {
  readonly kind: "uring" | "emulated";
  readonly ring: Ring | undefined;
  readonly host: HostCalls | undefined;
  readonly machine: Machine | undefined;
  readonly images: Images | undefined;
  readonly blocks: boolean;
  readonly counters: BackendCounters;
  readonly #inner: Backend;
  readonly #verifier: Verifier;
  readonly #steps: () => number;
  readonly #inputs: readonly RecordedInput[];
  #next = 0;

  constructor(
    inner: Backend,
    verifier: Verifier,
    inputs: readonly RecordedInput[],
    steps: () => number,
  ) {
    this.#inner = inner;
    this.#verifier = verifier;
    this.#inputs = inputs;
    this.#steps = steps;
    this.kind = inner.kind;
    this.ring = inner.ring;
    this.host = inner.host;
    this.machine = inner.machine;
    this.images = inner.images;
    this.blocks = inner.blocks;
    this.counters = inner.counters;
  }

  now(): number {
    return this.#inner.now();
  }

  arm(deadlineNs: number): void {
    this.#inner.arm(deadlineNs);
  }

  poll(sink: Sink, wait: boolean): number {
    if (this.#due()) this.#injectBatch();
    return this.#inner.poll(sink, wait);
  }

  pending(): boolean {
    return this.#due() || this.#inner.pending();
  }

  armWake(wake: () => void): void {
    this.#inner.armWake(wake);
  }

  disarmWake(): void {
    this.#inner.disarmWake();
  }

  inject(kind: InputKind, value: number): void {
    this.#inner.inject(kind, value);
  }

  close(): void {
    this.#inner.close();
  }

  /** Inputs of one batch follow each other in the recording: they go in together. */
  #injectBatch(): void {
    let { sequence } = this.#inputs[this.#next]!;
    for (let input = this.#inputs[this.#next]; input?.sequence === sequence; sequence++) {
      this.#inner.inject(input.kind, input.value);
      input = this.#inputs[++this.#next];
    }
  }

  /** Whether the program has come to where the next input was recorded: behind its batch's turn. */
  #due(): boolean {
    const input = this.#inputs[this.#next];
    return (
      input !== undefined &&
      this.#verifier.events === input.turn &&
      this.#steps() === input.steps &&
      this.#inner.now() === input.timeNs
    );
  }
}
