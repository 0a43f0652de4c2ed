/** Operations with queued buffers: armed from round to round, one buffer for each. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import type { StartRequest } from "./engine.ts";
import { onRing, plainLayer, providerOf } from "./engine.fixture.ts";

const CANCELLED = -125;

/** A stream and a disk: reads that bring what the test completes them with. */
function setUp(buffers: number, operation: 0 | 1 = 0) {
  const read = plainLayer(
    "net.read",
    (cx) => cx.ring.read(5, cx.offset),
    (cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
  );
  const write = plainLayer(
    "net.write",
    (cx) => cx.ring.write(5, 0),
    (cx, result) => cx.done(result),
  );
  const t = onRing([
    providerOf(
      "net",
      ["read", "readDisk", "write"],
      () => ({ operations: { read, readDisk: read, write } }),
      { positioned: ["readDisk"] },
    ),
  ]);
  const queue = t.engine.bufferQueue();
  const made = Array.from({ length: buffers }, () => t.pool.owned(16));
  for (const buffer of made) queue.give(buffer);
  const request: StartRequest = {
    end: 0,
    operation,
    buffer: undefined,
    at: 0,
    length: 0,
    offset: operation === 1 ? 100 : -1,
    argument: 0,
    autoRelease: true,
  };
  const start = (): number => t.engine.startQueued(request, queue, t.outcomes);
  /** Completes the round that is under way with so many bytes of this value. */
  const round = (bytes: number, value = 0): void => {
    const { slot } = t.backend.last;
    const buffer = t.pool.get(t.engine.state.i32[(slot << 5) + 8]!);
    buffer.block.bytes.fill(value, 0, Math.max(0, bytes));
    t.backend.complete(t.backend.last, bytes);
    t.settle();
  };
  return { t, queue, made, request, start, round };
}

describe("startQueued()", () => {
  test("takes the next buffer for each round, in order, with identity and count [A2.10]", () => {
    const { t, queue, made, start, round } = setUp(3);
    start();
    for (const [i, bytes] of [4, 16, 1].entries()) round(bytes, i + 1);
    expect(t.outcomes.arrivedAll.map(({ buffer, bytes }) => [buffer, bytes])).toEqual([
      [made[0]!.id, 4],
      [made[1]!.id, 16],
      [made[2]!.id, 1],
    ]);
    expect(made.map((buffer) => [buffer.isBorrowed, buffer.bytes[0]])).toEqual([
      [false, 1],
      [false, 2],
      [false, 3],
    ]);
    expect([t.outcomes.results, queue.size]).toEqual([[], 0]);
  });

  test("has a request in flight whenever a buffer is queued: there is no gap [A2.10]", () => {
    const { t, queue, made, start, round } = setUp(2);
    start();
    for (let i = 0; i < 10; i++) {
      expect(t.backend.requests.length).toBe(1);
      round(3);
      queue.give(made[i % 2]!);
    }
    expect([queue.stalls, t.outcomes.arrivedAll.length]).toEqual([0, 10]);
    expect(t.engine.state.counters.queueStalls).toBe(0);
  });

  test("stands still when the queue is empty, counted, and then goes on [A2.10]", () => {
    const { t, queue, made, start, round } = setUp(1);
    start();
    round(2);
    expect([t.backend.requests.length, queue.stalls, t.backend.pending()]).toEqual([0, 1, false]);
    expect(t.engine.state.counters.queueStalls).toBe(1);
    queue.give(made[0]!);
    t.settle();
    expect([t.backend.requests.length, made[0]!.isBorrowed]).toEqual([1, true]);
    round(5);
    expect(t.outcomes.arrivedAll.map(({ bytes }) => bytes)).toEqual([2, 5]);
  });

  test("has the buffer clear when it arrives, to be given back at once [B4]", () => {
    const { t, queue, start, round } = setUp(1);
    t.outcomes.onArrived = (id) => queue.give(t.pool.get(id));
    start();
    for (let i = 0; i < 5; i++) round(1);
    expect(t.outcomes.arrivedAll.length).toBe(5);
    expect(t.backend.requests.length).toBe(1);
  });

  test("ends when cancelled, with the bytes of all rounds [A2.10, A2.6]", () => {
    const { t, queue, made, start, round } = setUp(3);
    const slot = start();
    round(4);
    round(6);
    t.engine.cancel(slot);
    t.settle();
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([
      [CANCELLED, 10],
    ]);
    expect([queue.size, queue.users, made[2]!.isBorrowed]).toEqual([1, 0, true]);
    expect(queue.withdraw()).toBe(made[2]!);
    expect([made[2]!.isBorrowed, queue.withdraw()]).toEqual([false, undefined]);
  });

  test("ends when it is cancelled while it stands still", () => {
    const { t, queue, start } = setUp(0);
    const slot = start();
    expect(queue.stalls).toBe(1);
    t.engine.cancel(slot);
    t.settle();
    expect([t.outcomes.results, queue.users]).toEqual([[CANCELLED], 0]);
  });

  test("cancelled after it was handed a buffer puts that back", () => {
    const { t, queue, start } = setUp(0);
    const slot = start();
    const buffer = t.pool.owned(8);
    queue.give(buffer);
    t.engine.cancel(slot);
    t.settle();
    expect([t.outcomes.results, queue.size, buffer.isBorrowed]).toEqual([[CANCELLED], 1, true]);
    queue.dispose();
    expect(buffer.isBorrowed).toBe(false);
  });

  test("delivers what a round brought that won against the cancellation, and then the end", () => {
    const { t, start } = setUp(2);
    t.backend.obeysCancel = false;
    const slot = start();
    t.engine.cancel(slot);
    t.backend.complete(t.backend.last, 9);
    const order: string[] = [];
    t.outcomes.onArrived = (_buffer, bytes) => order.push(`arrived ${bytes}`);
    t.outcomes.onSettled = ({ result, bytes }) => order.push(`ended ${result} ${bytes}`);
    t.settle();
    expect(order).toEqual(["arrived 9", `ended ${CANCELLED} 9`]);
  });

  test("ends at the end of the stream, with the unused buffer still queued", () => {
    const { t, queue, start, round } = setUp(2);
    start();
    round(7);
    round(0);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 7]]);
    expect([t.outcomes.arrivedAll.length, queue.size]).toEqual([1, 1]);
  });

  test("ends with the error of a round that fails, with its buffer still queued", () => {
    const { t, queue, start, round } = setUp(2);
    start();
    round(7);
    round(-5);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[-5, 7]]);
    expect([queue.size, queue.users]).toEqual([1, 0]);
  });

  test("goes on behind the round before where offsets are positions, and only there [A2.1]", () => {
    const disk = setUp(3, 1);
    disk.start();
    const offsets = [disk.t.backend.last.offset];
    for (const bytes of [16, 3]) {
      disk.round(bytes);
      offsets.push(disk.t.backend.last.offset);
    }
    expect(offsets).toEqual([100, 116, 119]);
    const stream = setUp(2, 0);
    stream.start();
    stream.round(4);
    expect(stream.t.backend.last.offset).toBe(-1);
  });

  test("lets several operations share a queue; a buffer goes to the one that waits longest", () => {
    const { t, queue, start } = setUp(0);
    const slots = [start(), start()];
    const buffers = [t.pool.owned(4), t.pool.owned(4)];
    for (const buffer of buffers) queue.give(buffer);
    t.settle();
    expect(t.backend.requests.map((request) => request.slot)).toEqual(slots);
    expect([queue.users, queue.stalls]).toEqual([2, 2]);
  });

  test("ends as faulty when a round says that it brought more than its buffer has", () => {
    const { t, queue, start, round } = setUp(1);
    start();
    round(17);
    expect(t.outcomes.results).toEqual([-4102]);
    expect([queue.users, t.outcomes.arrivedAll.map(({ bytes }) => bytes)]).toEqual([0, [16]]);
  });

  test("ends as faulty, with the buffer back, when the program took its memory away", () => {
    const { t, queue, start } = setUp(0);
    const memory = new Uint8Array(16);
    const buffer = t.pool.borrow(memory);
    queue.give(buffer);
    start();
    structuredClone(memory, { transfer: [memory.buffer] });
    t.backend.complete(t.backend.last, 4);
    t.settle();
    expect(t.outcomes.results).toEqual([-4102]);
    expect(t.outcomes.arrivedAll.map(({ bytes }) => bytes)).toEqual([0]);
    expect([buffer.isBorrowed, queue.users]).toEqual([false, 0]);
  });

  test("is refused for operations that do not read, with a buffer, or with another's queue", () => {
    const { t, queue, request } = setUp(1);
    const other = setUp(0).queue;
    const refuse = (change: Partial<StartRequest>, from = queue): unknown => {
      try {
        return t.engine.startQueued({ ...request, ...change }, from, t.outcomes);
      } catch (error) {
        return isReelError(error) ? error.code : (error as Error).name;
      }
    };
    expect(refuse({ operation: 2 })).toBe("ERR_UNSUPPORTED");
    expect(refuse({ buffer: t.pool.owned(1) })).toBe("RangeError");
    expect(refuse({}, other)).toBe("RangeError");
    queue.dispose();
    expect(refuse({})).toBe("ERR_CLOSED");
    expect(t.engine.state.table.used).toBe(0);
  });
});

describe("BufferQueue", () => {
  test("refuses buffers that are in use or have no bytes, and everything after its end", () => {
    const { t, queue } = setUp(0);
    const buffer = t.pool.owned(4);
    queue.give(buffer);
    expect(() => queue.give(buffer)).toThrow("Cannot lend buffer");
    expect(() => buffer.dispose()).toThrow("an operation in flight uses its memory");
    expect(() => queue.give(t.pool.owned(0))).toThrow("it has no bytes");
    queue.dispose();
    queue.dispose();
    expect(buffer.isBorrowed).toBe(false);
    expect(() => queue.give(buffer)).toThrow("the queue was disposed of");
  });

  test("cannot be disposed of while an operation uses it, and gives its list back", () => {
    const { t, queue, start } = setUp(1);
    const slot = start();
    expect(() => queue.dispose()).toThrow("1 operations use it");
    t.engine.cancel(slot);
    t.settle();
    queue.dispose();
    const again = t.engine.bufferQueue();
    expect([again.id, again.waiters]).toEqual([queue.id, queue.waiters]);
  });

  test("keeps its order while it grows and goes round", () => {
    const { t, queue } = setUp(0);
    const ids: number[] = [];
    for (let i = 0; i < 5; i++) queue.give(t.pool.owned(1));
    for (let i = 0; i < 3; i++) queue.withdraw();
    for (let i = 0; i < 40; i++) queue.give(t.pool.owned(1));
    for (let buffer = queue.withdraw(); buffer !== undefined; buffer = queue.withdraw()) {
      ids.push(buffer.id);
    }
    expect(ids).toEqual(Array.from({ length: 42 }, (_, i) => i + 4));
  });
});
