/**
 * The text of a scenario file, read without trusting it: only regular files, never more than the
 * limit, only UTF-8.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { ReelError } from "../../core/errors.ts";
import { codeFrame } from "./frame.ts";
import { FILE_BYTES_MAX } from "./limits.ts";
import { formatSize } from "./units.ts";

/** An error that concerns a file as a whole, or a place in it. */
export function fileError(
  file: string,
  message: string,
  help: string | undefined,
  place: { line: number; column: number; frame: string } = { line: 1, column: 1, frame: "" },
): ReelError {
  const issue = { file, path: "", message, help, ...place };
  const { line, column } = place;
  return new ReelError("ERR_SCENARIO_INVALID", message, {
    ...(help === undefined ? {} : { mend: help }),
    details: { file, line, column, issues: [issue], uncounted: 0 },
  });
}

const { O_NONBLOCK, O_RDONLY } = constants;

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read",
  ENOTDIR: "a part of its path is no folder",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "its name is too long",
};

/**
 * Reads a scenario file.
 * @throws {ReelError} ERR_SCENARIO_INVALID when there is none, when it is no regular file, larger
 *   than {@link FILE_BYTES_MAX} or no UTF-8
 */
export async function readSource(file: string): Promise<string> {
  if (file.includes("\0"))
    throw fileError(file, "Cannot read a path with a NUL character", undefined);
  const bytes = await readBounded(file);
  const text = decode(file, bytes);
  const at = text.indexOf("\0");
  if (at !== -1) {
    const before = text.slice(0, at).split("\n");
    const [line, column] = [before.length, before.at(-1)!.length + 1];
    const place = { line, column, frame: codeFrame(text, line, column, 1) };
    throw fileError(file, `Cannot read ${file}: found a NUL character`, "delete it", place);
  }
  return text;
}

async function readBounded(file: string): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    await using handle = await open(file, O_RDONLY | O_NONBLOCK);
    const found = await handle.stat();
    if (found.isDirectory()) {
      throw fileError(file, `Cannot read ${file}: it is a folder`, "name a file in it");
    }
    if (!found.isFile()) {
      throw fileError(file, `Cannot read ${file}: it is no regular file`, undefined);
    }
    if (found.size > FILE_BYTES_MAX) throw tooLarge(file, found.size);
    const bytes = new Uint8Array(FILE_BYTES_MAX + 1);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, null);
      filled += bytesRead;
      // A file that grew since it was looked at.
      if (filled > FILE_BYTES_MAX) throw tooLarge(file, filled);
      if (bytesRead === 0) return bytes.subarray(0, filled);
    }
  } catch (error) {
    if (error instanceof ReelError) throw error;
    const { code = "EIO" } = error as { code?: string };
    throw fileError(file, `Cannot read ${file}: ${WHY[code] ?? code}`, undefined);
  }
}

function tooLarge(file: string, sizeBytes: number): ReelError {
  const wanted = `a scenario has at most ${formatSize(FILE_BYTES_MAX)}`;
  const message = `Cannot read ${file}: ${wanted}: found ${formatSize(sizeBytes)}`;
  return fileError(file, message, "put large data into a file and name it under inputs");
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fileError(file, `Cannot read ${file}: it is not UTF-8 text`, "save it as UTF-8");
  }
}
