/** Tests of the library from the command line: recording without a name, listing, keeping. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../core/session/session.fixture.ts";
import { whyUnavailable } from "../core/testing/harness.ts";
import { ioreelIn, MAIN, ROOT, type Ended } from "./cli.fixture.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: the clock of io_uring: ${missing}`);

let home = "";
let count = 0;
beforeEach(() => {
  home = folder.path(`home-${count++}`);
});

const ioreel = (...words: string[]): Ended => ioreelIn(ROOT, { IOREEL_HOME: home }, ...words);
const library = (): string => join(home, "recordings");
const ticks = ["examples/ticks.yaml", "--backend", "emulated", "--seed", "7", "-q"];

interface Listed {
  id: string;
  uuid: string | null;
  path: string;
  state: string;
  outcome: string | null;
  pinned: boolean;
  failing: boolean;
  damage: string | null;
}

function listed(...words: string[]): Listed[] {
  const ended = ioreel("session", "ls", "--json", ...words);
  expect(ended).toMatchObject({ code: 0, err: "" });
  const { folder: where, recordings } = JSON.parse(ended.out) as {
    folder: string;
    recordings: Listed[];
  };
  expect(where).toBe(library());
  return recordings;
}

/** Records into the library. @returns the id that the command prints */
function recorded(...words: string[]): string {
  const ended = ioreel("run", ...(words.length > 0 ? words : [...ticks, "--record"]));
  return /recorded \d+ events as ([0-9a-f]{8}) in (.+)$/m.exec(ended.out)![1]!;
}

const quiet = ["--backend", "emulated", "-q", "--record"];

/** A scenario of one step. @returns its path */
function scenarioOf(step: string, durationNsMax: string): string {
  const path = folder.path(`scenario-${count++}.yaml`);
  const tasks = `devices: { alarm: timer }\ntasks:\n  one:\n    ${step}\n`;
  const expected = `expect: { durationNsMax: ${durationNsMax} }\n`;
  writeFileSync(path, `version: 1\nname: one step\n${tasks}${expected}`);
  return path;
}

function refused(...words: string[]): string {
  const { code, err, out } = ioreel(...words);
  expect([code, out]).toEqual([2, ""]);
  return err;
}

describe("recording without a name", () => {
  test("run --record and record go into the library, and print what they are known by", () => {
    expect(ioreel("session", "ls")).toEqual({
      code: 0,
      out: "",
      err: `no recordings in ${library()}: ioreel run SCENARIO --record makes one\n`,
    });
    const [scenario, ...rest] = ticks;
    const ids = [
      recorded("--record", scenario!, ...rest),
      recorded(scenario!, "--record", ...rest),
      /as (\w{8}) in/.exec(ioreel("record", ...ticks).out)![1]!,
    ];
    const found = listed();
    expect(found.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(found[0]).toMatchObject({ state: "complete", outcome: "ok", pinned: false });
    const data = JSON.parse(ioreel("run", ...ticks, "--record", "--json").out) as {
      recording: { id: string; path: string };
    };
    const { id, path } = data.recording;
    expect(listed()[0]).toMatchObject({ id, path });
  });

  test("every command takes an id, the beginning of a name, or latest", () => {
    const first = recorded();
    const second = recorded();
    const path = listed()[0]!.path;
    const { uuid } = listed()[1]!;
    for (const word of ["latest", second, second.slice(0, 4), path]) {
      expect(ioreel("session", "show", word).out).toContain(`recording  ${path}\n`);
    }
    const name = readdirSync(library()).toSorted()[0]!;
    for (const word of [first, uuid!, name, name.slice(0, 19)]) {
      const ended = ioreel("session", "verify", word);
      expect(ended.out).toContain(`recording  ${join(library(), name)}\n`);
    }
    const fine: string[][] = [
      ["replay", first],
      ["replay", "latest", "--at", "end"],
      ["session", "diff", first, "latest"],
      ["session", "export", first, "--format", "ndjson"],
      ["session", "sql", "latest", "select count(*) from event"],
      ["session", "recover", first],
      ["session", "salvage", first, folder.path("salvaged.reel")],
      ["session", "pack", first, folder.path("packed.reel")],
      ["session", "migrate", "latest", folder.path("migrated.reel")],
    ];
    for (const words of fine) expect(ioreel(...words)).toMatchObject({ code: 0, err: "" });
    const whole = ioreel("run", "--resume", "latest");
    expect([whole.code, whole.err.includes(path)]).toEqual([1, true]);
  });

  test("what names no recording, or several, is a mistake of usage that says what is near", () => {
    expect(refused("replay", "latest")).toContain("has none\nhelp: Record one with");
    const id = recorded();
    recorded();
    const year = readdirSync(library())[0]!.slice(0, 4);
    const several = refused("session", "show", year);
    expect(several).toContain(`Cannot tell which recording "${year}" is: ${year}`);
    for (const name of readdirSync(library())) expect(several).toContain(name);
    const wrong = `${id.slice(0, 7)}${id[7] === "0" ? "1" : "0"}`;
    expect(refused("replay", wrong)).toContain(`help: did you mean "${id}"?`);
    const file = folder.path("three-disks.reel");
    copyFileSync(listed()[0]!.path, file);
    const mistyped = folder.path("tree-disks.reel");
    for (const words of [["replay"], ["session", "verify"], ["run", "--resume"]]) {
      const err = refused(...words, mistyped);
      expect(err).toContain(`Cannot find the recording "${mistyped}"`);
      expect(err).toContain(`help: did you mean "${file}"?`);
    }
    // A path goes before everything else.
    copyFileSync(file, folder.path("latest"));
    const here = ioreelIn(folder.path("."), { IOREEL_HOME: home }, "session", "verify", "latest");
    expect(here.out).toStartWith("recording  latest\n");
  });
});

describe("session ls and what it lists", () => {
  test("ls shows damaged, live, killed and failed recordings and breaks on none", async () => {
    recorded();
    writeFileSync(join(library(), "20200101T000000000Z-00000001.reel"), "nothing of ours");
    writeFileSync(join(library(), "empty.reel"), "");
    const id = recorded(scenarioOf("- tick: { of: alarm, delayNs: 5ms }", "1ms"), ...quiet);
    const long = scenarioOf("- tick: { of: alarm, delayNs: 1h }", "2h");
    const child = Bun.spawn([process.execPath, MAIN, "run", long, ...quiet, "--clock", "paced"], {
      cwd: ROOT,
      env: { ...process.env, IOREEL_HOME: home },
      stdout: "ignore",
      stderr: "ignore",
    });
    const isThere = (): boolean =>
      readdirSync(library()).filter((name) => /^2.*reel$/.test(name)).length === 4;
    while (!isThere()) await Bun.sleep(10);
    const live = listed().find(({ state }) => state === "recording")!;
    expect(live).toMatchObject({ failing: false, outcome: "-" });
    expect(refused("session", "rm", live.id)).toContain("a process is recording to it");
    child.kill("SIGKILL");
    await child.exited;
    const found = listed();
    expect(found).toHaveLength(5);
    const damaged = found.filter(({ state }) => state === "damaged");
    expect(damaged.map(({ damage }) => damage).toSorted()).toEqual([
      "found a file that begins with 6e6f7468696e67206f66206f757273, wanted an SQLite database",
      "found an empty file",
    ]);
    const failed = found.find((each) => each.id === id);
    expect(failed).toMatchObject({ failing: true, outcome: "not as expected" });
    const killed = found.find(({ state }) => state === "recovered");
    expect(killed).toMatchObject({ id: live.id, failing: true, outcome: "cut off" });
    const table = ioreel("session", "ls", "--sort", "size");
    expect(table.out.split("\n")[0]).toMatch(/^id +when \(UTC\) +program +backend +state +events/);
    expect(table.out).toContain(`5 recordings, `);
    expect(table.out).toContain("damaged");
    expect(ioreel("session", "rm", live.id, "empty.reel").code).toBe(0);
    expect(readdirSync(library()).filter((name) => name.includes(live.id))).toEqual([]);
  });
});

describe("keeping recordings", () => {
  test("rm removes what is named, all or nothing, and no files of others", () => {
    const [first, second] = [recorded(), recorded()];
    expect(refused("session", "rm", first!, "nobody")).toContain(`recording "nobody"`);
    const notes = folder.path("notes.txt");
    writeFileSync(notes, "mine");
    expect(refused("session", "rm", first!, notes)).toContain("it is no recording");
    expect(listed()).toHaveLength(2);
    const ended = ioreel("session", "rm", first!, second!);
    expect([ended.code, ended.out.match(/^removed /gm)]).toEqual([0, ["removed ", "removed "]]);
    expect([readdirSync(library()), existsSync(notes)]).toEqual([[], true]);
  });

  test("prune keeps what is pinned, and only says so with --dry-run", () => {
    const [first, second, third] = [recorded(), recorded(), recorded()];
    expect(ioreel("session", "pin", first!).code).toBe(0);
    expect(refused("session", "pin", "examples/ticks.yaml")).toContain("it is not in the library");
    const dry = ioreel("session", "prune", "--keep", "1", "--dry-run");
    expect(dry.out).toMatch(/would remove 2 recordings, [\d.]+ KiB; 1 stay/);
    expect(listed().map(({ id }) => id)).toEqual([third!, second!, first!]);
    ioreel("session", "prune", "--keep", "1");
    expect(listed()).toMatchObject([{ id: first, pinned: true }]);
    ioreel("session", "unpin", first!);
    const { removed } = JSON.parse(ioreel("session", "prune", "--older", "0s", "--json").out) as {
      removed: string[];
    };
    expect(removed).toHaveLength(1);
    for (const words of [
      ["--older", "7"],
      ["--size", "big"],
      ["--keep", "-1"],
    ]) {
      expect(refused("session", "prune", ...words)).toContain("ERR_USAGE");
    }
  });
});

describe("recording to a file", () => {
  test("--record says what it replaces, and refuses bad places with exit 2", () => {
    const path = folder.path("twice.reel");
    const run = (...words: string[]): Ended => ioreel("run", ...ticks, "--record", ...words);
    expect(run(path).out).toMatch(/^recorded \d+ events to \S+$/m);
    const replaced = /replaced the recording of (\d{4}-\d\d-\d\dT[\d:.]+Z)$/m.exec(run(path).out);
    expect(replaced).not.toBeNull();
    const data = JSON.parse(run(path, "--json").out) as { recording: { replaced: string } };
    expect(data.recording.replaced > replaced![1]!).toBe(true);
    for (const [place, found] of [
      [folder.path("."), "found a directory"],
      [folder.path("no/such.reel"), "there is no folder"],
      ["README.md", "found a file that is no recording"],
    ] as const) {
      expect(refused("run", ...ticks, "--record", place)).toContain(found);
    }
    expect(existsSync(library())).toBe(false);
    expect(refused("run", "--record", path)).toContain("Missing required argument 'file'");
    expect(refused("session", "show", path, "--events", "5-3")).toContain("Give it like 3-5");
  });

  test.skipIf(missing !== undefined)("--clock says on io_uring that it has no effect", () => {
    const scenario = scenarioOf("- mark: here", "1h");
    const words = ["run", scenario, "--backend", "uring", "-q"];
    expect(ioreel(...words).err).toBe("");
    const { code, err } = ioreel(...words, "--clock", "paced");
    expect(code).toBe(0);
    expect(err).toContain("note: --clock paced has no effect on io_uring");
  });
});
