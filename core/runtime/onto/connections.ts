/** The connections of a session: who connects to whom, in which order, and who does not. */
import type { LoggedEnd, LoggedOpen, OperationLog } from "./log.ts";
import { pairConnections, trafficOf } from "./pairs.ts";

/** A connection of the session: who it goes to, and who has to be connected before it. */
export interface Connection {
  readonly listener: LoggedEnd;
  readonly before: LoggedOpen | undefined;
}

export interface Connections {
  readonly connections: ReadonlyMap<LoggedOpen, Connection>;
  /** Both sides of each connection, by each of them. */
  readonly peers: ReadonlyMap<LoggedEnd, LoggedEnd>;
}

/** @param refusals gets a line for each connection to or from the outside */
export function connectionsOf(
  log: OperationLog,
  opens: readonly LoggedOpen[],
  refusals: string[],
): Connections {
  const listeners = opens.filter((open) => open.options["role"] === "listen");
  const ports = portsOf(log);
  const connections = new Map<LoggedOpen, Connection>();
  const made = new Map<LoggedEnd, LoggedOpen[]>();
  for (const open of opens.filter(({ options }) => options["role"] === "connect")) {
    const listener = listenerOf(open, listeners, ports);
    if (listener === undefined) {
      const { host, path, port } = open.options;
      const where = path === "" ? `${host}:${port}` : path;
      refusals.push(`${open.label}: it connects to ${where}, which is outside the session`);
      continue;
    }
    connections.set(open, { listener, before: undefined });
    if (open.code !== undefined || open.ended === -1) continue;
    const makers = made.get(listener);
    if (makers === undefined) made.set(listener, [open]);
    else makers.push(open);
  }
  const accepted = Map.groupBy(log.accepted, ([{ end }]) => end);
  const peers = new Map<LoggedEnd, LoggedEnd>();
  const traffic = trafficOf(log);
  for (const listener of new Set([...made.keys(), ...accepted.keys()])) {
    const ends = (accepted.get(listener) ?? []).map(([, end]) => end);
    const makers = (made.get(listener) ?? []).toSorted((a, b) => a.ended - b.ended);
    const foreign = ends.length - makers.length;
    if (foreign > 0) {
      refusals.push(
        `${listener.label}: it accepted ${foreign} connections from outside the session`,
      );
    }
    const own = makers.map((open) => open.ends[0]!);
    const pairs = pairConnections(own, ends, traffic);
    for (const [end, peer] of pairs) peers.set(end, peer).set(peer, end);
    let before: LoggedOpen | undefined;
    for (const open of inOrder(makers, ends, peers)) {
      // What began only when this one was over cannot be waited for.
      const waits = before !== undefined && before.after <= open.ended;
      connections.set(open, { listener, before: waits ? before : undefined });
      before = open;
    }
  }
  return { connections, peers };
}

/** Connections in the order in which they were accepted; behind them those that never were. */
function inOrder(
  makers: readonly LoggedOpen[],
  accepted: readonly LoggedEnd[],
  peers: ReadonlyMap<LoggedEnd, LoggedEnd>,
): Set<LoggedOpen> {
  const byEnd = new Map(makers.map((open) => [open.ends[0], open]));
  const first = accepted.flatMap((end) => byEnd.get(peers.get(end)!) ?? []);
  return new Set([...first, ...makers]);
}

/** The listener whose address a connection names; of those on any port, the one that was there. */
function listenerOf(
  { after, options }: LoggedOpen,
  listeners: readonly LoggedOpen[],
  ports: ReadonlyMap<LoggedEnd, number>,
): LoggedEnd | undefined {
  const there = listeners.filter(({ ended }) => ended !== -1 && ended < after).toReversed();
  const { path, port } = options;
  const exact = there.find((open) => {
    if (path !== "") return open.options["path"] === path;
    return open.options["port"] === port || ports.get(open.ends[0]!) === port;
  });
  if (exact !== undefined || path !== "") return exact?.ends[0];
  const any = there.filter((open) => open.options["port"] === 0 && !ports.has(open.ends[0]!));
  return any.length === 1 ? any[0]!.ends[0] : undefined;
}

/** The ports that listeners were told that they have. */
function portsOf({ operations }: OperationLog): Map<LoggedEnd, number> {
  const ports = new Map<LoggedEnd, number>();
  for (const { argument, end, told } of operations) {
    if (told === undefined || argument !== 0) continue;
    const port = Number(told.split(" ")[2]);
    if (Number.isInteger(port)) ports.set(end, port);
  }
  return ports;
}
