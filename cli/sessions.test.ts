/** Recording, replaying and refusing sessions, through the real command line in real processes. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyUnavailable } from "../core/testing/harness.ts";
import { rewriteRecording } from "../core/testing/index.ts";
import { FORBIDDEN_CLI } from "./forbidden.fixture.ts";

const root = join(import.meta.dir, "..");
const folder = mkdtempSync(join(tmpdir(), "ioreel-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: io_uring sessions: ${missing}`);
const backends = missing === undefined ? ["emulated", "uring"] : ["emulated"];
const ENOSYS = 38;

interface Ended {
  code: number;
  out: string;
  err: string;
}

function ioreel(...words: string[]): Ended {
  return run([join(root, "cli/main.ts"), ...words]);
}

function run(words: string[]): Ended {
  const child = Bun.spawnSync([process.execPath, ...words], { cwd: root });
  return { code: child.exitCode, out: String(child.stdout), err: String(child.stderr) };
}

function recorded(name: string, ...words: string[]): { path: string; digest: string } {
  const path = join(folder, `${name}.reel`);
  const ended = ioreel("run", "examples/tour.yaml", "--record", path, "--json", ...words);
  expect(ended).toMatchObject({ code: 0, err: "" });
  return { path, digest: JSON.parse(ended.out).digest };
}

describe("ioreel replay", () => {
  for (const backend of backends) {
    test(`replay is identical to what run --record recorded on ${backend}`, () => {
      const { digest, path } = recorded(`same-${backend}`, "--backend", backend);
      const ended = ioreel("replay", path, "--json");
      expect(ended.code).toBe(0);
      expect(JSON.parse(ended.out)).toMatchObject({ identical: true, digest, divergence: null });
      expect(ioreel("replay", path).out).toEndWith("replay: identical\n");
    });

    test(`replay ends with exit 5 at exactly the operation that was changed on ${backend}`, () => {
      const { path } = recorded(`changed-${backend}`, "--backend", backend);
      const changed = join(folder, `changed-${backend}-2.reel`);
      let at = -1;
      rewriteRecording(path, changed, (event, sequence) => {
        const isOperation = event.kind === "submit" || event.kind === "start";
        if (at !== -1 || !isOperation || sequence < 15) return event;
        at = sequence;
        return { ...event, length: event.length + 1 };
      });
      const ended = ioreel("replay", changed, "--json");
      expect(ended.code).toBe(5);
      expect(JSON.parse(ended.out).divergence).toMatchObject({ sequence: at, field: "length" });
      expect(ended.err).toContain(`DIVERGENCE at event ${at} `);
    });
  }

  test("run with the same seed on the emulated backend gives the same digest twice", () => {
    const first = recorded("seed-1", "--backend", "emulated", "--seed", "7");
    const second = recorded("seed-2", "--backend", "emulated", "--seed", "7");
    expect(second.digest).toBe(first.digest);
    const other = ioreel(
      "run",
      "examples/tour.yaml",
      "--backend",
      "emulated",
      "--json",
      "--seed",
      "7",
    );
    expect(JSON.parse(other.out).digest).toBe(first.digest);
  });

  test.skipIf(missing !== undefined)("replay needs no io_uring for a session of io_uring", () => {
    const { path } = recorded("no-ring", "--backend", "uring");
    const ended = run([FORBIDDEN_CLI, String(ENOSYS), "replay", path]);
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toEndWith("replay: identical\n");
  });

  test("replay refuses damaged and foreign files with exit 7 and replays nothing", () => {
    const { path } = recorded("damaged", "--backend", "emulated");
    const damage: Record<string, (file: string) => void> = {
      truncated: (file) => truncateSync(file, 9000),
      empty: (file) => truncateSync(file, 0),
      foreign: (file) => writeFileSync(file, "no recording at all\n".repeat(1000)),
      flipped: (file) => {
        const bytes = readFileSync(file);
        // The mark's row: its text stands in the file as it is, that of the event is packed.
        const place = bytes.lastIndexOf("the producer is done");
        expect(place).toBeGreaterThan(0);
        bytes[place] = bytes[place]! ^ 1;
        writeFileSync(file, bytes);
      },
    };
    for (const [name, spoil] of Object.entries(damage)) {
      const file = join(folder, `damaged-${name}.reel`);
      copyFileSync(path, file);
      spoil(file);
      const ended = ioreel("replay", file);
      expect([name, ended.code, ended.out]).toEqual([name, 7, ""]);
      expect(ended.err).toContain("error[ERR_CORRUPT_RECORDING]");
      expect(ended.err).toContain("help: ");
    }
    const flipped = ioreel("replay", join(folder, "damaged-flipped.reel"));
    expect(flipped.err).toMatch(/the mark at event \d+ is not the event's/);
  });
});

describe("ioreel without io_uring", () => {
  test("run falls back to the emulated backend and says why", () => {
    for (const [errno, word] of [
      [ENOSYS, "ENOSYS"],
      [1, "EPERM"],
    ] as const) {
      const ended = run([FORBIDDEN_CLI, String(errno), "run", "examples/tour.yaml"]);
      expect(ended.code).toBe(0);
      expect(ended.out + ended.err).toContain("emulated backend");
      expect(ended.out + ended.err).toContain(word);
    }
  });

  test("run --backend uring ends with exit 6 and the mend", () => {
    const words = ["run", "examples/tour.yaml", "--backend", "uring"];
    const ended = run([FORBIDDEN_CLI, String(ENOSYS), ...words]);
    expect(ended).toMatchObject({ code: 6, out: "" });
    expect(ended.err).toContain("error[ERR_BACKEND_UNAVAILABLE]");
    expect(ended.err).toMatch(/help: \w+/);
    expect(ended.err).toContain("reproduce: ioreel run examples/tour.yaml --backend uring");
  });

  test("doctor says that there is none and that the emulated backend is chosen", () => {
    const ended = run([FORBIDDEN_CLI, String(ENOSYS), "doctor", "--json"]);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({
      chosen: "emulated",
      uring: { available: false },
    });
  });
});

describe("Ctrl-C", () => {
  for (const backend of backends) {
    test(`SIGINT ends a run with 130, and its recording replays on ${backend}`, async () => {
      const scenario = join(folder, "endless.yaml");
      writeFileSync(
        scenario,
        "version: 1\nclock: paced\ndevices: { clock: { kind: timer, intervalNs: 2ms } }\n" +
          "tasks:\n  a: [{ repeat: { times: 100000, do: [{ tick: clock }] } }]\n",
      );
      const path = join(folder, `interrupted-${backend}.reel`);
      const words = ["run", scenario, "--backend", backend, "--record", path];
      const child = Bun.spawn([process.execPath, join(root, "cli/main.ts"), ...words], {
        cwd: root,
        stdout: "pipe",
        stderr: "pipe",
      });
      const reader = child.stdout.getReader();
      let seen = "";
      while (!seen.includes("started"))
        seen += new TextDecoder().decode((await reader.read()).value);
      child.kill("SIGINT");
      expect(await child.exited).toBe(130);
      expect(await new Response(child.stderr).text()).toContain("ERR_INTERRUPTED");
      const shown = JSON.parse(ioreel("session", "show", path, "--json").out);
      expect(shown).toMatchObject({ state: "complete", outcome: "interrupted" });
      expect(ioreel("replay", path).out).toEndWith("replay: identical\n");
    });
  }
});
