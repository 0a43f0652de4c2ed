/** The shared deadline, while the thread blocks and while it sleeps in Bun's event loop. */
import { expect, test } from "bun:test";

import { ms, us } from "../../clock.ts";
import { ERRNO } from "../../errors.ts";
import { Random } from "../../random.ts";
import { OPCODE } from "../contract.ts";
import { Door } from "./door.ts";
import {
  RecordingSink,
  loopTest,
  memoryTest,
  openBlocking,
  openLooping,
  pinned,
  pollOut,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import type { SessionClock } from "./session-clock.ts";
import { ToyKernel } from "./toy-kernel.fixture.ts";

/** Notes how far behind its deadline each expiry came. */
class TimedSink extends RecordingSink {
  nowNs: () => number = () => 0;
  readonly expiries: number[] = [];
  readonly turns: number[] = [];

  override turn(nowNs: number): void {
    super.turn(nowNs);
    this.turns.push(nowNs);
  }

  override expire(nowNs = 0): void {
    super.expire();
    this.expiries.push(nowNs);
  }
}

memoryTest("a deadline never expires early while the thread blocks", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new TimedSink();
  const random = new Random(3);
  for (let i = 0; i < 100; i++) {
    const deadlineNs = backend.now() + random.below(us(300));
    backend.arm(deadlineNs);
    expect(backend.pending()).toBe(true);
    expect(backend.poll(sink, true)).toBe(1);
    expect(sink.take()).toEqual(["turn", "expire"]);
    expect(sink.expiries.at(-1)).toBeGreaterThanOrEqual(deadlineNs);
    expect(sink.turns.at(-1)!).toBe(sink.expiries.at(-1)!);
    expect(backend.pending()).toBe(false);
  }
});

memoryTest("a deadline never expires early while the event loop sleeps", async (memory) => {
  const backend = await openLooping({ memory, spinLimit: 0 });
  const sink = new TimedSink();
  const random = new Random(4);
  for (let i = 0; i < 50; i++) {
    const deadlineNs = backend.now() + random.below(us(800));
    backend.arm(deadlineNs);
    while (backend.poll(sink, false) === 0) await woken(backend);
    expect(sink.take()).toEqual(["turn", "expire"]);
    expect(sink.expiries.at(-1)).toBeGreaterThanOrEqual(deadlineNs);
  }
});

memoryTest("a nearer deadline replaces a farther one, and the other way", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new TimedSink();
  const startNs = backend.now();
  backend.arm(startNs + ms(60_000));
  const wake = woken(backend);
  // Long enough for the spin to be over.
  await Bun.sleep(5);
  backend.arm(startNs + ms(10));
  await wake;
  expect(backend.poll(sink, false)).toBe(1);
  const firstNs = sink.expiries[0]!;
  expect(firstNs).toBeGreaterThanOrEqual(startNs + ms(10));
  expect(firstNs).toBeLessThan(startNs + ms(30_000));
  backend.arm(backend.now() + ms(1));
  const later = woken(backend);
  await Bun.sleep(0);
  const farNs = backend.now() + ms(20);
  backend.arm(farNs);
  await later;
  while (backend.poll(sink, false) === 0) await woken(backend);
  expect(sink.expiries[1]).toBeGreaterThanOrEqual(farNs);
});

memoryTest(
  "a deadline that is past expires at the next poll without the kernel's help",
  (memory) => {
    const backend = openBlocking({ memory });
    const sink = new TimedSink();
    const { enters } = backend.counters;
    for (const deadlineNs of [0, -5, backend.now()]) {
      backend.arm(deadlineNs);
      expect(backend.poll(sink, deadlineNs === 0)).toBe(1);
    }
    expect(sink.take()).toEqual(["turn", "expire", "turn", "expire", "turn", "expire"]);
    expect(backend.counters.enters).toBe(enters);
  },
);

loopTest("all sleeps share one kernel timeout, and a withdrawn one leaves none", async (memory) => {
  const backend = await openLooping({ memory, spinLimit: 0 });
  let woke = 0;
  for (let i = 0; i < 50; i++) {
    backend.arm(backend.now() + ms(1000 + (i % 7)));
    backend.armWake(() => woke++);
    await Bun.sleep(0);
    expect(backend.ring.ownInFlight).toBeLessThanOrEqual(2);
    backend.disarmWake();
  }
  backend.arm(Infinity);
  expect(backend.pending()).toBe(false);
  expect(backend.poll(new RecordingSink(), true)).toBe(0);
  backend.arm(backend.now() + ms(1));
  await woken(backend);
  expect(backend.poll(new RecordingSink(), false)).toBe(1);
  backend.poll(new RecordingSink(), false);
  expect(backend.ring.ownInFlight).toBe(0);
  expect(woke).toBe(0);
});

memoryTest("a sleep costs a handful of system calls, however long it is", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new RecordingSink();
  const { enters } = backend.counters;
  backend.arm(backend.now() + ms(50));
  let wakes = 0;
  for (; backend.poll(sink, false) === 0; wakes++) await woken(backend);
  // The kernel's clock and ours may differ by a little, which costs another wake-up.
  expect(wakes).toBeLessThan(4);
  expect(backend.counters.enters - enters).toBeLessThan(40);
});

loopTest("completions come before the deadline, in the same turn", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new TimedSink();
  backend.ring.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
  backend.arm(0);
  expect(backend.poll(sink, true)).toBe(2);
  expect(sink.take()).toEqual(["turn", "complete 1.1 0", "expire"]);
});

memoryTest("a wait for the deadline ends when a request completes first", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new TimedSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 1, 1, reader, address, 1, -1, 0);
  writeNow(backend, writer, new Uint8Array(1));
  backend.arm(backend.now() + ms(60_000));
  expect(backend.poll(sink, true)).toBe(1);
  expect(sink.take()).toEqual(["turn", "complete 1.1 1"]);
  backend.arm(Infinity);
  pollOut(backend, sink);
});

test("Door.poll() does not trust a timeout of the kernel that came too early", () => {
  const toy = new ToyKernel(4, 4, 4);
  let nowNs = 0;
  const door = new Door(toy.core, { startNs: 0, now: () => nowNs } as SessionClock, 16);
  const sink = new RecordingSink();
  door.deadlineNs = 1000;
  // Three waits that end early, as for a signal, then one that does not.
  const times = [400, 999, 999, 1000];
  toy.core.enterFor = (leftNs) => {
    expect(leftNs).toBe(1000 - nowNs);
    nowNs = times.shift()!;
  };
  expect(door.poll(sink, true)).toBe(1);
  expect([nowNs, times.length]).toEqual([1000, 0]);
  expect(sink.take()).toEqual(["turn", "expire"]);
});

test("Door.poll() waits again when a signal ended the wait", () => {
  const toy = new ToyKernel(4, 4, 4);
  const door = new Door(toy.core, { startNs: 0, now: () => 0 } as SessionClock, 16);
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
  toy.core.flush();
  toy.answers.push({ errno: ERRNO.EINTR }, { errno: ERRNO.EINTR });
  const { enters } = toy.core.counters;
  const enter = toy.core.enter.bind(toy.core);
  toy.core.enter = (wait) => {
    enter(wait);
    if (toy.answers.length === 0 && toy.taken[0] !== undefined) {
      toy.completeTaken(toy.taken[0], 0);
    }
  };
  expect(door.poll(sink, true)).toBe(1);
  expect(toy.core.counters.enters - enters).toBe(2);
});
