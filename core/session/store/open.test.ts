/**
 * Opening a recording: everything that is not exactly what a recorder wrote is refused, with what
 * was found and what was wanted. `../corruption.test.ts` does the same with random damage.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, watch, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ReelError } from "../../errors.ts";
import { openRecording, startRecording } from "../recording.ts";
import { HEADER, recordNops, refusal, temporaryFolder } from "../session.fixture.ts";
import { FORMAT_VERSION } from "./limits.ts";
import { TABLES_VERSION } from "./migrations.ts";

describe("openRecording()", () => {
  const made = (change: (path: string) => void): ReelError => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordNops(path, 2000);
    change(path);
    return refusal(() => openRecording(path));
  };
  const altered = (sql: string): ReelError =>
    made((path) => {
      const database = new Database(path);
      database.run(sql);
      database.close();
    });

  test("says that there is no file", () => {
    using folder = temporaryFolder();
    const error = refusal(() => openRecording(folder.path("none.reel")));
    expect(error).toMatchObject({ code: "ENOENT", mend: "Check the path" });
  });

  test("says that it is a directory, an empty file, another file, another database", () => {
    using folder = temporaryFolder();
    const directory = refusal(() => openRecording(dirname(folder.path("x"))));
    expect(directory).toMatchObject({ code: "ERR_CORRUPT_RECORDING" });
    expect(directory.message).toContain("found a directory");
    const cases: [string | Uint8Array, string][] = [
      ["", "found an empty file"],
      ["#!/bin/sh\necho hello, this is no recording\n", "wanted an SQLite database"],
      ["SQLite format 3\0", "it is cut off"],
    ];
    for (const [content, wanted] of cases) {
      const path = folder.path("x.reel");
      writeFileSync(path, content);
      const error = refusal(() => openRecording(path));
      expect(error.code).toBe("ERR_CORRUPT_RECORDING");
      expect(error.message).toContain(wanted);
      expect(error.mend).not.toBe("");
    }
    const foreign = folder.path("foreign.db");
    const database = new Database(foreign);
    for (let i = 0; i < 5; i++) database.run(`CREATE TABLE t${i} (x)`);
    database.close();
    expect(refusal(() => openRecording(foreign)).message).toContain("of application 0");
  });

  test("refuses what a later release made, naming the version", () => {
    const tables = altered(`PRAGMA user_version = ${TABLES_VERSION + 1}`);
    expect(tables.code).toBe("ERR_INCOMPATIBLE_RECORDING");
    const [later, ours] = [TABLES_VERSION + 1, TABLES_VERSION];
    expect(tables.message).toContain(`found tables of version ${later}, wanted at most ${ours}`);
    const format = altered(`UPDATE recording SET format = ${FORMAT_VERSION + 1}`);
    expect(format.code).toBe("ERR_INCOMPATIBLE_RECORDING");
    expect(format.mend).toContain("release of ioreel");
  });

  const sound = "ERR_CORRUPT_RECORDING";
  const alterations: [string, string][] = [
    ["UPDATE recording SET seed = 8", "does not match its seal"],
    ["UPDATE recording SET options = '{}'", "does not match its seal"],
    ["UPDATE recording SET state = 'interrupted'", "does not match its seal"],
    ["UPDATE recording SET event_count = event_count - 1", "does not match its seal"],
    ["UPDATE recording SET outcome = NULL", "does not match its seal"],
    ["UPDATE recording SET seal = zeroblob(32)", "does not match its seal"],
    ["UPDATE recording SET backend = 'other'", "wrong type or value"],
    ["UPDATE recording SET seed = 'seven'", "wrong type or value"],
    ["UPDATE recording SET format = 0", "found format 0"],
    ["UPDATE recording SET options = printf('%.*c', 5000000, 'x')", "bytes in a field"],
    ["DELETE FROM recording", "found 0 headers"],
    [
      "INSERT INTO recording SELECT 2, format, uuid, created_ms, state, seed, backend, options, " +
        "selection, ioreel, bun, kernel, arch, event_count, digest, outcome, seal FROM recording",
      "found 2 rows",
    ],
    ["UPDATE provider SET state_version = 9", "does not match its seal"],
    ["DELETE FROM provider WHERE `index` = 1", "does not match its seal"],
    ["UPDATE provider SET `index` = 7 WHERE `index` = 1", "wrong type or value"],
    ["UPDATE attachment SET content = 'text'", "has not the"],
    ["UPDATE attachment SET content = zeroblob(length)", "does not match its checksum"],
    ["DELETE FROM attachment", "does not match its seal"],
    ["DELETE FROM segment", "segment 0 (from event 0 of 4033) is missing"],
    ["UPDATE segment SET first_sequence = 5", "is missing"],
    ["UPDATE segment SET event_count = 4000", "found chain"],
    ["UPDATE segment SET crc32 = crc32 + 1", "found checksum"],
    ["UPDATE segment SET chain = zeroblob(32)", "found chain"],
    ["UPDATE segment SET chain = zeroblob(31)", "damaged header"],
    ["UPDATE segment SET codec = 'x'", "damaged header"],
    ["UPDATE segment SET raw_length = raw_length - 1", "does not unpack to the"],
    ["UPDATE segment SET raw_length = 3", "bytes, wanted 3"],
    ["UPDATE segment SET data = 'text'", "no fitting bytes"],
    [
      "INSERT INTO segment SELECT 9999, event_count, 0, 0, 1, raw_length, 0, chain, data " +
        "FROM segment",
      "found 2 segments, wanted 1",
    ],
    ["CREATE TABLE more (x)", "found other tables"],
    ["CREATE TRIGGER t AFTER INSERT ON segment BEGIN SELECT 1; END", "found other tables"],
    ["CREATE VIEW v AS SELECT 1", "found other tables"],
    ["DROP TABLE attachment", "found other tables"],
  ];
  for (const [sql, wanted] of alterations) {
    test(`refuses after ${sql.slice(0, 70)}`, () => {
      const error = altered(sql);
      expect(error.code).toBe(sound);
      expect(error.message).toContain(wanted);
    });
  }

  test("reads while another reader has the file open, and from a read-only file", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordNops(path, 10);
    chmodSync(path, 0o400);
    using first = openRecording(path);
    using second = openRecording(path);
    expect(first.digest).toBe(second.digest);
  });

  test("finds no journal that a process left which died, because none is ever made", async () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const seen = new Set<string | null>();
    const watcher = watch(dirname(path), (_event, name) => void seen.add(name));
    // Beyond one segment, so that the file changes hands.
    recordNops(path, 60_000);
    writeFileSync(folder.path("end"), "");
    while (!seen.has("end")) await Bun.sleep(1);
    watcher.close();
    expect([...seen]).toContain("a.reel-wal");
    expect([...seen]).not.toContain("a.reel-journal");
  });

  test("reads a recording while it is being made, up to its last segment", async () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const recording = startRecording(path, HEADER);
    for (let i = 0; i < 50_000; i++) recording.tap.submit(i % 999, 0, -1, i, -1, 0, undefined);
    // Segments reach the file in a thread of their own.
    for (let count = 0; count < 10_000; await Bun.sleep(1)) {
      using live = openRecording(path);
      expect(live.info.state).toBe("recording");
      expect(live.info.recovered).toBeUndefined();
      count = live.eventCount;
    }
    recording.tap.end("ok");
    expect(recording.finish()).toMatchObject({ state: "complete", failure: undefined });
    using opened = openRecording(path);
    expect(opened.eventCount).toBe(50_001);
  });

  test("lets go of the file at once when it is closed, so that recording ends in one file", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const recording = startRecording(path, HEADER);
    for (let i = 0; i < 50_000; i++) recording.tap.submit(i % 999, 0, -1, i, -1, 0, undefined);
    openRecording(path).close();
    recording.finish();
    expect(readdirSync(dirname(path))).toEqual(["a.reel"]);
  });

  test("a recording that is closed says so, and closing it again does nothing", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordNops(path, 10);
    const recording = openRecording(path);
    recording.close();
    recording.close();
    expect(refusal(() => [...recording.events()]).code).toBe("ERR_CLOSED");
  });
});
