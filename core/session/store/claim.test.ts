/** Two recorders never write to one path: the second is told who is there. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claimPath } from "./claim.ts";

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
