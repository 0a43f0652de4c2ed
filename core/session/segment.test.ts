/**
 * Segments and the cursor over them: sealed when full, found damaged whatever is done to them, each
 * decodable by itself.
 */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { SegmentDecoder } from "./codec/decoder.ts";
import { SEGMENT_BYTES_TARGET } from "./codec/format.ts";
import { EventCursor, readBack } from "./cursor.ts";
import { EventRecord, toSessionEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";
import { MemorySegments } from "./segment.ts";
import type { SealedSegment, SegmentSource } from "./segment.ts";
import { randomEvents, recordedOf } from "./session.fixture.ts";

const EVENTS = randomEvents(11, 4000);
const RECORDED = recordedOf(EVENTS);
const SEGMENTS = (RECORDED.source as MemorySegments).segments;

function walk(source: SegmentSource, extent = RECORDED): SessionEvent[] {
  const cursor = new EventCursor(source, extent);
  const events: SessionEvent[] = [];
  for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
    events.push(toSessionEvent(record));
    cursor.advance();
  }
  return events;
}

function sourceOf(segments: readonly SealedSegment[]): SegmentSource {
  return {
    segmentAt: (sequence) => segments.findLast(({ firstSequence }) => firstSequence <= sequence),
  };
}

function refusal(segments: readonly SealedSegment[]): string {
  try {
    walk(sourceOf(segments));
  } catch (error) {
    if (isReelError(error, "ERR_CORRUPT_RECORDING")) return error.message;
    throw error;
  }
  return "nothing";
}

describe("segments", () => {
  test("are sealed by the first event that fills them", () => {
    expect(SEGMENTS.length).toBeGreaterThan(3);
    for (const { bytes } of SEGMENTS.slice(0, -1)) {
      expect(bytes.length).toBeGreaterThanOrEqual(SEGMENT_BYTES_TARGET);
      expect(bytes.length).toBeLessThan(SEGMENT_BYTES_TARGET + 1000);
    }
  });

  test("can each be decoded without the others", () => {
    const decoder = new SegmentDecoder();
    const record = new EventRecord();
    for (const segment of SEGMENTS.toReversed()) {
      decoder.load(segment.bytes, segment.timeFirstNs, "one segment");
      for (let i = 0; i < segment.eventCount; i++) {
        decoder.next(record);
        expect(toSessionEvent(record)).toEqual(EVENTS[segment.firstSequence + i]!);
      }
      expect(decoder.done).toBe(true);
      expect(decoder.timeNs).toBe(segment.timeLastNs);
    }
  });

  test("equal events give equal digests, one changed event another", () => {
    expect(recordedOf(EVENTS).digest).toBe(RECORDED.digest);
    const changed = EVENTS.with(1000, { kind: "mark", text: "changed" });
    expect(recordedOf(changed).digest).not.toBe(RECORDED.digest);
  });
});

describe("EventCursor", () => {
  test("gives out every event in order", () => {
    expect(walk(RECORDED.source)).toEqual(EVENTS);
  });

  test("counts operations, steps and time as it goes", () => {
    const cursor = new EventCursor(RECORDED.source, RECORDED);
    let operations = 0;
    let steps = 0;
    for (const [sequence, event] of EVENTS.entries()) {
      expect(cursor.sequence).toBe(sequence);
      cursor.advance();
      if (event.kind === "submit" || event.kind === "start") {
        operations++;
        expect(cursor.operationOf(event.slot)).toBe(operations);
      }
      if (event.kind === "turn") {
        steps += event.steps;
        expect(cursor.timeNs).toBe(event.nowNs);
      }
      expect([cursor.operations, cursor.steps]).toEqual([operations, steps]);
    }
    expect(cursor.peek()).toBeUndefined();
  });

  test("names the segment and its events when a bit differs", () => {
    const random = new Random(5);
    for (let round = 0; round < 200; round++) {
      const at = random.below(SEGMENTS.length);
      const segment = SEGMENTS[at]!;
      const bytes = segment.bytes.slice();
      const byte = random.below(bytes.length);
      bytes[byte] = bytes[byte]! ^ (1 << random.below(8));
      const message = refusal(SEGMENTS.with(at, { ...segment, bytes }));
      const last = segment.firstSequence + segment.eventCount - 1;
      expect(message).toContain(`segment ${at} (events ${segment.firstSequence} to ${last})`);
      expect(message).toContain("found checksum");
    }
  });

  const damages: [string, (segments: SealedSegment[]) => SealedSegment[], string][] = [
    ["the first is missing", (list) => list.slice(1), "segment 0 (from event 0"],
    ["one is missing", (list) => list.toSpliced(2, 1), "is missing"],
    ["the last is missing", (list) => list.slice(0, -1), "is missing"],
    [
      "two change places",
      (list) => {
        const [a, b] = [list[1]!, list[2]!];
        const first = { ...b, firstSequence: a.firstSequence, eventCount: a.eventCount };
        return list.toSpliced(1, 1, first);
      },
      "segment 1",
    ],
    [
      "one of another session stands in",
      (list) => {
        const other = recordedOf(randomEvents(12, 4000)).source as MemorySegments;
        return list.with(0, other.segments[0]!);
      },
      "segment",
    ],
    [
      "a header's time differs",
      (list) => list.with(1, { ...list[1]!, timeLastNs: list[1]!.timeLastNs + 1 }),
      "found chain",
    ],
    [
      "a header's count differs",
      (list) => list.with(0, { ...list[0]!, eventCount: list[0]!.eventCount - 1 }),
      "found chain",
    ],
    [
      "the codec is of a later release",
      (list) => list.with(0, { ...list[0]!, codec: 9 }),
      "found event codec 9, wanted 1 to 3",
    ],
    [
      "the codec is none",
      (list) => list.with(0, { ...list[0]!, codec: 0 }),
      "found event codec 0, wanted 1 to 3",
    ],
  ];
  for (const [name, damage, wanted] of damages) {
    test(`refuses when ${name}`, () => {
      expect(refusal(damage([...SEGMENTS]))).toContain(wanted);
    });
  }

  test("refuses sealed segments whose header lies about what they hold", () => {
    const lie = (change: (segment: SealedSegment) => Partial<SealedSegment>): string => {
      const forged = new MemorySegments();
      for (const segment of SEGMENTS) forged.write({ ...segment, ...change(segment) });
      try {
        walk(forged, { ...RECORDED, digest: forged.digest });
      } catch (error) {
        if (isReelError(error, "ERR_CORRUPT_RECORDING")) return error.message;
        throw error;
      }
      return "nothing";
    };
    expect(lie(({ eventCount }) => ({ eventCount: eventCount + 1 }))).not.toBe("nothing");
    expect(lie(({ eventCount }) => ({ eventCount: eventCount - 1 }))).not.toBe("nothing");
    expect(lie(({ timeLastNs }) => ({ timeLastNs: timeLastNs + 1 }))).toContain("ends at");
    expect(lie(() => ({ eventCount: 0 }))).not.toBe("nothing");
  });

  test("refuses when the digest of the whole is another", () => {
    const extent = { ...RECORDED, digest: "00".repeat(32) };
    expect(() => walk(RECORDED.source, extent)).toThrow("found digest");
  });
});

describe("readBack", () => {
  test("gives the events before a place, across segments", () => {
    const edge = SEGMENTS[1]!.firstSequence;
    for (const sequence of [0, 3, edge, edge + 4, EVENTS.length]) {
      const found = readBack(RECORDED.source, sequence, 20, (record, at) => {
        return { at, event: toSessionEvent(record) };
      });
      const from = Math.max(0, sequence - 20);
      const wanted = EVENTS.slice(from, sequence).map((event, i) => ({ at: from + i, event }));
      expect(found).toEqual(wanted);
    }
  });
});
