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
