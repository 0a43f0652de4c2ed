/** Traces of other tools become scenarios that are sound and run to their end. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ioreel } from "./cli.fixture.ts";
import { BACKENDS, ECHO_BYTES, ExampleRecordings, hasTool } from "./example-recordings.fixture.ts";

const recordings = new ExampleRecordings();
afterAll(() => recordings.remove());

/** Imports a file. @returns the scenario's path */
function imported(from: "fio" | "pcap", file: string, ...words: string[]): string {
  const scenario = `${file}.yaml`;
  const ended = ioreel("session", "import", "--from", from, file, scenario, ...words);
  expect(ended).toMatchObject({ code: 0, err: "" });
  return scenario;
}

interface Report {
  tasks: { name: string; bytesRead: number; bytesWritten: number }[];
}

function ran(scenario: string, backend: string): Report["tasks"] {
  const { code, out } = ioreel("run", scenario, "--backend", backend, "--seed", "3", "--json");
  expect(code).toBe(0);
  return (JSON.parse(out) as Report).tasks;
}

function exportedFile(example: string, backend: string, format: string): string {
  const path = recordings.path(`${example}-${backend}.${format}`);
  const recording = recordings.of(example, backend);
  expect(ioreel("session", "export", recording, "--format", format, "-o", path).code).toBe(0);
  return path;
}

describe("session import --from fio", () => {
  test("a log that was exported runs again and moves as many bytes", () => {
    const scenario = imported("fio", exportedFile("three-disks", "emulated", "fio"));
    expect(ioreel("check", scenario)).toMatchObject({ code: 0, err: "" });
    const tasks = ran(scenario, "emulated");
    const bytes = 160 << 10;
    // The floppy's last read found its end, which the disk that stands for it does not have there.
    expect(tasks.map(({ bytesRead, bytesWritten }) => [bytesRead, bytesWritten])).toEqual([
      [bytes + 4096, 0],
      [bytes, bytes],
      [bytes, bytes],
    ]);
  });

  test.skipIf(!hasTool("fio"))("a log that fio wrote runs on both kinds of disks", () => {
    const folder = recordings.path("fio");
    mkdirSync(folder);
    const job = ["--name=mixed", "--rw=randrw", "--bs=4k", "--size=64k", "--filename=f"];
    const flags = ["--ioengine=null", "--randseed=5", "--write_iolog=w.log"];
    expect(Bun.spawnSync(["fio", ...job, ...flags], { cwd: folder }).exitCode).toBe(0);
    const log = join(folder, "w.log");
    const count = readFileSync(log, "utf8").match(/ (?:read|write) \d/g)!.length;
    for (const disk of ["ata", "sata"]) {
      const [task] = ran(imported("fio", log, "--disk", disk), "emulated");
      expect(task!.bytesRead + task!.bytesWritten).toBe(count * 4096);
    }
  });
});

describe("session import --from pcap", () => {
  test("a capture that was exported is said again, on each backend", () => {
    const scenario = imported("pcap", exportedFile("echo", BACKENDS.at(-1)!, "pcap"));
    for (const backend of BACKENDS) {
      const tasks = ran(scenario, backend);
      // Both ends of four connections were recorded: each is a connection of its own now.
      expect(tasks.length).toBe(16);
      const largest = tasks.filter(({ bytesRead }) => bytesRead === ECHO_BYTES);
      expect(largest.map(({ bytesWritten }) => bytesWritten)).toEqual(Array(4).fill(ECHO_BYTES));
    }
  });

  test.skipIf(!hasTool("editcap"))("a capture as pcapng gives the same scenario", () => {
    const classic = exportedFile("echo", "emulated", "pcap");
    const next = recordings.path("next.pcapng");
    expect(Bun.spawnSync(["editcap", "-F", "pcapng", classic, next]).exitCode).toBe(0);
    const read = (file: string): string => {
      const text = readFileSync(imported("pcap", file), "utf8");
      // What differs is the name of the file in the first line.
      return text.slice(text.indexOf("\n"));
    };
    expect(read(next)).toBe(read(classic));
  });
});

describe("session import", () => {
  test("import writes nothing when it refuses what it was given", () => {
    const target = recordings.path("none.yaml");
    const refused = (file: string, ...words: string[]): string => {
      const from = words.length > 0 ? words : ["--from", "fio"];
      const ended = ioreel("session", "import", ...from, file, target);
      expect([ended.code, ended.out, existsSync(target)]).toEqual([2, "", false]);
      return ended.err;
    };
    expect(refused(recordings.path("missing.log"))).toContain("there is no such file");
    expect(refused("README.md")).toContain('line 1: found no "fio version 2 iolog"');
    expect(refused("README.md", "--from", "pcap")).toContain("it is no packet capture");
    expect(refused(recordings.folder)).toContain("cannot be read");
    const long = recordings.path("long.log");
    const lines = Array.from({ length: 20_000 }, (_, index) => `f read ${index * 8192} 4096`);
    writeFileSync(long, `fio version 2 iolog\n${lines.join("\n")}`);
    expect(refused(long)).toContain("its scenario would ");
    const ended = ioreel("session", "import", "--from", "fio", long, recordings.path("a.txt"));
    expect(ended.err).toContain("a scenario ends in .yaml");
  });
});
