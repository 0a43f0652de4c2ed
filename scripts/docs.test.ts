/** What the documentation shows as code is run: here a provider and the pool of threads. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

/** The code of a page in one language, block by block. */
async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = await Bun.file(join(root, page)).text();
  const fence = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g");
  return [...text.matchAll(fence)].map((match) => match[1]!);
}

test("the provider of docs/writing-a-provider.md passes the suite that it shows", async () => {
  const blocks = await blocksOf("docs/writing-a-provider.md", "ts");
  expect(blocks.length).toBe(3);
  // Inside the repository, where the package can import itself by name.
  const folder = join(root, ".tmp");
  const file = join(folder, `docs-${process.pid}.test.ts`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(file, blocks.join("\n"));
    const child = Bun.spawnSync([process.execPath, "test", "--timeout", "20000", file], {
      cwd: root,
    });
    const output = String(child.stderr) + String(child.stdout);
    expect(output).toContain(" 0 fail");
    expect(child.exitCode).toBe(0);
  } finally {
    rmSync(file, { force: true });
  }
});

test("the pool of docs/threads.md prints what the page says; its other code runs", async () => {
  const [jobs, main, ...others] = await blocksOf("docs/threads.md", "ts");
  const [output] = await blocksOf("docs/threads.md", "text");
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const folder = mkdtempSync(join(root, ".tmp/docs-threads-"));
  try {
    writeFileSync(join(folder, "jobs.ts"), jobs!);
    writeFileSync(join(folder, "main.ts"), main!);
    const child = Bun.spawnSync([process.execPath, join(folder, "main.ts")]);
    expect(String(child.stderr)).toBe("");
    expect(String(child.stdout)).toBe(output!);
    for (const [index, block] of others.entries()) {
      const path = join(folder, `other${index}.ts`);
      writeFileSync(path, block);
      expect(Object.keys((await import(path)) as object)).toHaveLength(1);
    }
    const { start } = (await import(join(folder, "other1.ts"))) as {
      start: () => Promise<AsyncDisposable>;
    };
    await using io = await start();
    expect(io).toBeDefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the device of docs/mounting-a-device.md is in the example, and prints the same", async () => {
  const blocks = await blocksOf("docs/mounting-a-device.md", "ts");
  const [output] = await blocksOf("docs/mounting-a-device.md", "text");
  const example = join(root, "examples/mount-a-device.ts");
  expect(await Bun.file(example).text()).toEndWith(blocks.join("\n"));
  const child = Bun.spawnSync([process.execPath, example], { cwd: root });
  expect(String(child.stderr)).toBe("");
  expect(String(child.stdout)).toBe(output!);
});
