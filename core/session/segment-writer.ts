/**
 * Fills segments: counts the events that go into the encoder, says of each that it is in the
 * session, and hands a segment over when it is full. Where a segment ends depends on its bytes
 * alone, never on time, so that equal runs have equal segments and therefore equal digests.
 */
import { SegmentEncoder } from "./codec/encoder.ts";
import { SEGMENT_BYTES_TARGET } from "./codec/format.ts";
import type { FrameSink, OpenFrame, RawSegment, SegmentSink } from "./segment.ts";
import { FRAME_WORD } from "./tail/layout.ts";

/** Where lengths go that nobody looks at: segments that are in the heap until they are full. */
const NOWHERE: OpenFrame = {
  bytes: new Uint8Array(0),
  words: new Int32Array(FRAME_WORD.LENGTH + 1),
  headerWord: 0,
};

export class SegmentWriter {
  /** Events are written here; {@link wrote} must follow each. */
  readonly encoder = new SegmentEncoder();
  readonly #sink: SegmentSink | FrameSink;
  #firstSequence = 0;
  #eventCount = 0;
  #timeFirstNs = 0;
  #codec = 0;
  #words = NOWHERE.words;
  #codecAt: number = FRAME_WORD.CODEC;
  #lengthAt: number = FRAME_WORD.LENGTH;

  constructor(sink: SegmentSink | FrameSink) {
    this.#sink = sink;
    this.#begin();
  }

  /** Events so far. */
  get events(): number {
    return this.#firstSequence + this.#eventCount;
  }

  /**
   * Counts the event just encoded, which is in the session from here on, and seals the segment when
   * it is full.
   */
  wrote(): void {
    this.#eventCount++;
    const { encoder } = this;
    const { length } = encoder;
    if (length >= SEGMENT_BYTES_TARGET) {
      this.#handOver(false);
      return;
    }
    if (encoder.codec !== this.#codec) this.#sayCodec();
    this.#words[this.#lengthAt] = length;
  }

  /** The segment that is being filled, as it is now: its bytes are valid until the next event. */
  get pending(): RawSegment | undefined {
    const { bytes, codec, timeNs } = this.encoder;
    const [firstSequence, eventCount] = [this.#firstSequence, this.#eventCount];
    const times = { timeFirstNs: this.#timeFirstNs, timeLastNs: timeNs };
    return eventCount === 0 ? undefined : { firstSequence, eventCount, ...times, codec, bytes };
  }

  /** Hands over what is there, full or not. Only at the end: it would shift all later segments. */
  flush(): void {
    if (this.#eventCount > 0) this.#handOver(true);
  }

  #sayCodec(): void {
    this.#codec = this.encoder.codec;
    this.#words[this.#codecAt] = this.#codec;
  }

  #handOver(last: boolean): void {
    const segment = this.pending!;
    // Counted before the sink has it: a frame that is sealed is in the session, whatever follows.
    this.#firstSequence += segment.eventCount;
    this.#eventCount = 0;
    this.#timeFirstNs = segment.timeLastNs;
    this.#sink.write(segment, last);
    if (!last) this.#begin();
  }

  #begin(): void {
    const frame = "frame" in this.#sink ? this.#sink.frame : NOWHERE;
    this.#words = frame.words;
    this.#codecAt = frame.headerWord + FRAME_WORD.CODEC;
    this.#lengthAt = frame.headerWord + FRAME_WORD.LENGTH;
    this.#codec = 0;
    if (frame === NOWHERE) this.encoder.reset();
    else this.encoder.reset(frame.bytes);
  }
}
