/**
 * The SQLite file of a recording: how one is made so that an earlier recording is never lost to a
 * failed attempt, and how one is opened as what it is, a file that anybody may have made.
 */
import { Database, SQLiteError } from "bun:sqlite";
import { renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReelError } from "../../errors.ts";
import { copyWithLog, copyWithoutCut } from "./copies.ts";
import type { RecordingCopy } from "./copies.ts";
import { readError, refuseFile, storeError } from "./errors.ts";
import {
  APPLICATION_ID,
  inspect,
  inspectRecording,
  isRecording,
  lengthBefore,
  PAGE_BYTES,
  tablesVersion,
} from "./file-facts.ts";
import { applyMigrations, expectedSchemaText, schemaText } from "./migrations.ts";

/** Pages of write-ahead log after which it is folded into the file: 16 MiB. */
const LOG_PAGES = 2048;
const BUSY_MS = 2000;
/** Before a recording that is being replaced, its sidecars: stale ones must not meet a new file. */
const SIDECARS = ["-wal", "-shm", "-journal"];

/**
 * Opens a database that finalizes its statements when it closes. SQLite keeps a closed connection,
 * with its locks and its file, for as long as one of its statements lives; and drizzle makes
 * statements that nobody else can finalize.
 */
function openScoped(path: string, options: { readonly: boolean; create: boolean }): Database {
  const { readonly, create } = options;
  const database = new Database(path, readonly ? { readonly } : { readwrite: true, create });
  const statements: { finalize(): void }[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = ((...args: Parameters<typeof prepare>) => {
    const statement = prepare(...args);
    statements.push(statement);
    return statement;
  }) as typeof database.prepare;
  const close = database.close.bind(database);
  database.close = () => {
    for (const statement of statements.splice(0)) statement.finalize();
    close();
  };
  return database;
}

/** Refuses to replace what is not a recording. */
function checkReplaceable(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile()) {
    const found = stats.isDirectory() ? "a directory" : "no regular file";
    throw new ReelError("ERR_STORE", `Cannot record to ${path}: found ${found}`, {
      mend: "Name a file that does not exist, such as NAME.reel",
      details: { path },
    });
  }
  const facts = inspect(path);
  if (facts === undefined || facts.sizeBytes === 0 || isRecording(facts)) return;
  throw new ReelError("ERR_STORE", `Cannot record to ${path}: found a file that is no recording`, {
    mend: "Choose another path, or remove the file first",
    details: { path },
  });
}

/**
 * Makes the file of a recording. It is built beside its path and takes its place when it is whole,
 * so that whatever goes wrong leaves what was there before; a recording that was there is replaced.
 * @param fill writes the first rows, in one transaction
 * @param sizeBytesMax the file may not grow beyond
 * @throws {ReelError} ERR_STORE
 */
export function createDatabase(
  path: string,
  fill: (database: Database) => void,
  sizeBytesMax: number,
): void {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    checkReplaceable(path);
    rmSync(draft, { force: true });
    try {
      build(draft, fill, sizeBytesMax);
      for (const sidecar of SIDECARS) rmSync(`${path}${sidecar}`, { force: true });
      renameSync(draft, path);
    } finally {
      for (const sidecar of ["", ...SIDECARS]) rmSync(`${draft}${sidecar}`, { force: true });
    }
  } catch (error) {
    throw storeError(`record to ${path}`, error);
  }
}

function build(path: string, fill: (database: Database) => void, sizeBytesMax: number): void {
  const database = openScoped(path, { readonly: false, create: true });
  try {
    database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    limitSize(database, sizeBytesMax);
    database.transaction(() => {
      database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
      applyMigrations(database);
      fill(database);
    })();
    // Logging ahead from the beginning: changing to it in the recording's place would leave a
    // journal there, which no reader may roll back, if the process died meanwhile.
    database.run("PRAGMA journal_mode = WAL");
  } finally {
    database.close();
  }
}

function limitSize(database: Database, sizeBytesMax: number): void {
  if (sizeBytesMax === Infinity) return;
  database.run(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeBytesMax / PAGE_BYTES))}`);
}

/**
 * Opens a recording to go on with it, logging ahead. One connection at a time may.
 * @param options `durable` when a commit is to survive a power failure; `sizeBytesMax` beyond which
 *   the file may not grow: the recording ends with ERR_STORE there
 * @throws {SQLiteError}
 */
export function openForRecording(
  path: string,
  options: { durable: boolean; sizeBytesMax: number },
): Database {
  const database = openScoped(path, { readonly: false, create: false });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    database.run("PRAGMA journal_mode = WAL");
    // Bun's SQLite syncs on each commit by default; a process that dies loses nothing without that.
    database.run(`PRAGMA synchronous = ${options.durable ? "FULL" : "NORMAL"}`);
    database.run(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`);
    limitSize(database, options.sizeBytesMax);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Ends recording: folds the log into the file, so that one file is left which can be copied.
 * @throws {ReelError} ERR_STORE
 */
export function closeRecorded(database: Database, path: string): void {
  try {
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    // One page changes, and no journal of that is left by a process that dies meanwhile.
    database.run("PRAGMA journal_mode = MEMORY");
  } catch (error) {
    // While somebody reads the recording its log has to stay; what is in it is all the same good.
    if (!(error instanceof SQLiteError && error.code === "SQLITE_BUSY")) {
      throw storeError(`finish the recording ${path}`, error);
    }
  } finally {
    database.close();
  }
}

/** How a recording is read. */
export interface ReadOptions {
  /** Whether a file that was cut off is opened too, for what is before the cut. Default false. */
  readonly mayBeCut?: boolean;
}

/**
 * Opens a recording for reading. The file may be hostile: it is looked at before SQLite sees it,
 * its schema must be exactly ours, and nothing in it is executed.
 * @throws {ReelError} ENOENT, ERR_STORE when it cannot be reached, ERR_INCOMPATIBLE_RECORDING for a
 *   newer one, ERR_CORRUPT_RECORDING for anything else that is no recording
 */
export function openRecordingDatabase(path: string, options: ReadOptions = {}): Database {
  const facts = inspectRecording(path);
  const version = tablesVersion(facts);
  const open = (file: string): Database => openChecked(file, path, version);
  const wasBytes = lengthBefore(facts);
  try {
    if (options.mayBeCut === true && facts.sizeBytes < wasBytes) {
      return openCopy(copyWithoutCut(path, wasBytes), open);
    }
    return open(path);
  } catch (error) {
    const copy = copyWithLog(path, error);
    if (copy === undefined) throw readError(path, error);
    try {
      return openCopy(copy, open);
    } catch (failure) {
      throw readError(path, failure);
    }
  }
}

/** Opens a copy, which goes when it is closed. */
function openCopy(copy: RecordingCopy, open: (path: string) => Database): Database {
  try {
    const database = open(copy.path);
    const close = database.close.bind(database);
    database.close = () => {
      close();
      copy.remove();
    };
    return database;
  } catch (error) {
    copy.remove();
    throw error;
  }
}

/** Opens a file whose schema is exactly that of a version. @param name the file, for errors */
function openChecked(path: string, name: string, version: number): Database {
  const database = openScoped(path, { readonly: true, create: false });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
    database.run("PRAGMA trusted_schema = OFF");
    database.run("PRAGMA cell_size_check = ON");
    database.run("PRAGMA query_only = ON");
    if (schemaText(database) !== expectedSchemaText(version)) {
      refuseFile(name, "found other tables than those of a recording");
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
