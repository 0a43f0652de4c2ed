/** Exports of real recordings, held against the descriptions of their formats. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { exported, type Exported } from "../core/session/export/collect.fixture.ts";
import type { WalkRange } from "../core/session/export/export.ts";
import type { ExportFormat } from "../core/session/export/formats.ts";
import { readPerfetto, type Message } from "../core/session/export/perfetto-reader.fixture.ts";
import { openRecording } from "../core/session/recording.ts";
import { ioreel } from "./cli.fixture.ts";
import { operationNames } from "./commands/session/export.ts";
import { BACKENDS, ExampleRecordings } from "./example-recordings.fixture.ts";

const recordings = new ExampleRecordings();
afterAll(() => recordings.remove());
const EXAMPLES = ["tour", "echo", "three-disks"];
const cases = EXAMPLES.flatMap((example) => BACKENDS.map((backend) => [example, backend]));

function exportOf(
  example: string,
  backend: string,
  format: ExportFormat,
  range: WalkRange = {},
): Exported {
  return exported(recordings.of(example, backend), format, operationNames(), range);
}

/** The operations of a recording that are over, counted by another way than exports go. */
function countOperations(
  example: string,
  backend: string,
): { begun: number; over: number; results: number[] } {
  using recording = openRecording(recordings.of(example, backend));
  const LINK_TIMEOUT = 15;
  const MORE = 1;
  const NOTIFICATION = 4;
  let begun = 0;
  const results: number[] = [];
  for (const { event } of recording.events()) {
    if (event.kind === "start") begun++;
    if (event.kind === "submit" && event.opcode !== LINK_TIMEOUT) begun++;
    if (event.kind === "settle") results.push(event.result);
    if (event.kind !== "complete" || (event.flags & MORE) !== 0) continue;
    results.push((event.flags & NOTIFICATION) === 0 ? event.result : 0);
  }
  return { begun, over: results.length, results };
}

interface ChromeEvent {
  ph: string;
  id?: string | number;
  pid: number;
  tid: number;
  ts: number;
  name: string;
  args?: Record<string, unknown>;
}

describe("session export --format chrome", () => {
  test.each(cases)("chrome trace pairs every operation and names all of %s on %s", (...of) => {
    const { begun, over } = countOperations(of[0]!, of[1]!);
    const { text } = exportOf(of[0]!, of[1]!, "chrome");
    const events: ChromeEvent[] = JSON.parse(text).traceEvents;
    const phase = (ph: string): ChromeEvent[] => events.filter((event) => event.ph === ph);
    const ids = (ph: string): unknown[] => phase(ph).map(({ id }) => id);
    expect([phase("b").length, new Set(ids("b")).size]).toEqual([begun, begun]);
    expect(new Set(ids("e"))).toEqual(new Set(ids("b")));
    expect(phase("e").filter(({ args }) => args!["unfinished"] === true).length).toBe(begun - over);
    expect([ids("s").length, ids("f").length]).toEqual([begun, over]);
    const named = new Set(phase("M").map(({ pid, tid }) => `${pid} ${tid}`));
    for (const { pid, ph, tid } of events) {
      expect(named.has(`${pid} ${ph === "i" || ph === "C" ? 0 : tid}`)).toBe(true);
    }
    const times = events.filter(({ ph }) => ph !== "M").map(({ ts }) => ts);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const inFlight = phase("C").filter(({ name }) => name === "in flight");
    expect(inFlight.at(-1)!.args).toEqual({ operations: begun - over });
  });

  test("chrome trace keeps every nanosecond and shows marks where they were set", () => {
    const { text } = exportOf("tour", "emulated", "chrome");
    expect(text).toContain('"name":"mark: received is what was sent"');
    const timesNs = [...text.matchAll(/"ph":"b".*?"ts":(\d+)\.(\d{3}),/g)].map((match) =>
      Number(match[1]! + match[2]!),
    );
    using recording = openRecording(recordings.of("tour", "emulated"));
    const starts = [...recording.events()].filter(({ event }) => event.kind === "start");
    expect(timesNs).toEqual(starts.map(({ timeNs }) => timeNs));
  });
});

describe("session export --format perfetto", () => {
  test.each(cases)("perfetto trace follows the schema and nests nothing for %s on %s", (...of) => {
    const { begun, over, results } = countOperations(of[0]!, of[1]!);
    const told: unknown[] = [];
    const packets = readPerfetto(exportOf(of[0]!, of[1]!, "perfetto").bytes);
    expect(packets[0]).toMatchObject({ sequence_flags: 1, first_packet_on_sequence: true });
    const tracks = new Map<number, Message>();
    const open = new Map<number, number>();
    const flows: number[][] = [[], []];
    const counters = new Map<unknown, unknown>();
    let [begins, ends, lastNs] = [0, 0, 0];
    for (const packet of packets) {
      expect(packet["trusted_packet_sequence_id"]).toBe(1);
      const track = packet["track_descriptor"] as Message | undefined;
      if (track !== undefined) {
        expect(tracks.has(track["uuid"] as number)).toBe(false);
        if ("parent_uuid" in track) expect(tracks.has(track["parent_uuid"] as number)).toBe(true);
        tracks.set(track["uuid"] as number, track);
        continue;
      }
      const event = packet["track_event"] as Message;
      const uuid = event["track_uuid"] as number;
      expect(packet["timestamp"] as number).toBeGreaterThanOrEqual(lastNs);
      lastNs = packet["timestamp"] as number;
      expect("counter" in tracks.get(uuid)!).toBe(event["type"] === 4);
      if (event["type"] === 4) counters.set(tracks.get(uuid)!["name"], event["counter_value"]);
      flows[0]!.push(...((event["flow_ids"] ?? []) as number[]));
      flows[1]!.push(...((event["terminating_flow_ids"] ?? []) as number[]));
      if (event["type"] === 1) {
        begins++;
        expect(open.get(uuid) ?? 0).toBe(0);
        open.set(uuid, 1);
      } else if (event["type"] === 2) {
        ends++;
        for (const { int_value, name } of event["debug_annotations"] as Message[]) {
          if (name === "result") told.push(int_value);
        }
        expect(open.get(uuid)).toBe(1);
        open.set(uuid, 0);
      }
    }
    expect([begins, ends]).toEqual([begun, begun]);
    expect(told).toEqual(results);
    expect(flows.map((list) => new Set(list).size)).toEqual([begun, over]);
    expect(counters.get("operations in flight")).toBe(begun - over);
  });
});

describe("session export --format ndjson", () => {
  test.each(cases)("every event is one line of JSON for %s on %s", (example, backend) => {
    const lines = exportOf(example!, backend!, "ndjson").text.trimEnd().split("\n");
    using recording = openRecording(recordings.of(example!, backend!));
    const kept = [...recording.events()].map(({ event, ...place }) => ({ ...place, ...event }));
    expect(lines.length).toBe(kept.length);
    for (const [index, line] of lines.entries()) {
      const fields = Object.entries(kept[index]!).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? value.toHex() : value,
      ]);
      const wanted = fields.filter(([, value]) => value !== undefined);
      expect(JSON.parse(line)).toMatchObject(Object.fromEntries(wanted));
    }
  });

  test("a range and a provider leave everything else out", () => {
    const range = { from: 2, to: 400, provider: "timer" };
    const { text } = exportOf("tour", "emulated", "ndjson", range);
    const lines = text.trimEnd().split("\n");
    const found = lines.map((line) => JSON.parse(line));
    expect(found.length).toBeGreaterThan(2);
    for (const { end, sequence } of found) {
      expect(end).toStartWith("timer ");
      expect(sequence >= 2 && sequence <= 400).toBe(true);
    }
  });
});

describe("session export", () => {
  test("export goes to stdout or into a file, which appears when it is whole", () => {
    const recording = recordings.of("tour", "emulated");
    const path = recordings.path("tour.json");
    const printed = ioreel("session", "export", recording, "--format", "chrome");
    expect(printed).toMatchObject({ code: 0, err: "" });
    const ended = ioreel("session", "export", recording, "--format", "chrome", "-o", path);
    expect(ended).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(path, "utf8")).toBe(printed.out);
    const nowhere = `${path}/no/such`;
    const failed = ioreel("session", "export", recording, "--format", "fio", "-o", nowhere);
    expect(failed.code).toBe(1);
    expect(failed.err).toContain("ERR_STORE");
  });

  test("export refuses ranges, providers and files that make no sense", () => {
    const recording = recordings.of("tour", "emulated");
    const refused = (...words: string[]): string => {
      const ended = ioreel("session", "export", recording, "--format", "ndjson", ...words);
      expect([ended.code, ended.out]).toEqual([2, ""]);
      return ended.err;
    };
    expect(refused("--from", "9", "--to", "8")).toContain("Cannot export events 9 to 8");
    expect(refused("--provider", "pip")).toContain("Give one of ata, fdd, pipe");
    expect(refused("--format", "pacp")).toContain("Allowed choices are perfetto, chrome");
    expect(refused("-o", recording)).toContain("it is the recording itself");
  });
});
