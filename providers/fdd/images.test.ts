/**
 * Real images: made and filled by mtools and dosfstools, read and written through the driver, and
 * looked at again by those tools.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { patterned } from "./bare-machine.fixture.ts";
import { imageFolder, withFloppy } from "./driver.fixture.ts";
import { bytesOf, formatNamed } from "./geometry.ts";

const { folder } = imageFolder();

const TOOLS = ["mformat", "mcopy", "mdir", "mkfs.fat", "fsck.fat"];
const where = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
const missing = TOOLS.filter((tool) => Bun.which(tool, where) === null);
if (missing.length > 0) console.warn(`SKIPPED: real floppy images: no ${missing.join(", ")}`);

function run(...command: string[]): string {
  const env = { ...process.env, ...where, MTOOLS_SKIP_CHECK: "1" };
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stdout}${stderr}`);
  return stdout.toString();
}

describe.skipIf(missing.length > 0)("Images made by real tools", () => {
  for (const [name, sectors] of [
    ["720K", 9],
    ["1.44M", 18],
    ["2.88M", 36],
  ] as const) {
    test(`a ${name} disk of mformat and mcopy is read whole and found in its format`, async () => {
      const path = join(folder, `mtools-${name}.img`);
      const text = join(folder, "hello.txt");
      writeFileSync(text, "hello from a floppy\n".repeat(3000));
      run("mformat", "-C", "-t", "80", "-h", "2", "-s", `${sectors}`, "-i", path, "::");
      run("mcopy", "-i", path, text, "::HELLO.TXT");
      const contents = readFileSync(path);
      expect(contents.length).toBe(bytesOf(formatNamed(name)));
      await withFloppy({ image: path, format: "auto", readOnly: true }, async ({ read }) => {
        const bytes = (await read(0, contents.length / 512)) as Uint8Array;
        expect(contents.equals(bytes)).toBe(true);
      });
    });
  }

  test("a disk copied through the driver onto a blank one holds the same files", async () => {
    const path = join(folder, "fat.img");
    const copy = join(folder, "copy.img");
    const payload = join(folder, "payload.bin");
    const back = join(folder, "back.bin");
    writeFileSync(payload, patterned(500_000));
    writeFileSync(copy, new Uint8Array(1_474_560));
    writeFileSync(path, new Uint8Array(1_474_560));
    run("mkfs.fat", "-F", "12", "-n", "IOREEL", path);
    run("mcopy", "-i", path, payload, "::PAYLOAD.BIN");
    let whole = new Uint8Array();
    await withFloppy({ image: path, format: "auto" }, async ({ read }) => {
      whole = (await read(0, 2880)) as Uint8Array<ArrayBuffer>;
    });
    await withFloppy({ image: copy }, async ({ write }) => {
      expect(await write(0, whole)).toBe(1_474_560);
    });
    expect(run("fsck.fat", "-n", copy)).toMatch(/\d files/);
    expect(run("mdir", "-i", copy, "::")).toMatch(/PAYLOAD\s+BIN\s+500000/);
    run("mcopy", "-i", copy, "::PAYLOAD.BIN", back);
    expect(readFileSync(back).equals(readFileSync(payload))).toBe(true);
  });
});
