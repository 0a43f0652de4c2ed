/**
 * Reading places of a recording, and what is left of a damaged one: each segment is checked when it
 * is read, what is damaged is named, and what is before it is kept.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { Random } from "../../random.ts";
import { openRecording } from "../recording.ts";
import {
  HEADER,
  randomEvents,
  recordEvents,
  refusal,
  temporaryFolder,
} from "../session.fixture.ts";
import { examineRecording } from "./examine.ts";
import { salvageRecording } from "./salvage.ts";

const EVENTS = randomEvents(21, 6000);
const PAGE_BYTES = 8192;

function recorded(folder: { path(name: string): string }): string {
  const path = folder.path("whole.reel");
  recordEvents(path, EVENTS);
  return path;
}

/** Alters the rows of a recording, and not its seals. */
function alter(path: string, sql: string): void {
  const database = new Database(path);
  database.run(sql);
  database.close();
}

const rowsOf = (path: string): { first: number; count: number }[] => {
  const database = new Database(path, { readonly: true });
  const columns = "first_sequence AS first, event_count AS count";
  const rows = database.query(`SELECT ${columns} FROM segment ORDER BY 1`).all();
  database.close();
  return rows as { first: number; count: number }[];
};

const why = (path: string) => refusal(() => openRecording(path));

describe("openRecording() that verifies as it reads", () => {
  test("gives the same events from any place as when all is verified", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    using all = openRecording(path);
    using lazy = openRecording(path, { verify: "as-read" });
    expect({ ...lazy.info }).toEqual({ ...all.info });
    const random = new Random(2);
    for (let round = 0; round < 60; round++) {
      const from = random.below(EVENTS.length);
      for (const recording of [all, lazy]) {
        const found = [...recording.events(from, from + 9)];
        expect(found.map(({ event }) => event)).toEqual(EVENTS.slice(from, from + 10));
        expect(found.map(({ sequence }) => sequence - from)).toEqual([...found.keys()]);
      }
      const times = [all, lazy].map((recording) => recording.cursorAt(from).timeNs);
      expect(times[0]).toBe(times[1]!);
    }
    expect(lazy.cursorAt(EVENTS.length).peek()).toBeUndefined();
    expect(() => lazy.cursorAt(EVENTS.length + 1)).toThrow(RangeError);
    expect([...lazy.events()]).toHaveLength(EVENTS.length);
  });

  test("names a damaged segment when it is read, and gives all others", () => {
    const damages = ["crc32 = crc32 + 1", "chain = zeroblob(32)", "time_last_ns = 1", "codec = 9"];
    for (const damage of damages) {
      using folder = temporaryFolder();
      const path = recorded(folder);
      const row = rowsOf(path)[3]!;
      alter(path, `UPDATE segment SET ${damage} WHERE first_sequence = ${row.first}`);
      using recording = openRecording(path, { verify: "as-read" });
      expect([...recording.events(0, row.first - 1)]).toHaveLength(row.first);
      const error = refusal(() => recording.cursorAt(row.first + 1));
      expect(error.code).toBe("ERR_CORRUPT_RECORDING");
      expect(error.message).toContain(`events ${row.first} to ${row.first + row.count - 1}`);
      const last = rowsOf(path).at(-1)!;
      expect([...recording.events(last.first)]).toHaveLength(last.count);
    }
  });

  test("unpacks no more than a segment may hold, whatever its frames say", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    const bomb = Bun.zstdCompressSync(new Uint8Array(512 * 1024 * 1024), { level: 1 });
    const small = Bun.zstdCompressSync(new Uint8Array(65_536), { level: 1 });
    const before = process.memoryUsage().rss;
    for (const data of [bomb, new Uint8Array([...small, ...bomb]), small.subarray(0, 20)]) {
      const database = new Database(path);
      database.run("UPDATE segment SET data = ? WHERE first_sequence = 0", [data]);
      database.close();
      using recording = openRecording(path, { verify: "as-read" });
      expect(refusal(() => recording.cursorAt(1)).message).toMatch(
        /at event 1 (does not unpack|holds)/,
      );
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });
});

describe("examineRecording()", () => {
  test("lists every damaged and every missing segment with its events", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    const rows = rowsOf(path);
    const [flipped, gone, attached] = [rows[2]!, rows[5]!, HEADER.attachments![0]!.name];
    alter(path, `UPDATE segment SET crc32 = 1 WHERE first_sequence = ${flipped.first}`);
    alter(path, `DELETE FROM segment WHERE first_sequence = ${gone.first}`);
    alter(path, `UPDATE attachment SET content = zeroblob(10) WHERE name = '${attached}'`);
    const found = examineRecording(path, why(path));
    expect(found).toMatchObject({ eventCount: EVENTS.length, soundEvents: flipped.first });
    const range = ({ first, count }: { first: number; count: number }) => {
      return { firstSequence: first, lastSequence: first + count - 1 };
    };
    expect(found.damage).toMatchObject([
      { what: "attachment", name: attached },
      { what: "segment", segment: 2, ...range(flipped) },
      { what: "segment", segment: 5, ...range(gone), message: "it is missing" },
    ]);
  });

  test("gives back the refusal of a file whose header is damaged", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    alter(path, "UPDATE recording SET seed = 8");
    const error = why(path);
    expect(refusal(() => examineRecording(path, error))).toBe(error);
  });
});

describe("salvageRecording()", () => {
  test("keeps what is before the damage, under the same uuid, and says what is lost", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    const { first } = rowsOf(path)[4]!;
    alter(path, `UPDATE segment SET data = zeroblob(9) WHERE first_sequence = ${first}`);
    const out = folder.path("out.reel");
    const kept = salvageRecording(path, out);
    expect(kept).toMatchObject({ eventCount: first, lostEvents: EVENTS.length - first });
    expect(kept.stoppedBy).toContain(`event ${first}`);
    using recording = openRecording(out);
    expect(recording.info).toMatchObject({ state: "recovered", uuid: kept.uuid });
    expect([...recording.events()].map(({ event }) => event)).toEqual(EVENTS.slice(0, first));
    expect(refusal(() => salvageRecording(path, out)).code).toBe("ERR_USAGE");
  });

  test("copies a sound recording whole", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    const out = folder.path("out.reel");
    const kept = salvageRecording(path, out);
    expect(kept).toMatchObject({ eventCount: EVENTS.length, lostEvents: 0, stoppedBy: undefined });
    using recording = openRecording(out);
    expect(recording.info).toMatchObject({ state: "complete", outcome: "ok", digest: kept.digest });
  });

  test("gives a beginning of files that were cut off or lost pages, or refuses them", () => {
    using folder = temporaryFolder();
    const path = recorded(folder);
    const damaged = folder.path("damaged.reel");
    const out = folder.path("out.reel");
    const random = new Random(4);
    const whole = readFileSync(path);
    using sound = openRecording(path);
    const texts = [...sound.events()].map(({ event }) => JSON.stringify(event));
    let [events, refused] = [0, 0];
    for (let round = 0; round < 14; round++) {
      rmSync(out, { force: true });
      copyFileSync(path, damaged);
      if (random.chance(0.5)) truncateSync(damaged, random.below(whole.length));
      else {
        const bytes = new Uint8Array(whole);
        const at = random.below(whole.length / PAGE_BYTES) * PAGE_BYTES;
        random.fill(bytes.subarray(at, at + PAGE_BYTES));
        writeFileSync(damaged, bytes);
      }
      try {
        events += salvageRecording(damaged, out).eventCount;
      } catch (error) {
        expect(error).toMatchObject({ name: "ReelError" });
        expect(existsSync(out)).toBe(false);
        refused++;
        continue;
      }
      using recording = openRecording(out);
      for (const { event, sequence } of recording.events()) {
        if (JSON.stringify(event) !== texts[sequence]) throw new Error(`event ${sequence} differs`);
      }
    }
    expect(events).toBeGreaterThan(EVENTS.length);
    expect(refused).toBeLessThan(11);
  });
});
