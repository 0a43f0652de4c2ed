/**
 * Every way out of a wait unbinds: after an operation is done, failed, cancelled or faulted, no
 * list, line, lock or deadline knows of it, and what it held went to the next.
 */
import { describe, expect, test } from "bun:test";
import type { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import {
  ERRNO,
  layer,
  struct,
  u8,
  type LayerContext,
  type Lock,
  type Wait,
  type WaitQueue,
} from "../provider/index.ts";
import { emulatedRig, scriptedRig, type EngineRig } from "./engine-rig.fixture.ts";

const LINE = 5;
const WAITS = ["interrupt", "queue", "lock", "timer"] as const;
const ENDS = ["done", "fail", "fault", "cancel", "time"] as const;
type WaitWord = (typeof WAITS)[number];
type EndWord = (typeof ENDS)[number];

const CODES: Record<EndWord, string> = {
  done: "ok",
  fail: "EIO",
  fault: "ERR_PROVIDER_FAULT",
  cancel: "ECANCELED",
  time: "ETIME",
};

function begin(cx: LayerContext, word: WaitWord, queue: WaitQueue, lock: Lock): Wait {
  if (word === "interrupt") return cx.interrupt(LINE);
  if (word === "queue") return cx.queue(queue);
  return word === "lock" ? cx.lock(lock) : cx.after(100);
}

/**
 * `waits` waits in the way given and ends in the way given; `helps` holds the lock and wakes the
 * queue after 100 ns.
 */
function waitingRig(word: WaitWord, out: EndWord): EngineRig<EmulatedBackend> {
  return emulatedRig(["waits", "helps"], (driver) => {
    const queue = driver.queue();
    const lock = driver.lock();
    const waits = layer({
      name: "test.waits",
      frame: struct({}),
      wait: (_frame, cx) => cx.within(out === "time" ? 20 : 1e9, begin(cx, word, queue, lock)),
      complete(_frame, cx, result) {
        if (out === "fault") throw new Error("broken");
        return result < 0 || out === "fail"
          ? cx.fail(result < 0 ? -result : ERRNO.EIO)
          : cx.done(1);
      },
    });
    const helps = layer({
      name: "test.helps",
      frame: struct({ phase: u8 }),
      wait: (frame, cx) => (frame.phase === 0 ? cx.lock(lock) : cx.after(100)),
      complete(frame, cx) {
        if (frame.phase++ === 0) return cx.again();
        cx.wake(queue);
        return cx.done(0);
      },
    });
    return { operations: { waits, helps } };
  });
}

describe("leaving a wait", () => {
  for (const word of WAITS) {
    for (const out of ENDS) {
      test(`waiting for ${word} leaves nothing behind by ${out} [M2.2, W4]`, () => {
        const rig = waitingRig(word, out);
        const { engine, backend } = rig;
        const { deadlines } = engine.state;
        rig.start("helps");
        const slot = rig.start("waits");
        const handle = engine.state.table.handleOf(slot);
        expect(deadlines.has(slot)).toBe(true);
        expect(backend.machine.interrupts.isEnabled(LINE)).toBe(word === "interrupt");
        if (out === "cancel") engine.cancel(slot);
        else if (word === "interrupt" && out !== "time") backend.machine.interrupts.raise(LINE);
        if (out === "cancel") {
          // At once, not when somebody comes by.
          expect(deadlines.has(slot)).toBe(false);
          expect(backend.machine.interrupts.isEnabled(LINE)).toBe(false);
        }
        rig.finish();
        const codes = rig.outcomes.filter((each) => each.handle === handle).map(({ code }) => code);
        expect(codes).toEqual([CODES[out]]);
        expect(rig.leftovers()).toEqual([]);
      });
    }
  }

  test("a cancelled waiter is passed over: the lock goes to the one behind it [M2.2]", () => {
    const order: number[] = [];
    const rig = emulatedRig(["holds"], (driver) => {
      const lock = driver.lock();
      const holds = layer({
        name: "test.holds",
        frame: struct({ phase: u8 }),
        wait: (frame, cx) => (frame.phase === 0 ? cx.lock(lock) : cx.after(10)),
        complete(frame, cx) {
          if (frame.phase++ > 0) return cx.done(0);
          order.push(cx.argument);
          return cx.again();
        },
      });
      return { operations: { holds } };
    });
    const slots = [0, 1, 2, 3].map((argument) => rig.start("holds", { argument }));
    rig.engine.cancel(slots[1]!);
    // The holder too: what it held goes on at once, and the next is cancelled when it has it.
    rig.engine.cancel(slots[0]!);
    rig.engine.cancel(slots[2]!);
    rig.finish();
    expect(order).not.toContain(1);
    expect(order.at(-1)).toBe(3);
    expect(rig.codes.toSorted()).toEqual(["ECANCELED", "ECANCELED", "ECANCELED", "ok"]);
    expect(rig.leftovers()).toEqual([]);
  });
});

describe("leaving a ring request", () => {
  const nop = () =>
    scriptedRig(["go"], () => ({
      operations: {
        go: layer({
          name: "test.nop",
          frame: struct({}),
          wait: (_frame, cx) => cx.within(50, cx.ring.nop()),
          complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
        }),
      },
    }));

  test("the deadline goes with the completion, and fires for nobody after it [M2.2]", () => {
    const rig = nop();
    const slot = rig.start("go");
    rig.backend.complete(rig.engine, rig.backend.of(slot), 4);
    expect(rig.engine.state.deadlines.size).toBe(0);
    rig.backend.pass(rig.engine, 100);
    rig.engine.work();
    expect(rig.codes).toEqual(["ok"]);
    expect([rig.backend.strayCancels, rig.leftovers()]).toEqual([0, []]);
  });

  test("a deadline asks for the request's end once, and its result wins the race [M2.2]", () => {
    for (const [result, cancels, code] of [
      [-ERRNO.ECANCELED, false, "ETIME"],
      // Cancelled as well as timed out: then the program's own wish is told.
      [-ERRNO.ECANCELED, true, "ECANCELED"],
      [9, false, "ok"],
      [9, true, "ok"],
    ] as const) {
      const rig = nop();
      const slot = rig.start("go");
      rig.engine.armNext();
      rig.backend.pass(rig.engine, 50);
      expect(rig.backend.of(slot).cancelled).toBe(true);
      expect(rig.outcomes).toEqual([]);
      if (cancels) rig.engine.cancel(slot);
      rig.engine.work();
      expect(rig.outcomes).toEqual([]);
      rig.backend.complete(rig.engine, rig.backend.of(slot), result);
      rig.engine.work();
      expect(rig.codes).toEqual([code]);
      expect([rig.backend.strayCancels, rig.backend.repeatedCancels]).toEqual([0, 0]);
      expect(rig.leftovers()).toEqual([]);
    }
  });
});
