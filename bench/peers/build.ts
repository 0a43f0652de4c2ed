/** Builds the C peers, in the run that measures them, with the host's own compiler and liburing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How to get what building needs, on Debian. */
const INSTALL = "apt-get install -y gcc libc6-dev liburing-dev";
const FLAGS = ["-O2", "-Wall", "-Wextra", "-pthread"];

export interface Peer {
  readonly path: string;
  /** What built it: compiler and library with their versions, and the flags. */
  readonly builtWith: string;
  remove(): void;
}

/** The command's first line of output, or undefined when it cannot be run. */
function firstLine(command: string[]): string | undefined {
  try {
    const { success, stdout } = Bun.spawnSync(command, { stderr: "ignore" });
    return success ? stdout.toString().split("\n")[0] : undefined;
  } catch {
    return undefined;
  }
}

function libraryVersion(): string {
  const packaged = firstLine(["dpkg-query", "-W", "-f=${Version}", "liburing-dev"]);
  const version = packaged ?? firstLine(["pkg-config", "--modversion", "liburing"]);
  return `liburing ${version ?? "of unknown version"}`;
}

/**
 * Builds one C file of this folder against liburing.
 * @param source its name: "nop.c"
 * @returns the program, or a sentence that says what is missing and how to get it
 * @throws {Error} with the compiler's own words when everything is there and it fails all the same
 */
export function buildPeer(source: string): Peer | string {
  if (Bun.which("gcc") === null) return `There is no gcc on this machine: ${INSTALL}`;
  const folder = mkdtempSync(join(tmpdir(), "ioreel-peer-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, "peer");
  const from = join(import.meta.dir, source);
  const { success, stderr } = Bun.spawnSync(["gcc", ...FLAGS, "-o", path, from, "-luring"]);
  if (success) {
    const compiler = firstLine(["gcc", "--version"]) ?? "gcc";
    return { path, builtWith: `${compiler}, ${FLAGS.join(" ")}, ${libraryVersion()}`, remove };
  }
  remove();
  const words = stderr.toString();
  if (/liburing\.h|-luring|stdio\.h/.test(words)) {
    return `liburing's development files are missing on this machine: ${INSTALL}`;
  }
  throw new Error(`Cannot build ${source}:\n${words}`);
}

const shared = new Map<string, { peer: Peer; users: number }>();

/** Builds a C file once for all who use it at the same time; the last one removes it. */
export function sharedPeer(source: string): Peer | string {
  let entry = shared.get(source);
  if (entry === undefined) {
    const peer = buildPeer(source);
    if (typeof peer === "string") return peer;
    entry = { peer, users: 0 };
    shared.set(source, entry);
  }
  const { peer } = entry;
  entry.users++;
  const remove = (): void => {
    if (--entry.users > 0) return;
    shared.delete(source);
    peer.remove();
  };
  return { ...peer, remove };
}
