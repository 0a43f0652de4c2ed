/**
 * Fills segments: counts the events that go into the encoder and hands a segment over when it is
 * full. Where a segment ends depends on its bytes alone, never on time, so that equal runs have
 * equal segments and therefore equal digests.
 */
import { SegmentEncoder } from "./codec/encoder.ts";
import { SEGMENT_BYTES_TARGET } from "./codec/format.ts";
import type { SegmentSink } from "./segment.ts";

export class SegmentWriter {
  /** Events are written here; {@link wrote} must follow each. */
  readonly encoder = new SegmentEncoder();
  readonly #sink: SegmentSink;
  #firstSequence = 0;
  #eventCount = 0;
  #timeFirstNs = 0;

  constructor(sink: SegmentSink) {
    this.#sink = sink;
    this.encoder.reset();
  }

  /** Events so far. */
  get events(): number {
    return this.#firstSequence + this.#eventCount;
  }

  /** Counts the event just encoded and seals the segment when it is full. */
  wrote(): void {
    this.#eventCount++;
    if (this.encoder.length >= SEGMENT_BYTES_TARGET) this.#handOver();
  }

  /** Hands over what is there, full or not. Only at the end: it would shift all later segments. */
  flush(): void {
    if (this.#eventCount > 0) this.#handOver();
  }

  #handOver(): void {
    const encoder = this.encoder;
    this.#sink.write({
      firstSequence: this.#firstSequence,
      eventCount: this.#eventCount,
      timeFirstNs: this.#timeFirstNs,
      timeLastNs: encoder.timeNs,
      codec: encoder.codec,
      bytes: encoder.bytes,
    });
    this.#firstSequence += this.#eventCount;
    this.#eventCount = 0;
    this.#timeFirstNs = encoder.timeNs;
    encoder.reset();
  }
}
