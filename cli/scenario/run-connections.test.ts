/**
 * Tests of the steps over connections, on both backends with the same assertions: what a server and
 * its clients read and write, who may use a connection, and when it ends.
 */
import { expect } from "bun:test";
import { onBoth } from "../../providers/both.fixture.ts";
import { resolveScenario } from "./load.ts";
import type { ScenarioReport } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import { kinds } from "./scenario.fixture.ts";
import type { Scenario, Step } from "./types.ts";

type Io = Parameters<typeof runScenario>[0];

const SERVER = { server: { kind: "tcp", role: "listen" } };

async function run(
  io: unknown,
  scenario: Omit<Scenario, "version">,
): Promise<{ report: ScenarioReport; lines: string[] }> {
  const lines: string[] = [];
  const resolved = resolveScenario({ version: 1, ...scenario }, kinds, "test");
  const report = await runScenario(io as Io, resolved, {
    inputs: new Map(),
    onEvent: ({ task, text }) => void lines.push(`${task}: ${text}`),
  });
  return { report, lines };
}

const outcomes = ({ tasks }: ScenarioReport): string[] =>
  tasks.map(
    ({ error, name, outcome }) => `${name} ${outcome}${error === null ? "" : ` ${error.code}`}`,
  );

const connect: Step = { connect: { to: "server", as: "link" } };

onBoth(
  "runScenario() serves each connection by a task, until the listener is closed",
  async (io) => {
    const client = (sizeBytes: number): Step[] => [
      connect,
      { write: { to: "link", pattern: "random", sizeBytes } },
      { end: "link" },
      { read: { from: "link", chunkBytes: 100 } },
    ];
    const { lines, report } = await run(io, {
      devices: SERVER,
      tasks: {
        echo: [
          {
            accept: {
              from: "server",
              as: "peer",
              do: [{ copy: { from: "peer", to: "peer" } }, { end: "peer" }],
            },
          },
        ],
        one: client(10_000),
        two: client(1),
        none: client(0),
        closer: [{ join: ["one", "two", "none"] }, { close: "server" }],
      },
      expect: {
        sameBytes: [
          ["one.written", "one.read"],
          ["two.written", "two.read"],
          ["none.written", "none.read"],
        ],
      },
    });
    expect([report.outcome, report.error, report.holds]).toEqual(["completed", null, true]);
    expect(lines).toContain("one: connected link to server");
    expect(lines).toContain("echo: accepted 3 connections on server");
    const peers = report.tasks.filter(({ name }) => name.startsWith("peer"));
    expect(peers.map(({ name }) => name)).toEqual(["peer", "peer#2", "peer#3"]);
    expect(peers.map(({ bytesRead }) => bytesRead).toSorted((a, b) => a - b)).toEqual([
      0, 1, 10_000,
    ]);
  },
);

onBoth(
  "runScenario() lets spawned tasks use a connection, and closes it with its owner",
  async (io) => {
    const { report } = await run(io, {
      devices: SERVER,
      tasks: {
        server: [
          { accept: { from: "server", as: "peer" } },
          // Nobody says end: the client's task is over, and its connection with it.
          { read: { from: "peer", as: "received" } },
          { checksum: { of: "received", is: "sender.written" } },
        ],
        client: [connect, { spawn: "sender" }, { join: "sender" }],
        sender: [{ write: { to: "link", pattern: "counter", sizeBytes: 100_000 } }],
      },
      expect: { sameBytes: ["sender.written", "received"] },
    });
    expect(outcomes(report)).toEqual(["server completed", "client completed", "sender completed"]);
    expect(report.holds).toBe(true);
  },
);

onBoth(
  "runScenario() says why a connection cannot be used, and ends all tasks then",
  async (io) => {
    const refused = async (steps: Step[]): Promise<string[]> => {
      const acceptor: Step[] = [{ accept: { from: "server", as: "peer", do: [{ read: "peer" }] } }];
      const { report } = await run(io, { devices: SERVER, tasks: { one: steps, acceptor } });
      return outcomes(report).filter((text) => !text.startsWith("peer"));
    };
    const acceptor = "acceptor cancelled";
    expect(await refused([connect, connect])).toEqual(["one failed ERR_OPERATION_BUSY", acceptor]);
    const late: Step[] = [{ write: { to: "link", text: "x" } }, connect];
    expect(await refused(late)).toEqual(["one failed ERR_NOT_RUNNING", acceptor]);
    const closed: Step[] = [connect, { close: "link" }, { write: { to: "link", text: "x" } }];
    expect(await refused(closed)).toEqual(["one failed ERR_CLOSED", acceptor]);
    const again: Step[] = [{ repeat: { times: 3, do: [connect, { close: "link" }] } }];
    expect(await refused([...again, { close: "server" }])).toEqual([
      "one completed",
      "acceptor completed",
    ]);
  },
);

onBoth("runScenario() reports that nobody listens, where that is expected", async (io) => {
  const { report } = await run(io, {
    devices: SERVER,
    tasks: {
      one: [{ close: "server" }, connect],
      two: [{ connect: { to: "127.0.0.1:1", as: "link" } }],
    },
    expect: {
      tasks: {
        one: { outcome: "failed", error: "ERR_CLOSED" },
        two: { outcome: "failed", error: "ECONNREFUSED" },
      },
    },
  });
  expect(outcomes(report)).toEqual(["one failed ERR_CLOSED", "two failed ECONNREFUSED"]);
  expect(report.holds).toBe(true);
});

onBoth("runScenario() leaves no connection open when its task is cancelled", async (io) => {
  const { report } = await run(io, {
    devices: SERVER,
    tasks: {
      acceptor: [{ accept: { from: "server", as: "peer", do: [{ read: "peer" }] } }],
      one: [connect, { spawn: "stopper" }, { read: "link" }],
      stopper: [{ sleep: "5ms" }, { cancel: "one" }, { join: "peer" }, { cancel: "acceptor" }],
    },
  });
  // What the client has opened went with it, so the server's reading came to its end.
  expect(outcomes(report)).toEqual([
    "acceptor cancelled",
    "one cancelled",
    "stopper completed",
    "peer completed",
  ]);
});

onBoth(
  "runScenario() changes the network if it is emulated, and else says what to do",
  async (io) => {
    const { lines, report } = await run(io, {
      devices: { server: { kind: "tcp", role: "listen", host: "127.0.0.1" } },
      tasks: {
        one: [
          { network: { partition: ["alice", "bob"] } },
          { network: { heal: ["alice", "bob"] } },
          { network: { heal: "all" } },
          { network: { clog: ["alice", "bob"] } },
          { network: { unclog: ["alice", "bob"] } },
          { network: { link: { between: ["alice", "bob"], latencyNs: "5ms", lossRate: 0.5 } } },
          { network: { link: { between: ["bob", "bob"], bandwidthBytesPerSecond: "1MiB" } } },
        ],
      },
    });
    if (io.backend === "uring") {
      expect([report.outcome, report.error!.code]).toEqual(["failed", "ERR_UNSUPPORTED"]);
      expect(report.error!.message).toBe(
        "Cannot change the network on uring: it is the machine's own",
      );
      expect(report.error!.mend).toContain("backend: emulated");
      return;
    }
    expect([report.outcome, report.error]).toEqual(["completed", null]);
    expect(lines.filter((line) => line.startsWith("one: ")).slice(1, -1)).toEqual([
      "one: parted alice and bob",
      "one: healed the partition of alice and bob",
      "one: healed all partitions",
      "one: clogged the link of alice and bob",
      "one: unclogged the link of alice and bob",
      "one: set the link of alice and bob: latency 5 ms, loss rate 0.5",
      "one: set the link of bob and bob: bandwidth 1 MiB a second",
    ]);
  },
);
