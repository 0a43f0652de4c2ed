/**
 * Random schedules of starting, cancelling, completing, completing again and letting time pass, on
 * a ring that the test plays. Whatever happens, an operation has exactly one outcome, its buffer is
 * lent until then and not after, and at the end nothing is left.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { IoBuffer } from "../buffer/buffer.ts";
import { ERRNO, layer, struct, u8, type Layer } from "../provider/index.ts";
import { scriptedRig, type EngineRig } from "./engine-rig.fixture.ts";
import type { ScriptedBackend, ScriptedRequest } from "./scripted-backend.fixture.ts";

const SLOTS = 8;

/** One request; or two, the second under a deadline; or three beside each other. */
function layers(): Record<string, Layer> {
  const once = layer({
    name: "test.once",
    frame: struct({}),
    wait: (_frame, cx) => cx.ring.read(3, -1, 0, 4),
    complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
  }) as unknown as Layer;
  const twice = layer({
    name: "test.twice",
    frame: struct({ phase: u8 }),
    wait(frame, cx) {
      const wait = cx.ring.read(3, -1, frame.phase * 4, 4);
      return frame.phase === 0 ? wait : cx.within(40, wait);
    },
    complete(frame, cx, result) {
      if (result < 0) return cx.fail(-result);
      cx.progress(result);
      return ++frame.phase === 2 ? cx.done(0) : cx.again();
    },
  }) as unknown as Layer;
  const forks = layer({
    name: "test.forks",
    frame: struct({ joined: u8 }),
    wait: (_frame, cx) => cx.ready(),
    complete(frame, cx, result) {
      if (frame.joined === 1) return result < 0 ? cx.fail(-result) : cx.done(result);
      frame.joined = 1;
      for (let i = 0; i < 3; i++) cx.fork(once);
      return cx.join();
    },
  }) as unknown as Layer;
  return { readOnce: once, readTwice: twice, readForks: forks };
}

interface Live {
  slot: number;
  handle: number;
  buffer: IoBuffer;
}

const step = fc.record({
  what: fc.constantFrom("start", "start", "cancel", "complete", "complete", "late", "pass", "end"),
  which: fc.nat(11),
  result: fc.constantFrom(0, 1, 4, -ERRNO.EIO, -ERRNO.EINTR),
});
type Step = { what: string; which: number; result: number };

class Schedule {
  readonly rig: EngineRig<ScriptedBackend>;
  readonly live: Live[] = [];
  readonly completed: ScriptedRequest[] = [];
  started = 0;
  #late = 0;

  constructor() {
    const operations = layers();
    const limits = { table: { slots: SLOTS } };
    this.rig = scriptedRig(Object.keys(operations), () => ({ operations }), limits);
  }

  do({ what, which, result }: Step): void {
    const { rig } = this;
    const { engine, backend } = rig;
    if (what === "start") this.#start(["readOnce", "readTwice", "readForks"][which % 3]!);
    else if (what === "cancel" && this.live[which] !== undefined) {
      engine.cancel(this.live[which].slot);
    } else if (what === "complete" && backend.requests[which] !== undefined) {
      this.#complete(backend.requests[which], result);
    } else if (what === "late" && this.completed[which] !== undefined) {
      // Its wait is over, so this one is too late, whatever lives in the slot now.
      const { slot, generation } = this.completed[which];
      const waits = backend.requests.some(
        (each) => each.slot === slot && each.generation === generation,
      );
      if (!waits) {
        engine.complete(slot, generation, 4, 0);
        this.#late++;
      }
    } else if (what === "pass") {
      engine.armNext();
      backend.pass(engine, backend.nowNs + which * 10);
    } else if (what === "end") {
      engine.cancelAll();
    }
    this.#look();
  }

  /** Completes everything that is there until nothing comes any more. */
  drain(): void {
    this.rig.engine.cancelAll();
    this.#look();
    while (this.rig.backend.requests.length > 0) {
      this.#complete(this.rig.backend.requests[0]!, 1);
      this.#look();
    }
  }

  #start(name: string): void {
    const buffer = this.rig.pool.owned(12);
    const slot = this.rig.start(name, { buffer });
    if (slot === -1) {
      expect(buffer.isBorrowed).toBe(false);
      buffer.dispose();
      return;
    }
    this.started++;
    this.live.push({ slot, handle: this.rig.engine.state.table.handleOf(slot), buffer });
  }

  #complete(request: ScriptedRequest, result: number): void {
    const cancelled = request.cancelled && result <= 0;
    this.rig.backend.complete(this.rig.engine, request, cancelled ? -ERRNO.ECANCELED : result);
    this.completed.unshift(request);
  }

  #look(): void {
    const { engine, backend, outcomes } = this.rig;
    while (engine.work());
    const over = new Map(outcomes.map((outcome) => [outcome.handle, outcome]));
    expect(over.size).toBe(outcomes.length);
    for (const each of this.live.slice()) {
      const outcome = over.get(each.handle);
      expect(each.buffer.isBorrowed).toBe(outcome === undefined);
      if (outcome === undefined) continue;
      expect([outcome.lent, outcome.fault]).toEqual([false, undefined]);
      this.live.splice(this.live.indexOf(each), 1);
      each.buffer.dispose();
    }
    expect(outcomes.length + this.live.length).toBe(this.started);
    expect(engine.state.counters.stale).toBe(this.#late);
    expect(backend.strayCancels).toBe(0);
  }
}

describe("any schedule", () => {
  test("gives each operation one outcome, and its loan ends with it [W2, B4, M2.2]", () => {
    const property = fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const schedule = new Schedule();
      for (const each of steps) schedule.do(each);
      schedule.drain();
      expect(schedule.live).toEqual([]);
      expect(schedule.rig.leftovers()).toEqual([]);
      expect(schedule.rig.pool.live).toBe(0);
      expect(schedule.rig.engine.state.counters.faults).toBe(0);
    });
    fc.assert(property, { seed: 91, numRuns: 300 });
  });
});
