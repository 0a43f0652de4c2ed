/**
 * Checks each segment when it is read, wherever in the recording that is: its checksum, its own
 * link from the one before, and that it follows on what is before it. The last one's link must be
 * the recording's digest.
 */
import { corrupt } from "./cursor.ts";
import type { Extent } from "./cursor.ts";
import { nameSegment, SegmentChecker } from "./segment.ts";
import type { SealedSegment, SegmentSource } from "./segment.ts";

/** Segments kept at hand: those around which somebody steps to and fro. */
const KEPT_SEGMENTS = 4;
/** No more than this is kept at hand in all; a segment with a large payload is read again. */
const KEPT_BYTES = 1024 * 1024;

export class CheckedSegments implements SegmentSource {
  readonly checked = true;
  readonly #inner: SegmentSource;
  readonly #extent: Extent;
  #kept: SealedSegment[] = [];

  constructor(inner: SegmentSource, extent: Extent) {
    this.#inner = inner;
    this.#extent = extent;
  }

  /** @throws {ReelError} ERR_CORRUPT_RECORDING when the segment is not what was recorded */
  segmentAt(sequence: number): SealedSegment | undefined {
    for (const segment of this.#kept) {
      const { eventCount, firstSequence } = segment;
      if (sequence >= firstSequence && sequence < firstSequence + eventCount) return segment;
    }
    const segment = this.#inner.segmentAt(sequence);
    if (segment === undefined) return undefined;
    this.#check(segment);
    if (segment.bytes.length <= KEPT_BYTES / KEPT_SEGMENTS) {
      this.#kept = [segment, ...this.#kept.slice(0, KEPT_SEGMENTS - 1)];
    }
    return segment;
  }

  #check(segment: SealedSegment): void {
    const { eventCount, firstSequence } = segment;
    const checker = new SegmentChecker();
    const before = firstSequence > 0 ? this.#inner.segmentAt(firstSequence - 1) : undefined;
    if (before !== undefined) checker.follow(before);
    let found = checker.check(segment);
    const end = firstSequence + eventCount;
    const { digest, eventCount: wanted } = this.#extent;
    if (found === undefined && end === wanted && checker.digest !== digest) {
      found = `found digest ${checker.digest.slice(0, 16)}..., wanted ${digest.slice(0, 16)}...`;
    }
    if (found === undefined && (eventCount < 1 || end > wanted)) {
      found = `found ${eventCount} events of ${wanted} in all`;
    }
    if (found === undefined) return;
    const details = { firstSequence, lastSequence: end - 1 };
    const name = nameSegment(undefined, segment);
    corrupt(`${name} is damaged: ${found}`, details, this.#extent.path);
  }
}
