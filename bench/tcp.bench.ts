/**
 * Topic `tcp`: echo servers under load. One row for each target of TCP's speed section. Every
 * server and every client has a process of its own; all servers run on one processor and all
 * clients on another.
 */
import { join } from "node:path";
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

/** The servers of JavaScript that ioreel is compared with. */
const JS_PEERS = {
  "Bun.listen": bunListen,
  "Bun node:net": net("bun", "write"),
  "Node net": net("node", "write"),
} as const;

const ECHO_SERVERS = { "C liburing": cEcho(2048, 1024), ...JS_PEERS, ioreel: ioreel() } as const;
const BULK_SERVERS = { "C liburing": cEcho(262_144, 64), ...JS_PEERS, ioreel: ioreel() } as const;
const IDLE_SERVERS = {
  ...JS_PEERS,
  ioreel: ioreel(`connections=${IDLE_CONNECTIONS + 100}`),
} as const;
const RECORDED = "recorded";

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

/** A value of ioreel over the same of another server. */
function ratioTo(what: string, server: string, metric = ""): Pick<Row, "needs" | "value"> {
  const own = `${what}, ioreel`;
  const other = `${what}, ${server}`;
  return {
    needs: [own, other],
    value: (median) => median(own + metric) / median(other + metric),
  };
}

function echoRows(connections: number): Row[] {
  const what = echoName(connections);
  const isAimed = connections > 1;
  const rates: Row[] = [
    {
      name: `${what}: rate, ioreel / C liburing`,
      better: "higher",
      ...(isAimed ? { target: 0.95 } : {}),
      digits: 3,
      ...ratioTo(what, "C liburing"),
    },
    {
      name: `${what}: rate, ioreel / Bun.listen`,
      better: "higher",
      ...(isAimed ? { target: 1 } : {}),
      digits: 3,
      ...ratioTo(what, "Bun.listen"),
    },
  ];
  if (!isAimed) return rates;
  const all = names(what, ECHO_SERVERS);
  return [
    ...rates,
    {
      name: `${what}: CPU per message, ioreel / Bun.listen`,
      better: "lower",
      target: 0.9,
      digits: 3,
      ...ratioTo(what, "Bun.listen", ": CPU ns"),
    },
    {
      name: `${what}: p99, ioreel / the best`,
      better: "lower",
      target: 1.2,
      digits: 2,
      needs: [`${what}, ioreel`],
      also: all,
      value(median: Medians) {
        const best = Math.min(...all.map((name) => median(`${name}: p99 ns`, Infinity)));
        return median(`${what}, ioreel: p99 ns`) / best;
      },
    },
  ];
}

const BULK = "1 MiB writes";
const IDLE = `${IDLE_CONNECTIONS} idle connections`;

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
    [`${echoName(64)}, ${RECORDED}`]: echo(ioreel("record=full"), 64),
    ...Object.fromEntries(samplersOf(BULK, BULK_SERVERS, bulk)),
    ...Object.fromEntries(samplersOf(IDLE, IDLE_SERVERS, idle)),
  },
  rows: [
    ...LOADS.flatMap(echoRows),
    {
      name: `${echoName(64)}: rate lost to recording, what arrives included`,
      better: "lower",
      target: 0.25,
      digits: 3,
      needs: [`${echoName(64)}, ioreel`, `${echoName(64)}, ${RECORDED}`],
      value: (median) =>
        1 - median(`${echoName(64)}, ${RECORDED}`) / median(`${echoName(64)}, ioreel`),
    },
    {
      name: `${BULK}: rate, ioreel / the best of JavaScript`,
      better: "higher",
      target: 1,
      digits: 3,
      needs: names(BULK, { ioreel: ioreel(), ...JS_PEERS }),
      also: names(BULK, BULK_SERVERS),
      value(median) {
        const best = Math.max(...names(BULK, JS_PEERS).map((name) => median(name)));
        return median(`${BULK}, ioreel`) / best;
      },
    },
    {
      name: `${IDLE}: bytes of JavaScript heap each`,
      better: "lower",
      target: 4096,
      digits: 0,
      needs: [`${IDLE}, ioreel`],
      also: names(IDLE, JS_PEERS),
      value: (median) => median(`${IDLE}, ioreel`),
    },
  ],
};

export default topic;
