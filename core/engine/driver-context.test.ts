/** What a driver is given: memory, groups of buffers, interrupts to serve, its settings. */
import { describe, expect, test } from "bun:test";
import { BufferPool } from "../buffer/pool.ts";
import { ReelError, isReelError } from "../errors.ts";
import type { DriverContext } from "../provider/define.ts";
import type { WaitQueue } from "../provider/layer.ts";
import { Random } from "../random.ts";
import { NOTHING_HELD, onMachine, onRing, plainLayer, providerOf } from "./engine.fixture.ts";
import { Engine } from "./engine.ts";
import { ScriptedBackend } from "./scripted-door.fixture.ts";

const LINE = 9;

/** A provider whose driver is made by the test; its operation waits in the driver's queue. */
function driven(make: (cx: DriverContext, queue: WaitQueue) => void, kind = "one") {
  return providerOf(kind, ["plain"], (cx) => {
    const queue = cx.queue();
    make(cx, queue);
    const plain = plainLayer(
      `${kind}.plain`,
      (run) => (run.argument === 1 ? run.interrupt(LINE) : run.queue(queue)),
      (run, result) => run.done(result),
    );
    return { operations: { plain } };
  });
}

describe("memory()", () => {
  test("is zeroed, the driver's own, and has an address that requests may name", () => {
    const got: { bytes: Uint8Array; address: number }[] = [];
    const t = onRing([
      driven((cx) => {
        for (const sizeBytes of [100, 0, 5000]) got.push(cx.memory(sizeBytes));
        expect(() => cx.memory(-1)).toThrow(RangeError);
      }),
    ]);
    expect(got.map(({ bytes }) => bytes.length)).toEqual([100, 0, 5000]);
    expect(got[2]!.bytes.every((byte) => byte === 0)).toBe(true);
    for (const { address, bytes } of got) {
      expect(t.pool.resolve(address, bytes.length)).toEqual(bytes);
    }
    got[0]!.bytes.fill(1);
    expect(t.pool.owned(100).bytes.every((byte) => byte === 0)).toBe(true);
    expect(t.pool.live).toBe(1);
  });

  test("ends with ERR_LIMIT where the arena does, as what the host refuses does", () => {
    const engine = new Engine(new ScriptedBackend(), new BufferPool(() => 0, 1 << 20));
    const greedy = driven((cx) => void cx.memory(1 << 21));
    let error: unknown;
    try {
      engine.register(greedy, new Random(1));
    } catch (thrown) {
      error = thrown;
    }
    expect(isReelError(error, "ERR_LIMIT")).toBe(true);
  });
});

describe("bufferGroup()", () => {
  test("is memory that the kernel takes buffers from, until the engine ends it", () => {
    const t = onRing([
      driven((cx) => {
        const group = cx.bufferGroup(8, 64);
        expect([group.group, group.count, group.bufferBytes, group.bytes.length]).toEqual([
          0, 8, 64, 512,
        ]);
        group.give(3);
        group.give(0);
        cx.bufferGroup(2, 4096);
      }),
    ]);
    const [first, second] = t.backend.groups;
    expect(t.pool.resolve(first!.address, 512)?.length).toBe(512);
    expect([first!.count, first!.bufferBytes, first!.given]).toEqual([8, 64, [3, 0]]);
    t.engine.closeGroups();
    expect([first!.open, second!.open]).toEqual([false, false]);
    t.engine.closeGroups();
  });

  test("gives its memory back when the kernel refuses it, with the kernel's code", () => {
    const backend = new ScriptedBackend();
    backend.ring.openGroup = () => {
      throw new ReelError("ENOMEM", "Cannot open a group");
    };
    const pool = new BufferPool(() => 0);
    const engine = new Engine(backend, pool);
    const provider = driven((cx) => void cx.bufferGroup(8, 64));
    expect(() => engine.register(provider, new Random(1))).toThrow("Cannot open a group");
    expect([pool.arena.inUseBytes, engine.state.groups]).toEqual([0, []]);
  });

  test("is refused on a machine, which has no kernel to pick buffers", () => {
    onMachine([
      driven((cx) => expect(() => cx.bufferGroup(8, 64)).toThrow("only the uring backend")),
    ]);
  });
});

describe("onInterrupt()", () => {
  test("calls every driver of the line, and only then wakes who waits for it [C5]", () => {
    const log: string[] = [];
    const t = onMachine([
      driven((cx, queue) => {
        cx.onInterrupt(LINE, () => log.push(`first ${cx.wake(queue, 5)}`));
        cx.onInterrupt(LINE, () => log.push("second"));
      }),
      driven((cx) => cx.onInterrupt(LINE, () => log.push("third")), "two"),
    ]);
    t.outcomes.onSettled = ({ bytes }) => void log.push(`settled ${bytes}`);
    t.start(0, { argument: 1, autoRelease: true });
    t.start(0, { argument: 0, autoRelease: true });
    t.backend.machine.interrupts.raise(LINE);
    t.settle();
    expect(log).toEqual(["first 1", "second", "third", "settled 5", "settled 0"]);
    expect(t.held()).toEqual(NOTHING_HELD);
  });

  test("keeps the line enabled, whether somebody waits for it or not", () => {
    let served = 0;
    const t = onMachine([driven((cx) => cx.onInterrupt(LINE, () => served++))]);
    const { interrupts } = t.backend.machine;
    expect(interrupts.isEnabled(LINE)).toBe(true);
    const slot = t.start(0, { argument: 1, autoRelease: true });
    t.engine.cancel(slot);
    t.settle();
    expect(interrupts.isEnabled(LINE)).toBe(true);
    for (let i = 0; i < 3; i++) {
      interrupts.raise(LINE);
      t.settle();
    }
    expect(served).toBe(3);
  });

  test("ends the run when the driver throws there, where no operation stands for it", () => {
    const t = onMachine([
      driven((cx) => {
        cx.onInterrupt(LINE, () => {
          throw new Error("no such register");
        });
      }),
    ]);
    t.backend.machine.interrupts.raise(LINE);
    t.engine.poll(false);
    expect(() => t.engine.work()).toThrow("a driver broke its contract");
  });

  test("is refused for a line that is none, and on a ring", () => {
    onMachine([
      driven((cx) => {
        for (const line of [-1, 64, 0.5, Number.NaN]) {
          expect(() => cx.onInterrupt(line, () => {})).toThrow("lines are 0 to 63");
        }
      }),
    ]);
    onRing([driven((cx) => expect(() => cx.onInterrupt(1, () => {})).toThrow("emulated"))]);
  });
});
