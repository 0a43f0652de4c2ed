/**
 * A provider of your own, with nothing but what a third party has: `dice` throws dice. It takes its
 * time from the session's clock and its luck from the session's seed, so that it can be recorded,
 * replayed and cancelled like every other device, on io_uring as on the emulated machine.
 *
 * Run: bun examples/own-provider.ts
 * Expect: two throws of five dice: 20 ms
 * Expect: the same seed throws the same: true
 * Expect: a throw of 100 dice was cancelled: ERR_CANCELLED
 */
import { Runtime, isReelError, ms } from "ioreel";
import {
  defineProvider,
  layer,
  struct,
  t,
  u53,
  type Driver,
  type DriverContext,
} from "ioreel/provider";

const options = t.Object(
  {
    sides: t.Integer({ description: "Sides of a die", minimum: 2, maximum: 255, default: 6 }),
    throwNs: t.Integer({ description: "How long a throw takes", minimum: 0, default: ms(10) }),
  },
  { additionalProperties: false },
);

function diceDriver(cx: DriverContext): Driver<{ sides: number; throwNs: number }> {
  // What outlives an operation lives in records: bytes that can be saved and restored.
  const tables = cx.records("table", struct({ sides: u53, throwNs: u53 }));

  const read = layer({
    name: "dice.read",
    frame: struct({}),
    wait: (_frame, run) => run.after(tables.at(run.resource).throwNs),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      const { sides } = tables.at(run.resource);
      for (let i = 0; i < run.length; i++)
        run.memory[run.memoryAt + i] = 1 + cx.random.below(sides);
      return run.done(run.length);
    },
  });

  return {
    operations: { read },
    open(resource, { sides, throwNs }) {
      const table = tables.at(resource);
      table.sides = sides;
      table.throwNs = throwNs;
    },
    release() {},
  };
}

const dice = defineProvider({
  kind: "dice",
  version: "1.0.0",
  stateVersion: 1,
  summary: "Throws as many dice as a read has bytes",
  options,
  operations: { read: { direction: "read", summary: "Throws the dice" } },
  ends: { main: { operations: ["read"] } },
  capabilities: { shortTransfers: false, cancel: true, restore: ["uring", "emulated"] },
  // It waits for time alone, which every backend has.
  uring: diceDriver,
  emulated: diceDriver,
});

async function play(seed: number): Promise<{ throws: string; tookNs: number }> {
  await using io = await Runtime.start({ backend: "emulated", seed, providers: [dice] });
  return await io.run(async () => {
    await using table = await io.open("dice", { sides: 6 });
    const startNs = io.now();
    const first = await table.read(5);
    const second = await table.read(5);
    return { throws: `${first.join(" ")} and ${second.join(" ")}`, tookNs: io.now() - startNs };
  });
}

async function playTooLong(): Promise<string> {
  await using io = await Runtime.start({ backend: "emulated", seed: 1, providers: [dice] });
  return await io.run(async () => {
    await using table = await io.open("dice", { throwNs: ms(1000) });
    const player = io.spawn(async () => {
      try {
        await table.read(100);
        return "nothing";
      } catch (error) {
        return isReelError(error) ? error.code : "another error";
      }
    });
    await io.sleep(ms(5));
    return (await player.cancel()) ?? "nobody";
  });
}

const game = await play(7);
console.log(`two throws of five dice: ${game.tookNs / ms(1)} ms, ${game.throws}`);
console.log(`the same seed throws the same: ${(await play(7)).throws === game.throws}`);
console.log(`a throw of 100 dice was cancelled: ${await playTooLong()}`);
