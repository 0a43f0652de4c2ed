/** The driver loop of the notes against a device on the real emulated machine. */
import { describe, expect, test } from "bun:test";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { layer, type Layer, type Lock } from "../provider/layer.ts";
import { bool, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { NOTHING_HELD, onMachine, providerOf } from "./engine.fixture.ts";
import { toyDriver } from "./toy-devices.fixture.ts";

describe("a disk with one channel", () => {
  test("goes from acquire to active to done; an interrupt while busy waits on [M2.5]", () => {
    const log: string[] = [];
    const t = onMachine([providerOf("ata", ["read"], (cx) => toyDriver(cx, log))]);
    expect(t.backend).toBeInstanceOf(EmulatedBackend);
    const buffer = t.pool.owned(4);
    t.start(0, { buffer, argument: 5, autoRelease: true });
    t.runOut();
    expect(log).toEqual([
      "acquire",
      "active",
      "start 5",
      "irq",
      "status busy",
      "active",
      "irq",
      "status ready",
      "done",
    ]);
    expect([t.outcomes.results, buffer.bytes[0], t.engine.now()]).toEqual([[0], 5, 1000]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("is started by one operation at a time, under the lock, in order [M2.5]", () => {
    const log: string[] = [];
    const t = onMachine([providerOf("ata", ["read"], (cx) => toyDriver(cx, log))]);
    for (const command of [1, 2, 3]) t.start(0, { argument: command, autoRelease: true });
    t.runOut();
    expect(log.filter((line) => line.startsWith("start"))).toEqual([
      "start 1",
      "start 2",
      "start 3",
    ]);
    const heldThroughStatus = log.lastIndexOf("start 2") > log.indexOf("done");
    expect([heldThroughStatus, t.engine.now()]).toEqual([true, 3000]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("lets the next one in when the first is cancelled [M2.8]", () => {
    const log: string[] = [];
    const t = onMachine([providerOf("ata", ["read"], (cx) => toyDriver(cx, log))]);
    const first = t.start(0, { argument: 1, autoRelease: true });
    t.start(0, { argument: 2, autoRelease: true });
    t.engine.cancel(first);
    t.runOut();
    expect(t.outcomes.results.toSorted()).toEqual([-125, 0]);
    expect(log.find((line) => line.startsWith("start"))).toBe("start 1");
    expect(t.held()).toEqual(NOTHING_HELD);
  });
});

describe("a floppy that pushes its continuation before it asks for the lock", () => {
  /** A read that calls a layer for the lock and goes on where it left off when that returns. */
  function floppy(trace: string[]) {
    return providerOf("fdd", ["read"], (cx) => {
      const lock = cx.lock();
      const acquire = layer({
        name: "fdd.acquire",
        frame: struct({}),
        wait: (_frame, run) => run.lock(lock as Lock),
        complete(_frame, run) {
          trace.push("acquired");
          return run.done(lock);
        },
      });
      const seek = layer({
        name: "fdd.seek",
        frame: struct({ begun: bool }),
        wait(frame, run) {
          trace.push(frame.begun ? "waits for the head" : "asks for the lock");
          return frame.begun ? run.after(100) : run.ready();
        },
        complete(frame, run, result) {
          if (!frame.begun) {
            frame.begun = true;
            return run.call(acquire);
          }
          if (result === lock) {
            trace.push("continues with the lock");
            return run.again();
          }
          run.unlock(lock as Lock);
          return run.done(0);
        },
      }) as unknown as Layer;
      return { operations: { read: seek }, layers: [acquire as unknown as Layer] };
    });
  }

  test("continues when the lock was free at once, and when it had to wait [S4, S3]", () => {
    const trace: string[] = [];
    const t = onMachine([floppy(trace)]);
    t.start(0, { autoRelease: true });
    expect(trace).toEqual([
      "asks for the lock",
      "acquired",
      "continues with the lock",
      "waits for the head",
    ]);
    t.start(0, { autoRelease: true });
    expect(trace.length).toBe(5);
    t.runOut();
    expect(trace.slice(5)).toEqual(["acquired", "continues with the lock", "waits for the head"]);
    expect([t.outcomes.results, t.engine.now()]).toEqual([[0, 0], 200]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("a layer that has pushed another cannot also end: the operation is faulty [S3]", () => {
    const both = layer({
      name: "fdd.both",
      frame: struct({ n: u8 }),
      wait: (_frame, run) => run.ready(),
      complete(_frame, run) {
        run.call(both as never);
        return run.done(0);
      },
    });
    const t = onMachine([
      providerOf("fdd", ["read"], () => ({ operations: { read: both as unknown as Layer } })),
    ]);
    t.start(0, { autoRelease: true });
    t.runOut();
    expect([t.outcomes.results, t.held()]).toEqual([[-4102], NOTHING_HELD]);
  });
});
