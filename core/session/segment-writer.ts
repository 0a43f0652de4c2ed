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
  /** Events are written here; {@link wrote}, or {@link counts}, must follow each. */
  readonly encoder = new SegmentEncoder();
  private readonly bytes = this.encoder.writer;
  private readonly sink: SegmentSink | FrameSink;
  private firstSequence = 0;
  private eventCount = 0;
  private timeFirstNs = 0;
  private codec = 0;
  private words = NOWHERE.words;
  private codecAt: number = FRAME_WORD.CODEC;
  private lengthAt: number = FRAME_WORD.LENGTH;

  constructor(sink: SegmentSink | FrameSink) {
    this.sink = sink;
    this.begin();
  }

  /** Events so far. */
  get events(): number {
    return this.firstSequence + this.eventCount;
  }

  /**
   * Counts the event just encoded, which is in the session from here on, and seals the segment when
   * it is full.
   */
  wrote(): void {
    if (this.counts()) this.seal();
  }

  /** As {@link wrote}. @returns whether the segment is full, so that {@link seal} must follow */
  counts(): boolean {
    this.eventCount++;
    const length = this.bytes.at;
    if (length >= SEGMENT_BYTES_TARGET) return true;
    if (this.encoder.codec !== this.codec) this.sayCodec();
    this.words[this.lengthAt] = length;
    return false;
  }

  /** Hands a full segment over. */
  seal(): void {
    this.handOver(false);
  }

  /** The segment that is being filled, as it is now: its bytes are valid until the next event. */
  get pending(): RawSegment | undefined {
    const { bytes, codec, timeNs } = this.encoder;
    const [firstSequence, eventCount] = [this.firstSequence, this.eventCount];
    const times = { timeFirstNs: this.timeFirstNs, timeLastNs: timeNs };
    return eventCount === 0 ? undefined : { firstSequence, eventCount, ...times, codec, bytes };
  }

  /** Hands over what is there, full or not. Only at the end: it would shift all later segments. */
  flush(): void {
    if (this.eventCount > 0) this.handOver(true);
  }

  private sayCodec(): void {
    this.codec = this.encoder.codec;
    this.words[this.codecAt] = this.codec;
  }

  private handOver(last: boolean): void {
    const segment = this.pending!;
    // Counted before the sink has it: a frame that is sealed is in the session, whatever follows.
    this.firstSequence += segment.eventCount;
    this.eventCount = 0;
    this.timeFirstNs = segment.timeLastNs;
    this.sink.write(segment, last);
    if (!last) this.begin();
  }

  private begin(): void {
    const frame = "frame" in this.sink ? this.sink.frame : NOWHERE;
    this.words = frame.words;
    this.codecAt = frame.headerWord + FRAME_WORD.CODEC;
    this.lengthAt = frame.headerWord + FRAME_WORD.LENGTH;
    this.codec = 0;
    if (frame === NOWHERE) this.encoder.reset();
    else this.encoder.reset(frame.bytes);
  }
}
