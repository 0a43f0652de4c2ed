/**
 * What the readers of the machine's parts refuse although every byte is there: states that no
 * machine can be in. Each test writes one such state down by hand.
 */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../../errors.ts";
import { decodeEvents, encodeEvents, type EventHeapState } from "./event-state.ts";
import { decodeInterrupts, encodeInterrupts, type InterruptState } from "./interrupt-state.ts";
import { decodeRam, encodeRam } from "./ram-state.ts";
import { PAGE_BYTES, type RamState } from "./ram.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";
import { Timeline } from "./timeline.ts";

/** The message with which the reader refuses what the writer wrote; "accepted" if it does not. */
function refusal(
  write: (writer: StateWriter) => void,
  read: (reader: StateReader) => void,
): string {
  const writer = new StateWriter();
  write(writer);
  const reader = new StateReader(writer.finish());
  try {
    read(reader);
    reader.finish();
  } catch (error) {
    if (isReelError(error, "ERR_STATE_CORRUPT")) return error.message;
    throw error;
  }
  return "accepted";
}

describe("decodeEvents", () => {
  const good = (): EventHeapState => ({
    nextSequence: 9,
    generations: [1, 7, 2, 1],
    events: [
      { slot: 0, timeNs: 50, sequence: 8, source: 0, argument: 1 },
      { slot: 2, timeNs: 50, sequence: 3, source: 1, argument: -0.5 },
    ],
    free: [3, 1],
  });
  const attempt = (alter: (state: EventHeapState) => void): string => {
    const state = good();
    alter(state);
    return refusal(
      (writer) => encodeEvents(writer, state, (source) => `s${source}`),
      (reader) => expect(decodeEvents(reader, (name) => Number(name.slice(1)), 40)).toEqual(state),
    );
  };

  test("takes a state over as it was written", () => {
    expect(attempt(() => {})).toBe("accepted");
  });

  test("refuses two events of one sequence, and one that is still to come", () => {
    expect(attempt((s) => (s.events[1]!.sequence = 8))).toContain("an event's sequence");
    expect(attempt((s) => (s.events[1]!.sequence = 9))).toContain("an event's sequence");
    expect(attempt((s) => (s.events[1]!.sequence = 0))).toContain("an event's sequence");
  });

  test("refuses an event before the clock, or at a fraction of a nanosecond", () => {
    for (const timeNs of [39, 50.5, NaN, Infinity, -50]) {
      expect(attempt((s) => (s.events[0]!.timeNs = timeNs))).toContain("an event's time");
    }
  });

  test("refuses a free list that names a slot twice, or one that is taken", () => {
    expect(attempt((s) => (s.free = [3, 3]))).toContain("a free event slot");
    expect(attempt((s) => (s.free = [3, 0]))).toContain("a free event slot");
    expect(attempt((s) => (s.free = [3, 4]))).toContain("a free event slot");
  });

  test("refuses generation 0, which no token has", () => {
    expect(attempt((s) => (s.generations[1] = 0))).toContain("generation must be 1 or more");
  });
});

describe("Timeline.decode", () => {
  test("refuses two events of one timer, but not of one scheduler", () => {
    const timeline = new Timeline(() => {});
    timeline.timer("timer", () => {});
    timeline.scheduler("scheduler", () => {});
    const write = (name: string) => (writer: StateWriter) => {
      writer.f64(0);
      const event = { slot: 0, timeNs: 5, sequence: 1, source: 0, argument: 0 };
      const events = [event, { ...event, slot: 1, sequence: 2 }];
      const state = { nextSequence: 3, generations: [1, 1], events, free: [] };
      encodeEvents(writer, state, () => name);
    };
    const read = (reader: StateReader): void => void timeline.decode(reader);
    expect(refusal(write("timer"), read)).toContain('timer "timer" must be pending once');
    expect(refusal(write("scheduler"), read)).toBe("accepted");
    expect(refusal(write("gone"), read)).toContain('found no timer "gone"');
  });
});

describe("decodeInterrupts", () => {
  const attempt = (alter: (state: InterruptState) => void): string => {
    const state: InterruptState = {
      nextOrder: 6,
      delivered: 3,
      lost: 1,
      spurious: 0,
      flags: Uint8Array.of(0, 1, 1 | 2, 1 | 4 | 8),
      orders: Float64Array.of(0, 0, 4, 5),
    };
    alter(state);
    return refusal(
      (writer) => encodeInterrupts(writer, state),
      (reader) => expect(decodeInterrupts(reader, 4)).toEqual(state),
    );
  };

  test("takes a state over as it was written", () => {
    expect(attempt(() => {})).toBe("accepted");
  });

  test("refuses two lines raised in one moment of the order, and one not raised yet", () => {
    for (const order of [4, 6, 0, 4.5, NaN]) {
      expect(attempt((s) => (s.orders[3] = order))).not.toBe("accepted");
    }
  });

  test("refuses a delivered level that is not high, and unknown flags", () => {
    expect(attempt((s) => (s.flags[2] = 1 | 2 | 8))).toContain("interrupt line 2");
    expect(attempt((s) => (s.flags[0] = 16))).toContain("flags must be 0 to 15");
  });
});

describe("decodeRam", () => {
  const attempt = (alter: (state: RamState) => void): string => {
    const state: RamState = {
      dmaErrors: 2,
      allocations: [
        { page: 1, pages: 2 },
        { page: 3, pages: 1 },
      ],
      contents: [
        { page: 0, bytes: new Uint8Array(PAGE_BYTES).fill(1) },
        { page: 7, bytes: new Uint8Array(PAGE_BYTES).fill(2) },
      ],
    };
    alter(state);
    return refusal(
      (writer) => encodeRam(writer, 8 * PAGE_BYTES, state),
      (reader) => expect(decodeRam(reader, 8 * PAGE_BYTES)).toEqual(state),
    );
  };

  test("takes a state over as it was written", () => {
    expect(attempt(() => {})).toBe("accepted");
  });

  test("refuses allocations that overlap, are empty, hold page 0 or leave memory", () => {
    expect(attempt((s) => (s.allocations[1]!.page = 2))).toContain("an allocation");
    expect(attempt((s) => (s.allocations[1]!.pages = 0))).toContain("an allocation");
    expect(attempt((s) => (s.allocations[0]!.page = 0))).toContain("an allocation");
    expect(attempt((s) => (s.allocations[1]!.pages = 6))).toContain("an allocation's length");
    expect(attempt((s) => (s.allocations[1]!.page = 8))).toContain("an allocation's page");
  });

  test("refuses pages that come twice, out of order or from outside memory", () => {
    expect(attempt((s) => (s.contents[1]!.page = 0))).toContain("a page's number");
    expect(attempt((s) => (s.contents[0]!.page = 7))).toContain("a page's number");
    expect(attempt((s) => (s.contents[1]!.page = 8))).toContain("a page's number");
  });
});

describe("StateReader", () => {
  test("refuses counts that the bytes cannot hold, before anything is made of them", () => {
    const found = refusal(
      (writer) => writer.u32(0xffffffff),
      (reader) => reader.count("the count", 8),
    );
    expect(found).toContain("the count must be at most 0: found 4294967295");
  });

  test("refuses a name that is no UTF-8, and bytes that are not there", () => {
    const write = (writer: StateWriter): void => {
      writer.u32(2);
      writer.raw(Uint8Array.of(0xc3, 0x28));
    };
    expect(refusal(write, (reader) => void reader.text("a name"))).toContain("no UTF-8");
    expect(refusal(write, (reader) => void reader.raw(7, "bytes"))).toContain("at least 7 bytes");
    expect(refusal(write, (reader) => void reader.u8("a byte"))).toContain("more bytes");
  });
});
