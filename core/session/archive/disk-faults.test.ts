/**
 * Disks that fail while a session is recorded, in every mode: full ones, and one that the kernel
 * has made read-only. The program goes on or is told once, and what was recorded opens. The disks
 * are real ones in a name space of mounts of their own.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openRecording } from "../recording.ts";
import { refusal, temporaryFolder } from "../session.fixture.ts";

const PROGRAM = join(import.meta.dirname, "faulty-program.fixture.ts");

interface Told {
  readonly state: string;
  readonly eventCount: number;
  readonly digest: string;
  readonly thrown: readonly string[];
  readonly failure: string;
  readonly mend: string;
}

/** Runs commands of the shell in a name space of mounts of its own. */
function isolated(script: string): { readonly out: string; readonly error: string | undefined } {
  const shell = Bun.spawnSync(["unshare", "-m", "sh", "-ec", script]);
  const error = shell.exitCode === 0 ? undefined : shell.stderr.toString().trim();
  return { out: shell.stdout.toString(), error };
}

const EXT4 =
  "truncate -s 32m disk.img; mkfs.ext4 -qF disk.img; mkdir disk;" +
  "mount -o loop,errors=remount-ro disk.img disk";
const ext4Missing = ((): string | undefined => {
  using folder = temporaryFolder();
  return isolated(
    `cd "${folder.path("")}"; ${EXT4}; ls /sys/fs/ext4/*/trigger_fs_error; umount disk`,
  ).error;
})();
if (ext4Missing !== undefined) console.warn(`SKIPPED: read-only disks: ${ext4Missing}`);
const tmpfsMissing = isolated("mount -t tmpfs none /mnt").error;
if (tmpfsMissing !== undefined) console.warn(`SKIPPED: full disks: ${tmpfsMissing}`);

/** What the program said of its recording, and what is on its disk, copied to another one. */
function recordOn(
  folder: ReturnType<typeof temporaryFolder>,
  mount: string,
  steps: number,
  options: object,
  trigger = "",
): [Told, string] {
  const words = `disk/a.reel ${steps} '${JSON.stringify(options)}' ${trigger}`;
  const { out, error } = isolated(
    `cd "${folder.path("")}"; ${mount}; "${process.execPath}" "${PROGRAM}" ${words};
     mkdir copy; cp -a disk/. copy; umount disk`,
  );
  expect(error).toBeUndefined();
  return [JSON.parse(out) as Told, folder.path("copy/a.reel")];
}

/** What is left is what the program was told to be kept. */
function expectKept(path: string, told: Told): void {
  using opened = openRecording(path);
  expect(opened.info.state).toBe("recovered");
  expect(opened.eventCount).toBe(told.eventCount);
  expect(opened.digest).toBe(told.digest);
}

const full = (size: string): string => `mkdir disk; mount -t tmpfs -o size=${size} none disk`;
const STORED = [{ mode: "block" }, { mode: "digest" }, { payload: "digest" }, { durable: true }];

for (const options of STORED) {
  const named = JSON.stringify(options);
  test.skipIf(tmpfsMissing !== undefined)(`a full disk tells the program once, of ${named}`, () => {
    using folder = temporaryFolder();
    const [told, path] = recordOn(folder, full("5500k"), 40_000, options);
    expect(told).toMatchObject({ state: "interrupted", thrown: ["ERR_STORE"] });
    expect(told.mend).toContain("Free disk space");
    expectKept(path, told);
  });

  test.skipIf(ext4Missing !== undefined)(`a read-only disk tells the program, of ${named}`, () => {
    const trigger = `/sys/fs/ext4/$(basename $(findmnt -no SOURCE disk))/trigger_fs_error`;
    using folder = temporaryFolder();
    const [told, path] = recordOn(folder, EXT4, 4000, options, trigger);
    expect(told.state).toBe("interrupted");
    expect(told.failure).toContain("Cannot record to ");
    expectKept(path, told);
  });
}

test.skipIf(tmpfsMissing !== undefined)(
  "a flight needs no more of a disk than at its start",
  () => {
    using folder = temporaryFolder();
    // Few steps enough that no payload outgrows a frame, which would have a file of its own.
    const options = { mode: "flight", flightBytes: 1 << 20 };
    const [told, path] = recordOn(folder, full("1300k"), 2400, options);
    // The program ended well: nothing of it is to be kept.
    expect(told).toMatchObject({ state: "complete", thrown: [] });
    expect(told.failure).toBeUndefined();
    expect(refusal(() => openRecording(path)).code).toBe("ENOENT");
  },
);
