/** Tests of loading: the normal form of what people write, and the words for mistakes in it. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isReelError } from "../../core/errors.ts";
import { resolveScenario } from "./load.ts";
import { readInputs } from "./inputs.ts";
import { kinds, loadText, mistakes, temporaryFolder } from "./scenario.fixture.ts";

const folder = temporaryFolder();
writeFileSync(join(folder, "a.txt"), "first");
writeFileSync(join(folder, "b.txt"), "second");

const SHORT = `# Short forms of everything.
version: 1
vars: { chunk: 2KiB }
inputs: { text: a.txt }
devices: { link: pipe, clock: { kind: timer, intervalNs: 1ms } }
locks: [gate]
tasks:
  one:
    - write: { to: link, from: text, chunkBytes: $chunk }
    - close: link.writer
    - sleep: 1.5ms
    - spawn: helper
    - join: helper
  two:
    - with: { lock: gate, do: [{ read: link }] }
    - tick: clock
    - checksum: two.read
    - repeat: { times: 2, do: [{ mark: done }] }
  helper:
    - compare: [text, one.written]
    - close: link
expect: { sameBytes: [text, two.read] }
`;

test("loadScenario() brings short forms into the normal form, with every default", async () => {
  const { scenario } = await loadText(folder, SHORT, {}, "short.yaml");
  expect(scenario).toEqual({
    version: 1,
    name: "short",
    about: "",
    backend: "auto",
    clock: "virtual",
    settings: {},
    inputs: { text: { file: "a.txt" } },
    devices: {
      link: { kind: "pipe", capacityBytes: 65536 },
      clock: { kind: "timer", intervalNs: 1_000_000 },
    },
    locks: ["gate"],
    tasks: {
      one: [
        { write: { to: "link.writer", from: "text", chunkBytes: 2048, pauseNs: 0 } },
        { close: { ends: ["link.writer"] } },
        { sleep: { durationNs: 1_500_000 } },
        { spawn: { task: "helper" } },
        { join: { tasks: ["helper"] } },
      ],
      two: [
        {
          with: {
            lock: "gate",
            do: [{ read: { from: "link.reader", chunkBytes: 65536, pauseNs: 0 } }],
          },
        },
        { tick: { of: "clock.main", count: 1, delayNs: 0 } },
        { checksum: { of: "two.read" } },
        { repeat: { times: 2, do: [{ mark: { text: "done" } }] } },
      ],
      helper: [
        { compare: { values: ["text", "one.written"] } },
        { close: { ends: ["link.writer", "link.reader"] } },
      ],
    },
    expect: { outcome: "completed", tasks: {}, sameBytes: [["text", "two.read"]] },
  });
});

test("resolveScenario() leaves a normal form as it is, dollar signs and all", async () => {
  const text = SHORT.replace("mark: done", 'mark: "$$chunk is ${chunk}"');
  const { scenario } = await loadText(folder, text);
  expect(JSON.stringify(scenario)).toContain('"$chunk is 2KiB"');
  const again: unknown = JSON.parse(JSON.stringify(scenario));
  expect(resolveScenario(again, kinds, "a.reel")).toEqual(scenario);
});

test("resolveScenario() refuses what is no scenario, naming where it came from", () => {
  const hostile = [null, 7, [], { version: 2 }, { version: 1, tasks: { a: [{ steal: {} }] } }];
  for (const value of hostile) {
    try {
      resolveScenario(value, kinds, "a.reel");
      expect.unreachable();
    } catch (error) {
      if (!isReelError(error, "ERR_SCENARIO_INVALID")) throw error;
      expect(error.details["file"]).toBe("a.reel");
    }
  }
});

test("loadScenario() gives the same object for the same scenario in TypeScript", async () => {
  const yaml = await loadText(folder, SHORT, {}, "short.yaml");
  const value: unknown = Bun.YAML.parse(SHORT);
  const module = `// In TypeScript.\nexport default ${JSON.stringify(value)};\n`;
  const typescript = await loadText(folder, module, {}, "short.ts");
  expect(typescript.scenario).toEqual(yaml.scenario);
});

test("loadScenario() takes --set for vars and --input for files", async () => {
  const set = new Map([["chunk", "512"]]);
  const path = join(folder, "b.txt");
  const named = await loadText(folder, SHORT, { set, inputs: [{ name: "text", path }] });
  expect(JSON.stringify(named.scenario.tasks["one"])).toContain('"chunkBytes":512');
  const first = await loadText(folder, SHORT, { inputs: [{ path }] });
  for (const { inputFiles } of [named, first]) {
    const inputs = await readInputs(inputFiles);
    expect(new TextDecoder().decode(inputs.get("text"))).toBe("second");
  }
});

test("loadScenario() throws ERR_USAGE for an --input that does not fit", async () => {
  const wrong = [
    [{ name: "txet", path: "a.txt" }, "Cannot use --input txet: the scenario has the inputs text"],
    [{ path: "/nowhere" }, 'Cannot use "/nowhere" as the input text: there is no such file'],
    [{ path: folder }, `Cannot use ${JSON.stringify(folder)} as the input text: it is a folder`],
  ] as const;
  for (const [input, message] of wrong) {
    const loading = loadText(folder, SHORT, { inputs: [input] });
    expect(loading).rejects.toMatchObject({ code: "ERR_USAGE", message });
    await loading.catch(() => {});
  }
});

test("loadScenario() says of each wrong value what was found and what is wanted", async () => {
  const text = `version: 1
seed: -1
backend: urin
clock: 5
devices:
  a: { kind: pip }
  b: { kind: pipe, capacityByte: 1 }
  c: { kind: pipe, capacityBytes: 1 }
tasks:
  one:
    - sleep: 5
    - wirte: {}
    - write: { to: b }
    - write: { to: b, text: x, pattern: zeros }
    - read: { from: b, chunkBytes: 1GB }
    - { sleep: 1ms, mark: x }
    - close b
  "2": []
`;
  expect(await mistakes(folder, text)).toEqual([
    "2:7 seed must be a whole number from 0 to 9007199254740991: found -1",
    '3:10 backend must be one of auto, uring, emulated: found "urin" (did you mean "uring"?)',
    "4:8 clock must be one of virtual, paced: found 5",
    '6:14 No provider is of the kind "pip" in devices.a: wanted ata, fdd, pipe, sata, tcp and timer (did you mean "pipe"?)',
    '7:20 Unknown key "capacityByte" in devices.b: wanted kind and capacityBytes (did you mean "capacityBytes"?)',
    "8:35 devices.c.capacityBytes must be a size from 4 KiB to 1 MiB: found 1",
    "11:14 tasks.one[0].sleep must be a duration such as 5ms: found 5 (add a unit, such as 5ms)",
    '12:7 Unknown step "wirte" in tasks.one[1]: wanted write, read, copy, connect, accept, end, network, flush, discard, eject, insert, close, sleep, tick, checksum, compare, mark, with, spawn, join, cancel, repeat (did you mean "write"?)',
    "13:14 tasks.one[2].write needs one of from, text and pattern: found none of them",
    "14:14 tasks.one[3].write needs one of from, text and pattern: found text and pattern",
    '15:36 tasks.one[4].read.chunkBytes must be a size from 1 B to 16 MiB, such as 4KiB: found "1GB"',
    '16:7 tasks.one[5] must be one step: found sleep and mark (put a "- " before each step)',
    '17:7 tasks.one[6] must be a step such as { sleep: 5ms }: found "close b" (write "close: ..." with a space after the colon)',
    '18:3 A name in tasks must be a letter, then letters, digits, "_" and "-", at most 64: found "2"',
  ]);
});

test("loadScenario() says of the whole what it lacks", async () => {
  expect(await mistakes(folder, "name: x\n")).toEqual([
    '1:1 the scenario lacks "version": wanted 1',
    '1:1 the scenario lacks "tasks": wanted a mapping from names to tasks',
  ]);
  expect(await mistakes(folder, "")).toEqual([
    "1:1 the scenario must be a mapping with version, devices and tasks: found nothing",
  ]);
  expect(await mistakes(folder, "a: 1\n---\nb: 2\n")).toEqual([
    "1:1 the scenario must be a mapping with version, devices and tasks: found a list",
  ]);
});

test("loadScenario() reports at most twenty mistakes and counts the rest", async () => {
  const steps = Array.from({ length: 50 }, () => "    - sleep: 5\n").join("");
  const loading = loadText(folder, `version: 1\ntasks:\n  one:\n${steps}`);
  const error: unknown = await loading.catch((thrown: unknown) => thrown);
  if (!isReelError(error)) throw error;
  expect(error.details["issues"]).toHaveLength(20);
  expect(error.details["uncounted"]).toBe(30);
  expect(error.message).toEndWith("(and 49 more)");
});

test("loadScenario() checks settings by what providers say, and changes of networks", async () => {
  const text = `version: 1
backend: emulated
settings:
  tcp: { receiveBufferByte: 1, links: [{ between: [a, b], latencNs: 5ms }] }
  pipe: {}
  tpc: {}
tasks:
  one:
    - network: { partition: [a] }
    - network: { heal: none }
    - network: { brake: [a, b] }
    - network: { link: { between: [a, b] } }
    - network: { link: { between: [a, b], latencyNs: 5ms, lossRate: 2 } }
    - network: { clog: [a, b], unclog: [a, b] }
    - accept: { from: a, as: b, times: 2 }
`;
  expect(await mistakes(folder, text)).toEqual([
    '4:10 Unknown key "receiveBufferByte" in settings.tcp: wanted receiveBuffers, receiveBufferBytes, hosts, links and otherLinks (did you mean "receiveBufferBytes"?)',
    '4:59 Unknown key "latencNs" in settings.tcp.links[0]: wanted between, latencyNs, jitterNs, bandwidthBytesPerSecond, lossRate, reorderRate and duplicateRate (did you mean "latencyNs"?)',
    '5:3 No kind "pipe" has settings: wanted tcp',
    '6:3 No kind "tpc" has settings: wanted tcp (did you mean "tcp"?)',
    "9:29 tasks.one[0].network.partition must be a list of 2 hosts: found 1 of them",
    '10:24 tasks.one[1].network.heal must be a list of 2 hosts, or all: found "none"',
    '11:18 Unknown change "brake" in tasks.one[2].network: wanted partition, heal, clog, unclog, link',
    "12:24 tasks.one[3].network.link says nothing of the link: wanted latencyNs or others",
    "13:69 tasks.one[4].network.link.lossRate must be a number from 0 to 1: found 2",
    '14:16 tasks.one[5].network must be one change: found clog and unclog (put a "- " before each change)',
    "15:40 tasks.one[6].accept.times belongs to do: found it alone (say with `do` what to do with each connection)",
  ]);
});

test("loadScenario() takes settings with units at any depth, and says what is wrong", async () => {
  const text = (links: string): string => `version: 1
settings:
  tcp: { receiveBufferBytes: 4KiB, links: [${links}] }
tasks: { one: [{ sleep: 1ms }] }
`;
  const fast = "{ between: [a, b], latencyNs: 5ms, bandwidthBytesPerSecond: 1MiB, lossRate: 0.5 }";
  const { scenario } = await loadText(folder, text(fast));
  expect(scenario.settings["tcp"]).toMatchObject({
    receiveBufferBytes: 4096,
    hosts: [],
    links: [
      {
        between: ["a", "b"],
        latencyNs: 5_000_000,
        bandwidthBytesPerSecond: 1_048_576,
        lossRate: 0.5,
      },
    ],
  });
  const wrong = "{ between: [a] }, { between: [a, b], latencyNs: soon }, { lossRate: 2 }";
  expect(await mistakes(folder, text(wrong))).toEqual([
    "3:55 settings.tcp.links[0].between must be a list of 2: found 1",
    '3:92 settings.tcp.links[1].latencyNs must be a duration from 0 ns to 3600 s: found "soon"',
    '3:100 settings.tcp.links[2] lacks "between": wanted a list of 2',
    "3:112 settings.tcp.links[2].lossRate must be a number from 0 to 1: found 2",
  ]);
});
