/**
 * Where the tables of a recording are: in memory for a short one; in a file of the folder for
 * temporary files for a long one, under a name that follows from what was recorded, so that the
 * next question finds it. Such a file can be deleted at any time.
 */
import { Database } from "bun:sqlite";
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OperationNames } from "../export/walk.ts";
import type { Recording } from "../recording.ts";
import { storeError } from "../store/errors.ts";
import { materialise } from "./materialise.ts";
import { TABLES_VERSION } from "./tables.ts";

/** Recordings of more events are kept in a file. */
const MEMORY_EVENTS_MAX = 200_000;
/** Files that are kept: the ones used last. */
const FILES_KEPT = 4;
const GROUP_AND_OTHERS = 0o077;

export interface SideDatabase {
  readonly database: Database;
  /** The file, or undefined in memory. */
  readonly path: string | undefined;
  /** Whether an earlier question had left it. */
  readonly found: boolean;
}

/**
 * Opens the tables of a recording, made first if there are none.
 * @param eventsMax recordings of more events go to a file
 * @throws {ReelError} ERR_STORE when the file cannot be written
 */
export function openSideDatabase(
  recording: Recording,
  operation: OperationNames["operation"],
  eventsMax: number = MEMORY_EVENTS_MAX,
): SideDatabase {
  if (recording.eventCount <= eventsMax) {
    const database = new Database(":memory:");
    materialise(recording, database, operation);
    return { database, path: undefined, found: false };
  }
  try {
    const folder = ownFolder();
    const path = join(folder, `${keyOf(recording)}.sqlite`);
    const found = statSync(path, { throwIfNoEntry: false }) !== undefined;
    if (!found) makeFile(recording, operation, folder, path);
    return { database: new Database(path, { readonly: true }), path, found };
  } catch (error) {
    throw storeError(`keep the tables of ${recording.path}`, error);
  }
}

/** Everything that the tables follow from. */
function keyOf({ digest, info, providerKinds }: Recording): string {
  const facts = [TABLES_VERSION, info.versions.ioreel, digest, info.backend, ...providerKinds];
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 40);
}

/** A folder that nobody else can put files into. */
function ownFolder(): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `ioreel-sql-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== user || (status.mode & GROUP_AND_OTHERS) !== 0) {
    throw new Error(`${folder} is not a folder of this user alone`);
  }
  return folder;
}

function makeFile(
  recording: Recording,
  operation: OperationNames["operation"],
  folder: string,
  path: string,
): void {
  const partial = `${path}.partial-${process.pid}`;
  rmSync(partial, { force: true });
  try {
    using database = new Database(partial, { create: true });
    materialise(recording, database, operation);
    database.close();
    renameSync(partial, path);
  } finally {
    rmSync(partial, { force: true });
  }
  forgetOld(folder);
}

/** Whether a process is there; what one that died was making is of no use. */
function isAlive(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

function forgetOld(folder: string): void {
  const names = readdirSync(folder);
  for (const name of names) {
    const maker = /\.partial-(\d+)$/.exec(name)?.[1];
    if (maker !== undefined && !isAlive(Number(maker))) rmSync(join(folder, name), { force: true });
  }
  const files = names.filter((name) => name.endsWith(".sqlite"));
  const paths = files.map((name) => join(folder, name));
  const age = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const byAge = paths.toSorted((one, other) => age(other) - age(one));
  for (const path of byAge.slice(FILES_KEPT)) rmSync(path, { force: true });
}
