/** Travelling in recordings through the real command line: places, expressions, the prompt. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRecording } from "../core/session/recording.ts";
import { HEADER } from "../core/session/session.fixture.ts";
import { whyUnavailable } from "../core/testing/harness.ts";
import { ioreel, MAIN, ROOT, type Ended } from "./cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-places-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: places of io_uring: ${missing}`);
const backends = missing === undefined ? ["emulated", "uring"] : ["emulated"];

const fileOf = (backend: string): string => join(folder, `${backend}.reel`);

beforeAll(() => {
  for (const backend of backends) {
    const words = ["--backend", backend, "--seed", "7", "--record", fileOf(backend), "-q"];
    expect(ioreel("run", "examples/tour.yaml", ...words).code).toBe(0);
  }
});

/** Types lines into the prompt, through a pipe. */
function typed(file: string, lines: readonly string[], ...words: string[]): Ended {
  const { NO_COLOR: _none, FORCE_COLOR: _neither, ...env } = process.env;
  const child = Bun.spawnSync([process.execPath, MAIN, "replay", file, "--step", ...words], {
    cwd: ROOT,
    env,
    stdin: new TextEncoder().encode(`${lines.join("\n")}\n`),
  });
  return { code: child.exitCode, out: String(child.stdout), err: String(child.stderr) };
}

/** The JSON documents in a prompt's answers. */
function documents(text: string): unknown[] {
  return [...text.matchAll(/^\{$[^]*?^\}$/gm)].map(([document]) => JSON.parse(document));
}

describe("ioreel replay --at", () => {
  for (const backend of backends) {
    test(`--at prints the table that stepping there comes to on ${backend}`, () => {
      const file = fileOf(backend);
      const place = 80;
      const ended = ioreel("replay", file, "--at", String(place), "--json");
      expect(ended).toMatchObject({ code: 0, err: "" });
      const at = JSON.parse(ended.out);
      expect(at).toMatchObject({ schema: "place/v1", sequence: place, backend, found: true });
      expect(at.operations.length).toBeGreaterThan(0);
      const ways = [
        [`s ${place}`, "json"],
        ["at end", `at ${place + 9}`, "b 10", "n", "json", "at 0"],
        [...Array.from({ length: place }, () => "step"), "json"],
      ];
      expect(documents(typed(file, ways.flat()).out)).toEqual([at, at, at]);
      const { state: _state, ...table } = at;
      expect(documents(typed(file, ways[0]!, "--no-live").out)).toEqual([table]);
    });

    test(`--at --json holds the state by field names, from running to it on ${backend}`, () => {
      const words = ["replay", fileOf(backend), "--at", "37"];
      const at = JSON.parse(ioreel(...words, "--json").out);
      const pipe = at.state.providers.find(({ kind }: { kind: string }) => kind === "pipe");
      const { records } = pipe.resources[0];
      expect(records["pipe.pipe"]).toMatchObject({ capacityBytes: 4096, readerOpen: true });
      expect(at.state.operations[0].layers[0].frame).toBeDefined();
      if (backend === "uring") return;
      const text = ioreel(...words, "--live").out;
      expect(text).toContain("event 37 of");
      expect(text).toContain("pipe.pipe ");
    });
  }

  test("--at goes to times, marks and the end, and says what there is for a wrong one", () => {
    const file = fileOf("emulated");
    const at = (place: string) => ioreel("replay", file, "--at", place, "--json", "--no-live");
    const mark = JSON.parse(at("the producer").out);
    expect(mark.next[0]).toMatchObject({ kind: "mark", text: "the producer is done" });
    const time = JSON.parse(at("3ms").out);
    expect(time.totals.timeNs).toBe(3e6);
    expect(time.next[0].nowNs).toBeGreaterThan(3e6);
    const end = JSON.parse(at("end").out);
    expect(end).toMatchObject({ sequence: end.eventCount, operations: [], next: [] });
    expect(end.lastMark.text).toBe("received is what was sent");
    expect(ioreel("replay", file, "--at", "99999").err).toContain(`0 to ${end.eventCount}`);
    const wrong = ioreel("replay", file, "--at", "the consumer");
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain('Give one of "the producer is done", "received');
  });

  test("--until stops at the first event for which the expression holds", () => {
    const file = fileOf("emulated");
    const until = (expression: string, ...words: string[]) =>
      ioreel("replay", file, "--until", expression, "--json", "--no-live", ...words);
    const first = JSON.parse(until("provider == timer && operation == read").out);
    expect(first.next[0]).toMatchObject({ kind: "start", length: 8 });
    const from = String(first.sequence + 1);
    const second = JSON.parse(until("provider == timer && kind == start", "--at", from).out);
    expect(second.sequence).toBeGreaterThan(first.sequence);
    expect(until("result == ECONNRESET")).toMatchObject({ code: 4 });
    const wrong = ioreel("replay", file, "--until", "reslt < 0");
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('  reslt < 0\n  ^^^^^\nhelp: did you mean "result"?');
  });

  test("--at refuses a checkpoint that is damaged, with exit 7", () => {
    const file = join(folder, "many.reel");
    const { finish, tap } = startRecording(file, HEADER);
    for (let i = 0; i < 60_000; i++) {
      if (i % 64 === 0) tap.turn(64, i * 20);
      tap.start(i % 64, 0, 3, 1, i * 7919, i, undefined);
      tap.settle(i % 64, i & 255, undefined);
    }
    tap.end("ok");
    finish();
    const place = ["--at", "60000", "--json"];
    const sound = ioreel("replay", file, ...place);
    expect(JSON.parse(sound.out).totals.operations).toBe(29_767);
    const damaged = join(folder, "damaged.reel");
    copyFileSync(file, damaged);
    using database = new Database(damaged);
    expect(database.query("select count(*) as n from checkpoint").get()).not.toEqual({ n: 0 });
    database.run("update checkpoint set data = substr(data, 1, length(data) - 1) || x'7f'");
    expect(ioreel("replay", damaged, ...place)).toMatchObject({ code: 7 });
    expect(ioreel("session", "show", damaged).err).toContain("ERR_CORRUPT_RECORDING");
    database.run("delete from checkpoint");
    const without = ioreel("replay", damaged, ...place).out.replaceAll("damaged.reel", "many.reel");
    expect(without).toBe(sound.out);
  });
});

describe("ioreel replay --step", () => {
  test("the prompt travels, shows lives, states and marks, and helps with mistakes", () => {
    const file = fileOf("emulated");
    const lines = [
      "c provider == pipe && operation == write && kind == settle",
      "op 1",
      "state pipe",
      "rc kind == start",
      "marks",
      "events 2",
      "at the producer",
      "at end",
      "c kind == mark",
      "b",
      "op 99999",
      "setp",
      "q",
      "never read",
    ];
    const { code, err, out } = typed(file, lines);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("operation #1, write in slot 0: over after ");
    expect(out).toContain("pipe.pipe capacityBytes=4096");
    expect(out).toMatch(/^\d+ .*"the producer is done"$/m);
    const events = Number(/the end: all (\d+) events/.exec(out)?.[1]);
    expect(events).toBeGreaterThan(5000);
    expect(out).toContain("no event after this one is one for which kind == mark holds");
    expect(out).toContain(`->  ${events - 1}  `);
    expect(out).toContain('end: "ok"');
    expect(out).toContain("help: Give a number from 1 to ");
    expect(out).toContain('no command "setp": did you mean "step"?');
    expect(out).not.toContain("never");
    expect(typed(file, ["q"], "--json").code).toBe(2);
  });
});
