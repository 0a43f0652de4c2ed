/** What counts as a difference, and which of them are told: over lists written by hand. */
import { expect, test } from "bun:test";
import { compareWithLog, TOLD_MAX } from "./compare.ts";
import type { LoggedEnd, LoggedOpen, LoggedOperation, OperationLog } from "./log.ts";
import type { Outcome } from "./perform.ts";

const open: LoggedOpen = {
  what: "open",
  kind: "pipe",
  label: "pipe#1",
  options: {},
  ends: [],
  code: undefined,
  after: 0,
  startNs: 0,
  ended: 0,
  endNs: 0,
};
const reader: LoggedEnd = { label: "pipe#1.reader", kind: "pipe", from: open };
const disk: LoggedEnd = { label: "ata#2", kind: "ata", from: open };

let made = 0;

function read(end: LoggedEnd, changes: Partial<LoggedOperation> = {}): LoggedOperation {
  const number = ++made;
  return {
    what: "operation",
    number,
    end,
    name: "read",
    direction: "read",
    comparison: end === disk ? "place" : "stream",
    positioned: end === disk,
    offset: 0,
    length: 100,
    argument: 0,
    payload: undefined,
    result: 100,
    checksum: 7,
    told: undefined,
    cancelled: false,
    after: number,
    startNs: number * 1000,
    ended: number,
    endNs: number * 1000 + 500,
    ...changes,
  };
}

function compared(operations: LoggedOperation[], outcomes: (Partial<Outcome> | undefined)[]) {
  const log: OperationLog = {
    entries: [open, ...operations],
    operations: operations.map((operation, at) => ({ ...operation, number: at + 1 })),
    accepted: new Map(),
    ended: operations.length + 1,
    payloadBytes: 0,
  };
  const filled = outcomes.map((each) => {
    return each && { startNs: 0, endNs: 10, result: 100, checksum: 7, ...each };
  });
  const rest = { openings: [], driftsNs: [], durationNs: 1000, stalled: false };
  return compareWithLog(log, { outcomes: filled, ...rest });
}

test("compareWithLog() tells the first difference of a stream by its place, and no other", () => {
  const reads = [read(reader), read(reader), read(reader), read(disk)];
  const found = compared(reads, [{}, { checksum: 8 }, { checksum: 9 }, { checksum: 8 }]);
  expect(found).toMatchObject({
    same: false,
    agreed: 1,
    streams: 1,
    counts: { result: 0, bytes: 2, missing: 0 },
    differences: [
      { operation: 2, end: "pipe#1.reader", what: "read 100 bytes behind byte 100" },
      { operation: 4, end: "ata#2", what: "read 100 bytes at 0" },
    ],
  });
});

test("compareWithLog() tells what is missing once for each end, and counts it all", () => {
  const reads = [read(reader), read(disk), read(disk), read(reader)];
  const found = compared(reads, [{}, undefined, { result: undefined }, undefined]);
  expect(found.counts).toEqual({ result: 0, bytes: 0, missing: 3 });
  expect(found.differences.map(({ operation }) => operation)).toEqual([2, 4]);
  expect(found.agreed).toBe(1);
});

test("compareWithLog() compares handles and times by success, and codes as codes", () => {
  const success = { comparison: "success", direction: "none", checksum: undefined } as const;
  const accept = read(reader, { name: "accept", ...success });
  const failed = read(disk, { result: -5, checksum: undefined });
  const endless = read(disk, { ended: -1 });
  const outcomes = [{ result: 4711 }, { result: -5, checksum: 0 }, undefined];
  expect(compared([accept, failed, endless], outcomes)).toMatchObject({
    same: true,
    operations: 2,
    successOnly: 1,
  });
  const others = [{ result: -103 }, { result: -6 }, undefined];
  expect(compared([accept, failed, endless], others).differences).toMatchObject([
    { class: "result", what: "accept", recorded: "100", now: "ECONNABORTED" },
    { class: "result", recorded: "EIO", now: "ENXIO" },
  ]);
});

test("compareWithLog() tells so many differences one by one, and counts the others", () => {
  const reads = Array.from({ length: TOLD_MAX + 30 }, () => read(disk));
  const found = compared(
    reads,
    reads.map(() => ({ result: 99 })),
  );
  expect(found.counts.result).toBe(TOLD_MAX + 30);
  expect(found.differences).toHaveLength(TOLD_MAX);
});
