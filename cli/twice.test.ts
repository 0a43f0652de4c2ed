/**
 * Every example is the same run when it is run again: on the emulated machine two processes that
 * are given the same seed live through the same events, segment for segment. What leaks into a run
 * from outside (time, entropy, order of hashing, addresses) is found here.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openRecording } from "../core/session/recording.ts";
import { temporaryFolder } from "../core/session/session.fixture.ts";
import { MAIN, ROOT } from "./cli.fixture.ts";

/** Folders and time zones of the two processes: neither may show. */
const SURROUNDINGS = [
  { TZ: "UTC", LANG: "C" },
  { TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", IOREEL_UNUSED: "x".repeat(999) },
] as const;

const examples = readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".yaml"));

/** @returns the links of the segments' chain, and the digest behind the last one */
function chainOf(path: string): string[] {
  using recording = openRecording(path);
  const links: string[] = [];
  for (let at = 0; at < recording.eventCount;) {
    const segment = recording.source.segmentAt(at)!;
    links.push(`${segment.firstSequence}: ${segment.chain.toHex()}`);
    at += segment.eventCount;
  }
  return [...links, `${recording.eventCount} events: ${recording.digest}`];
}

describe("two processes with one seed live through the same events", () => {
  test.each(examples)("%s, segment for segment", async (name) => {
    using folder = temporaryFolder();
    const runs = SURROUNDINGS.map(async (env, index) => {
      const path = folder.path(`${index}.reel`);
      const words = ["run", join("examples", name), "--backend", "emulated", "--seed", "11", "-q"];
      const child = Bun.spawn([process.execPath, MAIN, ...words, "--record", path], {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      });
      return { code: await child.exited, chain: chainOf(path) };
    });
    const [first, second] = await Promise.all(runs);
    expect(second).toEqual(first);
    expect(first!.chain.length).toBeGreaterThan(1);
  });
});
