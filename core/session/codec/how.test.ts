/**
 * The way of a request in the codec: nearly all are made in the plain way and are written as they
 * were before there was any other; only a segment that holds another way asks for a later reader.
 */
import { describe, expect, test } from "bun:test";
import { fromGroup, HOW, OPCODE } from "../../backend/contract.ts";
import { EventRecord, NO_DIGEST, toSessionEvent } from "../event.ts";
import { SegmentWriter } from "../segment-writer.ts";
import { MemorySegments } from "../segment.ts";
import { SegmentDecoder } from "./decoder.ts";
import { SegmentEncoder } from "./encoder.ts";
import { CODEC_FIRST, CODEC_HOW, SEGMENT_BYTES_TARGET, TAG } from "./format.ts";

/** What codec 1 made of the events that `plain` writes. */
const PINNED = "df0603168020a4011a4d7036a7050103014b03050501020305";

function plain(encoder: SegmentEncoder): void {
  encoder.submit(3, OPCODE.READ, 6, 4096, 100, 0, 0x36704d1a);
  encoder.submit(7, OPCODE.FSYNC, 5, 0, 0, 1, NO_DIGEST);
  encoder.complete(3, 5, 0, new Uint8Array([5, 1, 2, 3, 5]));
}

function decodeAll(bytes: Uint8Array): unknown[] {
  const decoder = new SegmentDecoder();
  const record = new EventRecord();
  const events: unknown[] = [];
  decoder.load(bytes, 0, "the test's segment");
  while (!decoder.done) {
    decoder.next(record);
    events.push(toSessionEvent(record));
  }
  return events;
}

function fresh(): SegmentEncoder {
  const encoder = new SegmentEncoder();
  encoder.reset();
  return encoder;
}

describe("the way of a request", () => {
  test("costs nothing and changes no byte when it is the plain one", () => {
    const encoder = fresh();
    plain(encoder);
    expect(encoder.bytes.toHex()).toBe(PINNED);
    expect(encoder.codec).toBe(CODEC_FIRST);
  });

  test("costs a tag and its number when it is not, and is forgotten after its request", () => {
    const encoder = fresh();
    const receive = (how: number): number => {
      const before = encoder.length;
      encoder.submit(1, OPCODE.RECV, 2, 0, 0, 0, NO_DIGEST, how);
      return encoder.length - before;
    };
    for (let i = 0; i < 3; i++) receive(0);
    const ways = [0, HOW.POLL_FIRST, 0, HOW.RECV_MULTISHOT | fromGroup(5), fromGroup(0x7fff) >>> 0];
    expect(ways.map(receive)).toEqual([1, 3, 1, 5, 7]);
    const events = decodeAll(encoder.bytes).slice(3);
    expect(events.map((event) => (event as { how: number }).how)).toEqual(ways);
  });

  test("refuses a way of more than 32 bits and writes nothing of it", () => {
    const encoder = fresh();
    for (const how of [-1, 0.5, 2 ** 32, Number.NaN]) {
      const submit = (): void => encoder.submit(1, 27, 2, 0, 0, 0, NO_DIGEST, how);
      expect(submit).toThrow("how must be a whole number");
    }
    expect(encoder.length).toBe(0);
    expect(encoder.codec).toBe(CODEC_FIRST);
  });

  test("names the codec that each segment needs, and no later one", () => {
    const source = new MemorySegments();
    const writer = new SegmentWriter(source);
    const fill = (how: number): void => {
      writer.encoder.submit(1, OPCODE.RECV, 2, 0, 0, 0, NO_DIGEST, how);
      writer.wrote();
      writer.encoder.complete(1, 1, 0, new Uint8Array(SEGMENT_BYTES_TARGET));
      writer.wrote();
    };
    for (const how of [0, 3, 0]) fill(how);
    const codecs = source.segments.map(({ codec }) => codec);
    expect(codecs).toEqual([CODEC_FIRST, CODEC_HOW, CODEC_FIRST]);
  });

  test("is refused where no request follows it, or where it says nothing", () => {
    const hostile = [[TAG.HOW], [TAG.HOW, 1], [TAG.HOW, 0, TAG.SUBMIT], [TAG.HOW, 1, TAG.COMPLETE]];
    hostile.push([TAG.HOW, 1, TAG.HOW, 1, TAG.SUBMIT], [TAG.HOW, 255, 255, 255, 255, 127, 128]);
    hostile.push([TAG.HOW, 1, TAG.COMPLETE, 0, 0, 0, 0, 0, 0, 0]);
    for (const bytes of hostile) {
      expect(() => decodeAll(new Uint8Array(bytes))).toThrow("Cannot decode the event at byte 0");
    }
  });
});
