/** Services and adopted resources: what runs beside the program's operations, and for how long. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_MORE } from "../backend/contract.ts";
import type { DriverContext } from "../provider/define.ts";
import type { LayerContext } from "../provider/layer.ts";
import { NOTHING_HELD, TestEngine, onRing, plainLayer, providerOf } from "./engine.fixture.ts";
import { ScriptedBackend } from "./scripted-door.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";
import { SERVICE_OPERATION, type EngineLimits } from "./state.ts";

const CANCELLED = -125;

interface Net {
  readonly context: DriverContext;
  readonly log: string[];
}

/**
 * Listeners whose `plainAccept` adopts a connection for each result of its request, and gives its
 * handle. Every resource but those of 5 and more has a service with a request on file 100 + it.
 */
function netOf(nets: Net[] = []) {
  return providerOf(
    "net",
    ["plainAccept", "read"],
    (context) => {
      const log: string[] = [];
      nets.push({ context, log });
      const serve = plainLayer(
        "net.serve",
        (cx) => cx.ring.request(27, 100 + cx.resource, 0, 0, 0, 0),
        (cx, result) => {
          if (result === 66) throw new Error("no such result");
          return cx.more ? cx.again() : cx.done(result);
        },
      );
      const adoptOne = (cx: LayerContext): number => {
        const resource = cx.adopt();
        return resource === -1 ? 0 : cx.handleOf(resource);
      };
      const plainAccept = plainLayer(
        "net.accept",
        (cx) => cx.ring.nop(),
        (cx) => cx.done(adoptOne(cx)),
      );
      const read = plainLayer(
        "net.read",
        (cx) => cx.ring.nop(),
        (cx, result) => cx.done(result),
      );
      return {
        operations: { plainAccept, read },
        layers: [serve],
        service(resource) {
          log.push(`service ${resource}`);
          return resource < 5 ? serve : undefined;
        },
      };
    },
    { resourcesMax: 6 },
  );
}

/** An engine with one listener, without its service. */
function listening(limits?: EngineLimits) {
  const nets: Net[] = [];
  const t = onRing([netOf(nets)], limits);
  const { state } = t.engine;
  const { context, log } = nets[0]!;
  /** Runs an accept. @returns the handle of what was adopted, 0 for nothing */
  const accept = (): number => {
    t.start(0, { autoRelease: true });
    t.backend.complete(t.backend.last, 1);
    t.settle();
    return t.outcomes.settledAll.at(-1)!.bytes;
  };
  const services = (): number[] =>
    t.backend.requests.filter(({ opcode }) => opcode === 27).map(({ file }) => file - 100);
  const serviceOf = (resource: number) =>
    t.backend.requests.find(({ file }) => file === 100 + resource)!;
  return { t, state, context, log, accept, services, serviceOf };
}

describe("adopt()", () => {
  test("opens the ends of the lowest free resource and starts its service afterwards [O4]", () => {
    const { t, state, log, accept, services } = listening();
    const handles = [accept(), accept(), accept()];
    expect(handles).toEqual([1, 2, 3].map((end) => state.ends.handleOf(end)));
    expect([...state.ends.all()].map((end) => state.ends.resource(end))).toEqual([0, 1, 2, 3]);
    expect([log, services()]).toEqual([
      ["service 1", "service 2", "service 3"],
      [1, 2, 3],
    ]);
    expect([state.counters.started, state.services.live]).toEqual([6, 3]);
    t.engine.cancelAll();
    t.settle();
    expect([t.held(), state.services.live]).toEqual([NOTHING_HELD, 0]);
  });

  test("gives -1 when no resource is free, or no end, and takes nothing then", () => {
    const all = listening();
    const handles = Array.from({ length: 7 }, () => all.accept());
    expect(handles.map((handle) => handle > 0)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    // The last resource has no service.
    expect(all.services()).toEqual([1, 2, 3, 4]);
    const few = listening({ ends: 3 });
    expect([few.accept(), few.accept(), few.accept()].map(Boolean)).toEqual([true, true, false]);
    expect(few.state.providers[0]!.free.take()).toBe(3);
  });

  test("names only what is open: handleOf() of anything else breaks the contract", () => {
    const wrong = plainLayer(
      "net.wrong",
      (cx) => cx.ready(),
      (cx) => cx.done(cx.handleOf(cx.argument)),
    );
    const t = onRing([providerOf("net", ["plain"], () => ({ operations: { plain: wrong } }))]);
    for (const argument of [0, 1, 8, -1, 0.5]) t.start(0, { argument, autoRelease: true });
    t.settle();
    expect(t.outcomes.results.map((result) => result < 0)).toEqual([false, true, true, true, true]);
  });
});

describe("a service", () => {
  test("is an operation of the end: cancelled with it and with all, not with the others", () => {
    const { t, state, accept, services } = listening();
    accept();
    accept();
    t.start(1, { buffer: t.pool.owned(8), autoRelease: true });
    t.engine.cancelOperations();
    t.settle();
    expect([t.outcomes.results.at(-1), services()]).toEqual([CANCELLED, [1, 2]]);
    const end = [...state.ends.all()][1]!;
    expect(state.ends.inFlight(end)).toBe(1);
    t.engine.cancelEnd(end);
    t.settle();
    expect([state.ends.inFlight(end), services(), state.services.live]).toEqual([0, [2], 1]);
  });

  test("that ends by itself is not started again, and frees its slot", () => {
    const { t, state, accept, serviceOf, services, log } = listening();
    accept();
    t.backend.complete(serviceOf(1), 5, COMPLETE_MORE);
    t.settle();
    expect(services()).toEqual([1]);
    t.backend.complete(serviceOf(1), 5);
    t.settle();
    expect([services(), state.services.live, state.table.used]).toEqual([[], 0, 0]);
    expect(log).toEqual(["service 1"]);
  });

  test("whose layer throws is told with its end, and ends the run if nobody wants to know", () => {
    const told: [number, unknown][] = [];
    const first = listening();
    first.t.engine.services.onFault = (end, error) => void told.push([end, error]);
    const handle = first.accept();
    first.t.backend.complete(first.serviceOf(1), 66);
    first.t.settle();
    expect(told).toEqual([[handle, new Error("no such result")]]);
    expect(first.t.held()).toEqual(NOTHING_HELD);
    const second = listening();
    second.accept();
    second.t.backend.complete(second.serviceOf(1), 66);
    expect(() => second.t.settle()).toThrow("no such result");
  });

  test("waits for a slot while the table is full, in order, and starts when one is free", () => {
    const { t, state, accept, services } = listening({ table: { slots: 2 } });
    const read = (): number => t.start(1, { buffer: t.pool.owned(8), autoRelease: true });
    // Whoever hears of a connection takes its slot before its service can.
    t.outcomes.onSettled = ({ bytes }) => void (bytes > 0 && read());
    const slots = [read()];
    const handles = [accept()];
    expect([services(), state.services.due, t.engine.hasWork()]).toEqual([[], handles, false]);
    t.engine.cancel(slots[0]!);
    t.settle();
    expect([services(), state.services.due, read()]).toEqual([[1], [], -1]);
  });

  test("is not started for an end that its driver gave up before it had a slot", () => {
    const { t, state, context, accept, services, log } = listening({ table: { slots: 1 } });
    const closed: number[] = [];
    t.engine.onAbandon = (handle) => {
      closed.push(handle);
      state.ends.beginClose(state.ends.endOf(handle));
    };
    const read = (): number => t.start(1, { buffer: t.pool.owned(8), autoRelease: true });
    t.outcomes.onSettled = ({ bytes }) => void (bytes > 0 && read());
    const handle = accept();
    expect(state.services.due).toEqual([handle]);
    context.abandon(1);
    expect(() => context.abandon(3)).toThrow(RangeError);
    expect(t.engine.hasWork()).toBe(true);
    t.settle();
    expect(closed).toEqual([handle]);
    t.engine.cancelAll();
    t.settle();
    expect([services(), state.services.due, log]).toEqual([[], [], []]);
  });
});

describe("a snapshot", () => {
  const unused = (nets: Net[] = [], limits?: EngineLimits) =>
    new TestEngine(new ScriptedBackend(), [netOf(nets)], limits, false);

  test("has services like every operation: they go on and are not started twice", () => {
    const { t, state, accept } = listening();
    accept();
    accept();
    t.backend.complete(t.backend.requests.at(-1)!, 1, COMPLETE_MORE);
    t.settle();
    const nets: Net[] = [];
    const again = unused(nets);
    restoreEngine(again.engine.state, snapshotEngine(state));
    again.settle();
    expect(again.backend.requests.map(({ file }) => file)).toEqual([101, 102]);
    expect([nets[0]!.log, again.engine.services.live]).toEqual([[], 2]);
    const end = [...again.engine.state.ends.all()][1]!;
    again.engine.cancelEnd(end);
    again.settle();
    expect([again.engine.services.live, again.backend.requests.length]).toEqual([1, 1]);
    // Its number is free once the end is forgotten, and what is open stays taken.
    expect(again.engine.state.providers[0]!.free.take()).toBe(3);
    again.engine.cancelAll();
    again.settle();
    expect([again.held(), again.engine.services.live]).toEqual([NOTHING_HELD, 0]);
  });

  test("has services that are still to be started, and those whose outcome is on its way", () => {
    const { t, state, accept } = listening({ table: { slots: 2 } });
    t.start(1, { buffer: t.pool.owned(8), autoRelease: true });
    accept();
    t.backend.complete(
      t.backend.requests.find(({ file }) => file === 101)!,
      3,
    );
    t.backend.poll(t.engine);
    state.services.due.push(state.ends.handleOf(1));
    const nets: Net[] = [];
    const again = unused(nets, { table: { slots: 2 } });
    restoreEngine(again.engine.state, snapshotEngine(state));
    expect([again.engine.services.live, again.engine.services.due.length]).toEqual([1, 1]);
    again.settle();
    expect([nets[0]!.log, again.engine.services.live]).toEqual([["service 1"], 1]);
    const { i32, table } = again.engine.state;
    const operations = [0, 1].map((slot) => i32[(slot << 5) + 16]);
    expect([operations, table.used]).toEqual([[1, SERVICE_OPERATION], 2]);
  });
});
