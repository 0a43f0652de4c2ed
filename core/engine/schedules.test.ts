/**
 * Random schedules on a scripted ring: whatever the order of starts, cancellations, completions,
 * deadlines and releases, every operation ends exactly once and nothing is left behind.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { IoBuffer } from "../buffer/buffer.ts";
import { HEADER_SHIFT, STATE, TERMINAL } from "../descriptor/layout.ts";
import { isReelError } from "../errors.ts";
import { NOTHING_HELD, onRing, providerOf } from "./engine.fixture.ts";
import { MIXED_OPERATIONS, mixedDriver } from "./mixed-driver.fixture.ts";

const WAKE = MIXED_OPERATIONS.indexOf("plainWake");

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constant("start"), fc.nat({ max: 8 }), fc.nat({ max: 200 })),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant("cancel"), fc.nat({ max: 40 }), fc.constant(0)) },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant("complete"),
      fc.nat({ max: 40 }),
      fc.integer({ min: -6, max: 9 }),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("time"), fc.nat({ max: 15 }), fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("release"), fc.nat({ max: 40 }), fc.constant(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("work"), fc.constant(0), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("obey"), fc.nat({ max: 1 }), fc.constant(0)) },
);

interface Begun {
  readonly handle: number;
  readonly buffer: IoBuffer | undefined;
  settled: boolean;
  released: boolean;
}

/** One run of a schedule over an engine with a small table. */
class Schedule {
  readonly t = onRing([providerOf("mixed", MIXED_OPERATIONS, mixedDriver)], {
    table: { slots: 12, overflowPages: 6 },
  });
  readonly begun: Begun[] = [];

  constructor() {
    const byHandle = new Map<number, Begun>();
    this.t.outcomes.onSettled = ({ handle }) => {
      const each = this.begun.findLast((one) => one.handle === handle) ?? byHandle.get(handle);
      if (each === undefined || each.settled)
        throw new Error(`${handle} ended twice, or never began`);
      each.settled = true;
      // The loan is over when the outcome is there, and not before.
      expect(each.buffer?.isBorrowed ?? false).toBe(false);
    };
  }

  step(what: string, a: number, b: number): void {
    const { t } = this;
    if (what === "start") this.#start(a, b);
    else if (what === "cancel") this.#cancel(a);
    else if (what === "complete") this.#complete(a, b);
    else if (what === "time") t.backend.nowNs += a;
    else if (what === "release") this.#release(a);
    else if (what === "obey") t.backend.obeysCancel = a === 0;
    else t.settle();
    this.#check();
  }

  /** Ends everything, whatever it takes. */
  finish(): void {
    const { t } = this;
    for (let round = 0; round < 200; round++) {
      for (const request of t.backend.requests.slice()) t.backend.complete(request, -125);
      t.backend.nowNs += 100;
      t.engine.cancelAll();
      t.settle();
      if (this.begun.every((each) => each.settled)) break;
    }
    for (const each of this.begun) if (!each.released) this.#releaseOne(each);
  }

  #start(operation: number, argument: number): void {
    const { t } = this;
    const number = operation % MIXED_OPERATIONS.length;
    const buffer = number === WAKE ? undefined : t.pool.owned(8);
    const slot = t.start(number, { argument, ...(buffer === undefined ? {} : { buffer }) });
    if (slot === -1) {
      buffer?.dispose();
      expect(t.engine.state.table.free).toBe(0);
      return;
    }
    const handle = t.engine.state.table.handleOf(slot);
    this.begun.push({ handle, buffer, settled: false, released: false });
  }

  #cancel(pick: number): void {
    const { table } = this.t.engine.state;
    const each = this.begun[pick % Math.max(1, this.begun.length)];
    const slot = each === undefined ? -1 : table.slotOf(each.handle);
    if (slot !== -1) this.t.engine.cancel(slot);
  }

  #complete(pick: number, result: number): void {
    const { backend } = this.t;
    const request = backend.requests[pick % Math.max(1, backend.requests.length)];
    if (request === undefined) return;
    const end = request.cancelled && result < 0 ? -125 : result;
    backend.complete(request, end);
    if (pick % 5 === 0) backend.forge(request.slot, request.generation, result);
  }

  #release(pick: number): void {
    const each = this.begun[pick % Math.max(1, this.begun.length)];
    if (each?.settled === true && !each.released) this.#releaseOne(each);
  }

  #releaseOne(each: Begun): void {
    const { state } = this.t.engine;
    const slot = state.table.requireSlot(each.handle, "release");
    expect(state.i32[(slot << HEADER_SHIFT) + STATE]).toBe(TERMINAL);
    this.t.engine.release(slot);
    each.released = true;
    each.buffer?.dispose();
    // The handle was good once.
    expect(state.table.slotOf(each.handle)).toBe(-1);
  }

  /** The ledger: a buffer is lent exactly while its operation is not terminal. */
  #check(): void {
    const { table } = this.t.engine.state;
    for (const { buffer, handle, released } of this.begun) {
      if (released || buffer === undefined) continue;
      const slot = table.slotOf(handle);
      expect(buffer.isBorrowed).toBe(!table.isTerminal(slot));
    }
  }
}

test("every operation and its loan end once [W2, A2.5, A2.6, B4, S2]", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 150, size: "max" }), (commands) => {
      const schedule = new Schedule();
      for (const [what, a, b] of commands) schedule.step(what, a, b);
      schedule.finish();
      expect(schedule.begun.every((each) => each.settled && each.released)).toBe(true);
      expect(schedule.t.outcomes.settledAll.length).toBe(schedule.begun.length);
      expect(schedule.t.held()).toEqual(NOTHING_HELD);
      expect(schedule.t.pool.live).toBe(0);
      expect(schedule.t.engine.state.counters.faults).toBe(0);
    }),
    { seed: 20_250_806, numRuns: 400 },
  );
});

test("release() of an operation that is not terminal is ERR_OPERATION_BUSY [A2.6]", () => {
  const { t } = new Schedule();
  const slot = t.start(0, { buffer: t.pool.owned(8) });
  let code: unknown;
  try {
    t.engine.release(slot);
  } catch (error) {
    code = isReelError(error) ? error.code : error;
  }
  expect(code).toBe("ERR_OPERATION_BUSY");
});
