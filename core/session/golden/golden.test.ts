/**
 * Recordings of every released format open, verify and replay for ever. What each says of itself
 * stands in the manifest made with it; the README says how a release adds its own.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT, ioreel } from "../../../cli/cli.fixture.ts";
import { Runtime } from "../../../index.ts";
import { openRecording } from "../recording.ts";
import { FORMAT_FIRST } from "../store/limits.ts";
import { goldenProgram, type GoldenRuntime } from "./program.fixture.ts";

const FORMATS = readdirSync(import.meta.dir).filter((name) => name.startsWith("format-"));
const LINES = Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join("");

test(`golden recordings begin with the oldest format that is read, ${FORMAT_FIRST}`, () => {
  expect(FORMATS).toContain(`format-${FORMAT_FIRST}`);
});

for (const format of FORMATS) {
  const folder = join(import.meta.dir, format);
  const manifest: Record<string, object> = await Bun.file(join(folder, "manifest.json")).json();

  describe(`the golden recordings of ${format}`, () => {
    test("open with all that they said when they were made, and list every event", () => {
      const names = readdirSync(folder).filter((name) => name.endsWith(".reel"));
      expect(names.toSorted()).toEqual(Object.keys(manifest));
      for (const [name, facts] of Object.entries(manifest)) {
        using recording = openRecording(join(folder, name));
        expect({ name, ...recording.info }).toMatchObject({ name, state: "complete", ...facts });
        const events = [...recording.events()];
        expect(events).toHaveLength(recording.eventCount);
        expect(events.at(-1)!.event).toEqual({ kind: "end", outcome: "ok" });
      }
    });

    for (const name of Object.keys(manifest)) {
      test(`replay identical: ${format}/${name}`, async () => {
        const path = join(folder, name);
        if (!name.startsWith("program-")) {
          const ended = ioreel("replay", path.slice(ROOT.length + 1));
          expect(ended).toMatchObject({ code: 0, err: "" });
          expect(ended.out).toEndWith("replay: identical\n");
          return;
        }
        using recording = openRecording(path);
        const io = Runtime.replay(recording);
        expect(await goldenProgram(io as unknown as GoldenRuntime)).toBe(LINES);
        await io.close();
        expect(io.session).toMatchObject({ identical: true, failure: undefined });
      });
    }
  });
}
