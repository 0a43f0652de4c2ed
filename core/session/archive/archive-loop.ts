/** What the archiving Worker does from its start to its end. */
import { readlinkSync } from "node:fs";
import { isReelError } from "../../errors.ts";
import { storeError } from "../store/errors.ts";
import type { InserterFacts, SegmentInserter } from "../store/inserter.ts";
import type { TailMemory } from "../tail/tail-file.ts";
import { Archiver } from "./archiver.ts";
import { ARCHIVE_STATE, ArchiveControl, CONTROL } from "./control.ts";

/** What the Worker is told when it starts. */
export interface ArchiveSetup {
  readonly control: SharedArrayBuffer;
  readonly facts: InserterFacts;
  /** How many frames are in the database already. */
  readonly committed: number;
  readonly options: { readonly durable: boolean; readonly sizeBytesMax: number };
}

/** What the Worker works on. */
export interface ArchiveParts {
  readonly memory: TailMemory;
  readonly inserter: SegmentInserter;
}

/** Longer than this nothing waits without looking up. */
const LOOK_UP_MS = 1000;

/**
 * Archives until the program's thread says that it was all.
 * @param open opens tail and database, both this thread's from then on
 */
export function archiveLoop(setup: ArchiveSetup, open: () => ArchiveParts): void {
  const control = new ArchiveControl(setup.control);
  control.store(CONTROL.THREAD, threadId());
  if (!control.swap(CONTROL.STATE, ARCHIVE_STATE.STARTING, ARCHIVE_STATE.RUNNING)) return;
  let state: number = ARCHIVE_STATE.CLOSED;
  let inserter: SegmentInserter | undefined;
  try {
    const parts = open();
    inserter = parts.inserter;
    const { path } = setup.facts;
    work(control, new Archiver(path, parts.memory, inserter, setup.committed));
  } catch (error) {
    const found = isReelError(error) ? error : storeError(`record to ${setup.facts.path}`, error);
    control.report({ message: found.message, mend: found.mend, cause: found.details?.cause });
    state = ARCHIVE_STATE.FAILED;
  } finally {
    inserter?.close();
  }
  control.store(CONTROL.STATE, state);
  control.ring(CONTROL.ANSWER);
}

function work(control: ArchiveControl, archiver: Archiver): void {
  for (;;) {
    const signal = control.load(CONTROL.SIGNAL);
    const closing = control.load(CONTROL.CLOSE) === 1;
    while (archiver.committed < control.load(CONTROL.SEALED)) {
      archiver.take();
      control.store(CONTROL.COMMITTED, archiver.committed);
      control.ring(CONTROL.ANSWER);
    }
    if (closing) return;
    control.wait(CONTROL.SIGNAL, signal, LOOK_UP_MS);
  }
}

/** This thread's number among the process's. */
function threadId(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}
