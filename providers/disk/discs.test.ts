/**
 * Discs in packet devices, by PACKET commands over both controllers and as images on io_uring: an
 * ISO 9660 image that genisoimage made comes over as it is, faults are survived or told, and a
 * session that is saved in the middle of a change goes on with it.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { whyUnavailable } from "../../core/testing/harness.ts";
import { Runtime } from "../../index.ts";
import { makeFolder } from "./uring/disk.fixture.ts";

const BLOCK = 2048;
const CHUNK = 100 * BLOCK;
const pathOf = makeFolder();
const TEXT = "read from a disc\n".repeat(5000);
const TOOLS = ["genisoimage", "isoinfo"].filter((tool) => Bun.which(tool) === null);
if (TOOLS.length > 0) console.warn(`SKIPPED: ISO 9660 images: no ${TOOLS.join(", ")}`);
const missing = await whyUnavailable("uring");

function run(...command: string[]): string {
  const { exitCode, stderr, stdout } = Bun.spawnSync(command);
  if (exitCode === 0) return stdout.toString();
  throw new Error(`${command.join(" ")} gave ${exitCode}: ${stderr}`);
}

function makeIso(name: string): string {
  const text = pathOf(`${name}.txt`);
  writeFileSync(text, TEXT);
  const image = pathOf(`${name}.iso`);
  run("genisoimage", "-quiet", "-R", "-graft-points", "-o", image, `hello.txt=${text}`);
  return image;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: { code?: string }) => error.code ?? String(error),
  );

for (const kind of ["ata", "sata"] as const) {
  describe(`a disc in an ${kind} drive`, () => {
    for (const backend of ["emulated", "uring"] as const) {
      const isAbsent = TOOLS.length > 0 || (backend === "uring" && missing !== undefined);
      test.skipIf(isAbsent)(`${kind} on ${backend} reads an image of genisoimage`, async () => {
        const image = makeIso(`${kind}-${backend}`);
        const copy = `${image}.copy`;
        const faults = backend === "emulated" ? ["hang when=9", "lost-interrupt when=12..13"] : [];
        await using io = await Runtime.start({ backend, seed: 6 });
        await using disc = await io.open(kind, { packet: true, image, faults });
        const parts: Uint8Array[] = [];
        for (let at = 0; ; at += CHUNK) {
          const part = await disc.read(CHUNK, { offset: at });
          if (part.length === 0) break;
          parts.push(part);
          if (part.length < CHUNK) break;
        }
        const found = Buffer.concat(parts);
        expect(found.equals(readFileSync(image))).toBe(true);
        writeFileSync(copy, found);
        expect(run("isoinfo", "-R", "-x", "/hello.txt", "-i", copy)).toBe(TEXT);
        const line = new Uint8Array(1024);
        const length = await disc.perform("identify", line);
        const told = JSON.parse(new TextDecoder().decode(line.subarray(0, length)));
        expect(told).toMatchObject({ sectors: found.length / BLOCK, sectorBytes: BLOCK });
        expect(await codeOf(disc.write(new Uint8Array(BLOCK), { offset: 0 }))).toBe("EROFS");
        expect(await codeOf(disc.read(512, { offset: 0 }))).toBe("ERR_OUT_OF_RANGE");
        expect(await codeOf(disc.read(BLOCK, { offset: 512 }))).toBe("ERR_OUT_OF_RANGE");
      });
    }

    test(`${kind} says EIO for what cannot be read of a disc, and reads the rest`, async () => {
      const image = pathOf(`${kind}-bad`);
      const bytes = Uint8Array.from({ length: 64 * BLOCK }, (_, i) => i >> 10);
      writeFileSync(image, bytes);
      await using io = await Runtime.start({ backend: "emulated", seed: 6 });
      await using disc = await io.open(kind, { packet: true, image, faults: ["unreadable lba=9"] });
      expect(await codeOf(disc.read(16 * BLOCK, { offset: 0 }))).toBe("EIO");
      expect(await disc.read(9 * BLOCK, { offset: 0 })).toEqual(bytes.slice(0, 9 * BLOCK));
      const rest = await disc.read(64 * BLOCK, { offset: 10 * BLOCK });
      expect(rest).toEqual(bytes.slice(10 * BLOCK));
    });
  });
}
