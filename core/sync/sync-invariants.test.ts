/**
 * What holds for every program over the synchronisation primitives. The method: random programs of
 * several tasks run in virtual time under a random schedule, with cancellations at random moments;
 * afterwards nothing may be left in any queue or timer, and nothing may be lost or doubled.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { PENDING } from "../task/future.ts";
import type { JoinHandle } from "../task/join-handle.ts";
import { sleep } from "../task/sleep.ts";
import { World } from "../task/world.fixture.ts";
import { timeout } from "../task/timeout.ts";
import { yieldNow } from "../task/yield-now.ts";
import { Channel } from "./channel.ts";
import { Condvar } from "./condvar.ts";
import { AsyncEvent } from "./event.ts";
import { AsyncMutex } from "./mutex.ts";
import { Semaphore } from "./semaphore.ts";

/** When which task is cancelled: moments on the virtual clock. */
const cancellations = fc.array(fc.record({ task: fc.nat(7), atNs: fc.nat(40) }), { maxLength: 8 });
const seeds = fc.integer({ min: 0, max: 1e6 });
const delays = fc.array(fc.nat(12), { minLength: 1, maxLength: 5 });
const programs = fc.array(delays, { minLength: 2, maxLength: 8 });

interface Plan {
  programs: number[][];
  cancellations: { task: number; atNs: number }[];
  seed: number;
}
const plans: fc.Arbitrary<Plan> = fc.record({ programs, cancellations, seed: seeds });

/** Runs one task for each program and cancels as planned. Fails if a task failed or hangs. */
function play(
  plan: Plan,
  world: World,
  body: (delaysNs: readonly number[], task: number) => Promise<void>,
): JoinHandle<void>[] {
  const { executor } = world;
  const handles = plan.programs.map((delaysNs, task) => executor.spawn(() => body(delaysNs, task)));
  for (const { task, atNs } of plan.cancellations) {
    const handle = handles[task % handles.length]!;
    executor.spawn(async () => {
      await sleep(executor, atNs);
      await handle.cancel();
    });
  }
  world.drive();
  expect(executor.failures).toEqual([]);
  expect(world.timers.pending).toBe(0);
  return handles;
}

function check(property: (plan: Plan) => void): void {
  fc.assert(fc.property(plans, property), { seed: 6, numRuns: 400 });
}

describe("under every schedule and any cancellation", () => {
  test("the mutex excludes, keeps its order, and is free and deserted in the end [M2.8]", () => {
    check((plan) => {
      const world = new World(new Random(plan.seed));
      const { executor } = world;
      const mutex = new AsyncMutex(executor);
      const asked: number[] = [];
      const got: number[] = [];
      const gaveUp = new Set<number>();
      let serial = 0;
      let inside = 0;
      play(plan, world, async (delaysNs) => {
        for (const delayNs of delaysNs) {
          await sleep(executor, delayNs);
          const ticket = serial++;
          asked.push(ticket);
          gaveUp.add(ticket);
          using _lock = await mutex.lock();
          gaveUp.delete(ticket);
          got.push(ticket);
          expect(++inside).toBe(1);
          try {
            if (delayNs % 3 === 0) await sleep(executor, delayNs);
            else if (delayNs % 3 === 1) await yieldNow(executor);
          } finally {
            inside--;
          }
        }
      });
      expect(got).toEqual(asked.filter((ticket) => !gaveUp.has(ticket)));
      expect([mutex.locked, mutex.waiting, [...executor.live()].length]).toEqual([false, 0, 0]);
    });
  });

  test("the semaphore never gives out too many, and has all permits in the end", () => {
    check((plan) => {
      const world = new World(new Random(plan.seed));
      const { executor } = world;
      const semaphore = new Semaphore(executor, { permits: 3 });
      let held = 0;
      play(plan, world, async (delaysNs) => {
        for (const delayNs of delaysNs) {
          const count = 1 + (delayNs % 3);
          using _permit = await semaphore.acquire(count);
          held += count;
          expect(held).toBeLessThanOrEqual(3);
          try {
            await sleep(executor, delayNs);
          } finally {
            held -= count;
          }
        }
      });
      expect([semaphore.available, semaphore.waiting]).toEqual([3, 0]);
      expect([...executor.live()]).toEqual([]);
    });
  });

  test("the channel loses no message and doubles none [C10]", () => {
    check((plan) => {
      const world = new World(new Random(plan.seed));
      const { executor } = world;
      const channel = new Channel<number>(executor, { capacity: 1 + (plan.seed % 3) });
      const sent = new Set<number>();
      const received: number[] = [];
      let serial = 0;
      play(plan, world, async (delaysNs, task) => {
        for (const delayNs of delaysNs) {
          if (task % 2 === 0) {
            const message = serial++;
            await channel.send(message);
            sent.add(message);
          } else {
            // a receiver that gives up after a while, and is sometimes handed a message just then
            const receive = (): Promise<number> => channel.receive();
            const message = await timeout(executor, delayNs, receive).catch((error: unknown) => {
              if (isReelError(error, "ERR_TIMEOUT")) return undefined;
              throw error;
            });
            if (message !== undefined) received.push(message);
          }
          if (delayNs % 2 === 0) await sleep(executor, delayNs);
        }
      });
      channel.close();
      world.drive();
      for (let rest = drainOne(channel); rest !== undefined; rest = drainOne(channel)) {
        received.push(rest);
      }
      expect(received.toSorted((a, b) => a - b)).toEqual([...sent].toSorted((a, b) => a - b));
      expect(channel.waiting).toEqual({ senders: 0, receivers: 0 });
    });
  });

  test("the event lets through as many as it was triggered, whoever gives up [M2.9]", () => {
    check((plan) => {
      const world = new World(new Random(plan.seed));
      const { executor } = world;
      const event = new AsyncEvent(executor);
      let triggered = 0;
      let passed = 0;
      play(plan, world, async (delaysNs, task) => {
        for (const delayNs of delaysNs) {
          if (task % 2 === 0) {
            await sleep(executor, delayNs);
            // several triggers that nobody waits for count as one
            if (!event.triggered) triggered++;
            event.trigger();
          } else {
            await event.wait();
            passed++;
          }
        }
      });
      const used = passed + (event.triggered ? 1 : 0);
      // A trigger that comes back from a waiter which is gone may find another one there, which
      // nobody has used: the two become one. Without such waiters none may be missing.
      if (plan.cancellations.length === 0) expect(used).toBe(triggered);
      else expect(used).toBeLessThanOrEqual(triggered);
      if (event.triggered) expect(event.waiting).toBe(0);
    });
  });

  test("a condition that is looked at with a key is never missed", () => {
    check((plan) => {
      const world = new World(new Random(plan.seed));
      const { executor } = world;
      const changed = new Condvar(executor);
      let done = 0;
      const handles = play(plan, world, async (delaysNs, task) => {
        if (task > 0) {
          try {
            for (const delayNs of delaysNs) await sleep(executor, delayNs);
          } finally {
            done++;
            changed.notifyAll();
          }
          return;
        }
        for (;;) {
          const key = changed.key();
          await yieldNow(executor);
          if (done >= 1) return;
          await changed.wait(key);
        }
      });
      const unrun = handles.filter((handle, task) => task > 0 && handle.task.turns === 0).length;
      if (unrun < handles.length - 1) expect(handles[0]!.finished).toBe(true);
    });
  });
});

function drainOne(channel: Channel<number>): number | undefined {
  if (channel.size === 0) return undefined;
  const value = channel.tryReceive();
  return value === PENDING ? undefined : value;
}
