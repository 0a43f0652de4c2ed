/**
 * What the codec expects next. Encoder and decoder each keep one model, feed it the same events and
 * so hold the same state; only what differs from the expectation is written. A segment starts with
 * a fresh model, so that each can be decoded by itself.
 *
 * The patterns it knows: slots that go up or down in even strides; requests that repeat the opcode,
 * length and flags of the one before on the same file, at the next offset; operations that repeat
 * on the same handle; results that equal the length that was asked for.
 */

/** Files and handles with a context of their own; others share by the low bits. A power of two. */
const STREAMS = 64;
/** Slots whose asked length is remembered. A power of two. */
const SLOTS = 1024;

/** Predicts a number that advances in even strides. */
export class StrideModel {
  next = 0;
  previous = 0;

  learn(value: number): void {
    this.next = value + value - this.previous;
    this.previous = value;
  }

  reset(): void {
    this.next = 0;
    this.previous = 0;
  }
}

/** What the requests of one file, or the operations of one handle, were like last. */
export class StreamModel {
  /** The file or handle of the last event: the next one is expected to be of the same. */
  last = 0;
  readonly code = new Uint32Array(STREAMS);
  readonly length = new Float64Array(STREAMS);
  readonly nextOffset = new Float64Array(STREAMS);
  readonly flags = new Uint32Array(STREAMS);
  readonly argument = new Float64Array(STREAMS);

  /** The context of a file or handle. */
  indexOf(stream: number): number {
    return stream & (STREAMS - 1);
  }

  learn(index: number, code: number, length: number, offset: number, flags: number): void {
    this.code[index] = code;
    this.length[index] = length;
    this.flags[index] = flags;
    const next = offset + length;
    this.nextOffset[index] = offset < 0 || next > Number.MAX_SAFE_INTEGER ? offset : next;
  }

  reset(): void {
    this.last = 0;
    this.code.fill(0);
    this.length.fill(0);
    this.nextOffset.fill(0);
    this.flags.fill(0);
    this.argument.fill(0);
  }
}

export class CodecModel {
  /** The session's clock, as the last turn or clock read gave it. */
  timeNs = 0;
  readonly submitSlot = new StrideModel();
  readonly completeSlot = new StrideModel();
  readonly startSlot = new StrideModel();
  readonly settleSlot = new StrideModel();
  readonly files = new StreamModel();
  readonly handles = new StreamModel();
  readonly asked = new Float64Array(SLOTS);

  /** Remembers how many bytes a slot's request asks for. */
  ask(slot: number, length: number): void {
    this.asked[slot & (SLOTS - 1)] = length;
  }

  /** The result that a slot's completion most likely has. */
  expectedResult(slot: number): number {
    return this.asked[slot & (SLOTS - 1)]!;
  }

  /** @param timeNs the session's clock where the segment begins */
  reset(timeNs: number): void {
    this.timeNs = timeNs;
    this.submitSlot.reset();
    this.completeSlot.reset();
    this.startSlot.reset();
    this.settleSlot.reset();
    this.files.reset();
    this.handles.reset();
    this.asked.fill(0);
  }
}
