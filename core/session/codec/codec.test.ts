/**
 * The codec: whatever is written comes back as it was, regular patterns cost a byte, and no bytes
 * whatever make the decoder do anything but decode or refuse.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../../errors.ts";
import { Random } from "../../random.ts";
import { EventRecord, NO_DIGEST, toSessionEvent } from "../event.ts";
import type { SessionEvent } from "../event.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { SegmentDecoder } from "./decoder.ts";
import { SegmentEncoder } from "./encoder.ts";
import { MARK_BYTES_MAX, PAYLOAD_BYTES_MAX, SEGMENT_BYTES_TARGET, TAG } from "./format.ts";
import { writeEvent } from "./write-event.ts";

const SEED = 20260101;
const maxSafe = Number.MAX_SAFE_INTEGER;

const slot = fc.oneof(fc.nat(8), fc.nat(0xffff));
const u32 = fc.oneof(fc.nat(4), fc.integer({ min: 0, max: 0xffffffff }));
const i32 = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer());
const safe = fc.oneof(fc.integer(), fc.maxSafeInteger());
const natural = fc.oneof(fc.nat(5000), fc.maxSafeNat());
const offset = fc.oneof(fc.constant(-1), fc.nat(1 << 20), fc.maxSafeNat());
const how = fc.oneof(fc.constant(0), fc.nat(3), fc.integer({ min: 0, max: 0xffffffff }));
const digest = fc.option(fc.integer({ min: 0, max: 0xffffffff }), { nil: undefined });
const bytes = fc.option(fc.uint8Array({ maxLength: 400 }), { nil: undefined });
const numbers = fc.array(safe, { maxLength: 8 });
const text = fc.string({ unit: "grapheme", maxLength: 60 });

const anyEvent: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.record({ kind: fc.constant("turn" as const), steps: natural, nowNs: natural }),
  fc.record({
    kind: fc.constant("submit" as const),
    slot,
    opcode: fc.nat(255),
    file: fc.oneof(fc.integer({ min: -1, max: 70 }), fc.nat(0x7fffffff)),
    length: u32,
    offset,
    opFlags: u32,
    how,
    digest,
  }),
  fc.record({ kind: fc.constant("cancel" as const), slot }),
  fc.record({ kind: fc.constant("complete" as const), slot, result: i32, flags: u32, bytes }),
  fc.record({ kind: fc.constant("interrupt" as const), line: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant("expire" as const), nowNs: natural }),
  fc.record({ kind: fc.constant("input" as const), input: fc.nat(255), value: safe }),
  fc.record({ kind: fc.constant("clock" as const), nowNs: natural }),
  fc.record({
    kind: fc.constant("host" as const),
    call: fc.nat(255),
    args: numbers,
    results: numbers,
    bytes,
  }),
  fc.record({
    kind: fc.constant("start" as const),
    slot,
    provider: fc.nat(0xffff),
    handle: u32,
    operation: fc.nat(255),
    offset,
    length: natural,
    argument: safe,
    digest,
  }),
  fc.record({ kind: fc.constant("settle" as const), slot, result: safe, digest }),
  fc.record({ kind: fc.constant("mark" as const), text }),
  fc.record({ kind: fc.constant("end" as const), outcome: text }),
);

function encode(events: readonly SessionEvent[]): Uint8Array {
  const encoder = new SegmentEncoder();
  encoder.reset();
  for (const event of events) writeEvent(encoder, event);
  return encoder.bytes.slice();
}

function decode(segment: Uint8Array): SessionEvent[] {
  const decoder = new SegmentDecoder();
  const record = new EventRecord();
  const events: SessionEvent[] = [];
  decoder.load(segment, 0, "the test's segment");
  while (!decoder.done) {
    decoder.next(record);
    events.push(toSessionEvent(record));
  }
  return events;
}

describe("codec", () => {
  test("decode gives back every event when it was encoded within the bounds", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 200 }), (events) => {
        expect(decode(encode(events))).toEqual(events);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  test("encode is a function of the events alone: equal events give equal bytes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 50 }), (events) => {
        expect(encode(events)).toEqual(encode(structuredClone(events)));
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test("a submit and a complete of a regular pattern take one byte each", () => {
    const encoder = new SegmentEncoder();
    encoder.reset();
    const run = (first: number, count: number): void => {
      for (let i = first; i < first + count; i++) {
        encoder.submit(i, 22, 3, 4096, i * 4096, 0, NO_DIGEST);
        encoder.complete(i, 4096, 0, undefined);
      }
    };
    run(0, 3);
    const before = encoder.length;
    run(3, 100);
    expect(encoder.length - before).toBe(200);
  });

  test("NOPs that complete in any order take at most four bytes an event", () => {
    const random = new Random(SEED);
    const encoder = new SegmentEncoder();
    encoder.reset();
    const count = 2000;
    for (let i = 0; i < count; i++) {
      encoder.submit(random.below(256), 0, -1, 0, -1, 0, NO_DIGEST);
      encoder.complete(random.below(256), 0, 0, undefined);
    }
    expect(encoder.length / (2 * count)).toBeLessThan(4);
  });

  test("interleaved files keep their own predictions", () => {
    const encoder = new SegmentEncoder();
    encoder.reset();
    const round = (i: number): void => {
      encoder.submit(2 * i, 22, 1, 512, i * 512, 0, NO_DIGEST);
      encoder.submit(2 * i + 1, 23, 2, 8192, i * 8192, 0, NO_DIGEST);
    };
    for (let i = 0; i < 3; i++) round(i);
    const before = encoder.length;
    for (let i = 3; i < 103; i++) round(i);
    expect(encoder.length - before).toBe(400);
  });

  test("a payload far larger than a segment keeps its bytes", () => {
    const payload = new Uint8Array(3_000_000);
    new Random(1).fill(payload);
    const events: SessionEvent[] = [
      { kind: "complete", slot: 1, result: payload.length, flags: 0, bytes: payload },
      { kind: "mark", text: "after" },
    ];
    expect(decode(encode(events))).toEqual(events);
  });

  test("a mark of the largest size behind a nearly full segment has room", () => {
    const mark: SessionEvent = { kind: "mark", text: "x".repeat(MARK_BYTES_MAX) };
    const filler = new Uint8Array(SEGMENT_BYTES_TARGET - 10);
    const bytes = { kind: "complete", slot: 0, result: 1, flags: 0, bytes: filler } as const;
    expect(decode(encode([bytes, mark]))).toEqual([bytes, mark]);
  });
});

describe("encoder", () => {
  const encoder = new SegmentEncoder();
  encoder.reset();
  const cases: [string, () => void][] = [
    ["a slot beyond any table", () => encoder.submit(65536, 0, 0, 0, 0, 0, NO_DIGEST)],
    ["a fractional slot", () => encoder.complete(0.5, 0, 0, undefined)],
    ["a negative slot", () => encoder.cancel(-1)],
    ["an opcode of nine bits", () => encoder.submit(0, 256, 0, 0, 0, 0, NO_DIGEST)],
    ["a file below -1", () => encoder.submit(0, 0, -2, 0, 0, 0, NO_DIGEST)],
    ["a length of 33 bits", () => encoder.submit(0, 0, 0, 2 ** 32, 0, 0, NO_DIGEST)],
    ["an offset below -1", () => encoder.submit(0, 0, 0, 0, -2, 0, NO_DIGEST)],
    ["an unsafe offset", () => encoder.submit(0, 0, 0, 0, 2 ** 53, 0, NO_DIGEST)],
    ["flags of 33 bits", () => encoder.submit(0, 0, 0, 0, 0, 2 ** 32, NO_DIGEST)],
    ["a result of 33 bits", () => encoder.complete(0, 2 ** 31, 0, undefined)],
    ["NaN for a result", () => encoder.complete(0, Number.NaN, 0, undefined)],
    ["a time that is no number", () => encoder.turn(0, Number.NaN)],
    ["a negative time", () => encoder.clock(-1)],
    ["fractional steps", () => encoder.turn(1.5, 0)],
    ["too many numbers", () => encoder.host(1, Array(9).fill(0), [], undefined)],
    ["an unsafe number", () => encoder.host(1, [], [2 ** 53], undefined)],
    ["a fractional argument", () => encoder.start(0, 0, 0, 0, 0, 0, NO_DIGEST, 0.1)],
    ["a settle of no number", () => encoder.settle(0, Number.POSITIVE_INFINITY, NO_DIGEST)],
    ["a text beyond its bound", () => encoder.text(TAG.MARK, "x".repeat(MARK_BYTES_MAX + 1))],
  ];
  for (const [name, write] of cases) {
    test(`refuses ${name} and writes nothing of it`, () => {
      const before = encoder.length;
      expect(write).toThrow(RangeError);
      expect(encoder.length).toBe(before);
    });
  }

  test("refuses a payload above the bound with the mend", () => {
    const huge = { length: PAYLOAD_BYTES_MAX + 1 } as Uint8Array;
    try {
      encoder.complete(0, 0, 0, huge);
      expect.unreachable();
    } catch (error) {
      expect(isReelError(error, "ERR_LIMIT")).toBe(true);
    }
  });
});

describe("decoder", () => {
  test("never does anything but decode or refuse, whatever the bytes", () => {
    const random = new Random(SEED);
    const record = new EventRecord();
    let refused = 0;
    for (let round = 0; round < 20_000; round++) {
      const hostile = new Uint8Array(1 + random.below(64));
      random.fill(hostile);
      const decoder = new SegmentDecoder();
      decoder.load(hostile, random.below(1e9), "hostile bytes");
      try {
        while (!decoder.done) decoder.next(record);
      } catch (error) {
        if (!isReelError(error, "ERR_CORRUPT_RECORDING")) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10_000);
  });

  test("refuses every truncation in the midst of an event", () => {
    const whole = encode([
      { kind: "host", call: 1, args: [70_000], results: [0, 3, 4], bytes: new Uint8Array(9) },
    ]);
    for (let length = 1; length < whole.length; length++) {
      expect(() => decode(whole.subarray(0, length))).toThrow("Cannot decode the event at byte 0");
    }
  });

  test("allocates no more than the segment holds when a length lies", () => {
    const writer = new ByteWriter(64);
    writer.unsigned(TAG.COMPLETE | 2 | 8 | 16);
    writer.signed(1);
    writer.unsigned(PAYLOAD_BYTES_MAX);
    expect(() => decode(writer.bytes.subarray(0, writer.at))).toThrow("payload that is cut off");
  });
});

describe("varint", () => {
  const edges = [
    0,
    1,
    63,
    64,
    127,
    128,
    8191,
    8192,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 32,
    2 ** 35,
    maxSafe,
  ];

  test("unsigned and signed carry every edge up to 2^53", () => {
    for (const value of [...edges, 2 ** 53]) {
      const writer = new ByteWriter(64);
      writer.unsigned(value);
      writer.signed(value);
      writer.signed(-value);
      expect(writer.at).toBeLessThanOrEqual(24);
      const reader = new ByteReader();
      reader.bytes = writer.bytes.subarray(0, writer.at);
      expect([reader.unsigned(), reader.signed(), reader.signed()]).toEqual([
        value,
        value,
        value === 0 ? 0 : -value,
      ]);
    }
  });

  test("unsigned refuses what is not a whole number up to 2^53", () => {
    const writer = new ByteWriter(64);
    for (const value of [-1, 0.5, 128.5, Number.NaN, 2 ** 54, Infinity]) {
      expect(() => writer.unsigned(value)).toThrow(RangeError);
    }
    expect(writer.at).toBe(0);
  });

  test("a number of more than 53 bits is refused", () => {
    const reader = new ByteReader();
    reader.bytes = new Uint8Array(12).fill(0xff);
    expect(() => reader.unsigned()).toThrow("more than 53 bits");
  });
});
