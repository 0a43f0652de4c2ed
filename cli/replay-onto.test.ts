/** Recorded scenarios done again on the other backend, through the real command line. */
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyUnavailable } from "../core/testing/harness.ts";
import { ioreel, ioreelIn, ROOT } from "./cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-onto-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: replays onto io_uring: ${missing}`);
const ring = test.skipIf(missing !== undefined);
/** Each way: what moves bytes by pipes and timers, by connections, by disks. */
const EXAMPLES = [
  ["emulated", "uring", "echo", "--set", "size=64KiB"],
  ["uring", "emulated", "echo", "--set", "size=64KiB"],
  ["uring", "emulated", "three-disks"],
] as const;

function record(example: string, backend: string, ...words: string[]): string {
  const path = join(folder, `${example}-${backend}.reel`);
  const file = `examples/${example}.yaml`;
  const ended = ioreel("run", file, "--backend", backend, "--record", path, "--json", ...words);
  expect(ended).toMatchObject({ code: 0, err: "" });
  return path;
}

describe("ioreel replay --onto", () => {
  for (const [from, to, example, ...words] of EXAMPLES) {
    ring(`replay --onto ${to} comes to the same as ${example} did on ${from}`, () => {
      const path = record(example, from, ...words);
      const ended = ioreel("replay", path, "--onto", to, "--json");
      const report = JSON.parse(ended.out);
      const counts = { result: 0, bytes: 0, missing: 0 };
      const wanted = { same: true, counts, differences: [], stalled: false, driftNs: null };
      expect(ended).toMatchObject({ code: 0, err: "" });
      expect(report).toMatchObject({ schema: "replay-onto/v1", recordedOn: from, onto: to });
      expect(report).toMatchObject({ scenario: example, pace: "dependency", ...wanted });
      expect(report.agreed).toBe(report.operations);
      expect(report.operations).toBeGreaterThan(80);
    });
  }

  ring("replay --onto says in words how fast it was, and that all is the same", () => {
    const path = record("tour", "emulated", "--set", "chunk=8KiB");
    const paced = ["--pace", "recorded", "--speed", "4"];
    const ended = ioreel("replay", path, "--onto", "uring", ...paced);
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toMatch(/^\d+ operations recorded on emulated, re-issued on uring\n/);
    expect(ended.out).toMatch(/\noperations a second +[\d,]+ +[\d,]+\n/);
    expect(ended.out).toMatch(/\nlate: p50 .*, p99 .*, most .*\n/);
    expect(ended.out).toEndWith("replay: the same results and bytes\n");
  });

  ring("replay --onto takes copies of disks, and exits with 5 where one is not like it", () => {
    const scenario = readFileSync(join(ROOT, "examples/three-disks.yaml"), "utf8")
      .replace("examples/images/floppy.img, readOnly: true, writeBack: false", "floppy.img")
      .replace("kind: ata, sizeBytes: 1MiB", "kind: ata, image: ata.img");
    writeFileSync(join(folder, "disks.yaml"), scenario);
    copyFileSync(join(ROOT, "examples/images/floppy.img"), join(folder, "floppy.img"));
    writeFileSync(join(folder, "ata.img"), new Uint8Array(1 << 20));
    const here = (...words: string[]) => ioreelIn(folder, {}, ...words);
    for (const name of ["floppy", "ata"]) {
      copyFileSync(join(folder, `${name}.img`), join(folder, `${name}-copy.img`));
    }
    const recording = ["--backend", "emulated", "--record", "disks.reel", "-q"];
    expect(here("run", "disks.yaml", ...recording).code).toBe(0);
    const after = readFileSync(join(folder, "ata.img"));

    const refused = here("replay", "disks.reel", "--onto", "uring");
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toContain("it may write to floppy.img, ata.img");
    expect(refused.err).toContain("--redirect floppy.img=COPY");
    const redirects = ["floppy", "ata"].flatMap((name) => [
      "--redirect",
      `${name}.img=${name}-copy.img`,
    ]);
    const onto = ["replay", "disks.reel", "--onto", "uring", "-q", ...redirects];
    expect(here(...onto)).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(join(folder, "ata-copy.img")).equals(after)).toBe(true);

    // One byte of the floppy, which goes over all three disks in the scenario; what is written is
    // what was recorded, so that the difference is where it comes in and nowhere else.
    const changed = readFileSync(join(folder, "floppy-copy.img"));
    changed[20_000]! ^= 1;
    writeFileSync(join(folder, "floppy-copy.img"), changed);
    const found = here(...onto);
    expect(found.code).toBe(5);
    expect(found.out).toMatch(/^bytes: operation \d+, fdd#1: read 4096 bytes at 16384: recorded /);
    expect(found.out).toContain("replay: different: result 0, bytes 1, missing 0; ");
  });

  test("replay --onto refuses flags that say nothing together, and what it cannot do again", () => {
    const path = record("cancel", "emulated");
    const refusals: readonly (readonly [string[], string])[] = [
      [["--redirect", "a=b"], "Cannot use --redirect without --onto"],
      [["--onto", "emulated", "--at", "end"], "Cannot use --onto and --at together"],
      [["--onto", "emulated", "--speed", "2"], "Cannot use --speed without a recorded pace"],
      [["--onto", "emulated", "--redirect", "a=b"], "It opened no files: redirect none"],
      [["--onto", "emulated", "--redirect", "a"], "It must be like FROM=TO"],
    ];
    for (const [words, says] of refusals) {
      const ended = ioreel("replay", path, ...words);
      expect(ended).toMatchObject({ code: 2, out: "" });
      expect(ended.err).toContain(says);
    }
    const network = ioreel("replay", record("partition", "emulated"), "--onto", "uring");
    expect(network).toMatchObject({ code: 1, out: "" });
    expect(network.err).toContain('the host "bob" is one of the emulated network');
  });
});
