/** Tests of building the C peers: that they speak the harness's protocol, and what is missing. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { LineProcess } from "../line-process.ts";
import { buildPeer } from "./build.ts";

const SAMPLE = { value: expect.any(Number), waited: expect.any(Number) };

test("buildPeer() builds a program that answers as subjects do", async () => {
  const peer = buildPeer("nop.c");
  if (typeof peer === "string") {
    console.warn(`skipped: the C peer cannot be built here: ${peer}`);
    return;
  }
  expect(peer.builtWith).toContain("liburing");
  const process = new LineProcess("nop", [peer.path, "8"]);
  const opened = await process.answer();
  if ("unavailable" in opened) console.warn(`skipped: ${opened.unavailable}`);
  else {
    expect(opened).toHaveProperty("batch", 8);
    expect(await process.ask("run 800")).toEqual(SAMPLE);
    expect(await process.ask("run 8")).toEqual(SAMPLE);
  }
  await process.close();
  peer.remove();
});

test("buildPeer() names the packages where there is no compiler", () => {
  const script = `import { buildPeer } from ${JSON.stringify(join(import.meta.dir, "./build.ts"))};
    console.log(buildPeer("nop.c"));`;
  const command = [process.execPath, "-e", script];
  const { stdout } = Bun.spawnSync(command, { env: { PATH: "" } });
  expect(stdout.toString()).toBe(
    "There is no gcc on this machine: apt-get install -y gcc libc6-dev liburing-dev\n",
  );
});

test("buildPeer() throws the compiler's words when a peer itself is wrong", () => {
  expect(() => buildPeer("absent.c")).toThrow("absent.c");
});
