/** Tests of packing and migrating: what comes out is the same session. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { playStep } from "../archive/traffic.fixture.ts";
import { diffSessions } from "../diff.ts";
import type { Recorder } from "../recorder.ts";
import { openRecording, startRecording } from "../recording.ts";
import type { RecordingSummary } from "../recording.ts";
import { HEADER, codeOf, temporaryFolder } from "../session.fixture.ts";
import { migrateRecording } from "./migrate.ts";
import { packRecording } from "./pack.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** Records some steps. */
function recorded(path: string, steps: number): RecordingSummary {
  const recording = startRecording(path, HEADER);
  const recorder = recording.tap as Recorder;
  for (let step = 0; step < steps; step++) playStep(recorder, step);
  recorder.end("ok");
  return recording.finish();
}

describe("packed and migrated recordings", () => {
  test("packRecording() leaves one smaller file with the same uuid, events and digest", () => {
    const { path } = recorded(folder.path("large.reel"), 400);
    const out = folder.path("packed.reel");
    using original = openRecording(path);
    const packed = packRecording(path, out);
    using copy = openRecording(out);
    expect(copy.info).toEqual({ ...original.info, path: out });
    expect(diffSessions(original, copy).report).toBeUndefined();
    expect(packed.sizeBytes).toBeLessThanOrEqual(packed.sizeBytesBefore);
    expect(codeOf(() => packRecording(path, out))).toBe("ERR_USAGE");
    original.close();
    expect(packRecording(path).info.digest).toBe(copy.digest);
    expect(readdirSync(folder.path(".")).filter((name) => name.startsWith("large."))).toEqual([
      "large.reel",
    ]);
  });

  test("packRecording() recovers a killed one elsewhere and leaves it as it was", async () => {
    const path = folder.path("killed.reel");
    const program = join(import.meta.dir, "../archive/killed-program.fixture.ts");
    const child = Bun.spawn([process.execPath, program, path, "50"], { stdout: "pipe" });
    const reader = child.stdout.getReader();
    await reader.read();
    expect(codeOf(() => packRecording(path, folder.path("live.reel")))).toBe("ERR_USAGE");
    child.kill("SIGKILL");
    await child.exited;
    const parts = (): string[] =>
      readdirSync(folder.path(".")).filter((name) => name.startsWith("killed"));
    const beside = parts();
    const content = readFileSync(path);
    const { info } = packRecording(path, folder.path("saved.reel"));
    expect(info.recovered?.fromTail).toBeGreaterThan(0);
    expect(beside).toContain("killed.reel-tail");
    expect(parts()).toEqual(beside);
    expect(readFileSync(path)).toEqual(content);
    using copy = openRecording(folder.path("saved.reel"));
    const { digest, eventCount, uuid } = info;
    expect(copy.info).toMatchObject({ state: "recovered", digest, eventCount, uuid });
    packRecording(path);
    expect(parts()).toEqual(["killed.reel"]);
    using inPlace = openRecording(path);
    expect(inPlace.digest).toBe(digest);
  });

  test("packRecording() does not part a recording from its log while another program reads", () => {
    const path = folder.path("read.reel");
    const { digest } = recorded(path, 5);
    const other = new Database(path);
    other.run("pragma journal_mode = wal");
    other.run("begin");
    other.query("select count(*) from recording").get();
    expect(existsSync(`${path}-wal`)).toBe(true);
    expect(codeOf(() => packRecording(path))).toBe("ERR_STORE");
    // Another file takes nothing away from anybody.
    expect(packRecording(path, folder.path("read-packed.reel")).info.digest).toBe(digest);
    other.run("commit");
    other.close();
    expect(packRecording(path).info.digest).toBe(digest);
    expect(existsSync(`${path}-wal`)).toBe(false);
    for (const file of [path, folder.path("read-packed.reel")]) {
      using packed = openRecording(file);
      expect(packed.digest).toBe(digest);
    }
  });

  const golden = join(import.meta.dir, "../golden/format-1");
  const names = readdirSync(golden).filter((name) => name.endsWith(".reel"));

  test.each(names)(
    "migrateRecording() brings %s into the newest format, digest and all",
    (name) => {
      const out = folder.path(`new-${name}`);
      const path = join(golden, name);
      const { digest, format, fromFormat, uuid } = migrateRecording(path, out);
      using original = openRecording(path);
      using copy = openRecording(out);
      expect([fromFormat, original.info.format, copy.info.format]).toEqual([1, 1, format]);
      expect(format).toBeGreaterThan(1);
      const { path: _path, format: _format, ...same } = original.info;
      expect(copy.info).toMatchObject({ ...same, digest, uuid });
      expect(diffSessions(original, copy)).toMatchObject({ report: undefined });
      const again = folder.path(`again-${name}`);
      expect(migrateRecording(out, again)).toMatchObject({ fromFormat: format, format, digest });
      expect(codeOf(() => migrateRecording(path, out))).toBe("ERR_USAGE");
    },
  );

  test("packing and migrating refuse damaged recordings before they write anything", () => {
    const path = folder.path("damaged.reel");
    const bytes = readFileSync(recorded(folder.path("sound.reel"), 400).path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    const out = folder.path("none.reel");
    for (const action of [packRecording, migrateRecording]) {
      expect(codeOf(() => action(path, out))).toBe("ERR_CORRUPT_RECORDING");
      expect(existsSync(out)).toBe(false);
    }
    expect(codeOf(() => packRecording(path))).toBe("ERR_CORRUPT_RECORDING");
    expect(readFileSync(path)).toEqual(bytes);
  });
});
