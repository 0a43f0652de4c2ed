/** What the importers make of captures and logs, good and bad ones, without running anything. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { readCapture } from "./capture.ts";
import {
  classicCapture,
  HANDSHAKE,
  nextGenerationCapture,
  type Container,
  type Said,
} from "./capture.fixture.ts";
import { readFioLog } from "./fio-log.ts";
import { fioScenario } from "./fio-scenario.ts";
import { pcapScenario } from "./pcap-scenario.ts";

const imported = (bytes: Uint8Array): string =>
  pcapScenario("a.pcap", readCapture("a.pcap", bytes));

/** The steps of a task in a scenario's text. */
function stepsOf(scenario: string, task: string): string[] {
  const block = scenario.split(`\n  ${task}:\n`)[1]!;
  const lines = block.split("\n");
  const count = lines.findIndex((line) => !line.startsWith("    - "));
  return lines.slice(0, count).map((line) => line.slice("    - ".length));
}

/** Bytes out of order, twice, and overlapping, which come to "hello, world" and "yes". */
const TANGLED: readonly Said[] = [
  ...HANDSHAKE,
  { atMs: 5, by: "client", sequence: 107, text: "world" },
  { atMs: 5, by: "client", sequence: 100, text: "hello, " },
  { atMs: 6, by: "client", sequence: 100, text: "hello, " },
  { atMs: 6, by: "client", sequence: 104, text: "o, wor" },
  { atMs: 9, by: "server", sequence: 500, text: "yes" },
];

const CONTAINERS: readonly (readonly [string, Container])[] = [
  ["Ethernet with IPv4", { linkType: 1, little: true, isV6: false }],
  ["raw IPv4", { linkType: 101, little: false, isV6: false }],
  ["Ethernet with IPv6", { linkType: 1, little: false, isV6: true }],
];

describe("pcapScenario()", () => {
  test.each(CONTAINERS)("pcapScenario() puts messages together from %s", (_name, container) => {
    const scenario = imported(classicCapture(TANGLED, container));
    expect(stepsOf(scenario, "client1")).toEqual([
      "connect: { to: server1, as: link1 }",
      "sleep: 5000000ns",
      'write: { to: link1, text: "hello, world" }',
      "read: { from: link1, sizeBytes: 3 }",
      "end: link1",
      "read: link1",
    ]);
    expect(stepsOf(scenario, "serve1")).toEqual([
      "accept: { from: server1, as: peer1 }",
      "read: { from: peer1, sizeBytes: 12 }",
      "sleep: 4000000ns",
      // Bare words that are YAML's own need quotes.
      'write: { to: peer1, text: "yes" }',
      "read: peer1",
      "end: peer1",
    ]);
    const other = imported(nextGenerationCapture(TANGLED, container));
    expect(other).toBe(scenario);
  });

  test("pcapScenario() counts what a capture missed and writes no binary message", () => {
    const [, { ...container }] = CONTAINERS[0]!;
    const said: Said[] = [
      ...HANDSHAKE,
      { atMs: 1, by: "client", sequence: 150, text: "after a gap of 50" },
      { atMs: 2, by: "server", sequence: 500, text: "\u0000\u0001" },
      { atMs: 3, by: "client", sequence: 167, text: "costs $5 or ${5}: {[" },
    ];
    const scenario = imported(classicCapture(said, container));
    expect(scenario).toContain("2 messages are random bytes");
    expect(stepsOf(scenario, "client1").slice(1)).toEqual([
      "read: { from: link1, sizeBytes: 2 }",
      "sleep: 1000000ns",
      "write: { to: link1, pattern: random, sizeBytes: 87 }",
      "end: link1",
      "read: link1",
    ]);
  });

  test("pcapScenario() names the packet at which a capture is damaged", () => {
    const [, container] = CONTAINERS[0]!;
    const whole = classicCapture(TANGLED, container);
    const told = (bytes: Uint8Array): string => {
      try {
        return imported(bytes);
      } catch (error) {
        if (!isReelError(error, "ERR_USAGE")) throw error;
        return error.message;
      }
    };
    expect(told(whole.subarray(0, whole.length - 1))).toBe(
      "Cannot import a.pcap: packet 7: found 57 bytes, and the file ends after 56",
    );
    expect(told(new Uint8Array(0))).toBe("Cannot import a.pcap: it is no packet capture");
    expect(told(whole.subarray(0, 24))).toBe("Cannot import a.pcap: it has no TCP payload");
    expect(told(nextGenerationCapture(TANGLED, container).subarray(0, 90))).toContain("packet 1");
  });

  test("pcapScenario() ends with a scenario or a plain error for any damage", () => {
    const random = new Random(11);
    const seeds = CONTAINERS.flatMap(([, container]) => [
      classicCapture(TANGLED, container),
      nextGenerationCapture(TANGLED, container),
    ]);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = seeds[round % seeds.length]!.slice();
      for (let flips = 1 + random.below(4); flips > 0; flips--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      try {
        expect(imported(bytes.subarray(0, 1 + random.below(bytes.length)))).toContain("version: 1");
      } catch (error) {
        if (!isReelError(error, "ERR_USAGE")) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

describe("fioScenario()", () => {
  test("fioScenario() makes one step of a stride and keeps the pauses", () => {
    const log = [
      "fio version 3 iolog",
      "1000 /dev/sda add",
      "1000 /dev/sda open",
      "2000 /dev/sda read 0 4096",
      "2500 /dev/sda read 4096 4096",
      "3000 /dev/sda read 8192 4096",
      "9000 /dev/sda write 1000 100",
      "9000 /dev/sda datasync 0 0",
      "9100 /dev/sda trim 1048576 1048576",
      "9200 /dev/sda close",
    ];
    const scenario = fioScenario("a.log", readFioLog("a.log", log.join("\n")), "sata");
    expect(scenario).toContain("disk1: { kind: sata, sizeBytes: 2097152, timing: ssd }");
    expect(stepsOf(scenario, "requests1")).toEqual([
      "read: { from: disk1, at: 0, sizeBytes: 12288, chunkBytes: 4096, pauseNs: 500000 }",
      "sleep: 5500000ns",
      // Whole sectors, as disks have them.
      "write: { to: disk1, at: 512, pattern: random, sizeBytes: 1024, chunkBytes: 1024 }",
      "flush: disk1",
      "sleep: 100000ns",
      "discard: { of: disk1, at: 1048576, sizeBytes: 1048576 }",
    ]);
    expect(scenario).toContain("requests1: { bytesRead: 12288, bytesWritten: 1024 }");
  });

  test("readFioLog() takes waits of version 2 for milliseconds since the start", () => {
    const text = "fio version 2 iolog\nf wait 5 0\nf read 0 512\nf wait 8 0\nf read 0 512\n";
    const { requests } = readFioLog("a.log", text);
    expect(requests.map(({ timeNs }) => timeNs)).toEqual([5e6, 8e6]);
  });

  test.each([
    ["", "line 1: found no"],
    ["fio version 4 iolog\n", "line 1: found no"],
    ["fio version 3 iolog\n", "it has no requests"],
    ["fio version 3 iolog\nf read 0 512", 'line 2: found the time "f", wanted 0 to'],
    ["fio version 2 iolog\nf read 0 512\nf raed 0 1", 'line 3: found the action "raed", wanted'],
    ["fio version 2 iolog\nf read -1 512", 'line 2: found the offset "-1", wanted 0 to'],
    ["fio version 2 iolog\nf read 0 99999999", 'line 2: found the length "99999999"'],
    ["fio version 2 iolog\nf read 0", "line 2: found a read of 0 bytes"],
    ["fio version 2 iolog\nf read", 'line 2: found 0 numbers behind "read"'],
    ["fio version 2 iolog\nf", "line 2: it has no file and action"],
    [`fio version 2 iolog\n${"f".repeat(5000)}`, "line 2: it has 5000 characters"],
  ])("readFioLog() refuses %j and says where", (text, wanted) => {
    expect(() => readFioLog("a.log", text)).toThrow(`Cannot import a.log: ${wanted}`);
  });

  test("fioScenario() refuses more files than there can be disks", () => {
    const lines = Array.from({ length: 5 }, (_, index) => `f${index} read 0 512`);
    const log = readFioLog("a.log", `fio version 2 iolog\n${lines.join("\n")}`);
    expect(() => fioScenario("a.log", log, "ata")).toThrow("it has 5 files, and there can be 4");
  });
});
