/** Questions to real recordings, and to what is no question. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRecording } from "../core/session/recording.ts";
import { ask } from "../core/session/sql/query.ts";
import { openSideDatabase } from "../core/session/sql/side-database.ts";
import { ioreel, ioreelIn, ROOT } from "./cli.fixture.ts";
import { operationNames } from "./commands/session/export.ts";
import { BACKENDS, ECHO_BYTES, ExampleRecordings } from "./example-recordings.fixture.ts";

const recordings = new ExampleRecordings();
afterAll(() => recordings.remove());

/** All rows of an answer. */
function rowsOf(path: string, query: string): (readonly unknown[])[] {
  using recording = openRecording(path);
  using database = openSideDatabase(recording, operationNames()).database;
  return [...ask(database, query).rows()];
}

describe("session sql", () => {
  test.each([...BACKENDS])("sql tables hold every event and operation of echo on %s", (backend) => {
    const path = recordings.of("echo", backend);
    using recording = openRecording(path);
    const kinds = new Map<string, number>();
    for (const { event } of recording.events()) {
      kinds.set(event.kind, (kinds.get(event.kind) ?? 0) + 1);
    }
    const counted = rowsOf(path, "select kind, count(*) from event group by kind order by kind");
    expect(counted).toEqual([...kinds].toSorted());
    const [[count, last]] = rowsOf(path, "select count(*), max(sequence) from event") as [number[]];
    expect([count!, last!]).toEqual([recording.eventCount, recording.eventCount - 1]);
    // Four clients send bytes and get them back: it is written twice and read twice.
    const moved = rowsOf(
      path,
      "select action, moved_bytes from provider_summary where provider = 'tcp' " +
        "and action in ('read', 'write') order by action",
    );
    const all = 2 * (ECHO_BYTES + Bun.file(join(ROOT, "README.md")).size + 1000 + 15);
    expect(moved).toEqual([
      ["read", all],
      ["write", all],
    ]);
    const [[wrong]] = rowsOf(
      path,
      "select count(*) from operation where latency_ns < 0 or end_ns < begin_ns",
    ) as [number[]];
    expect(wrong).toBe(0);
  });

  test("sql prints a table or JSON, and the tables without a query", () => {
    const path = recordings.of("tour", "emulated");
    const query = "select action, count(*) as n from operation where provider = 'timer' group by 1";
    expect(ioreel("session", "sql", path, query)).toEqual({
      code: 0,
      out: "action  n\nread    2\n",
      err: "",
    });
    // What a recording or a query says has no power over the terminal.
    const bell = ioreel("session", "sql", path, "select char(27) || '[2J' as a");
    expect(bell.out).toBe("a\n\ufffd[2J\n");
    const { code, out } = ioreel("session", "sql", path, query, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      schema: "session-sql/v1",
      columns: ["action", "n"],
      rows: [["read", 2]],
    });
    const schema = ioreel("session", "sql", path, "--schema").out;
    for (const name of ["table event", "table span", "view operation", "view provider_summary"]) {
      expect(schema).toContain(`create ${name}`);
    }
  });

  test("sql refuses what is not one statement that reads", () => {
    const path = recordings.of("tour", "emulated");
    const refused = (query: string): string => {
      let told = "nothing was refused";
      try {
        rowsOf(path, query);
      } catch (error) {
        told = `${(error as { code?: string }).code} ${(error as Error).message}`;
      }
      return told;
    };
    const cannot = "ERR_USAGE Cannot run the query: ";
    expect(refused("")).toBe(`${cannot}it is empty`);
    expect(refused("-- only this")).toBe(`${cannot}it is empty`);
    expect(refused("select * from evnt")).toBe(`${cannot}no such table: evnt`);
    expect(refused("select slto from event")).toBe(`${cannot}no such column: slto`);
    expect(refused("select 1; drop table event")).toBe(`${cannot}it is more than one statement`);
    expect(refused("drop table event")).toBe(`${cannot}it begins with "drop"`);
    expect(refused("/* */ attach 'a' as b")).toBe(`${cannot}it begins with "attach"`);
    expect(refused("with a as (select 1) delete from event")).toStartWith(cannot);
    expect(refused("explain delete from event")).toBe("nothing was refused");
    expect(refused("select ?")).toContain("it has parameters");
    expect(refused("select 1 as a, 2 as a")).toContain('two of its columns are named "a"');
    expect(refused("select abs(-9223372036854775807 - 1)")).toBe(`${cannot}integer overflow`);
  });

  test("sql tables of a long recording are kept in a folder of the user's own", () => {
    const path = recordings.of("tour", "emulated");
    const folder = recordings.path("tmp");
    mkdirSync(folder);
    const program = `
      import { openRecording } from "./core/session/recording.ts";
      import { openSideDatabase } from "./core/session/sql/side-database.ts";
      using recording = openRecording(${JSON.stringify(path)});
      const open = () => openSideDatabase(recording, () => undefined, 10);
      console.log(open().found, open().found, open().path);
      open().database.run("delete from event");`;
    const run = () =>
      Bun.spawnSync([process.execPath, "-e", program], {
        cwd: ROOT,
        env: { ...process.env, TMPDIR: folder },
      });
    const first = run();
    const [found, again, file] = String(first.stdout).trim().split(" ");
    expect([found, again]).toEqual(["false", "true"]);
    expect(existsSync(file!)).toBe(true);
    expect(String(first.stderr)).toContain("attempt to write a readonly database");
    const [own] = readdirSync(folder);
    expect(readdirSync(join(folder, own!)).length).toBe(1);
    // Neither what a process that died had begun nor a damaged file is an answer.
    writeFileSync(`${file}.partial-999999999`, "half");
    writeFileSync(file!, "no database at all, but long enough to be looked at".repeat(9));
    expect(String(run().stderr)).toContain("not a database");
    rmSync(file!);
    run();
    expect(readdirSync(join(folder, own!)).length).toBe(1);
    // A folder that others can write to may hold anything.
    chmodSync(join(folder, own!), 0o777);
    expect(String(run().stderr)).toContain("is not a folder of this user alone");
    rmSync(folder, { recursive: true });
  });

  test("sql says what is missing when there is no query or no recording", () => {
    const path = recordings.of("tour", "emulated");
    expect(ioreel("session", "sql", path).err).toContain("there is no query");
    const nowhere = ioreelIn(recordings.folder, {}, "session", "sql", "none.reel", "select 1");
    expect([nowhere.code, nowhere.err.includes("no such file")]).toEqual([2, true]);
  });
});
