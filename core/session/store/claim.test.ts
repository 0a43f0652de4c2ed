/** Two recorders never write to one path: the second is told who is there. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processStart } from "../tail/process-start.ts";
import { claimPath, isRecorded } from "./claim.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-claim-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("claimPath() refuses a path that a living process records to, and names the process", () => {
  const path = join(folder, "a.reel");
  const release = claimPath(path);
  expect(() => claimPath(path)).toThrow(`process ${process.pid} is recording to it`);
  release();
  release();
  claimPath(path)();
  expect(existsSync(join(folder, ".a.reel.lock"))).toBe(false);
});

test("claimPath() takes over the claim of a process that is gone", () => {
  const path = join(folder, "b.reel");
  const gone = Bun.spawnSync([process.execPath, "--version"]).pid;
  writeFileSync(join(folder, ".b.reel.lock"), String(gone));
  claimPath(path)();
  expect(existsSync(join(folder, ".b.reel.lock"))).toBe(false);
});

test("isRecorded() is false for a process that was killed, and stays unasked after", async () => {
  const path = join(folder, "c.reel");
  // What the shell starts is left to a program that knows nothing of it.
  const words = ["sh", "-c", "sleep 60 & echo $!; exec sleep 60"];
  const parent = Bun.spawn(words, { stdout: "pipe" });
  try {
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    writeFileSync(join(folder, ".c.reel.lock"), `${pid} ${processStart(pid)}`);
    expect(isRecorded(path)).toBe(true);
    process.kill(pid, "SIGKILL");
    while (isRecorded(path)) await Bun.sleep(1);
    expect(() => process.kill(pid, 0)).not.toThrow();
    claimPath(path)();
  } finally {
    parent.kill();
  }
});

test("claimPath() gives a stale claim to one of many that want it at once [X12]", async () => {
  const gone = Bun.spawnSync([process.execPath, "--version"]).pid;
  const program = `
    const { claimPath } = await import(${JSON.stringify(join(import.meta.dir, "claim.ts"))});
    process.stdout.write("ready\\n");
    for await (const line of console) {
      try { claimPath(line); process.stdout.write("held\\n"); }
      catch (error) { process.stdout.write(error.code + "\\n"); }
    }`;
  const claimers = Array.from({ length: 4 }, () =>
    Bun.spawn([process.execPath, "-e", program], { stdin: "pipe", stdout: "pipe" }),
  );
  try {
    const readers = claimers.map(({ stdout }) => stdout.getReader());
    const answers = async (): Promise<string[]> => {
      const chunks = await Promise.all(readers.map(async (reader) => reader.read()));
      return chunks.map(({ value }) => new TextDecoder().decode(value).trim());
    };
    await answers();
    for (let round = 0; round < 50; round++) {
      const path = join(folder, `many-${round}.reel`);
      writeFileSync(join(folder, `.many-${round}.reel.lock`), `${gone} 1`);
      for (const { stdin } of claimers) {
        stdin.write(`${path}\n`);
        stdin.flush();
      }
      const found = await answers();
      expect(found.toSorted()).toEqual(["ERR_STORE", "ERR_STORE", "ERR_STORE", "held"]);
    }
  } finally {
    for (const claimer of claimers) claimer.kill();
  }
});

test("claimPath() removes the drafts of processes that are gone, and no others", () => {
  const gone = Bun.spawnSync([process.execPath, "--version"]).pid;
  const names = [`.d.reel.${gone}.tail`, `.d.reel.${gone}.new-journal`, `.d.reel.${gone}.other`];
  const living = `.d.reel.${process.pid}.tail`;
  for (const name of [...names, living]) writeFileSync(join(folder, name), "");
  claimPath(join(folder, "d.reel"))();
  const left = [...names, living].filter((name) => existsSync(join(folder, name)));
  expect(left).toEqual([names[2]!, living]);
});
