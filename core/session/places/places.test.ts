/** The table of operations against a plain model, its checkpoints, and travelling by both. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { COMPLETE_MORE, OPCODE } from "../../backend/contract.ts";
import { Random } from "../../random.ts";
import type { SessionEvent } from "../event.ts";
import { randomEvents, recordedOf, refusal } from "../session.fixture.ts";
import type { MemorySegments } from "../segment.ts";
import { TableCollector, CHECKPOINT_EVENTS } from "./collector.ts";
import type { CheckpointRow } from "./collector.ts";
import { PlaceChecker } from "./check-places.ts";
import type { Mark } from "./table.ts";
import { decodeTable, encodeTable } from "./table-codec.ts";
import { Timeline } from "./timeline.ts";
import { PlaceWalker, tableAt } from "./walker.ts";

/** A recording in memory with what a collector makes of it. */
function collected(events: readonly SessionEvent[]) {
  const recorded = recordedOf(events);
  const source = recorded.source as MemorySegments;
  const collector = new TableCollector();
  const checkpoints: CheckpointRow[] = [];
  const marks: Mark[] = [];
  for (const segment of source.segments) {
    const rows = collector.segment(segment);
    checkpoints.push(...rows.checkpoints);
    marks.push(...rows.marks);
  }
  return {
    source,
    eventCount: recorded.eventCount,
    checkpoints,
    marks,
    checkpointAt: (sequence: number) => checkpoints.findLast((row) => row.sequence <= sequence),
    checkpointFrom: (sequence: number) => checkpoints.find((row) => row.sequence >= sequence),
    marksBefore: (sequence: number) => marks.filter((mark) => mark.sequence < sequence),
    marksFrom: (sequence: number, count: number) =>
      marks.filter((mark) => mark.sequence >= sequence).slice(0, count),
  };
}

const long = collected(randomEvents(11, 7000));
/** The same without rows, as an older recording or a recovered tail has it. */
const bare = { source: long.source, eventCount: long.eventCount };

/** What a reader of the events would put together by hand, without any of the product's code. */
function byHand(events: readonly SessionEvent[]) {
  const slots = new Map<number, Record<string, unknown> & { writes: boolean; results: number }>();
  const totals = { operations: 0, settled: 0, failed: 0, bytesIn: 0, bytesOut: 0 };
  let timeNs = 0;
  const end = (slot: number, result: number): void => {
    slots.delete(slot);
    totals.settled++;
    if (result < 0) totals.failed++;
  };
  for (const [sequence, event] of events.entries()) {
    if ("nowNs" in event) timeNs = event.nowNs;
    if (event.kind === "start" || (event.kind === "submit" && event.opcode !== 15)) {
      totals.operations++;
      const target = event.kind === "start" ? event.handle : event.file;
      const operation = event.kind === "start" ? event.operation : event.opcode;
      const { kind, length, offset, slot } = event;
      const began = { kind, length, offset, slot, target, operation, sequence, timeNs };
      const writes = event.digest !== undefined;
      const number = totals.operations;
      slots.set(slot, { ...began, number, writes, results: 0, limited: false, cancelled: false });
    } else if (event.kind === "submit") {
      const found = slots.get(event.slot);
      if (found !== undefined) found.limited = true;
    } else if (event.kind === "cancel") {
      const found = slots.get(event.slot);
      if (found !== undefined) found.cancelled = true;
    } else if (event.kind === "complete" || event.kind === "settle") {
      const found = slots.get(event.slot);
      if (found === undefined) continue;
      const isComplete = event.kind === "complete";
      if (isComplete) totals.bytesIn += event.bytes?.length ?? 0;
      else if (event.digest !== undefined) totals.bytesIn += Math.max(0, event.result);
      const notifies = isComplete && (event.flags & 4) !== 0;
      if (found.writes && !notifies) totals.bytesOut += Math.max(0, event.result);
      if (isComplete && (event.flags & COMPLETE_MORE) !== 0) found.results++;
      else end(event.slot, event.result);
    }
  }
  return { totals: { ...totals, inFlight: slots.size, timeNs }, slots };
}

describe("OperationTable", () => {
  test("apply() comes to what the events say, written down by hand, at random places", () => {
    expect(OPCODE.LINK_TIMEOUT).toBe(15);
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 60 }), (seed, turns) => {
        const random = new Random(seed);
        const events = randomEvents(seed, turns).flatMap((event): SessionEvent[] => {
          if (event.kind !== "submit" || !random.chance(0.3)) return [event];
          const limit = { file: -1, length: 0, opFlags: 0, how: 0, digest: undefined };
          return [event, { ...event, ...limit, opcode: OPCODE.LINK_TIMEOUT, offset: 5 }];
        });
        const place = random.below(events.length + 1);
        const recorded = recordedOf(events);
        const table = tableAt(recorded, place);
        const wanted = byHand(events.slice(0, place));
        expect(table.totals).toMatchObject({ ...wanted.totals, events: place });
        const inFlight = [...wanted.slots.values()].map(({ writes: _writes, ...rest }) => rest);
        inFlight.sort((left, right) => Number(left.slot) - Number(right.slot));
        expect(table.list()).toMatchObject(inFlight);
      }),
      { seed: 20261121, numRuns: 100 },
    );
  });
});

describe("checkpoints of places", () => {
  test("segment() gives a checkpoint between segments after every 16,384 events", () => {
    expect(long.checkpoints.length).toBeGreaterThan(1);
    let before = 0;
    for (const { sequence } of long.checkpoints) {
      expect(sequence - before).toBeGreaterThanOrEqual(CHECKPOINT_EVENTS);
      expect(long.source.segmentAt(sequence)?.firstSequence ?? sequence).toBe(sequence);
      before = sequence;
    }
    const rest = TableCollector.from(long.checkpoints[0]!);
    const found: CheckpointRow[] = [];
    for (const segment of long.source.segments) {
      if (segment.firstSequence >= rest.sequence) found.push(...rest.segment(segment).checkpoints);
    }
    expect(found).toEqual(long.checkpoints.slice(1));
    expect(() => rest.segment(long.source.segments[0]!)).toThrow(/wanted one from/);
  });

  test("decodeTable() gives back any table and refuses whatever bytes are none", () => {
    const bytes = long.checkpoints[1]!.data;
    const again = decodeTable(bytes, "a checkpoint");
    expect(encodeTable(again)).toEqual(bytes);
    expect(again.list()).toEqual(tableAt(bare, again.events).list());
    for (let length = 0; length < bytes.length; length++) {
      const cut = () => decodeTable(bytes.subarray(0, length), "a checkpoint");
      expect(refusal(cut).code).toBe("ERR_CORRUPT_RECORDING");
    }
    const random = new Random(3);
    for (let round = 0; round < 3000; round++) {
      const hostile = bytes.slice();
      for (let hit = 0; hit <= random.below(4); hit++) {
        hostile[random.below(hostile.length)] = random.below(256);
      }
      // Either it is refused, or it is a table whose bytes are these.
      try {
        const table = decodeTable(hostile, "a checkpoint");
        expect(table.list()).toHaveLength(table.inFlight);
        encodeTable(table);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_CORRUPT_RECORDING" });
      }
    }
  });

  test("PlaceChecker() finds every row that says something else than the events", () => {
    const check = (rows: Partial<typeof long>): void => {
      const checker = new PlaceChecker({ ...long, ...rows }, "a.reel");
      const walker = new PlaceWalker(bare);
      for (let record = walker.peek(); record !== undefined; record = walker.peek()) {
        checker.event(record);
        walker.advance();
      }
      checker.finish();
    };
    check({});
    const first = long.checkpoints[0]!;
    const other = { ...first, data: long.checkpoints[1]!.data };
    const late = { ...long.marks.at(-1)!, sequence: long.eventCount + 5 };
    const wrong: Partial<typeof long>[] = [
      { checkpointFrom: (sequence) => (sequence <= 0 ? other : long.checkpointFrom(sequence)) },
      { checkpointFrom: () => ({ ...first, sequence: first.sequence - 1 }) },
      { marksFrom: () => [{ ...long.marks[0]!, text: "another" }] },
      { marksFrom: () => [{ ...long.marks[0]!, sequence: 0 }] },
      { marksFrom: (at) => (at <= 0 ? [late] : []) },
    ];
    for (const rows of wrong) {
      expect(refusal(() => check(rows)).code).toBe("ERR_CORRUPT_RECORDING");
    }
    const damaged = { ...long, checkpointAt: () => ({ ...first, crc32: first.crc32 ^ 1 }) };
    expect(refusal(() => tableAt(damaged, first.sequence)).message).toContain("checksum");
  });
});

describe("Timeline", () => {
  test("step() and at() come to the same table at 300 random places, with rows and without", () => {
    const random = new Random(5);
    const line = new Timeline(long);
    const steps = new PlaceWalker(bare);
    const places = Array.from({ length: 300 }, () => random.below(long.eventCount + 1));
    for (const place of places.toSorted((left, right) => left - right)) {
      while (steps.sequence < place) steps.advance();
      expect(encodeTable(tableAt(long, place))).toEqual(encodeTable(steps.table));
      expect(line.step(place - line.sequence)).toBe(place);
      expect(encodeTable(line.table)).toEqual(encodeTable(steps.table));
    }
    for (const place of places.slice(0, 60)) {
      expect(line.step(place - line.sequence)).toBe(place);
      expect(encodeTable(line.table)).toEqual(encodeTable(tableAt(long, place)));
    }
  });

  test("at() finds times and marks, and says what there is where there is none", () => {
    for (const places of [long, bare]) {
      const line = new Timeline(places);
      expect(line.marks).toEqual(long.marks);
      expect(line.at("end")).toBe(long.eventCount);
      expect(line.next).toBeUndefined();
      const { timeNs } = line.table;
      for (const part of [0, 0.3, 0.777, 1]) {
        const wanted = Math.floor(timeNs * part);
        line.at({ timeNs: wanted });
        expect(line.table.timeNs).toBeLessThanOrEqual(wanted);
        line.step(1);
        if (part < 1) expect(line.table.timeNs).toBeGreaterThan(wanted);
      }
      const mark = long.marks[77]!;
      line.at({ mark: mark.text });
      expect(line.next).toMatchObject({ event: { kind: "mark", text: mark.text } });
      expect(refusal(() => line.at({ mark: "line" })).message).toMatch(/\d+ marks have it/);
      expect(refusal(() => line.at({ mark: "nowhere" })).mend).toContain('"line ');
      expect(refusal(() => line.at(long.eventCount + 1)).code).toBe("ERR_USAGE");
    }
  });

  test("continueBackward() and continueForward() stop at the same events from either side", () => {
    for (const places of [long, bare]) {
      const line = new Timeline(places);
      const found: number[] = [];
      const rare = (record: { kind: number; result: number }, table: { events: number }) =>
        record.kind === 4 && record.result === -7 && table.events > 0;
      while (line.continueForward(rare)) found.push(line.sequence);
      expect(found.length).toBeGreaterThan(20);
      expect(line.sequence).toBe(long.eventCount);
      for (const sequence of found.slice(-12).toReversed()) {
        expect(line.continueBackward(rare)).toBe(true);
        expect(line.sequence).toBe(sequence);
      }
      expect(line.continueBackward(() => false)).toBe(false);
      expect(line.sequence).toBe(0);
    }
  });
});
