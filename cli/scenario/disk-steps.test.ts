/** Steps that change media, by somebody who does it in the wrong order or with the wrong image. */
import { expect, test } from "bun:test";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Runtime } from "../../index.ts";
import { resolveScenario } from "./load.ts";
import type { ScenarioReport } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import { kinds, temporaryFolder } from "./scenario.fixture.ts";
import type { Scenario, Step } from "./types.ts";

const folder = temporaryFolder();
type Devices = NonNullable<Scenario["devices"]>;
const DISKETTE_BYTES = 1_474_560;

async function play(devices: Devices, steps: Step[]): Promise<ScenarioReport> {
  const scenario: Scenario = { version: 1, backend: "emulated", devices, tasks: { main: steps } };
  await using io = await Runtime.start({ backend: "emulated", seed: 1 });
  return await runScenario(io, resolveScenario(scenario, kinds, "test"), { inputs: new Map() });
}

test("eject and insert say what is wrong with drive or image, and how to mend it", async () => {
  const odd = join(folder, "odd.img");
  writeFileSync(odd, new Uint8Array(1000));
  const devices: Devices = {
    floppy: { kind: "fdd" },
    disk: { kind: "sata" },
  };
  const cases: [Step[], string, string][] = [
    [[{ insert: "floppy" }], "Cannot insert a blank medium into floppy: a medium is in", "`eject`"],
    [[{ eject: ["floppy", "floppy"] }], "the medium of floppy: the drive is empty (", "`insert`"],
    [[{ eject: "disk" }], "Cannot eject the medium of disk: its medium is fixed", "packet: true"],
    [
      [{ eject: "floppy" }, { insert: { into: "floppy", image: odd } }],
      `Cannot insert ${odd} into floppy: the image is no medium of this drive (EINVAL)`,
      "size",
    ],
    [
      [{ eject: "floppy" }, { insert: { into: "floppy", image: "/nothing.img" } }],
      "Cannot insert /nothing.img into floppy: no such image (ENOENT)",
      "path",
    ],
  ];
  for (const [steps, message, mend] of cases) {
    const { error, outcome } = await play(devices, steps);
    expect(outcome).toBe("failed");
    expect(error?.message).toContain(message);
    expect(error?.mend).toContain(mend);
  }
});

test("a disk that finds no room for its writes fails the run when it is closed", async () => {
  const full = join(folder, "full");
  mkdirSync(full);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full]);
  if (!mounted.success) return console.warn(`SKIPPED: no tiny file system: ${mounted.stderr}`);
  try {
    const image = join(full, "image");
    writeFileSync(image, "");
    truncateSync(image, DISKETTE_BYTES);
    const devices: Devices = {
      one: { kind: "ata", image },
      two: { kind: "sata", sizeBytes: DISKETTE_BYTES },
    };
    const { error, outcome, tasks } = await play(devices, [
      { write: { to: "one", pattern: "random", sizeBytes: 1_048_576, chunkBytes: 65_536 } },
    ]);
    expect([outcome, error?.code, tasks[0]?.outcome]).toEqual(["failed", "EIO", "completed"]);
    expect(error?.message).toContain("Cannot write all of");
  } finally {
    Bun.spawnSync(["umount", "-l", full]);
  }
});
