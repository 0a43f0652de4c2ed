/** Bytes that a layer hands to its operation, with a buffer and without one. */
import { describe, expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { layer, type Layer, type LayerContext, type Move } from "../provider/layer.ts";
import type { Provider } from "../provider/define.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onMachine, plainLayer, providerOf } from "./engine.fixture.ts";
import { unused } from "./restoring.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

const FAULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;
const LONG = Uint8Array.from({ length: 1000 }, (_, i) => i);

/** A stream whose reads complete as told; they may be started without a buffer. */
const streamOf = (complete: (cx: LayerContext, result: number) => Move): Provider =>
  providerOf(
    "net",
    ["read", "write", "readHeld"],
    () => {
      const made = plainLayer("net.read", (cx) => cx.after(cx.argument), complete);
      return { operations: { read: made, write: made, readHeld: made } };
    },
    { unbuffered: ["read"] },
  );
const bringing = (...pieces: [at: number, count: number][]): Provider =>
  streamOf((cx) => {
    for (const [at, count] of pieces) cx.bring(LONG, at, count);
    return cx.done(0);
  });

/** Starts an operation that is over at once, and delivers its outcome. */
function outcomeOf(provider: Provider, words: object = {}, operation = 0) {
  const t = onMachine([provider]);
  t.start(operation, { autoRelease: true, ...words });
  t.settle();
  const [outcome] = t.outcomes.settledAll;
  expect(t.held()).toEqual(NOTHING_HELD);
  return outcome!;
}

describe("bring() into a buffer", () => {
  test("puts the pieces one behind the other, from the operation's first byte, and counts", () => {
    const t = onMachine([bringing([0, 3], [500, 200], [7, 0], [9, 1])]);
    const buffer = t.pool.owned(300);
    t.start(0, { buffer, at: 5, autoRelease: true });
    t.settle();
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 204]]);
    const wanted = [...LONG.slice(0, 3), ...LONG.slice(500, 700), LONG[9]];
    expect([...buffer.bytes]).toEqual([0, 0, 0, 0, 0, ...wanted, ...Array(91).fill(0)] as number[]);
  });

  test("goes behind what was counted by progress(), and survives a failure", () => {
    const t = onMachine([streamOf((cx) => (cx.progress(2), cx.bring(LONG, 1, 2), cx.fail(5)))]);
    const buffer = t.pool.owned(8);
    t.start(0, { buffer });
    t.settle();
    expect([...buffer.bytes]).toEqual([0, 0, 1, 2, 0, 0, 0, 0]);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[-5, 4]]);
  });

  test("is refused beyond the buffer's end or the source's, and for what is no place", () => {
    const wrong: [number, number][] = [
      [0, 9],
      [996, 5],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
      [1001, 0],
    ];
    for (const piece of wrong) {
      const t = onMachine([bringing(piece)]);
      const buffer = t.pool.owned(16);
      t.start(0, { buffer, length: 8, autoRelease: true });
      t.settle();
      expect([piece, t.outcomes.results, Math.max(...buffer.bytes)]).toEqual([piece, [FAULT], 0]);
      expect(t.held()).toEqual(NOTHING_HELD);
    }
  });

  test("is refused by an operation that sends, whose bytes are the program's", () => {
    const t = onMachine([bringing([1, 2])]);
    const buffer = t.pool.owned(8);
    t.start(1, { buffer });
    t.settle();
    expect([t.outcomes.results, buffer.bytes.slice(0, 2)]).toEqual([[FAULT], new Uint8Array(2)]);
  });

  test("is refused by forks, which have no place of their own in the buffer", () => {
    const child = plainLayer(
      "net.child",
      (cx) => cx.ready(),
      (cx) => (cx.bring(LONG, 0, 1), cx.done(0)),
    );
    const parent = layer({
      name: "net.parent",
      frame: struct({ forked: u8 }),
      wait: (_frame, cx) => cx.ready(),
      complete(frame, cx, result) {
        if (frame.forked++ > 0) return result < 0 ? cx.fail(-result) : cx.done(0);
        cx.fork(child);
        return cx.join();
      },
    }) as unknown as Layer;
    const t = onMachine([
      providerOf("net", ["read"], () => ({ operations: { read: parent }, layers: [child] })),
    ]);
    t.start(0, { buffer: t.pool.owned(8) });
    t.settle();
    expect(t.outcomes.results).toEqual([FAULT]);
  });

  test("fills each of an operation's queued buffers from its first byte [A2.10]", () => {
    let round = 0;
    const t = onMachine([
      streamOf((cx) => {
        round++;
        if (round === 4) return cx.done(0);
        cx.bring(LONG, round * 10, 2);
        if (round === 2) cx.bring(LONG, 99, 1);
        return cx.done(0);
      }),
    ]);
    const queue = t.engine.bufferQueue();
    const buffers = [4, 4, 4, 4].map((sizeBytes) => t.pool.owned(sizeBytes));
    for (const buffer of buffers) queue.give(buffer);
    const place = { end: 0, operation: 0, buffer: undefined, at: 0, length: 0, offset: 0 };
    t.engine.startQueued({ ...place, argument: 1, autoRelease: true }, queue, t.outcomes);
    t.runOut();
    expect(t.outcomes.arrivedAll.map(({ bytes }) => bytes)).toEqual([2, 3, 2]);
    expect(buffers.map((buffer) => [...buffer.bytes])).toEqual([
      [10, 11, 0, 0],
      [20, 21, 99, 0],
      [30, 31, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(t.outcomes.settledAll.map(({ result, bytes }) => [result, bytes])).toEqual([[0, 7]]);
  });
});

describe("bring() without a buffer", () => {
  test("hands a fresh array out with the outcome, and keeps nothing afterwards [O4]", () => {
    for (const count of [1, 64, 65, 900]) {
      const t = onMachine([bringing([3, count])]);
      t.start(0, { length: 1000, autoRelease: true });
      t.settle();
      const [outcome] = t.outcomes.settledAll;
      expect(outcome!.brought).toEqual(LONG.slice(3, 3 + count));
      expect([outcome!.bytes, outcome!.brought!.buffer.byteLength]).toEqual([count, count]);
      expect(t.engine.state.brought.every((bytes) => bytes === undefined)).toBe(true);
      expect(t.engine.state.deliveredBytes).toBeUndefined();
    }
  });

  test("hands out nothing when nothing was brought, or when it was no bytes", () => {
    for (const provider of [bringing(), bringing([0, 0])]) {
      const { brought, bytes, result } = outcomeOf(provider, { length: 8 });
      expect([brought, bytes, result]).toEqual([undefined, 0, 0]);
    }
  });

  test("is refused a second time, beyond the length asked for, and without the leave", () => {
    expect(outcomeOf(bringing([0, 1], [1, 1]), { length: 8 }).result).toBe(FAULT);
    expect(outcomeOf(bringing([0, 9]), { length: 8 }).result).toBe(FAULT);
    expect(outcomeOf(bringing([0, 1]), { length: 8 }, 2).result).toBe(FAULT);
    expect(outcomeOf(bringing([0, 1]), { length: 8 }, 1).result).toBe(FAULT);
  });

  test("leaves the array of an operation that is not released to whoever looks", () => {
    const t = onMachine([bringing([0, 2])]);
    const slot = t.start(0, { length: 8 });
    t.settle();
    expect(t.engine.state.brought[slot]).toEqual(LONG.slice(0, 2));
    t.engine.release(slot);
    expect(t.engine.state.brought[slot]).toBeUndefined();
  });

  test("is part of a snapshot, whether the operation goes on or waits for its delivery", () => {
    const twice = (): Provider =>
      streamOf((cx) => {
        if (cx.moved > 0 || cx.argument === 0) {
          if (cx.moved === 0) cx.bring(LONG, 1, 2);
          return cx.done(0);
        }
        cx.bring(LONG, 0, 3);
        return cx.again();
      });
    const t = onMachine([twice()]);
    const waiting = t.start(0, { length: 8, argument: 5 });
    t.engine.armNext();
    t.engine.poll(true);
    t.settle();
    const over = t.start(0, { length: 8, argument: 0 });
    const handles = [over, waiting].map((slot) => t.engine.state.table.handleOf(slot));
    expect([waiting, over].map((slot) => t.engine.state.brought[slot]!.length)).toEqual([3, 2]);
    const saved = snapshotEngine(t.engine.state);
    const again = unused([twice()]);
    restoreEngine(again.engine.state, saved);
    expect(snapshotEngine(again.engine.state).toHex()).toBe(saved.toHex());
    for (const handle of handles) again.engine.adopt(handle, again.outcomes, true);
    again.runOut();
    expect(again.outcomes.settledAll.map(({ brought }) => [...brought!])).toEqual([
      [1, 2],
      [0, 1, 2],
    ]);
    expect(again.held()).toEqual(NOTHING_HELD);
  });
});
