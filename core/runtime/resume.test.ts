/**
 * A run that was cut off goes on to the same end: at whatever event it was killed, the resumed
 * session is, event for event, the one that would have been without the kill.
 */
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { openRecording, Runtime } from "../../index.ts";
import type { RecordOptions } from "../../index.ts";
import { rewriteRecording } from "../session/rewrite.ts";
import { claimPath } from "../session/store/claim.ts";
import { refusal, temporaryFolder } from "../session/session.fixture.ts";

const SECTOR = 512;

/** Pipes, sleeps and seeded luck: what happens next depends on all that happened before. */
async function chatter(io: Runtime): Promise<number> {
  return io.run(async () => {
    const { reader, writer } = await io.open("pipe");
    io.spawn(async () => {
      for (let i = 0; i < 40; i++) {
        await writer.write(`line ${io.random.below(1000)}\n`);
        if (i % 5 === 0) await io.sleep(io.random.below(1_000_000));
      }
      await writer.close();
    });
    let total = 0;
    for (;;) {
      const bytes = await reader.read(1 + io.random.below(64));
      if (bytes.length === 0) break;
      total += bytes.length;
      io.mark(`read ${total}`);
    }
    await reader.close();
    return total;
  });
}

async function record(
  path: string,
  main: (io: Runtime) => Promise<unknown>,
  policy: Partial<RecordOptions> = {},
): Promise<string> {
  const io = await Runtime.start({
    backend: "emulated",
    seed: 5,
    record: { path, stateEvents: 32, ...policy },
  });
  await main(io);
  await io.close();
  return io.session!.digest;
}

async function resume(path: string, main: (io: Runtime) => Promise<unknown>) {
  using recording = openRecording(path);
  const io = Runtime.resume(recording);
  let failed: unknown;
  await main(io).catch((error: unknown) => {
    failed = error;
  });
  await io.close();
  return { failed, summary: io.session! };
}

describe("Runtime.resume()", () => {
  test("comes to the same session from a cut at any event", async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    const digest = await record(whole, chatter);
    using recording = openRecording(whole);
    const { eventCount } = recording;
    expect(eventCount).toBeGreaterThan(150);
    for (let at = 0; at < eventCount; at += 17) {
      const cut = folder.path(`cut-${at}.reel`);
      rewriteRecording(whole, cut, (event, sequence) => (sequence < at ? event : []));
      const { failed, summary } = await resume(cut, chatter);
      expect(failed).toBeUndefined();
      expect({ at, digest: summary.digest }).toEqual({ at, digest });
      using resumed = openRecording(cut);
      expect(resumed.info).toMatchObject({ state: "complete", outcome: "ok", eventCount });
      expect(resumed.info.uuid).toBe(recording.info.uuid);
    }
  });

  test("leaves an image as the uninterrupted run leaves it", async () => {
    using folder = temporaryFolder();
    const image = folder.path("disk.img");
    const before = new Uint8Array(64 * SECTOR).map((_, at) => at % 251);
    const copy = async (io: Runtime): Promise<unknown> =>
      io.run(async () => {
        const disk = await io.open("sata", { image });
        for (let block = 0; block < 16; block++) {
          const bytes = await disk.read(SECTOR, { offset: block * SECTOR });
          await disk.write(bytes.toReversed(), { offset: (block + 32) * SECTOR });
          await disk.write(
            bytes.map((byte) => byte ^ 0xff),
            { offset: block * SECTOR },
          );
          if (block % 4 === 0) await disk.perform("flush");
        }
        await disk.close();
      });
    writeFileSync(image, before);
    const whole = folder.path("whole.reel");
    const digest = await record(whole, copy);
    const after = readFileSync(image);
    for (const share of [0.3, 0.6, 0.9]) {
      writeFileSync(image, before);
      const cut = folder.path(`cut-${share}.reel`);
      using recording = openRecording(whole);
      const at = Math.floor(recording.eventCount * share);
      rewriteRecording(whole, cut, (event, sequence) => (sequence < at ? event : []));
      const { failed, summary } = await resume(cut, copy);
      expect(failed).toBeUndefined();
      expect(summary).toMatchObject({ digest, failure: undefined });
      expect(Buffer.compare(readFileSync(image), after)).toBe(0);
    }
  });

  test("records again in the way the killed run was recorded, also behind a link", async () => {
    using folder = temporaryFolder();
    const image = folder.path("disk.img");
    const before = new Uint8Array(8 * SECTOR).fill(3);
    const main = async (io: Runtime): Promise<unknown> =>
      io.run(async () => {
        const disk = await io.open("sata", { image });
        for (let block = 0; block < 8; block++) {
          await disk.write(new Uint8Array(SECTOR).fill(block), { offset: block * SECTOR });
        }
        await disk.close();
      });
    const whole = folder.path("whole.reel");
    writeFileSync(image, before);
    const digest = await record(whole, main, { payload: "digest" });
    using recording = openRecording(whole);
    const cut = folder.path("cut.reel");
    const at = recording.eventCount / 2;
    rewriteRecording(whole, cut, (event, sequence) => (sequence < at ? event : []));
    const link = folder.path("link.reel");
    symlinkSync(cut, link);
    // Without payloads nothing is kept of what the run overwrote.
    const changed = await resume(link, main);
    expect(changed.summary.failure).toBeDefined();
    writeFileSync(image, before);
    const { failed, summary } = await resume(link, main);
    expect(failed).toBeUndefined();
    expect(summary).toMatchObject({ digest, failure: undefined });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    using resumed = openRecording(cut);
    expect(resumed.info).toMatchObject({ state: "complete", digest });
    expect(readdirSync(dirname(cut)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("keeps what it made when another process records to its path", async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    const digest = await record(whole, chatter);
    const cut = folder.path("cut.reel");
    rewriteRecording(whole, cut, (event, sequence) => (sequence < 60 ? event : []));
    const held = readFileSync(cut);
    const release = claimPath(cut);
    const { summary } = await resume(cut, chatter);
    expect(summary.failure?.message).toContain(folder.path(".cut.reel.resumed"));
    expect(Buffer.compare(readFileSync(cut), held)).toBe(0);
    release();
    using kept = openRecording(folder.path(".cut.reel.resumed"));
    expect(kept.digest).toBe(digest);
  });

  test("keeps the recording as it was when another program runs on it", async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    await record(whole, chatter);
    const cut = folder.path("cut.reel");
    rewriteRecording(whole, cut, (event, sequence) => (sequence < 60 ? event : []));
    const kept = folder.path("kept.reel");
    copyFileSync(cut, kept);
    const { summary } = await resume(cut, async (io) => io.run(() => io.sleep(1000)));
    expect(summary.failure?.code).toBe("ERR_DIVERGED");
    expect(Buffer.compare(readFileSync(cut), readFileSync(kept))).toBe(0);
    expect(existsSync(folder.path(".cut.reel.resumed"))).toBe(false);
  });

  test("refuses a session that came to its end, and one of io_uring", async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    await record(whole, chatter);
    using recording = openRecording(whole);
    const error = refusal(() => Runtime.resume(recording));
    expect(error.code).toBe("ERR_UNSUPPORTED");
    expect(error.message).toContain("came to its end");
    const { info } = recording;
    // One whose recorder was killed between the run's end and its own.
    const ended = { ...recording, complete: true, info: { ...info, state: "recovered" } };
    const third = refusal(() => Runtime.resume(ended as unknown as typeof recording));
    expect(third.message).toContain("came to its end");
    expect(third.mend).toContain("session recover");
    const living = { ...recording, info: { ...info, state: "recording" } };
    const fourth = refusal(() => Runtime.resume(living as unknown as typeof recording));
    expect(fourth.message).toContain("its process lives");
    const uring = {
      ...recording,
      info: { ...info, backend: "uring" as const, state: "interrupted" },
    };
    const other = refusal(() => Runtime.resume(uring as unknown as typeof recording));
    expect(other.message).toContain("recorded on io_uring");
  });
});
