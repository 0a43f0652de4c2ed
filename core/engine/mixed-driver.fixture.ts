/** A driver with an operation for each way of waiting and combining, for random schedules. */
import type { DriverContext } from "../provider/define.ts";
import {
  layer,
  type Layer,
  type LayerContext,
  type Lock,
  type Wait,
  type WaitQueue,
} from "../provider/layer.ts";
import { bool, u32, u53, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import type { TestDriver } from "./engine.fixture.ts";
import { toyDriver } from "./toy-devices.fixture.ts";

/** The operations, in the order of their numbers. */
export const MIXED_OPERATIONS = [
  "readOnce",
  "readLocked",
  "readQueued",
  "readChain",
  "readForks",
  "readTimed",
  "writeOnce",
  "plainWake",
  "readDisk",
] as const;

const asLayer = (made: unknown): Layer => made as Layer;

/**
 * Waits for the outside world: on a ring for a request, on a machine for the time that the
 * operation's argument says.
 */
function outside(cx: LayerContext, ring: boolean): Wait {
  return ring ? cx.ring.read(cx.argument & 7, cx.offset) : cx.after(1 + (cx.argument % 50));
}

export function mixedDriver(cx: DriverContext): TestDriver {
  const ring = cx.backend === "uring";
  const lock = cx.lock();
  const queue = cx.queue();
  const tallies = cx.records("tally", struct({ ended: u53, lucky: u32 }));

  const once = layer({
    name: "mixed.once",
    frame: struct({ salt: u8 }),
    wait: (_frame, run) => outside(run, ring),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      const tally = tallies.at(run.resource);
      tally.ended++;
      tally.lucky = cx.random.uint32();
      return run.done(Math.min(result, run.length));
    },
  });

  const locked = layer({
    name: "mixed.locked",
    frame: struct({ held: bool }),
    wait: (frame, run) => (frame.held ? outside(run, ring) : run.lock(lock as Lock)),
    complete(frame, run, result) {
      if (result < 0) return run.fail(-result);
      if (frame.held) return run.done(0);
      frame.held = true;
      return run.again();
    },
  });

  const queued = layer({
    name: "mixed.queued",
    frame: struct({}),
    wait: (_frame, run) => run.queue(queue as WaitQueue),
    complete: (_frame, run, result) => run.done(Math.min(result, run.length)),
  });

  const chain: Layer = asLayer(
    layer({
      name: "mixed.chain",
      frame: struct({ depth: u8, called: bool, pad: u53 }),
      wait: (_frame, run) => run.ready(),
      complete(frame, run, result) {
        if (result < 0) return run.fail(-result);
        if (frame.called) return run.done(0);
        frame.called = true;
        if (frame.depth >= run.argument % 60) return run.call(once, { salt: frame.depth });
        return run.call(chain, { depth: frame.depth + 1 });
      },
    }),
  );

  const forks = layer({
    name: "mixed.forks",
    frame: struct({ forked: bool }),
    wait: (_frame, run) => run.ready(),
    complete(frame, run, result) {
      if (frame.forked) return result < 0 ? run.fail(-result) : run.done(0);
      frame.forked = true;
      for (let i = 0; i <= run.argument % 4; i++)
        run.fork(i === 2 ? asLayer(locked) : asLayer(once));
      return run.join();
    },
  });

  const timed = layer({
    name: "mixed.timed",
    frame: struct({}),
    wait: (_frame, run) => run.within(20, outside(run, ring)),
    complete: (_frame, run, result) => (result < 0 ? run.fail(-result) : run.done(0)),
  });

  const wake = layer({
    name: "mixed.wake",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete: (_frame, run) => run.done(run.wake(queue as WaitQueue, 1)),
  });

  const disk = ring ? undefined : toyDriver(cx, [], 40);
  return {
    operations: {
      readOnce: asLayer(once),
      readLocked: asLayer(locked),
      readQueued: asLayer(queued),
      readChain: chain,
      readForks: asLayer(forks),
      readTimed: asLayer(timed),
      writeOnce: asLayer(once),
      plainWake: asLayer(wake),
      readDisk: disk === undefined ? asLayer(once) : disk.operations["read"]!,
    },
    devices: disk?.devices ?? [],
  };
}
