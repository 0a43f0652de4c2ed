/**
 * Image files of device models: what a recorded run read and overwrote is there again in its
 * replay, whether the image is as it was before the run or after it, and never written to by it.
 */
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { NO_OPTIONS, defineProvider, layer, struct, type ImageFile } from "../provider/index.ts";
import { isReelError } from "../errors.ts";
import type { RecordOptions } from "./options.ts";
import { openRecording } from "../session/recording.ts";
import { temporaryFolder } from "../session/session.fixture.ts";
import { replayRuntime, startRuntime } from "./start.ts";

const PAGE = 4096;
const IMAGE_BYTES = 5 * PAGE + 100;

/** A provider whose operation copies and changes pieces of two openings of one image. */
function copier(path: string, log: string[], cut?: () => void) {
  const empty = struct({});
  return defineProvider({
    kind: "copier",
    version: "1.0.0",
    stateVersion: 1,
    summary: "Copies within an image",
    options: NO_OPTIONS,
    operations: { copy: { direction: "none", summary: "Copies" } },
    ends: { main: { operations: ["copy"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    emulated(cx) {
      let image: ImageFile;
      const piece = new Uint8Array(1000);
      const step = (what: string, work: () => void): void => {
        try {
          work();
          log.push(`${what} ${Bun.hash.crc32(piece)}`);
        } catch (error) {
          log.push(`${what} ${isReelError(error) ? error.code : String(error)}`);
        }
      };
      const copy = layer({
        name: "copier.copy",
        frame: empty,
        wait: (_frame, run) => run.ready(),
        complete(_frame, run) {
          step("read", () => image.read(PAGE - 500, piece));
          step("write", () => image.write(3 * PAGE - 7, piece.fill(0x5a)));
          step("overwrite", () => image.write(3 * PAGE + 100, piece.fill(0x11)));
          step("read back", () => image.read(3 * PAGE - 7, piece));
          step("flush", () => image.flush());
          const again = cx.image(path, { readOnly: true });
          step("read again", () => again.read(3 * PAGE, piece));
          step("refused", () => again.write(0, piece));
          again.close();
          cut?.();
          step("read the end", () => image.read(IMAGE_BYTES - 1000, piece));
          step("outside", () => image.read(IMAGE_BYTES - 999, piece));
          return run.done(0);
        },
      });
      return {
        operations: { copy },
        open() {
          image = cx.image(path, { readOnly: false });
          log.push(`size ${image.sizeBytes}`);
        },
        release: () => image.close(),
      };
    },
  });
}

function makeImage(path: string): Uint8Array {
  const content = Uint8Array.from({ length: IMAGE_BYTES }, (_, at) => (at * 31 + (at >> 7)) & 0xff);
  writeFileSync(path, content);
  return content;
}

async function record(
  image: string,
  recording: string | RecordOptions,
  cut?: () => void,
): Promise<string[]> {
  const log: string[] = [];
  const providers = [copier(image, log, cut)] as const;
  await using io = await startRuntime({ backend: "emulated", providers, record: recording });
  await io.run(async () => {
    const end = await io.open("copier");
    await end.perform("copy");
  });
  return log;
}

async function replay(image: string, recording: string): Promise<unknown> {
  const log: string[] = [];
  using opened = openRecording(recording);
  const io = replayRuntime(opened, [copier(image, log)]);
  let failure: unknown;
  try {
    await io.run(async () => {
      const end = await io.open("copier");
      await end.perform("copy");
    });
  } catch (error) {
    failure = error;
  }
  await io.close();
  return failure ?? { log, identical: io.session?.identical };
}

describe("cx.image()", () => {
  test("lets a replay find the image as it was, before and after the recorded run", async () => {
    using folder = temporaryFolder();
    const [image, copy, session] = ["image", "copy", "session"].map((name) => folder.path(name));
    const content = makeImage(image!);
    copyFileSync(image!, copy!);
    const log = await record(image!, session!);
    const after = readFileSync(image!);
    expect(Buffer.compare(after, content)).not.toBe(0);
    expect(log.map((line) => line.split(" ").slice(0, -1).join(" "))).toContain("refused");
    for (const path of [image!, copy!]) {
      const before = readFileSync(path).toHex();
      expect(await replay(path, session!)).toEqual({ log, identical: true });
      expect(readFileSync(path).toHex()).toBe(before);
    }
  });

  test("refuses a replay over an image that holds anything else", async () => {
    using folder = temporaryFolder();
    const [image, session] = ["image", "session"].map((name) => folder.path(name));
    makeImage(image!);
    await record(image!, session!);
    const changed = readFileSync(image!);
    changed[17]! ^= 1;
    writeFileSync(image!, changed);
    const failure = await replay(image!, session!);
    expect(failure).toMatchObject({ code: "ERR_INCOMPATIBLE_RECORDING" });
    const { message } = failure as Error;
    expect(message).toContain(image!);
    expect(message).toMatch(/sha-256 [0-9a-f]{64}, wanted 20580 of [0-9a-f]{64}/);
    writeFileSync(image!, changed.subarray(1));
    expect(await replay(image!, session!)).toMatchObject({ code: "ERR_INCOMPATIBLE_RECORDING" });
  });

  test("tells of an image that is not there, not of what the program did without it", async () => {
    using folder = temporaryFolder();
    const [image, session] = ["image", "session"].map((name) => folder.path(name));
    makeImage(image!);
    await record(image!, session!);
    rmSync(image!);
    using opened = openRecording(session!);
    const io = replayRuntime(opened, [copier(image!, [])]);
    await io.run(() => io.open("copier").catch(() => {}));
    await io.close();
    expect(io.session).toMatchObject({ identical: false, failure: { code: "ENOENT" } });
  });

  test("replays without payloads over an image that is put back as it was", async () => {
    using folder = temporaryFolder();
    const [image, copy, session] = ["image", "copy", "session"].map((name) => folder.path(name));
    makeImage(image!);
    copyFileSync(image!, copy!);
    const byPayload = [
      { payload: "digest" },
      { payload: "none" },
      { redact: [{ pattern: /[^]/ }] },
    ];
    for (const policy of byPayload as RecordOptions[]) {
      copyFileSync(copy!, image!);
      const log = await record(image!, { path: session!, ...policy });
      expect(await replay(copy!, session!)).toEqual({ log, identical: true });
      const failure = await replay(image!, session!);
      expect(failure).toMatchObject({ code: "ERR_INCOMPATIBLE_RECORDING" });
    }
  });

  test("gives a replay the failures of the recorded run", async () => {
    using folder = temporaryFolder();
    const [image, session] = ["image", "session"].map((name) => folder.path(name));
    makeImage(image!);
    const whole = folder.path("whole");
    copyFileSync(image!, whole);
    const log = await record(image!, session!, () => truncateSync(image!, PAGE));
    expect(log).toContain("read the end EIO");
    expect(await replay(whole, session!)).toEqual({ log, identical: true });
  });
});
