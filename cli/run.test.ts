/** Tests of `ioreel run`: what it prints for people and programs, and how it ends. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN, ioreel, ioreelIn, ROOT } from "./cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-run-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const run = (...words: string[]) => ioreelIn(folder, {}, "run", ...words);

file("hello.txt", "Hello, pipe!");
file(
  "hello.yaml",
  `# Says hello.
version: 1
name: hello
about: Twelve bytes go through a pipe.
seed: 7
backend: emulated
inputs: { text: hello.txt }
devices: { link: { kind: pipe, capacityBytes: 4KiB }, clock: { kind: timer, intervalNs: 1ms } }
locks: [gate]
tasks:
  sender:
    - with: { lock: gate, do: [{ write: { to: link, from: text } }, { tick: clock }] }
    - close: link.writer
  reader:
    - read: { from: link, as: received }
    - mark: it came
    - checksum: { of: received, is: text }
expect:
  sameBytes: [text, received]
  durationNsMax: 1ms
`,
);

const CHECKSUM = new Bun.CryptoHasher("sha256").update("Hello, pipe!").digest("hex");

test("run prints a timeline and a summary", () => {
  const ended = run("hello.yaml");
  expect([ended.code, ended.err]).toEqual([0, ""]);
  const digest = /digest ([0-9a-f]{64})\n/.exec(ended.out)![1]!;
  expect(`\n${ended.out.replace(digest, "<digest>")}`).toBe(`
hello: Twelve bytes go through a pipe.
emulated backend, virtual clock, seed 7

      0.000 ms          opened link: a pipe, capacity 4 KiB
      0.000 ms          opened clock: a timer, interval 1 ms
      0.000 ms  sender  started
      0.000 ms  sender  took the lock gate
      0.000 ms  reader  started
      0.000 ms  sender  wrote 12 B of text to link.writer in 1 operation
      1.000 ms  sender  saw 1 tick of clock  (1 ms)
      1.000 ms  sender  gave back the lock gate
      1.000 ms  sender  closed link.writer
      1.000 ms  sender  completed: read 0 B, wrote 12 B
      1.000 ms  reader  read 12 B from link.reader in 1 operation  (1 ms)
      1.000 ms  reader  * it came
      1.000 ms  reader  sha256 of received (12 B) is that of text: ${CHECKSUM.slice(0, 12)}
      1.000 ms  reader  completed: read 12 B, wrote 0 B

task    outcome    time  read  sha256        written  sha256
sender  completed  1 ms     -                   12 B  ${CHECKSUM.slice(0, 12)}
reader  completed  1 ms  12 B  ${CHECKSUM.slice(0, 12)}        -

✓ the run completes: completed
✓ the run takes at most 1 ms: 1 ms
✓ text and received are the same bytes: 12 B, sha256 ${CHECKSUM.slice(0, 12)}

completed after 1 ms of virtual time, 4 operations
digest <digest>
`);
});

test("run --quiet prints the summary only, and the same digest", () => {
  const quiet = run("hello.yaml", "--quiet").out;
  expect(quiet).not.toContain("closed link.writer");
  expect(quiet.split("\n\n").slice(1)).toEqual(run("hello.yaml").out.split("\n\n").slice(2));
});

test("run --json prints one document with everything that came out", () => {
  const ended = run("hello.yaml", "--json");
  expect([ended.code, ended.err]).toEqual([0, ""]);
  const { counters, digest, ...document } = JSON.parse(ended.out);
  expect(ended.out).toStartWith('{\n  "schema": "run/v1",\n');
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(counters).toMatchObject({ started: 4, settled: 4 });
  const task = { outcome: "completed", error: null, startNs: 0, endNs: 1_000_000 };
  expect(document).toEqual({
    schema: "run/v1",
    scenario: "hello",
    backend: "emulated",
    seed: 7,
    outcome: "completed",
    holds: true,
    durationNs: 1_000_000,
    error: null,
    tasks: [
      {
        name: "sender",
        ...task,
        bytesRead: 0,
        bytesWritten: 12,
        checksumRead: null,
        checksumWritten: CHECKSUM,
      },
      {
        name: "reader",
        ...task,
        bytesRead: 12,
        bytesWritten: 0,
        checksumRead: CHECKSUM,
        checksumWritten: null,
      },
    ],
    expectations: [
      { text: "the run completes", holds: true, found: "completed", wanted: "completed" },
      { text: "the run takes at most 1 ms", holds: true, found: "1 ms", wanted: "at most 1 ms" },
      {
        text: "text and received are the same bytes",
        holds: true,
        found: `12 B, sha256 ${CHECKSUM.slice(0, 12)}`,
        wanted: "the same bytes",
      },
    ],
    recording: null,
  });
});

test("run gives the same output for the same seed, and another digest for another", () => {
  const outputs = [1, 1, 2].map(
    (seed) =>
      ioreel(
        "run",
        "examples/workers.ts",
        "--backend",
        "emulated",
        "--seed",
        String(seed),
        "--json",
      ).out,
  );
  expect(outputs[1]).toBe(outputs[0]!);
  expect(JSON.parse(outputs[2]!).digest).not.toBe(JSON.parse(outputs[0]!).digest);
});

test("run ends with exit 4 when an expectation does not hold, and says how to see it again", () => {
  file(
    "late.yaml",
    "version: 1\nbackend: emulated\ntasks: { one: [{ sleep: 2ms }] }\nexpect: { durationNsMax: 1ms }\n",
  );
  const late = run("late.yaml", "--seed", "5");
  expect(late.code).toBe(4);
  expect(late.out).toContain("✗ the run takes at most 1 ms: found 2 ms, wanted at most 1 ms\n");
  expect(late.err).toBe(
    "error[ERR_EXPECTATION]: 1 of 2 expectations of late does not hold: the run takes at most 1 ms\nreproduce: ioreel run late.yaml --seed 5 --backend emulated\n",
  );
});

test("run ends with exit 4 and the task's own error when a task fails", () => {
  file(
    "fails.yaml",
    "version: 1\nbackend: emulated\ninputs: { a: hello.txt }\ntasks:\n  one: [{ write: { to: link, text: x } }, { close: link }, { compare: [a, one.written] }]\n  two: [{ sleep: 1s }]\ndevices: { link: pipe }\n",
  );
  const ended = run("fails.yaml", "--seed", "1", "--json");
  expect(ended.code).toBe(4);
  expect(ended.err).toStartWith(
    "error[ERR_EXPECTATION]: a (12 B) and one.written (1 B) are not the same bytes\n",
  );
  const { error, outcome, tasks } = JSON.parse(ended.out);
  expect([outcome, error.code]).toEqual(["failed", "ERR_EXPECTATION"]);
  expect(tasks.map(({ outcome: each }: { outcome: string }) => each)).toEqual([
    "failed",
    "cancelled",
  ]);
});

test("run prints a line that comes to the same run: seed, backend, settings and inputs", () => {
  file(
    "chance.yaml",
    "version: 1\nvars: { n: 10 }\ninputs: { a: hello.txt }\ndevices: { link: pipe }\ntasks: { one: [{ write: { to: link, pattern: random, sizeBytes: $n } }] }\nexpect: { tasks: { one: { bytesWritten: 0 } } }\n",
  );
  file("other file.txt", "Other.");
  const words = [
    "chance.yaml",
    "--backend",
    "emulated",
    "--permute",
    "--clock",
    "virtual",
    "--set",
    "n=33",
    "--input",
    "a=other file.txt",
    "--json",
  ];
  const first = run(...words);
  expect(first.code).toBe(4);
  const line = /\nreproduce: ioreel (.*)\n$/.exec(first.err)![1]!;
  expect(line).toContain("'a=other file.txt'");
  const again = Bun.spawnSync(["sh", "-c", `exec "$BUN" "$MAIN" ${line} --json`], {
    cwd: folder,
    env: { ...process.env, BUN: process.execPath, MAIN },
  });
  expect(again.exitCode).toBe(4);
  expect(JSON.parse(String(again.stdout)).digest).toBe(JSON.parse(first.out).digest);
});

test("run colours its output only where it is asked to", () => {
  const escape = "\u001b[";
  expect(run("hello.yaml").out).not.toContain(escape);
  expect(ioreelIn(folder, { FORCE_COLOR: "1" }, "run", "hello.yaml").out).toContain(escape);
  const both = ioreelIn(folder, { FORCE_COLOR: "1", NO_COLOR: "yes" }, "run", "hello.yaml");
  expect(both.out).toBe(run("hello.yaml").out);
});

test("run shows marks of a scenario without obeying them", () => {
  file(
    "marks.yaml",
    'version: 1\nbackend: emulated\ntasks: { one: [{ mark: "\\e]0;title\\a" }] }\n',
  );
  expect(run("marks.yaml").out).toContain("* �]0;title�");
});

test("run shortens a timeline that nobody would read", () => {
  file(
    "long.yaml",
    "version: 1\nbackend: emulated\ntasks: { one: [{ repeat: { times: 2000, do: [{ sleep: 1us }] } }] }\n",
  );
  const { out } = run("long.yaml");
  expect(out.match(/slept 1 µs/g)).toHaveLength(499);
  expect(out).toContain("and 1502 lines more");
});

test("run writes all of a large document to a slow reader", async () => {
  const tasks = Array.from(
    { length: 250 },
    (_, i) => `  a-task-whose-name-is-long-${i}: [{ sleep: 1ms }]`,
  ).join("\n");
  file("many.yaml", `version: 1\nbackend: emulated\ntasks:\n${tasks}\n`);
  const command = `"${process.execPath}" "${MAIN}" run many.yaml --json | (sleep 0.5; cat)`;
  const child = Bun.spawn(["sh", "-c", command], { cwd: folder, stdout: "pipe" });
  const text = await new Response(child.stdout).text();
  expect(text.length).toBeGreaterThan(65_536);
  expect(JSON.parse(text).tasks).toHaveLength(250);
});

test("run survives a reader that goes away", () => {
  const run = `"${process.execPath}" "${MAIN}" run examples/tour.yaml --backend emulated`;
  const command = `${run} | head -1; echo "\${PIPESTATUS[0]}"`;
  const child = Bun.spawnSync(["bash", "-c", command], { cwd: ROOT });
  expect(String(child.stdout)).toEndWith("\n0\n");
  expect(String(child.stderr)).toBe("");
});

test("run ends at once with a second Ctrl-C", async () => {
  file(
    "wait.ts",
    "export default { version: 1, backend: 'emulated', clock: 'paced', tasks: { one: [{ mark: 'waiting' }, { sleep: '1h' }] } };\n",
  );
  const child = Bun.spawn([process.execPath, MAIN, "run", "wait.ts"], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  for await (const part of child.stdout) if (Buffer.from(part).includes("waiting")) break;
  child.kill("SIGINT");
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
});
