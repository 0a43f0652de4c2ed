/** Recordings as their processes left them, for tests: killed in the middle, or copied there. */
import { copyFileSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A process that records events of a seed and tells, by a line each, how many it has recorded. */
export function spawnRecorder(
  path: string,
  seed: number,
  turns: number,
): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  const module = (name: string): string => JSON.stringify(join(import.meta.dirname, "..", name));
  const script = `
    const { startRecording } = await import(${module("recording.ts")});
    const { HEADER, play, randomEvents } = await import(${module("session.fixture.ts")});
    const { writeSync } = await import("node:fs");
    const { tap } = startRecording(${JSON.stringify(path)}, HEADER);
    let count = 0;
    for (const event of randomEvents(${seed}, ${turns})) {
      play(tap, event);
      if (++count % 100 === 0) writeSync(1, count + "\\n");
    }
    writeSync(1, count + "\\nend\\n");
    setInterval(() => {}, 1000);
  `;
  return Bun.spawn([process.execPath, "-e", script], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
}

/** Kills a recorder after a time. @returns how many events it has told of */
export async function killAfter(
  child: Bun.Subprocess<"ignore", "pipe", "inherit">,
  lines: number,
): Promise<number> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of child.stdout) {
    text += decoder.decode(part);
    if (text.split("\n").length > lines || text.endsWith("end\n")) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  return Number(
    text
      .trimEnd()
      .replace(/\nend$/, "")
      .split("\n")
      .slice(0, -1)
      .at(-1) ?? 0,
  );
}

/** Copies a recording with its log and its tail, not its claim: as if its process had died. */
export function copyAsLeft(path: string, to: string): void {
  const name = basename(path);
  for (const entry of readdirSync(dirname(path))) {
    if (!entry.startsWith(name) || entry.endsWith("-shm")) continue;
    copyFileSync(
      join(dirname(path), entry),
      join(dirname(to), basename(to) + entry.slice(name.length)),
    );
  }
}

/** Every file of a folder by its content, but SQLite's index of a log, and an empty log. */
export function filesOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    if (name.endsWith("-shm") || bytes.length === 0) continue;
    found[name] = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  }
  return found;
}
