/**
 * Tests of running scenarios, on both backends: every step does what it says, and a run ends with a
 * report whatever becomes of it. Runs must leave nothing open behind.
 */
import { expect, test } from "bun:test";
import { ms } from "../../core/clock.ts";
import { Runtime } from "../../index.ts";
import { onBoth } from "../../providers/both.fixture.ts";
import { resolveScenario } from "./load.ts";
import type { ScenarioEvent, ScenarioReport } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import { summaryOf } from "./running-digest.ts";
import { kinds } from "./scenario.fixture.ts";
import type { Scenario, Step } from "./types.ts";

const encoder = new TextEncoder();
const LINK = { link: { kind: "pipe", capacityBytes: 4096 } };

type Io = Parameters<typeof runScenario>[0];
interface Ran {
  report: ScenarioReport;
  /** "task: text" of every event. */
  lines: string[];
  events: ScenarioEvent[];
}

async function run(
  io: unknown,
  scenario: Omit<Scenario, "version">,
  inputs: Record<string, Uint8Array> = {},
  listen: (event: ScenarioEvent) => void = () => {},
): Promise<Ran> {
  const events: ScenarioEvent[] = [];
  const resolved = resolveScenario({ version: 1, ...scenario }, kinds, "test");
  const report = await runScenario(io as Io, resolved, {
    inputs: new Map(Object.entries(inputs)),
    onEvent(event) {
      events.push(event);
      listen(event);
    },
  });
  return { report, events, lines: events.map(({ task, text }) => `${task}: ${text}`) };
}

const outcomes = ({ tasks }: ScenarioReport): string[] =>
  tasks.map(
    ({ error, name, outcome }) => `${name} ${outcome}${error === null ? "" : ` ${error.code}`}`,
  );

onBoth("runScenario() moves an input through two pipes and finds the same bytes", async (io) => {
  const text = new Uint8Array(30_000).map((_, index) => (index * 31) & 0xff);
  const { report } = await run(
    io,
    {
      inputs: { text: "unused" },
      devices: { ...LINK, second: "pipe" },
      tasks: {
        a: [{ write: { to: "link", from: "text", chunkBytes: 7000 } }, { close: "link.writer" }],
        b: [{ copy: { from: "link", to: "second", chunkBytes: 999 } }, { close: "second.writer" }],
        c: [
          { read: { from: "second", as: "received" } },
          { compare: ["text", "received", "b.read"] },
        ],
      },
      expect: { sameBytes: ["text", "a.written", "b.written", "c.read", "received"] },
    },
    { text },
  );
  expect(report.outcome).toBe("completed");
  expect(report.holds).toBe(true);
  const { checksum } = summaryOf(text);
  expect(report.tasks.map(({ bytesRead, bytesWritten }) => [bytesRead, bytesWritten])).toEqual([
    [0, 30_000],
    [30_000, 30_000],
    [30_000, 0],
  ]);
  expect(report.tasks.map(({ checksumRead }) => checksumRead)).toEqual([null, checksum, checksum]);
});

onBoth("runScenario() reads at most so many bytes, and less at the end", async (io) => {
  const { lines, report } = await run(io, {
    devices: LINK,
    tasks: {
      writer: [{ write: { to: "link", text: "0123456789" } }, { close: "link.writer" }],
      reader: [
        { join: "writer" },
        { read: { from: "link", sizeBytes: 4, as: "first" } },
        { read: { from: "link", sizeBytes: 100, as: "rest" } },
        { checksum: { of: "first", is: summaryOf(encoder.encode("0123")).checksum } },
        { checksum: { of: "rest", is: summaryOf(encoder.encode("456789")).checksum } },
      ],
    },
  });
  expect(report.holds).toBe(true);
  expect(lines).toContain("reader: read 4 B from link.reader in 1 operation");
  expect(lines).toContain("reader: read 6 B from link.reader in 1 operation");
});

onBoth(
  "runScenario() spawns, joins and cancels tasks, each run under a name of its own",
  async (io) => {
    const { lines, report } = await run(io, {
      devices: LINK,
      tasks: {
        master: [
          { spawn: "waiter" },
          { sleep: "2ms" },
          { cancel: "waiter" },
          { cancel: "waiter" },
          { spawn: "waiter" },
          { spawn: { task: "waiter", as: "other" } },
          { cancel: "other" },
          { write: { to: "link", text: "x" } },
          { join: ["waiter", "other"] },
        ],
        waiter: [{ read: { from: "link", sizeBytes: 1 } }],
      },
    });
    expect(outcomes(report)).toEqual([
      "master completed",
      "waiter cancelled",
      "waiter#2 completed",
      "other cancelled",
    ]);
    expect(lines).toContain("master: cancelled waiter");
    expect(lines).toContain("master: cancelled waiter too late: it had ended");
    expect(lines).toContain("master: joined waiter#2 and other (cancelled)");
  },
);

onBoth(
  "runScenario() gives a lock to one task after the other, also past a failed one",
  async (io) => {
    const holding = (name: string): Step[] => [
      {
        with: {
          lock: "gate",
          do: [{ mark: `${name} in` }, { sleep: "1ms" }, { mark: `${name} out` }],
        },
      },
    ];
    const { events, report } = await run(
      io,
      {
        locks: ["gate"],
        inputs: { a: "unused", b: "unused" },
        tasks: {
          first: [{ with: { lock: "gate", do: [{ sleep: "1ms" }, { compare: ["a", "b"] }] } }],
          second: holding("second"),
          third: holding("third"),
        },
        expect: { tasks: { first: { outcome: "failed", error: "ERR_EXPECTATION" } } },
      },
      { a: encoder.encode("same until here"), b: encoder.encode("same until there") },
    );
    const marks = events.filter(({ kind }) => kind === "mark").map(({ text }) => text);
    expect(marks).toEqual(["second in", "second out", "third in", "third out"]);
    expect(report.holds).toBe(true);
    expect(report.tasks[0]!.error!.message).toBe(
      "a (15 B) and b (16 B) are not the same bytes: they part at byte 11",
    );
  },
);

onBoth("runScenario() ends all tasks when one fails unexpectedly", async (io) => {
  const { lines, report } = await run(io, {
    devices: { ...LINK, other: "pipe" },
    tasks: {
      patient: [{ read: "other" }],
      leaving: [{ read: { from: "link", sizeBytes: 10 } }, { close: "link.reader" }],
      writing: [{ write: { to: "link", pattern: "zeros", sizeBytes: "1MiB", chunkBytes: 1000 } }],
    },
  });
  expect(outcomes(report)).toEqual([
    "patient cancelled",
    "leaving completed",
    "writing failed EPIPE",
  ]);
  expect([report.outcome, report.error!.code, report.holds]).toEqual(["failed", "EPIPE", false]);
  expect(report.expectations[0]).toEqual({
    text: "the run completes",
    holds: false,
    found: "failed",
    wanted: "completed",
  });
  expect(lines.at(-1)).toBe("patient: was cancelled");
});

onBoth(
  "runScenario() reports what each task waits for when nothing can happen any more",
  async (io) => {
    const { report } = await run(io, {
      devices: LINK,
      tasks: { reader: [{ read: "link" }] },
      expect: { outcome: "deadlock" },
    });
    expect([report.outcome, report.error!.code, report.holds]).toEqual([
      "deadlock",
      "ERR_DEADLOCK",
      true,
    ]);
    expect(report.error!.message).toContain('main waits for task "reader" to end');
    expect(report.error!.message).toContain("reader waits for read on pipe reader");
    expect(outcomes(report)).toEqual(["reader cancelled"]);
  },
);

onBoth(
  "runScenario() cancels everything when it is interrupted, and expects nothing then",
  async (io) => {
    const { lines, report } = await run(
      io,
      {
        devices: { ...LINK, other: "pipe", signal: "pipe" },
        locks: ["gate"],
        tasks: {
          sleeper: [{ with: { lock: "gate", do: [{ sleep: "100s" }] } }],
          waiter: [{ with: { lock: "gate", do: [{ mark: "never" }] } }],
          reader: [{ read: "link" }],
          busy: [
            { write: { to: "signal", text: "!" } },
            { repeat: { times: 1_000_000, do: [{ write: { to: "other", text: "x" } }] } },
          ],
          drain: [{ read: { from: "other", chunkBytes: 1 } }],
          stopper: [
            { read: { from: "signal", sizeBytes: 1 } },
            { mark: "stop" },
            { sleep: "100s" },
          ],
        },
        expect: { durationNsMin: "1s" },
      },
      {},
      (event) => {
        if (event.text === "stop") io.interrupt();
      },
    );
    expect([report.outcome, report.error!.code]).toEqual(["interrupted", "ERR_INTERRUPTED"]);
    expect(report.tasks.map(({ outcome }) => outcome)).toEqual(report.tasks.map(() => "cancelled"));
    expect([report.holds, report.expectations]).toEqual([false, []]);
    expect(lines).not.toContain("waiter: never");
  },
);

test("runScenario() tells ready bytes, pauses and ticks apart by the virtual clock", async () => {
  await using io = await Runtime.start({ backend: "emulated", seed: 1 });
  const { events, report } = await run(io, {
    devices: { ...LINK, clock: { kind: "timer", intervalNs: "3ms" }, alarm: "timer" },
    tasks: {
      writer: [
        {
          write: {
            to: "link",
            pattern: "counter",
            sizeBytes: 4000,
            chunkBytes: 1000,
            pauseNs: "2ms",
          },
        },
        { close: "link.writer" },
      ],
      reader: [{ read: "link" }],
      listener: [
        { tick: { of: "clock", count: 2 } },
        { tick: { of: "alarm", delayNs: "5ms" } },
        { tick: "clock" },
      ],
    },
  });
  const steps = events.filter(({ kind }) => kind === "step");
  expect(
    steps.map(({ startNs, task, text, timeNs }) => [startNs / ms(1), timeNs / ms(1), task, text]),
  ).toEqual([
    [0, 6, "listener", "saw 2 ticks of clock"],
    [0, 6, "writer", "wrote 3.91 KiB of counter bytes to link.writer in 4 operations"],
    [6, 6, "writer", "closed link.writer"],
    [0, 6, "reader", "read 3.91 KiB from link.reader in 4 operations"],
    [6, 11, "listener", "saw 1 tick of alarm"],
    [11, 11, "listener", "saw 1 tick of clock"],
  ]);
  expect(report.durationNs).toBe(ms(11));
});
