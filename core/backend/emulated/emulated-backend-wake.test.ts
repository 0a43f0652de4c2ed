/** The emulated backend and real time: the paced clock, and how the host's loop is woken. */
import { describe, expect, test } from "bun:test";
import { hostMonotonicNs } from "../../clock.ts";
import { INPUT_INTERRUPT } from "../contract.ts";
import { raiseAt, type Rig, rig } from "./backend.fixture.ts";
import { Machine } from "./machine.ts";

describe("EmulatedBackend with a paced clock", () => {
  test("delivers the same as with a virtual clock, and never early", () => {
    const run = (clock: "virtual" | "paced"): { calls: string[]; early: number } => {
      const { machine, backend, sink } = rig({ clock });
      for (let i = 1; i <= 5; i++) raiseAt(machine, i * 700_000, i);
      backend.arm(2_000_000);
      const startNs = hostMonotonicNs();
      let early = 0;
      sink.onTurn = () => {
        if (hostMonotonicNs() - startNs < machine.now()) early += 1;
      };
      while (backend.pending()) backend.poll(sink, true);
      return { calls: sink.calls, early };
    };
    const paced = run("paced");
    expect(paced.calls).toEqual(run("virtual").calls);
    expect(paced.early).toBe(0);
  });

  test("with wait false it does not move, however late it is", () => {
    const { machine, backend, sink } = rig({ clock: "paced" });
    raiseAt(machine, 1000, 1);
    raiseAt(machine, 2000, 2);
    expect(backend.poll(sink, true)).toBe(1);
    Bun.sleepSync(2);
    expect(backend.poll(sink, false)).toBe(0);
    expect(backend.poll(sink, true)).toBe(1);
    expect(machine.now()).toBe(2000);
  });

  test("armWake() calls when the event is due, not before", async () => {
    const { machine, backend, sink } = rig({ clock: "paced" });
    raiseAt(machine, 5_000_000, 1);
    const startNs = hostMonotonicNs();
    const wokenNs = await new Promise<number>((resolve) => {
      backend.armWake(() => resolve(hostMonotonicNs()));
    });
    expect(wokenNs - startNs).toBeGreaterThanOrEqual(5_000_000);
    expect(backend.poll(sink, true)).toBe(1);
  });

  test("the poll that answers a wake goes to its moment, and no other does", async () => {
    const { machine, backend, sink } = rig({ clock: "paced" });
    expect(backend.blocks).toBe(true);
    raiseAt(machine, 1_000_000, 1);
    raiseAt(machine, 2_000_000, 2);
    await new Promise<void>((resolve) => backend.armWake(resolve));
    expect(backend.poll(sink, false)).toBe(1);
    expect(sink.take()).toEqual(["turn 1000000", "interrupt 1"]);
    Bun.sleepSync(2);
    expect(backend.poll(sink, false)).toBe(0);
    expect(backend.now()).toBe(1_000_000);
  });

  test("a wake that was withdrawn leaves nothing that calls the next one early", async () => {
    const { machine, backend, sink } = rig({ clock: "paced" });
    machine.interrupts.enable(1);
    machine.interrupts.raise(1);
    backend.armWake(() => {});
    backend.disarmWake();
    expect(backend.poll(sink, false)).toBe(1);
    backend.arm(4_000_000);
    const startNs = hostMonotonicNs();
    const wokenNs = await new Promise<number>((resolve) => {
      backend.armWake(() => resolve(hostMonotonicNs()));
    });
    expect(wokenNs - startNs).toBeGreaterThanOrEqual(4_000_000);
  });

  test("an armed wake follows an earlier deadline and leaves a withdrawn one", async () => {
    const { backend } = rig({ clock: "paced" });
    backend.arm(3600e9);
    const woken = new Promise<void>((resolve) => backend.armWake(resolve));
    backend.arm(1_000_000);
    await woken;
    expect(backend.pending()).toBe(true);
    let calls = 0;
    backend.arm(2_000_000);
    backend.armWake(() => calls++);
    backend.arm(Infinity);
    await Bun.sleep(6);
    expect(calls).toBe(0);
    backend.close();
  });
});

describe("EmulatedBackend.armWake", () => {
  test("calls once, on a later turn of the host's loop, when something is pending", async () => {
    const { machine, backend } = rig();
    raiseAt(machine, 1e12, 1);
    let calls = 0;
    const woken = new Promise<void>((resolve) => {
      backend.armWake(() => {
        calls += 1;
        resolve();
      });
    });
    expect(calls).toBe(0);
    await woken;
    await Bun.sleep(1);
    expect(calls).toBe(1);
  });

  test("disarmWake() withdraws the call", async () => {
    const { machine, backend } = rig();
    raiseAt(machine, 10, 1);
    let calls = 0;
    backend.armWake(() => calls++);
    backend.disarmWake();
    await Bun.sleep(2);
    expect(calls).toBe(0);
  });

  test("keeps the call while nothing is pending, until something is", async () => {
    const work: [string, (b: Rig) => void][] = [
      ["input", ({ backend }) => backend.inject(INPUT_INTERRUPT, 2)],
      ["deadline", ({ backend }) => backend.arm(10)],
      ["event", ({ machine }) => machine.timer("t", () => {}).after(10)],
      ["interrupt", ({ machine }) => machine.interrupts.raise(3)],
      ["unmasked latch", ({ machine }) => machine.interrupts.enable(4)],
      ["restored snapshot", ({ machine }) => machine.restore(busySnapshot())],
    ];
    for (const [name, begin] of work) {
      const b = rig();
      b.machine.timer("busy", () => {});
      b.machine.interrupts.enable(3);
      b.machine.interrupts.raise(4);
      let calls = 0;
      const woken = new Promise<string>((resolve) => {
        b.backend.armWake(() => {
          calls += 1;
          resolve(name);
        });
      });
      await Bun.sleep(1);
      expect(calls).toBe(0);
      begin(b);
      expect(await woken).toBe(name);
    }
  });

  test("armed from inside a delivery it calls after the poll", async () => {
    const { machine, backend, sink } = rig();
    raiseAt(machine, 10, 1);
    const woken = new Promise<void>((resolve) => {
      sink.onInterrupt = () => {
        backend.arm(20);
        backend.armWake(resolve);
      };
    });
    expect(backend.poll(sink, true)).toBe(1);
    await woken;
    expect(backend.now()).toBe(10);
  });

  test("work that a poll left behind wakes a call that was armed before it", async () => {
    const { machine, backend, sink } = rig();
    machine.interrupts.enable(1);
    machine.interrupts.enable(2);
    let calls = 0;
    const woken = new Promise<void>((resolve) => {
      backend.armWake(() => {
        calls += 1;
        resolve();
      });
    });
    sink.onInterrupt = () => machine.interrupts.raise(2);
    machine.interrupts.raise(1);
    backend.poll(sink, false);
    await woken;
    expect(calls).toBe(1);
    expect(machine.interrupts.deliverable).toBe(true);
  });
});

function busySnapshot(): Uint8Array {
  const machine = new Machine({ seed: 1 });
  machine.timer("busy", () => {}).after(5);
  return machine.snapshot();
}
