/** What operations in flight wait for, in words: the text of deadlock reports. */
import { expect, test } from "bun:test";
import { layer, type Layer, type Lock, type WaitQueue } from "../provider/layer.ts";
import { bool, oneOf, u53 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { onMachine, onRing, plainLayer, providerOf } from "./engine.fixture.ts";
import { describeWaits } from "./inspect.ts";

/** A provider with a layer for every kind of wait, and the numbers of its lock and queue. */
function diskProvider() {
  const names: Record<string, number> = {};
  const provider = providerOf("disk", ["read", "plainQueue", "plainLine", "plainForks"], (cx) => {
    const lock = cx.lock();
    const queue = cx.queue();
    Object.assign(names, { lock, queue });
    const read = layer({
      name: "disk.read",
      frame: struct({ phase: oneOf("acquire", "active"), lba: u53 }),
      wait(frame, run) {
        frame.lba = 2 ** 40;
        return frame.phase === "acquire" ? run.lock(lock as Lock) : run.after(700);
      },
      complete(frame, run) {
        if (frame.phase === "active") return run.done(0);
        frame.phase = "active";
        run.progress(3);
        return run.again();
      },
    });
    const forks = layer({
      name: "disk.forks",
      frame: struct({ joined: bool }),
      wait: (_frame, run) => run.ready(),
      complete(frame, run) {
        if (frame.joined) return run.done(0);
        frame.joined = true;
        run.fork(asLayer(line));
        return run.join();
      },
    });
    const line = plainLayer(
      "disk.line",
      (run) => run.interrupt(6),
      (run) => run.done(0),
    );
    return {
      operations: {
        read: asLayer(read),
        plainQueue: plainLayer(
          "disk.queue",
          (run) => run.within(50, run.queue(queue as WaitQueue)),
          (run) => run.done(0),
        ),
        plainLine: line,
        plainForks: asLayer(forks),
      },
    };
  });
  return { names, provider };
}

test("describeWaits() names operation, wait, deadline and the frames' fields", () => {
  const { names, provider } = diskProvider();
  const t = onMachine([provider]);
  const { table } = t.engine.state;
  t.engine.state.owner = 12;
  const [holder, waiter, queued, forking] = [0, 0, 1, 3].map((operation) => t.start(operation));
  t.engine.work();
  t.engine.cancel(forking!);
  const described = describeWaits(t.engine.state);
  expect(described[0]).toEqual({
    handle: table.handleOf(holder!),
    provider: "disk",
    resource: 0,
    end: "main",
    operation: "read",
    owner: 12,
    parent: undefined,
    waitsFor: "a timer",
    deadlineNs: 700,
    cancelRequested: false,
    bytes: 3,
    layers: [{ layer: "disk.read", frame: { phase: "active", lba: 2 ** 40 } }],
  });
  expect(described[1]).toMatchObject({
    handle: table.handleOf(waiter!),
    waitsFor: `lock ${names["lock"]}, held by operation ${table.handleOf(holder!)}`,
    deadlineNs: undefined,
  });
  expect(described[2]).toMatchObject({
    handle: table.handleOf(queued!),
    waitsFor: `queue ${names["queue"]}`,
    deadlineNs: 50,
  });
  expect(described[3]).toMatchObject({ operation: "plainForks", waitsFor: "its turn" });
});

test("describeWaits() shows forks with their parent, lines by number, files by name", () => {
  const nop = plainLayer(
    "net.nop",
    (run) => run.ring.nop(),
    (run) => run.done(0),
  );
  const read = plainLayer(
    "net.read",
    (run) => run.ring.read(9, 0),
    (run) => run.done(0),
  );
  const ring = onRing([
    providerOf("net", ["plainNop", "read"], () => ({ operations: { plainNop: nop, read } })),
  ]);
  ring.start(0);
  ring.start(1, { buffer: ring.pool.owned(1) });
  expect(describeWaits(ring.engine.state).map(({ waitsFor }) => waitsFor)).toEqual([
    "a ring request",
    "a ring request on file 9",
  ]);
  const line = plainLayer(
    "dev.line",
    (run) => run.interrupt(6),
    (run) => run.done(0),
  );
  const forks = layer({
    name: "dev.forks",
    frame: struct({ joined: bool }),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      run.fork(line);
      run.fork(line);
      return run.join();
    },
  });
  const t = onMachine([
    providerOf("dev", ["plain"], () => ({ operations: { plain: asLayer(forks) }, layers: [line] })),
  ]);
  const parent = t.start();
  t.engine.work();
  const described = describeWaits(t.engine.state);
  expect(described.map(({ waitsFor }) => waitsFor)).toEqual([
    "its 2 forks",
    "interrupt line 6",
    "interrupt line 6",
  ]);
  const handle = t.engine.state.table.handleOf(parent);
  expect(described.map((each) => each.parent)).toEqual([undefined, handle, handle]);
});

function asLayer(made: unknown): Layer {
  return made as Layer;
}
