/** Checkpoints and marks in real files: what is recorded, and what happens to rows that lie. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openRecording } from "../recording.ts";
import { recordEvents, refusal, randomEvents, temporaryFolder } from "../session.fixture.ts";
import { encodeTable } from "./table-codec.ts";
import { Timeline } from "./timeline.ts";
import { tableAt } from "./walker.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const sound = folder.path("sound.reel");
recordEvents(sound, randomEvents(17, 4500));

/** A copy of the recording in which one statement has changed something. */
function altered(statement: string, name: string): string {
  const path = folder.path(`${name}.reel`);
  copyFileSync(sound, path);
  using database = new Database(path);
  expect(database.run(statement).changes).toBeGreaterThan(0);
  return path;
}

describe("rows of places", () => {
  test("a recording has checkpoints and marks, and its tables are those without them", () => {
    using recording = openRecording(sound);
    const { eventCount, source } = recording;
    expect(recording.checkpointAt(eventCount)?.sequence).toBeGreaterThan(16_384);
    const marks = new Timeline({ source, eventCount }).marks;
    expect(new Timeline(recording).marks).toEqual(marks);
    expect(recording.marksBefore(eventCount)).toEqual(marks);
    for (const place of [0, 1, 16_384, 25_000, eventCount]) {
      const table = encodeTable(recording.tableAt(place));
      expect(table).toEqual(encodeTable(tableAt({ source, eventCount }, place)));
    }
  });

  const lies = [
    "update checkpoint set data = 'text'",
    "update checkpoint set crc32 = 'x'",
    "update checkpoint set crc32 = crc32 + 1",
    "update checkpoint set sequence = sequence - 1",
    "update checkpoint set sequence = -sequence",
    "update checkpoint set data = zeroblob(10000000)",
    "update mark set text = x'00ff' where sequence = (select min(sequence) from mark)",
    "update mark set text = text || '!' where sequence = (select max(sequence) from mark)",
    "update mark set time_ns = 'x' where sequence = (select min(sequence) from mark)",
    "insert into mark values (3000000, 0, 'beyond')",
    "insert into checkpoint select sequence + 1000000, crc32, data from checkpoint limit 1",
  ];
  for (const [index, statement] of lies.entries()) {
    test(`opening refuses a recording after: ${statement.slice(0, 70)}`, () => {
      const path = altered(statement, `lie-${index}`);
      expect(refusal(() => openRecording(path)).code).toBe("ERR_CORRUPT_RECORDING");
      using recording = openRecording(path, { verify: "as-read" });
      // What is read at a place is refused, or does not matter there.
      try {
        expect(recording.tableAt(20_000).events).toBe(20_000);
        expect(new Timeline(recording).marks.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_CORRUPT_RECORDING" });
      }
    });
  }

  test("recordings of format 1 have no rows, and all places all the same", () => {
    const golden = join(import.meta.dir, "../golden/format-1");
    const files = readdirSync(golden).filter((name) => name.endsWith(".reel"));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) {
      using recording = openRecording(join(golden, name));
      const { eventCount } = recording;
      expect(recording.checkpointAt(eventCount)).toBeUndefined();
      const line = new Timeline(recording);
      line.at("end");
      expect(line.table.totals).toMatchObject({ events: eventCount, inFlight: 0 });
      line.step(-eventCount);
      expect(line.table.operations).toBe(0);
    }
  });
});
