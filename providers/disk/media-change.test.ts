/**
 * Changing media by hand: a floppy and a disc that go are missed, another one is told of once and
 * read then, and a session with all of it is replayed as it was. What cannot be changed says so.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScenario } from "../../cli/scenario/run-scenario.ts";
import { loadText, mistakes } from "../../cli/scenario/scenario.fixture.ts";
import { whyUnavailable } from "../../core/testing/harness.ts";
import { Runtime, openRecording, seconds } from "../../index.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-media-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BLOCK = 2048;
const FIRST = pattern(80, 1);
/** Larger than the first, so that its end is another. */
const SECOND = pattern(160, 2);

function pattern(blocks: number, salt: number): Uint8Array {
  return Uint8Array.from({ length: blocks * BLOCK }, (_, i) => (i >>> 9) * 5 + i * salt);
}

/** Images of 160 KiB and 320 KiB, which are formats of floppies. @returns their paths */
function images(name: string): [first: string, second: string] {
  const paths = [join(folder, `${name}-1.img`), join(folder, `${name}-2.img`)] as const;
  writeFileSync(paths[0], FIRST);
  writeFileSync(paths[1], SECOND);
  return [...paths];
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: { code?: string }) => error.code ?? String(error),
  );

const DRIVES = {
  ata: { kind: "ata", packet: true },
  sata: { kind: "sata", packet: true },
  fdd: { kind: "fdd", timing: "instant" },
} as const;
type Io = Awaited<ReturnType<typeof Runtime.start>>;

/** Ejects, misses, inserts, is told, and reads. @returns what was seen */
async function change(io: Io, name: keyof typeof DRIVES, first: string, second: string) {
  const { kind, ...options } = DRIVES[name];
  await using drive = await io.open(kind, { ...options, image: first } as never);
  const seen: unknown[] = [];
  const generation = async (): Promise<number> => {
    const line = await drive.read(BLOCK, { offset: 0 }).then(() => new Uint8Array(1024));
    const length = await drive.perform("identify", line);
    return JSON.parse(new TextDecoder().decode(line.subarray(0, length))).generation as number;
  };
  seen.push((await drive.read(FIRST.length, { offset: 0 })).length, await generation());
  seen.push(await codeOf(drive.perform("insert", second)));
  await drive.perform("eject");
  seen.push(await codeOf(drive.perform("eject")));
  for (let i = 0; i < 3; i++) seen.push(await codeOf(drive.read(BLOCK, { offset: 0 })));
  seen.push(await codeOf(drive.perform("insert", join(folder, "nothing"))));
  seen.push(await codeOf(drive.read(BLOCK, { offset: FIRST.length })));
  await drive.perform("insert", second);
  // Beyond the end of the disk that was: what is told is that there is another one.
  seen.push(await codeOf(drive.read(BLOCK, { offset: FIRST.length })));
  const sum = new Bun.CryptoHasher("sha256");
  seen.push(sum.update(await drive.read(SECOND.length * 2, { offset: 0 })).digest("hex"));
  seen.push(await generation());
  // A change that nobody looked at between is told of, too.
  await drive.perform("eject");
  await drive.perform("insert", first);
  seen.push(await codeOf(drive.read(BLOCK, { offset: 0 })));
  seen.push((await drive.read(SECOND.length, { offset: 0 })).length);
  seen.push(await codeOf(drive.read(BLOCK, { offset: SECOND.length })));
  return seen;
}

const sha256 = (bytes: Uint8Array): string =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

describe("eject and insert", () => {
  for (const name of ["ata", "sata", "fdd"] as const) {
    test(`${name} tells a change once by ENOMEDIUM and has it then, also replayed`, async () => {
      const [first, second] = images(name);
      const record = join(folder, `${name}.reel`);
      let seen: unknown[];
      {
        await using io = await Runtime.start({ backend: "emulated", seed: 4, record });
        seen = await io.run(() => change(io, name, first, second));
      }
      const absent = ["ENOMEDIUM", "ENOMEDIUM", "ENOMEDIUM", "ENOMEDIUM"];
      expect(seen.slice(0, 7)).toEqual([FIRST.length, 1, "EBUSY", ...absent]);
      expect(seen.slice(7, 10)).toEqual(["ENOENT", "ENOMEDIUM", "ENOMEDIUM"]);
      expect(seen.slice(10)).toEqual([
        sha256(SECOND),
        2,
        "ENOMEDIUM",
        FIRST.length,
        "ERR_OUT_OF_RANGE",
      ]);
      expect(readFileSync(first).equals(FIRST)).toBe(true);
      using recording = await openRecording(record);
      await using io = Runtime.replay(recording);
      expect(await io.run(() => change(io as never, name, first, second))).toEqual(seen);
    });
  }

  test("fdd keeps what was written to a disk that goes, and off the next", async () => {
    const [first, second] = images("written");
    await using io = await Runtime.start({ backend: "emulated", seed: 4 });
    await using drive = await io.open("fdd", { timing: "instant", image: first });
    const bytes = pattern(2, 9);
    await drive.write(bytes, { offset: 4 * BLOCK });
    await drive.perform("eject");
    expect(
      readFileSync(first)
        .subarray(4 * BLOCK, 6 * BLOCK)
        .equals(bytes),
    ).toBe(true);
    await drive.perform("insert", second, { argument: 1 });
    expect(await codeOf(drive.write(bytes))).toBe("ENOMEDIUM");
    expect(await codeOf(drive.write(bytes))).toBe("EROFS");
    await drive.perform("eject");
    await drive.perform("insert");
    expect(await codeOf(drive.read(512))).toBe("ENOMEDIUM");
    expect(await drive.write(bytes)).toBe(bytes.length);
    expect(readFileSync(second).equals(SECOND)).toBe(true);
  });
});

for (const backend of ["emulated", "uring"] as const) {
  const missing = await whyUnavailable(backend);
  if (missing !== undefined) console.warn(`SKIPPED: disks on ${backend}: ${missing}`);
  test.skipIf(missing !== undefined)(
    `a medium on ${backend} that stays is not ejected`,
    async () => {
      await using io = await Runtime.start({ backend, seed: 4 });
      for (const kind of ["ata", "sata", ...(backend === "uring" ? ["fdd"] : [])] as const) {
        await using disk = await io.open(kind as "ata", { sizeBytes: 1_474_560 });
        const refused = await disk.perform("eject").catch((error: Error) => error.message);
        expect(refused).toStartWith(`Cannot eject ${kind} `);
        expect(refused).toEndWith("it cannot be done here (ERR_UNSUPPORTED)");
        expect(await codeOf(disk.perform("insert", "disc.iso"))).toBe("ERR_UNSUPPORTED");
      }
    },
  );
}

for (const name of ["ata", "sata", "fdd"] as const) {
  test(`${name} goes on elsewhere with an empty drive, and with a changed one`, async () => {
    const [first, second] = images(`saved-${name}`);
    const { kind, ...options } = DRIVES[name];
    const here = await Runtime.start({ backend: "emulated", seed: 4 });
    const drive = await here.open(kind, { ...options, image: first } as never);
    await drive.read(BLOCK, { offset: 0 });
    await drive.perform("eject");
    /** What a runtime that gets this one's state reads, twice. */
    const elsewhere = async (): Promise<unknown[]> => {
      const there = await Runtime.start({ backend: "emulated", seed: 4 });
      const [end] = there.restore(here.snapshot());
      const seen: unknown[] = [];
      for (let i = 0; i < 2; i++) seen.push(await codeOf(end!.read(BLOCK, { offset: 0 })));
      if (seen[1] === "none") seen.push(sha256(await end!.read(SECOND.length, { offset: 0 })));
      await there.close();
      return seen;
    };
    expect(await elsewhere()).toEqual(["ENOMEDIUM", "ENOMEDIUM"]);
    await drive.perform("insert", second);
    expect(await elsewhere()).toEqual(["ENOMEDIUM", "none", sha256(SECOND)]);
    expect(await codeOf(drive.read(BLOCK, { offset: 0 }))).toBe("ENOMEDIUM");
    expect(await elsewhere()).toEqual(["none", "none", sha256(SECOND)]);
    await here.close();
  });
}

test("a scenario ejects and inserts, and expects what reading says then", async () => {
  const [first, second] = images("scenario");
  const text = `version: 1
name: media
devices: { cd: { kind: ata, packet: true, image: ${first} } }
tasks:
  missing:
    - eject: cd
    - read: { from: cd, sizeBytes: 2KiB, chunkBytes: 2KiB }
  told:
    - join: missing
    - insert: { into: cd, image: ${second} }
    - read: { from: cd, sizeBytes: 2KiB, chunkBytes: 2KiB }
  changed:
    - join: told
    - read: { from: cd, sizeBytes: 320KiB, as: disc }
    - checksum: { of: disc, is: ${sha256(SECOND)} }
expect:
  tasks:
    missing: { outcome: failed, error: ENOMEDIUM }
    told: { outcome: failed, error: ENOMEDIUM }
`;
  const { scenario } = await loadText(folder, text);
  await using io = await Runtime.start({ backend: "emulated", seed: 1 });
  const { expectations, outcome } = await runScenario(io as never, scenario, {
    inputs: new Map(),
  });
  expect([outcome, expectations.filter(({ holds }) => !holds)]).toEqual(["completed", []]);
  expect(
    await mistakes(folder, text.replace("name: media", "name: media\nbackend: uring")),
  ).toEqual(
    expect.arrayContaining([
      expect.stringContaining("changes the medium of an emulated drive: found backend uring"),
    ]),
  );
});

for (const kind of ["ata", "sata"] as const) {
  test(`tells of another disc in ${kind} although the first read of it was cancelled`, async () => {
    const paths = images(`${kind}-cancelled`);
    await using io = await Runtime.start({ backend: "emulated", seed: 4 });
    await using drive = await io.open(kind, { packet: true, image: paths[0], timing: "ssd" });
    // A read of a disc that is news takes some 70 µs: each step of it is cancelled in once.
    for (let afterNs = 500; afterNs < 120_000; afterNs += 2_000) {
      const second = (afterNs / 500) % 8 === 1;
      await drive.perform("eject");
      if (!second) expect(await codeOf(drive.read(BLOCK))).toBe("ENOMEDIUM");
      await drive.perform("insert", paths[second ? 1 : 0]);
      const abort = new AbortController();
      const reading = drive.read(BLOCK, { signal: abort.signal }).catch((error: Error) => error);
      await io.sleep(afterNs);
      abort.abort();
      const first = await reading;
      const wasTold = (first as { code?: string }).code === "ENOMEDIUM";
      if (!wasTold) {
        expect([afterNs, first]).toEqual([
          afterNs,
          expect.objectContaining({ name: "AbortError" }),
        ]);
        expect([afterNs, await codeOf(drive.read(BLOCK))]).toEqual([afterNs, "ENOMEDIUM"]);
      }
      const disc = second ? SECOND : FIRST;
      expect((await drive.read(SECOND.length)).length).toBe(disc.length);
    }
  });
}

test("never reads half of one floppy and half of another, nor writes so", async () => {
  for (const write of [false, true]) {
    for (const when of [0.31, 0.6, 1.1, 2.3]) {
      const [first, second] = images("halves");
      await using io = await Runtime.start({ backend: "emulated", seed: 4 });
      const drive = await io.open("fdd", { image: first });
      const data = new Uint8Array(FIRST.length).fill(0xee);
      const moving = codeOf(write ? drive.write(data) : drive.read(FIRST.length));
      await io.sleep(seconds(when));
      await drive.perform("eject");
      // Longer than the driver waits for a command, which would go on with another disk.
      await io.sleep(seconds(4));
      await drive.perform("insert", second);
      expect([when, write, await moving]).toEqual([when, write, "ENOMEDIUM"]);
      expect(await codeOf(drive.read(BLOCK))).toBe("ENOMEDIUM");
      expect(Buffer.compare(await drive.read(SECOND.length), SECOND)).toBe(0);
      await drive.close();
      // What was written before the disk went is on it; the rest is as it was.
      const left = readFileSync(first);
      const isWhole = left.every((byte, i) => byte === FIRST[i] || (write && byte === 0xee));
      expect([isWhole, Buffer.compare(readFileSync(second), SECOND)]).toEqual([true, 0]);
    }
  }
});
