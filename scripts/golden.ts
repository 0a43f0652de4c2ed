/**
 * `bun scripts/golden.ts [SOURCE]`: records the golden recordings of a release, by default of this
 * source, into `core/session/golden/format-N`. See the README there.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { goldenProgram } from "../core/session/golden/program.fixture.ts";
import { openRecording } from "../core/session/recording.ts";

const ROOT = join(import.meta.dir, "..");
const GOLDEN = join(ROOT, "core/session/golden");
const SIZE_BYTES_MAX = 128 * 1024;
const BACKENDS = ["emulated", "uring"] as const;
/** Scenarios by name: their file and what makes them small. */
const SCENARIOS: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "tour",
    "examples/tour.yaml",
    ["--input", "text=LICENSE", "--set", "chunk=1KiB", "--set", "bulk=32KiB"],
  ],
  ["echo", "examples/echo.yaml", ["--input", "text=LICENSE", "--set", "size=4KiB"]],
  ["disks", join(GOLDEN, "small-disks.yaml"), []],
];

async function recordAll(source: string, folder: string): Promise<void> {
  const main = join(source, "cli/main.ts");
  const { Runtime } = await import(join(source, "index.ts"));
  for (const backend of BACKENDS) {
    for (const [name, scenario, words] of SCENARIOS) {
      const path = join(folder, `${name}-${backend}.reel`);
      const line = ["run", scenario, "--backend", backend, "--seed", "7", ...words];
      const child = Bun.spawnSync([process.execPath, main, ...line, "--record", path], {
        cwd: source,
      });
      if (child.exitCode !== 0) throw new Error(`${name} on ${backend}: ${child.stderr}`);
    }
    const record = join(folder, `program-${backend}.reel`);
    const io = await Runtime.start({ backend, seed: 7, record });
    await goldenProgram(io);
    await io.close();
  }
}

/** What each recording must say for ever, as it says it on the day it is made. */
function manifestOf(folder: string): Record<string, unknown> {
  const entries = readdirSync(folder).filter((name) => name.endsWith(".reel"));
  return Object.fromEntries(
    entries.toSorted().map((name) => {
      const path = join(folder, name);
      if (statSync(path).size > SIZE_BYTES_MAX) throw new Error(`${name} is too large to keep`);
      using recording = openRecording(path);
      const { backend, digest, eventCount, format, segmentCount, uuid } = recording.info;
      return [name, { format, uuid, backend, digest, eventCount, segmentCount }];
    }),
  );
}

const source = resolve(process.argv[2] ?? ROOT);
const draft = join(GOLDEN, "draft");
rmSync(draft, { recursive: true, force: true });
mkdirSync(draft, { recursive: true });
await recordAll(source, draft);
const manifest = manifestOf(draft);
const [first] = Object.values(manifest) as { format: number }[];
const folder = join(dirname(draft), `format-${first!.format}`);
mkdirSync(folder, { recursive: true });
for (const name of Object.keys(manifest)) {
  await Bun.write(join(folder, name), Bun.file(join(draft, name)));
}
await Bun.write(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
rmSync(draft, { recursive: true, force: true });
console.log(`${Object.keys(manifest).length} recordings in ${folder}`);
