/** Tests of the channel: both sides wake each other, closing ends waits, no message is lost. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { PENDING } from "../task/future.ts";
import { race } from "../task/race.ts";
import { sleep } from "../task/sleep.ts";
import { World } from "../task/world.fixture.ts";
import { Channel } from "./channel.ts";

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `value ${String(value)}`,
    (error: unknown) => (isReelError(error) ? error.code : String(error)),
  );
}

describe("Channel", () => {
  test("receive() wakes a sender that is blocked on a full channel [C10]", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<number>(executor);
    const log: string[] = [];
    executor.spawn(async () => {
      for (let i = 0; i < 4; i++) {
        await channel.send(i);
        log.push(`sent ${i}`);
      }
    });
    world.settle();
    expect(log).toEqual(["sent 0"]);
    expect(channel.waiting).toEqual({ senders: 1, receivers: 0 });
    const received = world.run(async () => {
      const values: number[] = [];
      for (let i = 0; i < 4; i++) values.push(await channel.receive());
      return values;
    });
    expect(received).toEqual([0, 1, 2, 3]);
    expect(log).toEqual(["sent 0", "sent 1", "sent 2", "sent 3"]);
  });

  test("tryReceive() wakes a blocked sender too, and tells empty from closed [C10]", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<string>(executor);
    expect(channel.tryReceive()).toBe(PENDING);
    expect([channel.trySend("a"), channel.trySend("b")]).toEqual([true, false]);
    const sender = executor.spawn(() => channel.send("b"));
    world.settle();
    expect(channel.tryReceive()).toBe("a");
    world.settle();
    expect(sender.finished).toBe(true);
    expect(channel.tryReceive()).toBe("b");
    channel.close();
    expect(() => channel.tryReceive()).toThrow("it is closed and empty");
    expect(() => channel.trySend("c")).toThrow("it is closed");
  });

  test("senders and receivers are served first in, first out [C10]", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<string>(executor);
    const receivers = [1, 2, 3].map(() => executor.spawn(() => channel.receive()));
    world.settle();
    for (const value of ["a", "b", "c", "d", "e", "f"]) executor.spawn(() => channel.send(value));
    world.settle();
    expect(receivers.map((handle) => handle.task.outcome)).toEqual(["a", "b", "c"]);
    expect(channel.waiting).toEqual({ senders: 2, receivers: 0 });
    const rest = world.run(async () => [
      await channel.receive(),
      await channel.receive(),
      await channel.receive(),
    ]);
    expect(rest).toEqual(["d", "e", "f"]);
  });

  test("closing wakes both sides; what lies in the channel is drained first [C10]", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<string>(executor);
    const senders = ["a", "b"].map((value) => executor.spawn(() => codeOf(channel.send(value))));
    world.settle();
    channel.close();
    channel.close();
    world.settle();
    expect(senders.map((handle) => handle.task.outcome)).toEqual(["value undefined", "ERR_CLOSED"]);
    const after = world.run(async () => [
      await codeOf(channel.receive()),
      await codeOf(channel.receive()),
      await codeOf(channel.send("c")),
    ]);
    expect(after).toEqual(["value a", "ERR_CLOSED", "ERR_CLOSED"]);
    const empty = new Channel<string>(executor);
    const receivers = [1, 2].map(() => executor.spawn(() => codeOf(empty.receive())));
    world.settle();
    empty.close();
    world.settle();
    expect(receivers.map((handle) => handle.task.outcome)).toEqual(["ERR_CLOSED", "ERR_CLOSED"]);
  });

  test("for await ends when the channel is closed and drained", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<number>(executor, { capacity: 2 });
    executor.spawn(async () => {
      for (let i = 0; i < 5; i++) await channel.send(i);
      channel.close();
    });
    const values = world.run(async () => {
      const found: number[] = [];
      for await (const value of channel) found.push(value);
      return found;
    });
    expect(values).toEqual([0, 1, 2, 3, 4]);
  });

  test("a cancelled sender takes its message along", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<string>(executor);
    const [, second] = ["a", "b", "c"].map((value) => executor.spawn(() => channel.send(value)));
    world.settle();
    void second!.cancel();
    world.settle();
    const received = world.run(async () => [await channel.receive(), await channel.receive()]);
    expect(received).toEqual(["a", "c"]);
    expect(second!.cancelled).toBe(true);
  });

  test("a message that reached a receiver which is gone goes to the next receiver", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<string>(executor);
    const [first, second] = [1, 2].map(() => executor.spawn(() => channel.receive()));
    world.settle();
    channel.trySend("message");
    void first!.cancel();
    world.settle();
    expect([first!.cancelled, second!.task.outcome]).toEqual([true, "message"]);
  });

  test("messages that come back keep their order, before those that came later", () => {
    const world = new World();
    const { executor } = world;
    const channel = new Channel<number>(executor);
    const receivers = [1, 2].map(() => executor.spawn(() => channel.receive()));
    world.settle();
    for (const value of [1, 2, 3]) expect(channel.trySend(value)).toBe(true);
    for (const receiver of receivers) void receiver.cancel();
    world.settle();
    expect(channel.size).toBe(3);
    expect(channel.trySend(4)).toBe(false);
    const received = world.run(async () => [
      await channel.receive(),
      await channel.receive(),
      await channel.receive(),
    ]);
    expect(received).toEqual([1, 2, 3]);
  });

  test("a race between receive() and something else in the same round loses no message", () => {
    for (const senderFirst of [true, false]) {
      const world = new World();
      const { executor } = world;
      const channel = new Channel<string>(executor);
      const lateSender = async (): Promise<void> => {
        await sleep(executor, 10);
        await channel.send("late");
      };
      if (senderFirst) executor.spawn(lateSender);
      const raced = executor.spawn(() =>
        race(executor, [() => sleep(executor, 10), () => channel.receive()]),
      );
      world.settle();
      if (!senderFirst) executor.spawn(lateSender);
      const first = world.run(() => raced.join());
      expect(first ?? world.run(() => channel.receive())).toBe("late");
      expect(channel.size).toBe(0);
    }
  });

  test("a capacity that cannot be is refused", () => {
    const world = new World();
    for (const capacity of [0, -1, 1.5, Number.POSITIVE_INFINITY]) {
      expect(() => new Channel(world.executor, { capacity })).toThrow(RangeError);
    }
  });
});
