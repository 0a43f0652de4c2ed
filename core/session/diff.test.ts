/** Two recordings side by side: the first event at which they part, judged as a replay would be. */
import { describe, expect, test } from "bun:test";
import { Random } from "../random.ts";
import { diffSessions } from "./diff.ts";
import type { SessionEvent } from "./event.ts";
import { openRecording } from "./recording.ts";
import { rewriteRecording } from "./rewrite.ts";
import { HEADER, randomEvents, recordEvents, temporaryFolder } from "./session.fixture.ts";
import { RecordingWriter } from "./store/writer.ts";

/** An event with one field changed. */
function changed(event: SessionEvent): SessionEvent {
  switch (event.kind) {
    case "turn":
      return { ...event, steps: event.steps + 1 };
    case "submit":
    case "start":
      return { ...event, length: event.length + 1 };
    case "complete":
    case "settle":
      return { ...event, result: event.result ^ 1 };
    case "cancel":
      return { ...event, slot: event.slot + 1 };
    case "interrupt":
      return { ...event, line: event.line + 1 };
    case "expire":
    case "clock":
      return { ...event, nowNs: event.nowNs + 1 };
    case "input":
      return { ...event, value: event.value + 1 };
    case "host":
      return { ...event, args: [...event.args.slice(0, 7), 1_234_567] };
    case "mark":
      return { ...event, text: `${event.text}!` };
    case "state":
      return { ...event, digests: [...event.digests, 1] };
    case "end":
      return { ...event, outcome: `${event.outcome}!` };
  }
}

describe("diffSessions()", () => {
  test("finds the changed event, wherever it is", () => {
    using folder = temporaryFolder();
    const random = new Random(11);
    const path = folder.path("a.reel");
    // Several segments, so that equal ones are passed over.
    recordEvents(path, randomEvents(5, 4000));
    using first = openRecording(path);
    for (let round = 0; round < 12; round++) {
      const at = random.below(first.eventCount);
      const other = folder.path(`b-${round}.reel`);
      rewriteRecording(path, other, (event, sequence) =>
        sequence === at ? changed(event) : event,
      );
      using second = openRecording(other);
      const { agreeing, report } = diffSessions(first, second);
      expect({ agreeing, sequence: report?.sequence }).toEqual({ agreeing: at, sequence: at });
      expect(report!.previous.length).toBe(Math.min(20, at));
    }
  });

  test("tells a session that ends early, and one that goes on", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const cut = folder.path("b.reel");
    recordEvents(path, randomEvents(6, 40));
    using first = openRecording(path);
    const half = Math.floor(first.eventCount / 2);
    rewriteRecording(path, cut, (event, sequence) => (sequence < half ? event : []));
    using second = openRecording(cut);
    expect(diffSessions(first, second)).toMatchObject({
      agreeing: half,
      report: { sequence: half },
    });
    expect(diffSessions(second, first)).toMatchObject({
      agreeing: half,
      report: { sequence: half, difference: "record-ends" },
    });
  });

  test("compares a recording that is being made with what it is later", () => {
    using folder = temporaryFolder();
    const [path, later] = ["a.reel", "b.reel"].map((name) => folder.path(name));
    recordEvents(path!, randomEvents(5, 4000));
    using whole = openRecording(path!);
    const writer = new RecordingWriter(later!, HEADER);
    const copy = (from: number): number => {
      const segment = whole.source.segmentAt(from)!;
      writer.write(segment);
      return from + segment.eventCount;
    };
    const one = copy(0);
    using first = openRecording(later!);
    const two = copy(one);
    using second = openRecording(later!);
    expect([first.eventCount, second.eventCount]).toEqual([one, two]);
    for (const [left, right] of [
      [first, second],
      [second, first],
    ] as const) {
      expect(diffSessions(left, right)).toMatchObject({ agreeing: one, report: { sequence: one } });
    }
    writer.abandon();
  });

  test("finds equal sessions equal, and names what their headers differ in", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordEvents(path, randomEvents(7, 40));
    using first = openRecording(path);
    const info = { ...first.info, seed: 8, versions: { ...first.info.versions, bun: "9.9.9" } };
    const second = Object.assign(Object.create(first) as typeof first, { info });
    const { agreeing, header, report } = diffSessions(first, second);
    expect({ agreeing, report }).toEqual({ agreeing: first.eventCount, report: undefined });
    expect(header).toEqual(["seed: 7 -> 8", `Bun: ${first.info.versions.bun} -> 9.9.9`]);
  });
});
