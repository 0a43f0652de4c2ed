/** Whole runs of the emulated backend: the same calls every time, and nothing made on the way. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hostSoon } from "../../clock.ts";
import { INPUT_INTERRUPT, type Sink } from "../contract.ts";
import { EmulatedBackend } from "./emulated-backend.ts";
import { codeOf, raiseAt, rig } from "./backend.fixture.ts";

describe("EmulatedBackend", () => {
  test("two runs of one random program give the same calls, and turn() opens every batch", () => {
    const LINES = 4;
    const event = fc.record({ at: fc.nat(20), line: fc.nat(LINES - 1) });
    const deadlines = fc.array(fc.nat(25), { maxLength: 10 });
    const events = fc.array(event, { maxLength: 40, size: "max" });
    fc.assert(
      fc.property(events, deadlines, (raises, dues) => {
        const run = (): { calls: string[]; batches: string[][] } => {
          const { machine, backend, sink } = rig({ lines: LINES });
          const raise = machine.scheduler("raise", (line) => machine.interrupts.raise(line));
          for (const { at, line } of raises) raise.at(at, line);
          for (let line = 0; line < LINES; line++) machine.interrupts.enable(line);
          const queue = [...dues].sort((a, b) => a - b);
          const rearm = (): void => backend.arm(queue.shift() ?? Infinity);
          sink.onExpire = rearm;
          rearm();
          const batches: string[][] = [];
          while (backend.pending()) {
            const count = backend.poll(sink, true);
            const batch = sink.calls.slice(batches.flat().length);
            expect(batch.length).toBe(count === 0 ? 0 : count + 1);
            batches.push(batch);
          }
          return { calls: sink.calls, batches };
        };
        const first = run();
        expect(run().calls).toEqual(first.calls);
        for (const [opening, ...rest] of first.batches) {
          expect(opening).toStartWith("turn ");
          for (const call of rest) expect(call).not.toStartWith("turn ");
        }
        // Every distinct (moment, line) is one interrupt: the rest were coalesced.
        const wanted = new Set(raises.map(({ at, line }) => `${at} ${line}`)).size;
        expect(first.calls.filter((call) => call.startsWith("interrupt")).length).toBe(wanted);
        expect(first.calls.filter((call) => call.startsWith("expire")).length).toBe(dues.length);
      }),
      { seed: 20251201, numRuns: 150 },
    );
  });

  test("delivers millions of interrupts and expiries without making an object", async () => {
    const { machine, backend } = rig();
    const tick = machine.timer("tick", (argument) => {
      machine.interrupts.raise(1);
      tick.after(1000, argument);
    });
    tick.after(1000, 1);
    machine.interrupts.enable(1);
    let count = 0;
    const sink: Sink = {
      turn() {},
      complete() {},
      interrupt: () => void (count += 1),
      expire: (nowNs) => backend.arm(nowNs + 1500),
      input() {},
    };
    backend.arm(1500);
    const deliver = (total: number): void => {
      const end = count + total;
      while (count < end) backend.poll(sink, true);
    };
    deliver(200_000);
    // So many that one small object for each would be noticed in this process's heap.
    let events = 1_000_000;
    while (!(await collectsGarbage(() => void makeObjects(events)))) events *= 2;
    // What earlier tests left behind may set off a collection too, but not every time.
    let collected = true;
    for (let attempt = 0; attempt < 8 && collected; attempt++) {
      collected = await collectsGarbage(() => deliver(events));
    }
    expect(collected).toBe(false);
  });

  test("has a machine and neither ring nor host calls", () => {
    const { machine, backend } = rig();
    expect(backend.kind).toBe("emulated");
    expect(backend.machine).toBe(machine);
    expect(backend.ring).toBeUndefined();
    expect(backend.host).toBeUndefined();
  });

  test("close() is idempotent, ends what is pending, and frees the machine for another", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 1);
    backend.arm(5);
    expect(codeOf(() => new EmulatedBackend(machine))).toBe("ERR_OPERATION_BUSY");
    backend.close();
    backend.close();
    expect(backend.pending()).toBe(false);
    expect(codeOf(() => backend.poll(sink, false))).toBe("ERR_CLOSED");
    backend.inject(INPUT_INTERRUPT, 2);
    backend.armWake(() => {});
    const other = new EmulatedBackend(machine);
    expect(other.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn 10", "interrupt 1"]);
  });

  test("a machine restored in the middle of a wait goes on from the snapshot", () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 1);
    raiseAt(machine, 20, 2);
    backend.poll(sink, true);
    const bytes = machine.snapshot();
    backend.poll(sink, true);
    machine.restore(bytes);
    expect(backend.now()).toBe(10);
    backend.poll(sink, true);
    expect(sink.take()).toEqual([
      "turn 10",
      "interrupt 1",
      "turn 20",
      "interrupt 2",
      "turn 20",
      "interrupt 2",
    ]);
  });
});

/**
 * Whether synchronous code makes so many objects that the collector runs: a weakly held object from
 * before is gone afterwards. The engine tells no count of allocations, but this it cannot hide.
 */
async function collectsGarbage(run: () => void): Promise<boolean> {
  Bun.gc(true);
  const canary = (() => new WeakRef({ unreachable: true }))();
  // A weak reference keeps its object until the turn that made it is over.
  await new Promise<void>((resolve) => hostSoon(resolve));
  run();
  return canary.deref() === undefined;
}

/** Makes objects that outlive their statement, so that no compiler can do without them. */
function makeObjects(count: number): unknown[] {
  const kept: unknown[] = [];
  for (let i = 0; i < count; i++) kept[i & 3] = { count: i };
  return kept;
}
