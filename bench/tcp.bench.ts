/**
 * Topic `tcp`: echo servers under load. One row for each target of TCP's speed section. Every
 * server and every client has a process of its own; all servers run on one processor and all
 * clients on another.
 */
import { join } from "node:path";
import { NS_PER_MS, NS_PER_SECOND } from "../core/clock.ts";
import { CALIBRATION, calibrationPlan } from "./topic.ts";
import type { IdlePlan, LoadPlan, Medians, Plan, Row, ServerPlan, Topic } from "./topic.ts";

const path = (module: string): string => join(import.meta.dir, module);

const MESSAGE_BYTES = 64;
const CHECKED_BYTES = 8 << 20;
const IDLE_CONNECTIONS = 10_000;
const IDLE_ROUNDS = 3;
const LOADS = [1, 64, 512] as const;

/** Buffers of the C peer: enough for a message of each connection, or large for bulk. */
const cEcho = (bytes: number, count: number): ServerPlan => ({
  from: "c",
  file: "echo-server.c",
  words: [String(bytes), String(count)],
});

const bunListen: ServerPlan = { from: "bun", file: path("./peers/bun-listen.ts"), words: [] };

const net = (from: "bun" | "node", form: "write" | "pipe"): ServerPlan => ({
  from,
  file: path("./peers/node-net.ts"),
  words: [form],
});

const ioreel = (...words: string[]): ServerPlan => ({
  from: "bun",
  file: path("./subjects/tcp-echo.ts"),
  words,
});

/** Its two forms: handlers, as Bun.listen and the C server have them, and a task a connection. */
const HANDLERS = "ioreel handlers";
const TASKS = "ioreel tasks";
const OWN = { [HANDLERS]: ioreel("handlers"), [TASKS]: ioreel("tasks") } as const;

/** The servers of JavaScript that ioreel is compared with. */
const JS_PEERS = {
  "Bun.listen": bunListen,
  "Bun node:net": net("bun", "write"),
  "Node net": net("node", "write"),
} as const;

const ECHO_SERVERS = { "C liburing": cEcho(2048, 1024), ...JS_PEERS, ...OWN } as const;
const BULK_SERVERS = { "C liburing": cEcho(262_144, 64), ...JS_PEERS, ...OWN } as const;
const IDLE_SERVERS = { ...JS_PEERS, ...OWN } as const;

const echo = (server: ServerPlan, connections: number): LoadPlan => ({
  from: "load",
  server,
  client: "echo-client.c",
  words: [String(MESSAGE_BYTES)],
  open: connections,
  unit: "messages/s",
});

const bulk = (server: ServerPlan): LoadPlan => ({
  from: "load",
  server,
  client: "bulk-client.c",
  words: [],
  open: CHECKED_BYTES,
  unit: "MiB/s",
});

const idle = (server: ServerPlan): IdlePlan => ({
  from: "idle",
  server,
  client: "echo-client.c",
  words: [String(MESSAGE_BYTES)],
  connections: IDLE_CONNECTIONS,
  rounds: IDLE_ROUNDS,
  unit: "bytes",
});

const network = (module: string, unit: string): Plan => ({
  from: "subject",
  module: path(module),
  argument: "",
  unit,
});

type Servers = Readonly<Record<string, ServerPlan>>;

/** A sampler for each server: "what, server". */
function samplersOf(
  what: string,
  servers: Servers,
  plan: (server: ServerPlan) => Plan,
): [name: string, plan: Plan][] {
  return Object.entries(servers).map(([name, server]) => [`${what}, ${name}`, plan(server)]);
}

const echoName = (connections: number): string =>
  connections === 1 ? "echo on 1 connection" : `echo on ${connections} connections`;

const names = (what: string, servers: Servers): string[] =>
  Object.keys(servers).map((name) => `${what}, ${name}`);

/** A value of one server over the same of another. */
function ratio(
  what: string,
  own: string,
  other: string,
  metric = "",
): Pick<Row, "needs" | "value"> {
  const [above, below] = [`${what}, ${own}`, `${what}, ${other}`];
  return {
    needs: [above, below],
    value: (median) => median(above + metric) / median(below + metric),
  };
}

/** A row that compares a form of ioreel with a peer; without a target it only reports. */
function rateRow(what: string, own: string, other: string, target?: number): Row {
  return {
    name: `${what}: rate, ${own} / ${other}`,
    better: "higher",
    ...(target === undefined ? {} : { target }),
    digits: 3,
    ...ratio(what, own, other),
  };
}

function echoRows(connections: number): Row[] {
  const what = echoName(connections);
  if (connections === 1) {
    return [HANDLERS, TASKS].flatMap((own) =>
      ["C liburing", "Bun.listen"].map((other) => rateRow(what, own, other)),
    );
  }
  const all = names(what, ECHO_SERVERS);
  return [
    rateRow(what, HANDLERS, "C liburing", 0.95),
    rateRow(what, HANDLERS, "Bun.listen", 1),
    {
      name: `${what}: CPU per message, ${HANDLERS} / Bun.listen`,
      better: "lower",
      target: 0.9,
      digits: 3,
      ...ratio(what, HANDLERS, "Bun.listen", ": CPU ns"),
    },
    {
      name: `${what}: p99, ${HANDLERS} / the best`,
      better: "lower",
      target: 1.2,
      digits: 2,
      needs: [`${what}, ${HANDLERS}`],
      also: all,
      value(median: Medians) {
        const best = Math.min(...all.map((name) => median(`${name}: p99 ns`, Infinity)));
        return median(`${what}, ${HANDLERS}: p99 ns`) / best;
      },
    },
    rateRow(what, TASKS, "C liburing"),
    rateRow(what, TASKS, "Bun.listen"),
  ];
}

const BULK = "1 MiB writes";
const IDLE = `${IDLE_CONNECTIONS} idle connections`;
const SEGMENTS = "emulated network, stream";
const CHAT = "emulated network, chat of 10 hosts";

function bulkRow(own: string, target?: number): Row {
  return {
    name: `${BULK}: rate, ${own} / the best of JavaScript`,
    better: "higher",
    ...(target === undefined ? {} : { target }),
    digits: 3,
    needs: [`${BULK}, ${own}`, ...names(BULK, JS_PEERS)],
    also: names(BULK, BULK_SERVERS),
    value(median) {
      const best = Math.max(...names(BULK, JS_PEERS).map((name) => median(name)));
      return median(`${BULK}, ${own}`) / best;
    },
  };
}

/** What the emulated network does in a second; its targets are meant for the reference machine. */
function networkRows(): Row[] {
  return [
    {
      name: `${SEGMENTS}: segments per second`,
      better: "higher",
      target: 200_000,
      isRate: true,
      digits: 0,
      needs: [SEGMENTS],
      value: (median) => NS_PER_SECOND / median(SEGMENTS),
    },
    {
      name: `${CHAT}: virtual time / real time`,
      better: "higher",
      target: 700,
      isRate: true,
      digits: 0,
      needs: [CHAT],
      value: (median) => NS_PER_MS / median(CHAT),
    },
  ];
}

/** What is kept of a recorded session: all that arrives, or its length and checksum. */
const RECORDED = `${echoName(64)}, recorded`;
const BARE = `${echoName(64)}, recorded without payload`;

function recordingRow(name: string, recorded: string, target: number): Row {
  const plain = `${echoName(64)}, ${HANDLERS}`;
  return {
    name: `${echoName(64)}: rate lost to recording, ${name}`,
    better: "lower",
    target,
    digits: 3,
    needs: [plain, recorded],
    value: (median) => 1 - median(recorded) / median(plain),
  };
}

function idleRow(): Row {
  const own = names(IDLE, OWN);
  return {
    name: `${IDLE}: bytes of JavaScript heap each`,
    better: "lower",
    target: 4096,
    digits: 0,
    needs: own,
    also: names(IDLE, JS_PEERS),
    value: (median) => Math.max(...own.map((name) => median(name))),
  };
}

const topic: Topic = {
  name: "tcp",
  effort: {
    full: { rounds: 16, sampleMs: 250, warmUpMs: 700 },
    quick: { rounds: 9, sampleMs: 100, warmUpMs: 400 },
  },
  samplers: {
    [CALIBRATION]: calibrationPlan,
    ...Object.fromEntries(
      LOADS.flatMap((connections) =>
        samplersOf(echoName(connections), ECHO_SERVERS, (server) => echo(server, connections)),
      ),
    ),
    [RECORDED]: echo(ioreel("handlers", "full"), 64),
    [BARE]: echo(ioreel("handlers", "none"), 64),
    ...Object.fromEntries(samplersOf(BULK, BULK_SERVERS, bulk)),
    ...Object.fromEntries(samplersOf(IDLE, IDLE_SERVERS, idle)),
    [SEGMENTS]: network("./subjects/network-segments.ts", "ns/segment"),
    [CHAT]: network("./subjects/network-chat.ts", "ns/virtual ms"),
  },
  rows: [
    ...LOADS.flatMap(echoRows),
    recordingRow("what arrives included", RECORDED, 0.25),
    recordingRow("what arrives without payload", BARE, 0.1),
    bulkRow(HANDLERS, 1),
    bulkRow(TASKS),
    idleRow(),
    ...networkRows(),
  ],
};

export default topic;
