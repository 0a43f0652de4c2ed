/** Tests of the library on files: names and retention. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { startRuntime } from "../../runtime/start.ts";
import { playStep } from "../archive/traffic.fixture.ts";
import type { Recorder } from "../recorder.ts";
import { openRecording } from "../recording.ts";
import { HEADER, codeOf, temporaryFolder } from "../session.fixture.ts";
import { readEntry } from "./entry.ts";
import { findInLibrary } from "./find.ts";
import { libraryFiles, libraryFolder, libraryName } from "./folder.ts";
import { setMark } from "./marks.ts";
import { startRecordingIn } from "./record.ts";
import { removeRecording } from "./remove.ts";
import { chooseRemovals, DEFAULT_BOUNDS, pruneLibrary, type RetentionEntry } from "./retention.ts";

const folder = temporaryFolder();
const before = process.env["IOREEL_HOME"];
let home = 0;
beforeEach(() => {
  process.env["IOREEL_HOME"] = folder.path(`home-${home++}`);
});
afterAll(() => {
  process.env["IOREEL_HOME"] = before;
  folder[Symbol.dispose]();
});

/** Records a few steps, ended or not. @returns the path */
function recorded(path: string | undefined, steps = 5, outcome: string | undefined = "ok"): string {
  const recording = startRecordingIn(path, HEADER);
  const recorder = recording.tap as Recorder;
  for (let step = 0; step < steps; step++) playStep(recorder, step);
  if (outcome !== undefined) recorder.end(outcome);
  return recording.finish().path;
}

/** A copy under another time and id. */
function copied(path: string, whenMs: number, id: number): string {
  const uuid = id.toString(16).padStart(8, "0");
  const copy = join(libraryFolder(), libraryName(whenMs, uuid));
  copyFileSync(path, copy);
  return copy;
}

describe("the library's names", () => {
  test("links that lead in circles, or nowhere, hide nothing else of the library", () => {
    const path = recorded(undefined);
    const own = join(libraryFolder(), libraryName(0, "0123456789"));
    for (const link of [own, join(libraryFolder(), "circle.reel")]) symlinkSync(link, link);
    symlinkSync("/nowhere/at/all", join(libraryFolder(), "nowhere.reel"));
    mkdirSync(join(libraryFolder(), libraryName(1, "0123456789")));
    expect(libraryFiles().map((file) => file.path)).toEqual([own, path]);
    expect(readEntry(libraryFiles()[0]!)).toMatchObject({ sizeBytes: 0 });
    expect(findInLibrary("latest")).toMatchObject([{ path }]);
    expect(pruneLibrary({ olderThanMs: 1e9 }, false)).toMatchObject({ removed: [{ path: own }] });
  });

  test("a recording without a path goes into a folder of its user alone, by time and uuid", () => {
    const path = recorded(undefined);
    expect(statSync(libraryFolder()).mode & 0o777).toBe(0o700);
    using recording = openRecording(path);
    const { createdMs, uuid } = recording.info;
    expect(basename(path)).toBe(libraryName(createdMs, uuid));
    const shortId = uuid.slice(0, 8);
    expect(libraryFiles()).toEqual([{ path, name: basename(path), shortId, whenMs: createdMs }]);
    expect(readdirSync(libraryFolder())).toEqual([basename(path)]);
  });

  test("libraryFolder() follows IOREEL_HOME, then XDG_STATE_HOME, then the user's home", () => {
    const { XDG_STATE_HOME: state } = process.env;
    try {
      process.env["IOREEL_HOME"] = "";
      process.env["XDG_STATE_HOME"] = "/state";
      expect(libraryFolder()).toBe("/state/ioreel/recordings");
      process.env["XDG_STATE_HOME"] = "relative";
      expect(libraryFolder()).toEndWith("/.local/state/ioreel/recordings");
    } finally {
      if (state === undefined) delete process.env["XDG_STATE_HOME"];
      else process.env["XDG_STATE_HOME"] = state;
    }
  });

  test("findInLibrary() takes latest, names, and uuids also of foreign files", () => {
    const first = recorded(undefined);
    const second = copied(first, Date.UTC(2040, 0, 1), 0xabcdef12);
    const foreign = join(libraryFolder(), "mine.reel");
    copyFileSync(first, foreign);
    using recording = openRecording(first);
    const { uuid } = recording.info;
    const found = (word: string): string[] => findInLibrary(word).map(({ path }) => path);
    expect(found("latest")).toEqual([second]);
    expect(found("mine")).toEqual([foreign]);
    expect(found("2040")).toEqual([second]);
    expect(found("ABCDE")).toEqual([second]);
    expect(found("abc")).toEqual([]);
    expect(found(uuid).toSorted()).toEqual([first, foreign].toSorted());
    expect(found(uuid.replace(/.$/, "x"))).toEqual([]);
    // Its name says so, and its header does not.
    expect(found("abcdef12-")).toEqual([]);
  });
});

describe("a runtime's recordings", () => {
  test("record: true writes into the library, and the session says where", async () => {
    for (const record of [true, {}, { program: { name: "mine" } }]) {
      const io = await startRuntime({ backend: "emulated", seed: 1, record });
      await io.run(() => io.sleep(1000));
      await io.close();
      expect(dirname(io.session!.path!)).toBe(libraryFolder());
      using recording = openRecording(io.session!.path!);
      expect(recording.digest).toBe(io.session!.digest);
    }
    expect(libraryFiles().map((file) => readEntry(file).header?.program)).toContain("mine");
    const silent = await startRuntime({ backend: "emulated", seed: 1, record: false });
    await silent.close();
    expect([silent.session, libraryFiles().length]).toEqual([undefined, 3]);
    const wrong = startRuntime({ backend: "emulated", record: { path: "" } });
    expect(wrong).rejects.toThrow("record must be a path, true for the library");
  });
});

describe("what a library keeps", () => {
  const entry = (at: number, rest: Partial<RetentionEntry> = {}): RetentionEntry => {
    return { path: `${at}`, whenMs: at, sizeBytes: 10, pinned: false, failing: false, ...rest };
  };
  const chosen = (entries: RetentionEntry[], bounds: object, held = "-1"): string[] =>
    chooseRemovals(entries, bounds, 100, ({ path }) => path === held).map(({ path }) => path);

  test("chooseRemovals() lets the old go before the new, and passed before failed", () => {
    const entries = Array.from({ length: 30 }, (_, at) => entry(at, { failing: at < 3 }));
    expect(chosen(entries, { keep: 24 })).toEqual(["3", "4", "5", "6", "7", "8"]);
    expect(chosen(entries, { keep: 21 }).slice(-2)).toEqual(["0", "1"]);
    expect(chosen(entries, { sizeBytes: 285 })).toEqual(["3", "4"]);
    expect(chosen(entries, { olderThanMs: 95 })).toEqual(["0", "1", "2", "3", "4"]);
    expect(chosen(entries, {})).toEqual([]);
  });

  test("chooseRemovals() keeps the newest, the pinned and the held, whatever the bounds", () => {
    const entries = [entry(0, { pinned: true }), entry(1), entry(2, { failing: true }), entry(3)];
    expect(chosen(entries, { keep: 0 })).toEqual(["1", "3", "2"]);
    expect(chosen(entries, { keep: 0, olderThanMs: 0 }, "3")).toEqual(["1", "2"]);
    // All failed: a new one that passes is not the first to go.
    const failed = Array.from({ length: 40 }, (_, at) => entry(at, { failing: at < 39 }));
    expect(chosen(failed, { keep: 38 })).toEqual(["0", "1"]);
  });

  test("a recording of a new run holds the library in bounds, and files elsewhere stay", () => {
    const elsewhere = recorded(folder.path("elsewhere.reel"));
    const first = recorded(undefined);
    const { keep } = DEFAULT_BOUNDS;
    for (let at = 1; at < keep; at++) copied(first, at * 1000, at);
    const pinned = copied(first, 0, 0xaaaa);
    setMark(pinned, "pinned", true);
    const failed = copied(first, 1, 0xbbbb);
    setMark(failed, "failed", true);
    const newest = recorded(undefined);
    const left = libraryFiles().map(({ path }) => path);
    expect(left).toHaveLength(keep * 0.9);
    expect(left).toEqual(expect.arrayContaining([pinned, failed, first, newest]));
    expect(existsSync(elsewhere)).toBe(true);
  });

  test("pruneLibrary() takes damaged ones and their sidecars, and says what it would do", () => {
    const path = recorded(undefined);
    const damaged = copied(path, 0, 1);
    writeFileSync(damaged, "no recording");
    writeFileSync(`${damaged}-wal`, "log");
    writeFileSync(`${damaged}-tail.12`, "frame");
    const { damage, failing, header } = readEntry(libraryFiles()[0]!);
    expect([damage?.slice(0, 24), failing, header]).toEqual([
      "found a file that begins",
      true,
      undefined,
    ]);
    const dry = pruneLibrary({ olderThanMs: 86_400_000 }, true);
    expect(dry).toMatchObject({ kept: 1, removed: [{ path: damaged }] });
    expect(existsSync(damaged)).toBe(true);
    pruneLibrary({ olderThanMs: 86_400_000 }, false);
    expect(readdirSync(libraryFolder())).toEqual([basename(path)]);
  });

  test("removeRecording() refuses one that is being recorded, and it is listed as such", () => {
    const recording = startRecordingIn(undefined, HEADER);
    expect(readEntry(libraryFiles()[0]!)).toMatchObject({
      failing: false,
      header: { state: "recording" },
    });
    expect(codeOf(() => removeRecording(recording.path))).toBe("ERR_USAGE");
    expect(pruneLibrary({ keep: 0 }, false).removed).toEqual([]);
    recording.finish();
    removeRecording(recording.path);
    expect(readdirSync(libraryFolder())).toEqual([]);
  });
});
