/**
 * The verifier: a run that is the same agrees to the end; one that is not ends at exactly the first
 * event that differs, with the right class and the right field.
 *
 * Method: a session of random events is recorded; then a single field, or the order, or the number
 * of its events is changed in one of the two and it is played against the recording.
 */
import { describe, expect, test } from "bun:test";
import { OPCODE } from "../backend/contract.ts";
import { isReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { DivergenceError, formatDivergence, REPORT_BYTES_MAX } from "./divergence.ts";
import type { DifferenceKind, DivergenceReport } from "./divergence.ts";
import type { SessionEvent } from "./event.ts";
import { play, randomDigest, randomEvents, recordedOf } from "./session.fixture.ts";
import { Verifier } from "./verifier.ts";

/** Plays events against a recording. @returns the report of the divergence, if there was one */
function replay(
  recorded: readonly SessionEvent[],
  actual: readonly SessionEvent[],
  complete = true,
): DivergenceReport | undefined {
  const verifier = new Verifier(recordedOf(recorded, complete), { reproduce: "ioreel replay x" });
  try {
    for (const event of actual) play(verifier, event);
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    expect(isReelError(error, "ERR_DIVERGED")).toBe(true);
    expect(verifier.failure).toBe(error);
    expect(verifier.identical).toBe(false);
    expect(verifier.events).toBe(error.report.sequence);
    return error.report;
  }
  expect(verifier.identical).toBe(true);
  return undefined;
}

/** Changes one field of an event to another value that the format holds. */
function mutate(event: SessionEvent, random: Random): { event: SessionEvent; field: string } {
  const fields = Object.keys(event).filter((name) => name !== "kind");
  const field = fields[random.below(fields.length)]!;
  const before: unknown = (event as unknown as Record<string, unknown>)[field];
  let value: unknown;
  if (field === "digest") {
    do value = randomDigest(random);
    while (value === before);
  } else if (field === "bytes") {
    const bytes = (before as Uint8Array | undefined)?.slice() ?? new Uint8Array(1);
    if (bytes.length > 0 && before !== undefined) bytes[0] = bytes[0]! ^ 1;
    value = bytes.length > 0 ? bytes : new Uint8Array(1);
  } else if (Array.isArray(before)) value = [...before, 5].slice(-8);
  else if (typeof before === "string") value = `${before}!`;
  else if (field === "opcode") value = before === OPCODE.FSYNC ? OPCODE.NOP : OPCODE.FSYNC;
  else if (field === "slot") value = ((before as number) + 1 + random.below(9)) % 100;
  else value = (before as number) + 1;
  return { event: { ...event, [field]: value } as SessionEvent, field };
}

const submit = (slot: number, length: number, more: Partial<SessionEvent> = {}): SessionEvent =>
  ({
    kind: "submit",
    slot,
    opcode: OPCODE.READ,
    file: 3,
    length,
    offset: -1,
    opFlags: 0,
    digest: undefined,
    ...more,
  }) as SessionEvent;
const turn = (nowNs: number, steps = 2): SessionEvent => ({ kind: "turn", steps, nowNs });
const complete = (slot: number, result: number): SessionEvent => ({
  kind: "complete",
  slot,
  result,
  flags: 0,
  bytes: undefined,
});
const END: SessionEvent = { kind: "end", outcome: "ok" };

describe("Verifier", () => {
  test("agrees with the run that was recorded, to its end", () => {
    for (let seed = 0; seed < 40; seed++) {
      const events = randomEvents(seed, 60);
      expect(replay(events, events)).toBeUndefined();
    }
  });

  test("ends at exactly the event of which one field differs, 1,000 times", () => {
    const random = new Random(99);
    for (let round = 0; round < 1000; round++) {
      const events = randomEvents(random.below(1e6), 12);
      const at = random.below(events.length);
      const { event, field } = mutate(events[at]!, random);
      const changed = events.with(at, event);
      // Half of the time the recording is the changed one, half of the time the run.
      const report = random.chance(0.5) ? replay(changed, events) : replay(events, changed);
      expect(report?.sequence).toBe(at);
      expect(report?.fields.find(({ differs }) => differs)?.field).toBe(field);
      expect(report?.field).toBe(field);
    }
  });

  test("ends at exactly the place of an event that is gone or added, 500 times", () => {
    const random = new Random(100);
    for (let round = 0; round < 500; round++) {
      const events = randomEvents(random.below(1e6), 12);
      const at = random.below(events.length - 1);
      const rest = events.toSpliced(at, 1);
      // Where the next event is the same, the first difference is further on.
      let first = at;
      while (Bun.deepEquals(events[first], rest[first])) first++;
      expect(replay(events, rest)?.sequence).toBe(first);
      expect(replay(rest, events)?.sequence).toBe(first);
    }
  });

  const before = [submit(0, 100), turn(1000), complete(0, 100)];
  const after = [turn(2000), END];
  const run = (middle: readonly SessionEvent[]): SessionEvent[] => [...before, ...middle, ...after];
  const [a, b, c] = [submit(0, 10), submit(1, 20), submit(2, 30)];
  const write = submit(0, 10, { opcode: OPCODE.WRITE });
  const digest = randomDigest(new Random(3));

  const classes: [string, DifferenceKind, SessionEvent[], SessionEvent[]][] = [
    ["an operation too many at the end of a turn", "extra", run([a]), run([a, b])],
    ["one too many before others", "extra", run([a, b]), run([write, a, b])],
    ["an operation that is not made, last in its turn", "missing", run([a, b]), run([a])],
    // The others move to other slots, as they would in a table.
    [
      "one that is not made, before others",
      "missing",
      run([a, b, c]),
      run([submit(0, 20), submit(1, 30)]),
    ],
    ["another length", "arguments", run([a, b]), run([submit(0, 11), b])],
    ["another slot", "arguments", run([a]), run([submit(5, 10)])],
    ["other bytes", "payload", run([write]), run([{ ...write, digest } as SessionEvent])],
    ["another order", "order", run([a, b]), run([submit(0, 20), submit(1, 10)])],
    ["another order of three", "order", run([a, b, c]), run([c, a, b])],
    ["a write in place of a read", "operation", run([a]), run([write])],
    [
      "another result",
      "result",
      run([{ kind: "settle", slot: 3, result: 5, digest: undefined }]),
      run([{ kind: "settle", slot: 3, result: 4, digest: undefined }]),
    ],
    [
      "another interrupt",
      "result",
      [...before, turn(5), { kind: "interrupt", line: 1 }, END],
      [...before, turn(5), { kind: "interrupt", line: 2 }, END],
    ],
    ["another outcome", "result", before.concat(END), before.concat({ ...END, outcome: "failed" })],
    ["a turn after other steps", "progress", run([]), run([]).with(3, turn(2000, 9))],
    ["a turn at another time", "result", run([]), run([]).with(3, turn(2001))],
    ["an end before the recorded one", "missing", run([a]), [...before, END]],
    ["going on after the recorded end", "extra", [...before, END], run([a])],
    ["an end while a batch is recorded", "missing", run([]), [...before, END]],
    ["another mark", "arguments", run([mark("a")]), run([mark("b")])],
  ];
  for (const [name, difference, recorded, actual] of classes) {
    test(`calls ${name} "${difference}"`, () => {
      expect(replay(recorded, actual)?.difference).toBe(difference);
    });
  }

  test("calls the end of an interrupted recording what it is", () => {
    const report = replay(run([a]).slice(0, 4), run([a]), false);
    expect(report).toMatchObject({ difference: "record-ends", sequence: 4 });
  });

  test("names operation, opcode, field and both values", () => {
    const report = replay(run([a]), run([submit(0, 4097)]))!;
    expect(report).toMatchObject({
      difference: "arguments",
      sequence: 3,
      operation: 2,
      opcode: "READ",
      field: "length",
      recorded: "10",
      actual: "4097",
      timeNs: 1000,
      steps: 2,
      lastAgreeing: { sequence: 2, event: "complete slot 0: result 100" },
      previous: [
        "0 submit slot 0: READ file 3 length 100 offset -1",
        "1 turn at 1000 ns, 2 steps after the one before",
        "2 complete slot 0: result 100",
      ],
      reproduce: "ioreel replay x",
    });
    expect(report.callSite).toContain("verifier.test.ts");
    const settled = replay(
      [submit(0, 1), submit(7, 1), turn(1), complete(7, 1), END],
      [submit(0, 1), submit(7, 1), turn(1), complete(7, 2), END],
    );
    expect(settled).toMatchObject({ operation: 2, field: "result", difference: "result" });
  });

  test("names the provider of an operation that differs", () => {
    const start = (length: number): SessionEvent => ({
      kind: "start",
      slot: 1,
      provider: 1,
      handle: 2,
      operation: 0,
      offset: 0,
      length,
      argument: 0,
      digest: undefined,
    });
    const report = replay(run([start(1)]), run([start(2)]));
    expect(report).toMatchObject({ provider: "timer", operation: 2, field: "length" });
  });

  test("takes everything in silence after a difference, so that a run can wind down", () => {
    const verifier = new Verifier(recordedOf(run([a])));
    for (const event of before) play(verifier, event);
    expect(() => play(verifier, END)).toThrow(DivergenceError);
    for (const event of randomEvents(3, 20)) play(verifier, event);
    verifier.idle(99);
    expect(verifier.events).toBe(3);
  });

  test("the report is JSON and keeps its data", () => {
    const report = replay(run([a]), run([b]))!;
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ sequence: 3, field: "slot" });
  });
});

function mark(text: string): SessionEvent {
  return { kind: "mark", text };
}

describe("formatDivergence", () => {
  test("prints the report with its table and what came before", () => {
    const recorded = [submit(0, 100), turn(1000), complete(0, 100), submit(0, 4096), END];
    const actual = [submit(0, 100), turn(1000), complete(0, 100), submit(0, 512), END];
    const report = { ...replay(recorded, actual)!, callSite: "copy (program.ts:12:3)" };
    expect(formatDivergence(report)).toBe(REPORT_TEXT);
  });

  test("stays below its bound with the longest events", () => {
    const long = "é".repeat(8000);
    const marks = Array.from({ length: 30 }, () => mark(long));
    const report = replay([...marks, mark(`${long}a`), END], [...marks, mark(`${long}b`), END])!;
    const huge = { ...report, callSite: long, reproduce: long };
    const bytes = new TextEncoder().encode(formatDivergence(huge)).length;
    expect(bytes).toBeLessThan(REPORT_BYTES_MAX);
    expect(report.previous.length).toBe(20);
  });
});

const REPORT_TEXT = `DIVERGENCE at event 3 (op #2, READ): the operation differs in length: \
recorded 4096, replayed 512
  class     arguments
  recorded  submit slot 0: READ file 3 length 4096 offset -1
  replayed  submit slot 0: READ file 3 length 512 offset -1
  at        1000 ns, 2 steps
  field    recorded  replayed
  slot     0         0
  opcode   READ      READ
  file     3         3
  length   4096      512   <- first difference
  offset   -1        -1
  opFlags  0         0
  digest   none      none
  last agreeing event: 2 complete slot 0: result 100
  called from: copy (program.ts:12:3)
  previous 3 events:
    0 submit slot 0: READ file 3 length 100 offset -1
    1 turn at 1000 ns, 2 steps after the one before
    2 complete slot 0: result 100
  recorded from here on:
    3 submit slot 0: READ file 3 length 4096 offset -1
    4 end: "ok"
  mend: Replay with the program, options and input files of the recording
  repro: ioreel replay x`;
