/** Strict runs from the command line: the flag, its errors, and that every example stands it. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_IN_PROVIDERS, Runtime, openRecording } from "../index.ts";
import { ioreel, ROOT } from "./cli.fixture.ts";
import { readInputs } from "./scenario/inputs.ts";
import { kindsOf } from "./scenario/kinds.ts";
import { loadScenario } from "./scenario/load.ts";
import { runScenario } from "./scenario/run-scenario.ts";

const PRELOAD = Bun.fileURLToPath(new URL("./strict-preload.fixture.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ioreel-strict-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// What a scenario's module imports as "ioreel" is this package.
mkdirSync(join(folder, "node_modules"));
symlinkSync(ROOT, join(folder, "node_modules/ioreel"));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const SCENARIOS = [...new Bun.Glob("examples/*.yaml").scanSync(ROOT)].toSorted();

/** Programs among the examples that run on the emulated machine, with their words. */
const PROGRAMS = [
  ["examples/hello-runtime.ts"],
  ["examples/echo-server.ts", "--backend", "emulated"],
  ["examples/redis/server.ts", "--visit", "--backend", "emulated"],
];

test("every example scenario runs strictly on the emulated machine", async () => {
  expect(SCENARIOS.length).toBeGreaterThan(8);
  const kinds = kindsOf(BUILT_IN_PROVIDERS);
  for (const path of [...SCENARIOS, "examples/workers.ts", "examples/chat.ts"]) {
    const options = { kinds, cwd: ROOT, strict: true };
    const { inputFiles, scenario } = await loadScenario(join(ROOT, path), options);
    const inputs = await readInputs(inputFiles);
    const { clock, settings } = scenario;
    await using io = await Runtime.start({
      backend: "emulated",
      seed: 5,
      clock: clock === "paced" ? "virtual" : clock,
      settings: settings as Record<string, object>,
      strict: true,
    });
    const report = await runScenario(io, scenario, { inputs, onEvent() {} });
    expect([path, report.holds]).toEqual([path, true]);
  }
});

test("programs among the examples run strictly on the emulated machine", async () => {
  const noisy = file(
    "noisy.ts",
    `import { Runtime } from "ioreel";
     await using io = await Runtime.start({ backend: "emulated" });
     await io.run(async () => [Math.random()]);`,
  );
  const runs = [...PROGRAMS, [noisy]].map(async (words) => {
    const child = Bun.spawn([process.execPath, "--preload", PRELOAD, ...words], {
      cwd: ROOT,
      stdout: "ignore",
      stderr: "pipe",
    });
    return { words, err: await new Response(child.stderr).text(), code: await child.exited };
  });
  const ended = await Promise.all(runs);
  // The last one shows that the others were strict.
  expect(ended.pop()!.err).toContain("ERR_NONDETERMINISM");
  for (const { code, err, words } of ended)
    expect([words[0], code, err]).toEqual([words[0], 0, ""]);
});

test("ioreel run --strict refuses a module that draws a random number, with its place", () => {
  const path = file(
    "noisy-scenario.ts",
    `import { scenario } from "ioreel";
const noise = () => Math.random();
const sleep = \`\${Math.ceil(noise() + 1)}ms\`;
export default scenario({ version: 1, tasks: { main: [{ sleep }] } });
`,
  );
  const { code, err } = ioreel("run", path, "--strict", "--backend", "emulated");
  expect([code, err.includes("noisy-scenario.ts:2:21")]).toEqual([3, true]);
  expect(err).toContain("Cannot call Math.random() in a strict run");
  expect(err).toContain("help: Use io.random, in a provider cx.random");
  expect(ioreel("check", path, "--strict").err).toContain(`check ${path} --strict`);
  expect(ioreel("check", path).code).toBe(0);
});

test("ioreel record --strict notes in the recording that it was strict", () => {
  const path = file("calm.yaml", "version: 1\ntasks:\n  main:\n    - sleep: 5ms\n");
  const reel = join(folder, "calm.reel");
  const words = ["record", path, reel, "--strict", "--backend", "emulated", "--seed", "3"];
  expect(ioreel(...words).code).toBe(0);
  using recording = openRecording(reel);
  expect(recording.info.options).toMatchObject({ strict: true });
});
