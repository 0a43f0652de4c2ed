/**
 * The file of a recording: its tables, who may be replaced by whom, what stays after a full disk or
 * a kill, and what is refused.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from "drizzle-kit/api";
import { Random } from "../../random.ts";
import { openRecording, startRecording } from "../recording.ts";
import {
  HEADER,
  randomEvents,
  recordEvents,
  recordNops,
  refusal,
  temporaryFolder,
} from "../session.fixture.ts";
import { APPLICATION_ID } from "./file-facts.ts";
import { FORMAT_VERSION } from "./limits.ts";
import { applyMigrations, MIGRATIONS, schemaText, TABLES_VERSION } from "./migrations.ts";
import journal from "./migrations/meta/_journal.json" with { type: "json" };
import snapshot from "./migrations/meta/0001_snapshot.json" with { type: "json" };
import * as schema from "./schema.ts";

/** Where a link of /proc leads; a file that is closed meanwhile leads nowhere. */
function readlink(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}

describe("migrations", () => {
  test("are exactly what the schema says: generating would add nothing", async () => {
    const now = await generateSQLiteDrizzleJson(schema);
    const before = snapshot as unknown as typeof now;
    expect(await generateSQLiteMigration(before, now)).toEqual([]);
  });

  test("are all embedded, in the journal's order", () => {
    const folder = join(import.meta.dirname, "migrations");
    const files = journal.entries.map(({ tag }) =>
      readFileSync(join(folder, `${tag}.sql`), "utf8"),
    );
    expect([...MIGRATIONS]).toEqual(files);
    expect(TABLES_VERSION).toBe(journal.entries.length);
  });

  test("make the tables that drizzle makes from the schema", async () => {
    const empty = await generateSQLiteDrizzleJson({});
    const statements = await generateSQLiteMigration(
      empty,
      await generateSQLiteDrizzleJson(schema),
    );
    const [ours, theirs] = [new Database(":memory:"), new Database(":memory:")];
    applyMigrations(ours);
    for (const statement of statements) theirs.run(statement);
    const names = (database: Database): unknown =>
      database
        .query(
          "SELECT m.name, c.* FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY 1, cid",
        )
        .all();
    expect(names(ours)).toEqual(names(theirs));
    expect(schemaText(ours)).toContain("segment");
  });
});

describe("a recording's file", () => {
  test("gives back its header, its attachments and its events", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const events = randomEvents(1, 50);
    const digest = recordEvents(path, events);
    using recording = openRecording(path);
    const { providers, attachments, ...plain } = HEADER;
    expect(recording.info).toMatchObject({ ...plain, path, digest, state: "complete" });
    expect(recording.info.format).toBe(FORMAT_VERSION);
    expect(recording.info.providers).toEqual([...providers]);
    expect(recording.info).toMatchObject({ outcome: "ok", eventCount: events.length });
    expect(recording.info.versions.bun).toBe(Bun.version);
    expect(recording.info.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    for (const { name, content } of attachments!) {
      expect(recording.attachment(name)).toEqual(content);
    }
    expect(recording.attachment("none")).toBeUndefined();
    expect([...recording.events()].map(({ event }) => event)).toEqual(events);
  });

  test("is one single file once it is finished, and an SQLite file of ours", () => {
    using folder = temporaryFolder();
    const path = folder.path("one.reel");
    recordNops(path, 100_000);
    expect(readdirSync(dirname(path))).toEqual(["one.reel"]);
    const header = readFileSync(path);
    expect(header.readUInt32BE(68)).toBe(APPLICATION_ID);
    expect(header.readUInt32BE(60)).toBe(TABLES_VERSION);
    expect(header.readUInt16BE(16)).toBe(8192);
    expect([header[18], header[19]]).toEqual([1, 1]);
  });

  test("leaves no open file behind, written or read", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const open = (): string[] =>
      readdirSync("/proc/self/fd").map((fd) => readlink(`/proc/self/fd/${fd}`));
    recordNops(path, 1000);
    const recording = openRecording(path);
    expect(open().filter((link) => link.includes(path))).toHaveLength(1);
    recording.close();
    expect(open().filter((link) => link.includes(path))).toEqual([]);
  });

  test("two recordings of one run have one digest and two uuids", () => {
    using folder = temporaryFolder();
    recordNops(folder.path("a.reel"), 5000);
    recordNops(folder.path("b.reel"), 5000);
    using a = openRecording(folder.path("a.reel"));
    using b = openRecording(folder.path("b.reel"));
    expect(a.digest).toBe(b.digest);
    expect(a.info.uuid).not.toBe(b.info.uuid);
  });

  test("takes the place of an earlier recording, and of no other file", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordNops(path, 10);
    recordNops(path, 20);
    using recording = openRecording(path);
    expect(recording.eventCount).toBe(42);
    const other = folder.path("README.md");
    writeFileSync(other, "# Mine\n");
    const error = refusal(() => startRecording(other, HEADER));
    expect(error.code).toBe("ERR_STORE");
    expect(error.message).toContain("no recording");
    expect(readFileSync(other, "utf8")).toBe("# Mine\n");
  });

  test("an attempt that cannot be made leaves the earlier recording as it was", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    recordNops(path, 10);
    const before = readFileSync(path);
    const huge = { ...HEADER, attachments: [{ name: "big", content: new Uint8Array(2_000_000) }] };
    const error = refusal(() => startRecording(path, huge, { sizeBytesMax: 500_000 }));
    expect(error).toMatchObject({ code: "ERR_STORE", details: { cause: "SQLITE_FULL" } });
    expect(error.mend).toContain("Free disk space");
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(dirname(path))).toEqual(["a.reel"]);
  });

  test("a header that the format does not hold is a RangeError before any file is made", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const twice = [HEADER.attachments![0]!, HEADER.attachments![0]!];
    const bad = [{ seed: 0.5 }, { attachments: twice }, { options: "x".repeat(5_000_000) }];
    const unnamed = [{ kind: "", version: "1", stateVersion: 0, config: 0 }];
    for (const wrong of [...bad, { providers: unnamed }]) {
      expect(() => startRecording(path, { ...HEADER, ...wrong })).toThrow(RangeError);
    }
    expect(existsSync(path)).toBe(false);
  });

  test("a folder that is missing or takes no files is ERR_STORE with the mend", () => {
    using folder = temporaryFolder();
    for (const path of [folder.path("no/a.reel"), "/proc/ioreel-test.reel"]) {
      const error = refusal(() => startRecording(path, HEADER));
      expect(error.code).toBe("ERR_STORE");
      expect(error.mend).toContain("an existing directory that you may write to");
    }
  });
});

describe("a recording that is cut off", () => {
  test("keeps what fitted when the disk is full, and tells the run at its next turn", () => {
    using folder = temporaryFolder();
    const path = folder.path("full.reel");
    const recording = startRecording(path, HEADER, { sizeBytesMax: 400_000 });
    const { tap } = recording;
    const random = new Random(1);
    const payload = new Uint8Array(1000);
    let turns = 0;
    const error = refusal(() => {
      for (; turns < 10_000; turns++) {
        random.fill(payload);
        tap.turn(1, turns);
        tap.complete(0, 1000, 0, payload);
      }
    });
    expect(error).toMatchObject({ code: "ERR_STORE", details: { cause: "SQLITE_FULL" } });
    tap.turn(1, turns);
    tap.end("failed");
    const summary = recording.finish();
    expect(summary).toMatchObject({ state: "interrupted", failure: error });
    using opened = openRecording(path);
    expect(opened.complete).toBe(false);
    expect(opened.info.outcome).toBeUndefined();
    expect(opened.eventCount).toBe(summary.eventCount);
    expect(opened.eventCount).toBeGreaterThan(100);
    expect(opened.digest).toBe(summary.digest);
  });

  test("is readable up to its last event when its process is killed", async () => {
    using folder = temporaryFolder();
    const path = folder.path("killed.reel");
    const session = (name: string): string => JSON.stringify(join(import.meta.dirname, "..", name));
    const script = `
      const { startRecording } = await import(${session("recording.ts")});
      const { HEADER } = await import(${session("session.fixture.ts")});
      const { tap } = startRecording(${JSON.stringify(path)}, HEADER);
      for (let i = 0; i < 200_000; i++) tap.submit(i % 1000, 0, -1, i, -1, 0, undefined);
      process.stdout.write("ready\\n");
      setInterval(() => {}, 1000);
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    for await (const _ of child.stdout) break;
    child.kill("SIGKILL");
    await child.exited;
    using recording = openRecording(path);
    expect(recording.info.state).toBe("recovered");
    expect(recording.complete).toBe(false);
    expect(recording.eventCount).toBe(200_000);
    const [first] = recording.events();
    expect(first!.event).toMatchObject({ kind: "submit", slot: 0 });
    // And it can be replaced, its log included.
    recordNops(path, 10);
    using replaced = openRecording(path);
    expect(replaced.eventCount).toBe(22);
  });

  test("finish() is idempotent, and says interrupted when the run never ended", () => {
    using folder = temporaryFolder();
    const recording = startRecording(folder.path("a.reel"), HEADER);
    recording.tap.mark("half");
    const summary = recording.finish();
    expect(summary.state).toBe("interrupted");
    expect(recording.finish()).toBe(summary);
    using opened = openRecording(folder.path("a.reel"));
    expect(opened.info).toMatchObject({ state: "interrupted", eventCount: 1 });
  });
});
