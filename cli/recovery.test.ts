/** Recordings that were killed or damaged, through the real command line in real processes. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../core/random.ts";
import { whyUnavailable } from "../core/testing/harness.ts";
import { ioreel, MAIN, ROOT } from "./cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-recovery-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: killed sessions on io_uring: ${missing}`);
const backends = missing === undefined ? ["emulated", "uring"] : ["emulated"];

/** A scenario that goes on until it is killed. */
const ENDLESS = `# Writes and ticks, for ever.
version: 1
name: endless
devices:
  pipe: { kind: pipe, capacityBytes: 4KiB }
  clock: { kind: timer, intervalNs: 100us }
tasks:
  writer:
    - repeat: { times: 1000000, do: [{ write: { to: pipe, pattern: counter, sizeBytes: 1000 } }] }
  reader:
    - read: { from: pipe, chunkBytes: 700 }
  ticker:
    - tick: { of: clock, count: 1000000 }
`;

async function killed(name: string, backend: string, kilobytes: number): Promise<string> {
  const scenario = join(folder, "endless.yaml");
  const path = join(folder, `${name}.reel`);
  writeFileSync(scenario, ENDLESS);
  const words = ["run", scenario, "--record", path, "--backend", backend, "--quiet"];
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    cwd: ROOT,
    stdout: "ignore",
    stderr: "inherit",
  });
  const wanted = kilobytes * 1024;
  for (;;) {
    await Bun.sleep(2);
    expect(child.exitCode).toBeNull();
    const tail = existsSync(`${path}-tail`) ? readFileSync(`${path}-tail`) : undefined;
    // The open frame's commit word: how far the session has got.
    if (tail !== undefined && tail.length > 70_000) {
      const [sealed, length] = [tail.readInt32LE(12 * 4), tail.readInt32LE(65_536 + 13 * 4)];
      if (sealed > 0 || length > wanted) break;
    }
  }
  child.kill("SIGKILL");
  await child.exited;
  return path;
}

describe("a session that was killed", () => {
  for (const backend of backends) {
    test(`verify, replay and recover take it up to where it was killed on ${backend}`, async () => {
      const path = await killed(`killed-${backend}`, backend, 8);
      const verified = ioreel("session", "verify", path, "--json");
      expect(verified.code).toBe(0);
      const said = JSON.parse(verified.out);
      expect(said).toMatchObject({ schema: "verify/v1", ok: true, state: "recovered", damage: [] });
      expect(said.recovered.fromTail).toBe(said.events);
      expect(said.events).toBeGreaterThan(100);
      const replayed = ioreel("replay", path);
      expect(replayed).toMatchObject({ code: 0, err: "" });
      const end = `identical up to event ${said.events}, where the recording was cut off\n`;
      expect(replayed.out).toEndWith(`replay: ${end}`);
      const recovered = ioreel("session", "recover", path);
      expect(recovered).toMatchObject({ code: 0, err: "" });
      expect(recovered.out).toContain(`holds all ${said.events} events now`);
      expect(existsSync(`${path}-tail`)).toBe(false);
      const after = JSON.parse(ioreel("session", "verify", path, "--json").out);
      expect(after).toEqual({ ...said, recovered: null });
      expect(ioreel("session", "recover", path).out).toContain("needs no recovery");
      expect(JSON.parse(ioreel("replay", path, "--json").out)).toMatchObject({
        identical: true,
        cutOff: true,
        events: said.events,
        divergence: null,
      });
    });
  }
});

describe("a damaged recording", () => {
  const path = join(folder, "whole.reel");
  const made = ioreel("run", "examples/echo.yaml", "--backend", "emulated", "--record", path);

  test("verify names the damage and exits with 7, salvage keeps what is before it", () => {
    expect(made.code).toBe(0);
    const cut = join(folder, "cut.reel");
    copyFileSync(path, cut);
    truncateSync(cut, readFileSync(path).length - 3 * 8192);
    const verified = ioreel("session", "verify", cut);
    expect(verified).toMatchObject({ code: 7, out: "" });
    expect(verified.err).toContain("events are before the first damage");
    expect(verified.err).toContain(`help: ioreel session salvage ${cut}`);
    const said = JSON.parse(ioreel("session", "verify", cut, "--json").out);
    expect(said).toMatchObject({ ok: false, uuid: expect.any(String) });
    expect(said.damage.length).toBeGreaterThan(0);
    const out = join(folder, "salvaged.reel");
    const salvaged = ioreel("session", "salvage", cut, out, "--json");
    expect(salvaged.code).toBe(0);
    expect(JSON.parse(salvaged.out)).toMatchObject({ uuid: said.uuid, events: said.soundEvents });
    expect(ioreel("session", "verify", out).code).toBe(0);
  });

  test("every command refuses it with exit 7 and no stack, or changes nothing, in 12 cases", () => {
    const whole = new Uint8Array(readFileSync(path));
    const random = new Random(3);
    const damaged = join(folder, "damaged.reel");
    const commands = [
      ["session", "verify"],
      ["session", "show"],
      ["replay"],
      ["session", "recover"],
    ];
    const outs = commands.map((words) => ioreel(...words, path).out);
    for (let round = 0; round < 12; round++) {
      const bytes = whole.slice();
      const at = random.below(bytes.length);
      if (round % 3 === 0) bytes.fill(0, at, at + 4096);
      else bytes[at]! ^= 1 << random.below(8);
      writeFileSync(damaged, round % 3 === 1 ? bytes.subarray(0, at) : bytes);
      const which = round % commands.length;
      const ended = ioreel(...commands[which]!, damaged);
      if (ended.code === 0) expect(ended.out.replaceAll("damaged", "whole")).toBe(outs[which]!);
      else expect([ended.code, ended.out]).toEqual([7, ""]);
      expect(ended.err).not.toMatch(/^\s+at /m);
    }
  });
});
