/** Exports of real recordings, held against the tools that read them: fio and tshark. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { exported, type Exported } from "../core/session/export/collect.fixture.ts";
import { TCP_FLAG } from "../core/session/export/segments.ts";
import type { ExportFormat } from "../core/session/export/formats.ts";
import { ioreel } from "./cli.fixture.ts";
import { operationNames } from "./commands/session/export.ts";
import { BACKENDS, ECHO_BYTES, ExampleRecordings, hasTool } from "./example-recordings.fixture.ts";

/** A client that connects three times, so that handles and files are used again. */
const AGAIN = `version: 1
devices: { server: { kind: tcp, role: listen } }
tasks:
  serve:
    - accept:
        from: server
        as: peer
        times: 3
        do: [{ copy: { from: peer, to: peer } }, { end: peer }, { close: peer }]
  ask:
    - repeat:
        times: 3
        do:
          - connect: { to: server, as: link }
          - write: { to: link, text: hello }
          - end: link
          - read: link
          - close: link
`;
const { SYN } = TCP_FLAG;

const recordings = new ExampleRecordings();
afterAll(() => recordings.remove());

function exportOf(example: string, backend: string, format: ExportFormat): Exported {
  return exported(recordings.of(example, backend), format, operationNames());
}

const withFio = test.skipIf(!hasTool("fio"));

describe("session export --format fio", () => {
  const formats = { emulated: ["three-disks", "fio"], uring: ["tour", "fio-v2"] } as const;
  for (const backend of BACKENDS) {
    const [example, format] = formats[backend];
    withFio(`fio issues what was read and written by ${example} on ${backend}`, () => {
      const folder = recordings.path(`fio-${example}-${backend}`);
      mkdirSync(folder);
      const log = `${folder}/${format}`;
      const { text } = exportOf(example!, backend!, format);
      writeFileSync(log, text);
      const words = (word: string): number => text.split(` ${word} `).length - 1;
      const flags = ["--ioengine=null", "--size=4m", "--replay_no_stall=1", "--output-format=json"];
      const child = Bun.spawnSync(["fio", "--name=replayed", `--read_iolog=${log}`, ...flags], {
        cwd: folder,
      });
      const output = String(child.stdout);
      const { jobs } = JSON.parse(output.slice(output.indexOf("{")));
      expect(jobs[0]).toMatchObject({
        error: 0,
        read: { total_ios: words("read") },
        write: { total_ios: words("write") },
      });
      expect(words("read")).toBeGreaterThan(20);
      // Trims are in the format, and fio 3.33 passes over them.
      expect(String(child.stderr)).not.toContain("bad iolog");
    });
  }

  test("fio log says in notes what it left out", () => {
    expect(exportOf("echo", "emulated", "fio").notes).toEqual([
      "the recording has no operation of a disk or a pipe",
    ]);
  });
});

const withTshark = test.skipIf(!hasTool("tshark"));

/** What tshark says of a capture. */
function tshark(path: string, ...words: string[]): string {
  const checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
  const child = Bun.spawnSync(["tshark", "-r", path, ...checks, ...words]);
  expect(child.exitCode).toBe(0);
  return String(child.stdout);
}

describe("session export --format pcap", () => {
  for (const backend of BACKENDS) {
    withTshark(`tshark finds whole streams and good checksums of echo on ${backend}`, () => {
      const path = recordings.path(`echo-${backend}.pcap`);
      const { bytes, notes } = exportOf("echo", backend, "pcap");
      writeFileSync(path, bytes);
      expect(notes[0]).toContain("cut off behind the headers");
      const fields = ["tcp.analysis.flags", "ip.checksum.status", "tcp.checksum.status"];
      const flags = fields.flatMap((field) => ["-e", field]);
      const rows = tshark(path, "-T", "fields", ...flags)
        .trimEnd()
        .split("\n");
      // Nothing to complain about: sequence numbers add up; 1 is good, 2 is not verified.
      expect(new Set(rows).difference(new Set(["\t1\t1", "\t1\t2"]))).toEqual(new Set());
      // The README's bytes go there and back, so four ends have moved them in both directions.
      const { size } = Bun.file("README.md");
      const lengths = tshark(
        path,
        "-T",
        "fields",
        "-e",
        "tcp.stream",
        "-e",
        "tcp.len",
        "-e",
        "ip.src",
      );
      const sums = new Map<string, number>();
      for (const row of lengths.trimEnd().split("\n")) {
        const [stream, length, source] = row.split("\t");
        const key = `${stream} ${source}`;
        sums.set(key, (sums.get(key) ?? 0) + Number(length));
      }
      expect(new Set([...sums.keys()].map((key) => key.split(" ")[0])).size).toBe(8);
      expect([...sums.values()].filter((sum) => sum === size).length).toBe(4);
      expect([...sums.values()].filter((sum) => sum === ECHO_BYTES).length).toBe(4);
    });
  }

  test.each([...BACKENDS])("each use of a handle is a connection of its own on %s", (backend) => {
    const scenario = recordings.path("again.yaml");
    writeFileSync(scenario, AGAIN);
    const recording = recordings.path(`again-${backend}.reel`);
    expect(ioreel("run", scenario, "--backend", backend, "--record", recording).code).toBe(0);
    const { bytes } = exported(recording, "pcap", operationNames());
    const view = new DataView(bytes.buffer);
    const opened = new Set<number>();
    let packets = 0;
    for (let at = 24; at < bytes.length; at += 16 + view.getUint32(at + 8, true)) {
      packets++;
      // Source port and flags of the segment behind 20 bytes of IPv4.
      if (bytes[at + 16 + 20 + 13] === SYN) opened.add(view.getUint16(at + 16 + 20));
    }
    // Three connections with both ends here; each has 3 packets to open, 4 for data, 4 to close.
    expect([opened.size, packets]).toEqual([6, 66]);
  });

  const cannot = !BACKENDS.includes("uring") || !hasTool("tshark");
  test.skipIf(cannot)("tshark follows a stream and gives the bytes back that came in", () => {
    const path = recordings.path("echo-bytes.pcap");
    writeFileSync(path, exportOf("echo", "uring", "pcap").bytes);
    const readme = new Uint8Array(readFileSync("README.md"));
    // Of eight streams, which come in no certain order, four carry it.
    const found = [0, 1, 2, 3, 4, 5, 6, 7].some((stream) => {
      const lines = tshark(path, "-q", "-z", `follow,tcp,raw,${stream}`).split("\n");
      const bytes = lines.filter((line) => /^\t?[0-9a-f]+$/.test(line)).join("");
      return bytes.replaceAll("\t", "") === readme.toHex();
    });
    expect(found).toBe(true);
  });
});
