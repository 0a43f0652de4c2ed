/** Snapshots: a session goes on elsewhere as if nothing had happened. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import { isReelError } from "../errors.ts";
import { layer, type Layer } from "../provider/layer.ts";
import type { Provider } from "../provider/define.ts";
import { u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { TestEngine, onMachine, plainLayer, providerOf } from "./engine.fixture.ts";
import { MIXED_OPERATIONS, mixedDriver } from "./mixed-driver.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

const mixed = (): Provider => providerOf("mixed", MIXED_OPERATIONS, mixedDriver);

/** An engine with the same providers and nothing open. */
function unusedMachine(providers: readonly Provider[]): TestEngine<EmulatedBackend> {
  return new TestEngine(new EmulatedBackend(new Machine({ seed: 7 })), providers, {}, false);
}

const hex = (bytes: Uint8Array): string => bytes.toHex();

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constant("start"), fc.nat({ max: 8 }), fc.nat({ max: 200 })),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("cancel"), fc.nat({ max: 9 }), fc.constant(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("settle"), fc.constant(0), fc.constant(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("time"), fc.constant(0), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("open"), fc.nat({ max: 7 }), fc.constant(0)) },
);

/** One command of a schedule, which depends on nothing but the engine's own state. */
function step(t: TestEngine<EmulatedBackend>, what: string, a: number, b: number): void {
  const { ends, providers, table } = t.engine.state;
  if (what === "start") {
    const wake = MIXED_OPERATIONS[a % MIXED_OPERATIONS.length] === "plainWake";
    const slot = t.start(a % MIXED_OPERATIONS.length, {
      end: b % ends.used,
      argument: b,
      ...(wake ? {} : { buffer: t.pool.owned(4) }),
    });
    expect(slot).toBeGreaterThanOrEqual(0);
  } else if (what === "cancel") {
    const slot = a % Math.max(1, table.highWater);
    if (table.slotOf(table.handleOf(slot)) === slot) t.engine.cancel(slot);
  } else if (what === "settle") t.settle();
  else if (what === "time") {
    t.engine.armNext();
    if (t.backend.pending()) t.engine.poll(true);
  } else if (providers[0]!.openEnds[a] === 0) t.open(0, a);
}

describe("restoreEngine()", () => {
  test("has the same future, from any point of any schedule", () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 2, maxLength: 60, size: "max" }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (commands, where) => {
          const t = onMachine([mixed()]);
          const cut = Math.floor(where * commands.length);
          for (const [what, a, b] of commands.slice(0, cut)) step(t, what, a, b);
          const saved = snapshotEngine(t.engine.state);
          const again = unusedMachine([mixed()]);
          restoreEngine(again.engine.state, saved);
          expect(hex(snapshotEngine(again.engine.state))).toBe(hex(saved));
          for (const [what, a, b] of commands.slice(cut)) {
            step(t, what, a, b);
            step(again, what, a, b);
          }
          t.runOut();
          again.runOut();
          expect(hex(snapshotEngine(again.engine.state))).toBe(hex(snapshotEngine(t.engine.state)));
          expect(again.engine.now()).toBe(t.engine.now());
        },
      ),
      { seed: 20_250_807, numRuns: 150 },
    );
  });

  test("puts every operation back mid-flight, with handles, buffers and locks", () => {
    const t = onMachine([mixed()]);
    const names = ["readLocked", "readLocked", "readQueued", "readChain", "readForks", "readDisk"];
    const handles = names.map((name) => {
      const buffer = t.pool.owned(16);
      buffer.bytes.fill(3);
      const slot = t.start(MIXED_OPERATIONS.indexOf(name as "readOnce"), { buffer, argument: 55 });
      return t.engine.state.table.handleOf(slot);
    });
    t.engine.work();
    const again = unusedMachine([mixed()]);
    restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
    const { table } = again.engine.state;
    for (const handle of handles) {
      const buffer = again.pool.get(again.engine.state.i32[(table.slotOf(handle) << 5) + 8]!);
      expect([buffer.isBorrowed, buffer.bytes[15]]).toEqual([true, 3]);
      again.engine.adopt(handle, again.outcomes, true);
    }
    const wake = MIXED_OPERATIONS.indexOf("plainWake");
    again.start(wake, { autoRelease: true });
    again.runOut();
    const settled = again.outcomes.settledAll.filter(({ handle }) => handles.includes(handle));
    expect(settled.map(({ result }) => result)).toEqual(handles.map(() => 0));
    expect(again.held()).toMatchObject({ slots: 0, pages: 0, waiting: 0, deadlines: 0, lent: 0 });
    // Handles of before stay good for nothing else.
    expect(handles.map((handle) => table.slotOf(handle))).toEqual(handles.map(() => -1));
  });

  test("keeps outcomes that were not collected: adopt() delivers them", () => {
    const t = onMachine([mixed()]);
    const handle = t.engine.state.table.handleOf(
      t.start(0, { buffer: t.pool.owned(4), argument: 3 }),
    );
    t.runOut();
    const undelivered = t.engine.state.table.handleOf(
      t.start(MIXED_OPERATIONS.indexOf("plainWake"), { autoRelease: true }),
    );
    expect(t.engine.hasWork()).toBe(true);
    const again = unusedMachine([mixed()]);
    restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
    again.settle();
    expect(again.engine.state.table.slotOf(undelivered)).not.toBe(-1);
    again.engine.adopt(handle, again.outcomes, true);
    again.engine.adopt(undelivered, again.outcomes, false);
    again.settle();
    expect(again.outcomes.settledAll.map((outcome) => outcome.handle)).toEqual([
      handle,
      undelivered,
    ]);
    expect(() => again.engine.adopt(handle, again.outcomes, true)).toThrow("no such operation");
  });

  test("keeps the error of a layer that broke the rules", () => {
    const bad = (): Provider =>
      providerOf("bad", ["plain"], () => ({
        operations: {
          plain: plainLayer(
            "bad.one",
            () => {
              throw new Error("the head fell off");
            },
            (cx) => cx.done(0),
          ),
        },
      }));
    const t = onMachine([bad()]);
    const handle = t.engine.state.table.handleOf(t.start());
    const again = unusedMachine([bad()]);
    restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
    let seen: unknown;
    again.outcomes.onSettled = () => {
      seen = again.engine.state.deliveredFault;
    };
    again.engine.adopt(handle, again.outcomes, true);
    again.settle();
    expect(String(seen)).toContain("the head fell off");
  });

  test("keeps queues of buffers, arrivals and stalls, and they go on", () => {
    const tick = (): Provider =>
      providerOf("tick", ["read"], () => ({
        operations: {
          read: plainLayer(
            "tick.read",
            (cx) => cx.after(10),
            (cx) => {
              cx.memory[cx.memoryAt] = cx.now() / 10;
              return cx.done(1);
            },
          ),
        },
      }));
    const t = onMachine([tick()]);
    const queue = t.engine.bufferQueue();
    for (let i = 0; i < 3; i++) queue.give(t.pool.owned(2));
    const place = { end: 0, operation: 0, buffer: undefined, at: 0, length: 0, offset: 0 };
    const request = { ...place, argument: 0, autoRelease: false };
    const slot = t.engine.startQueued(request, queue, t.outcomes);
    const handle = t.engine.state.table.handleOf(slot);
    const other = t.engine.startQueued(request, queue, t.outcomes);
    t.engine.armNext();
    t.engine.poll(true);
    const saved = snapshotEngine(t.engine.state);
    const again = unusedMachine([tick()]);
    restoreEngine(again.engine.state, saved);
    expect(hex(snapshotEngine(again.engine.state))).toBe(hex(saved));
    again.engine.adopt(handle, again.outcomes, true);
    again.engine.adopt(again.engine.state.table.handleOf(other), again.outcomes, true);
    again.runOut();
    t.runOut();
    expect(again.outcomes.arrivedAll).toEqual(t.outcomes.arrivedAll);
    expect(again.outcomes.arrivedAll.length).toBe(3);
    const restored = again.engine.state.bufferQueues[queue.id]!;
    expect([restored.users, restored.stalls, restored.size]).toEqual([
      queue.users,
      queue.stalls,
      queue.size,
    ]);
    again.engine.cancelAll();
    again.settle();
    expect([restored.users, again.outcomes.results]).toEqual([0, [-125, -125]]);
    restored.dispose();
  });

  test("finds layers by name, so that their numbers may differ", () => {
    const steps = (extra: boolean): Provider =>
      providerOf("two", ["read"], (cx) => {
        const make = (): Layer =>
          layer({
            name: "two.step",
            frame: struct({ left: u8 }),
            wait: (_frame, run) => run.after(5),
            complete: (frame, run) => (frame.left++ < 3 ? run.again() : run.done(0)),
          }) as unknown as Layer;
        const spare = plainLayer(
          "two.spare",
          (run) => run.ready(),
          (run) => run.done(0),
        );
        const read = make();
        void cx;
        return { operations: { read }, layers: extra ? [spare, make()].slice(0, 1) : [] };
      });
    const t = onMachine([steps(false)]);
    const handle = t.engine.state.table.handleOf(t.start());
    const again = unusedMachine([steps(true)]);
    restoreEngine(again.engine.state, snapshotEngine(t.engine.state));
    again.engine.adopt(handle, again.outcomes, true);
    again.runOut();
    expect([again.outcomes.results, again.engine.now()]).toEqual([[0], 20]);
  });

  test("is refused by a session that is in use", () => {
    const t = onMachine([mixed()]);
    const saved = snapshotEngine(t.engine.state);
    let code: unknown;
    try {
      restoreEngine(t.engine.state, saved);
    } catch (error) {
      code = isReelError(error) ? error.code : error;
    }
    expect(code).toBe("ERR_OPERATION_BUSY");
  });
});
