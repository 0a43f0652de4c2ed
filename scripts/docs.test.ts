/** What the documentation shows as code is run: here the provider of docs/writing-a-provider.md. */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

test("the provider of docs/writing-a-provider.md passes the suite that it shows", async () => {
  const page = await Bun.file(join(root, "docs/writing-a-provider.md")).text();
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!);
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
