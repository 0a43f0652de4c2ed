/**
 * A provider for tests of the runtime: `read` waits in a queue until something is sent to its
 * resource, `accept` gives the handle of a new resource, and a service ticks for as long as one is
 * open. What is sent and what the service does is told by `write`, one word at a time.
 */
import type { Provider } from "../provider/define.ts";
import {
  ERRNO,
  bool,
  defineProvider,
  layer,
  ms,
  struct,
  t,
  u32,
  type Driver,
  type DriverContext,
  type FaceHost,
  type Layer,
  type WaitQueue,
} from "../provider/index.ts";

/** Bytes that every read brings, or fewer. */
export const GREETING = new TextEncoder().encode("hello");

/** What the tests look at from outside. */
export interface NetLog {
  readonly served: number[];
  readonly released: number[];
  settings: unknown;
}

const options = t.Object(
  {
    /** Opening and closing take a while. */
    slowly: t.Boolean({ default: false }),
    /** Opening fails. */
    refused: t.Boolean({ default: false }),
  },
  { additionalProperties: false },
);
const settings = t.Object(
  {
    hosts: t.Integer({ minimum: 1, default: 3 }),
    name: t.String({ default: "lan" }),
  },
  { additionalProperties: false },
);

function emulatedNet(
  cx: DriverContext,
  log: NetLog,
): Driver<{ slowly: boolean; refused: boolean }> {
  const sockets = cx.records(
    "socket",
    struct({ readable: u32, failing: bool, slowly: bool, refused: bool }),
  );
  log.settings = cx.settings;
  const decoder = new TextDecoder();

  const serve = layer({
    name: "net.serve",
    frame: struct({}),
    wait: (_frame, run) => run.after(ms(1)),
    complete(_frame, run) {
      if (sockets.at(run.resource).failing) throw new Error("the receiver is broken");
      return run.again();
    },
  });
  const read = layer({
    name: "net.read",
    frame: struct({}),
    wait: (_frame, run) => run.queue(sockets.at(run.resource).readable as WaitQueue),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      run.bring(GREETING, 0, Math.min(GREETING.length, run.length));
      return run.done(0);
    },
  });
  const write = layer({
    name: "net.write",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      const word = decoder.decode(run.memory.slice(0, run.length));
      const socket = sockets.at(run.resource);
      if (word === "break") socket.failing = true;
      else run.wake(socket.readable as WaitQueue, word === "reset" ? -ERRNO.ECONNRESET : 0);
      return run.done(run.length);
    },
  });
  const accept = layer({
    name: "net.accept",
    frame: struct({}),
    wait: (_frame, run) => run.after(ms(2)),
    complete(_frame, run) {
      const resource = run.adopt();
      if (resource === -1) return run.fail(ERRNO.EMFILE);
      sockets.at(resource).readable = cx.queue();
      return run.done(run.handleOf(resource));
    },
  });
  const open = layer({
    name: "net.open",
    frame: struct({}),
    wait(_frame, run) {
      const { refused, slowly } = sockets.at(run.resource);
      return slowly ? run.after(ms(100)) : run.ready(refused ? -ERRNO.ECONNREFUSED : 0);
    },
    complete: (_frame, run, result) => (result < 0 ? run.fail(-result) : run.done(0)),
  });
  const close = layer({
    name: "net.close",
    frame: struct({}),
    wait: (_frame, run) => (sockets.at(run.resource).slowly ? run.after(ms(100)) : run.ready()),
    complete: (_frame, run) => run.done(0),
  });
  return {
    operations: { read, write, accept } as unknown as Record<string, Layer>,
    layers: [serve as unknown as Layer],
    opening: open as unknown as Layer,
    closing: close as unknown as Layer,
    open(resource, { refused, slowly }) {
      const socket = sockets.at(resource);
      socket.readable = cx.queue();
      socket.refused = refused;
      socket.slowly = slowly;
    },
    service(resource) {
      log.served.push(resource);
      return serve as unknown as Layer;
    },
    describe: (resource) => `host ${resource}`,
    release(resource) {
      log.released.push(resource);
      cx.dispose(sockets.at(resource).readable as WaitQueue);
    },
  };
}

/** The provider's face. */
export interface NetFace {
  /** Opens one. */
  dial(signal?: AbortSignal): Promise<number>;
  host(): FaceHost;
}

/** The provider, and what it tells of itself. */
export function makeNet(resourcesMax = 8) {
  const log: NetLog = { served: [], released: [], settings: undefined };
  const provider = defineProvider({
    kind: "net",
    version: "1.0.0",
    stateVersion: 1,
    summary: "For tests of the runtime",
    options,
    settings,
    operations: {
      read: { direction: "read", summary: "Waits for a greeting", unbuffered: true },
      write: { direction: "write", summary: "A command" },
      accept: { direction: "none", summary: "Gives a new one" },
    },
    ends: { main: { operations: ["read", "write", "accept"] } },
    capabilities: { shortTransfers: true, cancel: true, restore: ["emulated"] },
    resourcesMax,
    emulated: (cx) => emulatedNet(cx, log),
    face: (io): NetFace => ({
      async dial(signal) {
        const end = await io.open("net", { slowly: signal !== undefined }, signal);
        return end.handle;
      },
      host: () => io,
    }),
  });
  return { provider, log };
}

/** A provider that is nothing but a face. */
export function faceOnly(kind: string, face: Record<string, unknown>): Provider {
  const nothing = layer({
    name: `${kind}.nothing`,
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete: (_frame, run) => run.done(0),
  });
  return defineProvider({
    kind,
    version: "1.0.0",
    stateVersion: 1,
    summary: "A face",
    options: t.Object({}),
    operations: { nothing: { direction: "none", summary: "Nothing" } },
    ends: { left: { operations: ["nothing"] }, right: { operations: ["nothing"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    emulated: () => ({
      operations: { nothing: nothing as unknown as Layer },
      open() {},
      release() {},
    }),
    face: () => face,
  }) as unknown as Provider;
}
