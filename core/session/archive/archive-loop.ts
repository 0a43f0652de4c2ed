/** What the archiving Worker does from its start to its end. */
import { readlinkSync } from "node:fs";
import { hostMonotonicNs, seconds } from "../../clock.ts";
import { isReelError } from "../../errors.ts";
import { storeError } from "../store/errors.ts";
import type { InserterFacts, SegmentInserter } from "../store/inserter.ts";
import type { TailMemory } from "../tail/tail-file.ts";
import type { TailSyncer } from "../tail/tail-syncer.ts";
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
  /** Brings the tail to the disk, where that is wanted. */
  readonly syncer: TailSyncer | undefined;
}

/** Longer than this nothing waits without looking up. */
const LOOK_UP_MS = 1000;
/** How long an event waits for the disk at most before that begins to take it. */
const SYNC_MS = 2;
/** When more frames than this wait, they come first. A tail has room for some 60. */
const HURRY_FRAMES = 8;
/** How long the end of a recording waits for places that were left for later. */
const CATCH_UP_NS = seconds(2);

/**
 * Archives until the program's thread says that it was all.
 * @param open opens tail and database, both this thread's from then on
 */
export function archiveLoop(setup: ArchiveSetup, open: () => ArchiveParts): void {
  const control = new ArchiveControl(setup.control);
  control.store(CONTROL.THREAD, threadId());
  if (!control.swap(CONTROL.STATE, ARCHIVE_STATE.STARTING, ARCHIVE_STATE.RUNNING)) return;
  let state: number = ARCHIVE_STATE.CLOSED;
  let parts: ArchiveParts | undefined;
  try {
    parts = open();
    const { inserter, memory, syncer } = parts;
    work(
      control,
      new Archiver(setup.facts.path, memory, inserter, setup.committed),
      inserter,
      syncer,
    );
  } catch (error) {
    const found = isReelError(error) ? error : storeError(`record to ${setup.facts.path}`, error);
    control.report({ message: found.message, mend: found.mend, cause: found.details?.cause });
    state = ARCHIVE_STATE.FAILED;
  } finally {
    parts?.syncer?.close();
    parts?.inserter.close();
  }
  control.store(CONTROL.STATE, state);
  control.ring(CONTROL.ANSWER);
}

function work(
  control: ArchiveControl,
  archiver: Archiver,
  inserter: SegmentInserter,
  syncer: TailSyncer | undefined,
): void {
  let lags = false;
  const idleMs = syncer === undefined ? LOOK_UP_MS : SYNC_MS;
  for (;;) {
    syncer?.sync();
    const signal = control.load(CONTROL.SIGNAL);
    const isClosing = control.load(CONTROL.CLOSE) === 1;
    const waiting = control.load(CONTROL.SEALED) - archiver.committed;
    if (waiting > 0) {
      const isHurried = waiting > HURRY_FRAMES;
      lags ||= isHurried;
      archiver.take(isHurried);
      control.store(CONTROL.COMMITTED, archiver.committed);
      control.ring(CONTROL.ANSWER);
    } else if (isClosing) {
      if (lags) catchUp(inserter);
      return;
    } else if (lags) lags = inserter.catchUp();
    else control.wait(CONTROL.SIGNAL, signal, idleMs);
  }
}

/** The program waits: what is not done in time is left to readers. */
function catchUp(inserter: SegmentInserter): void {
  const endNs = hostMonotonicNs() + CATCH_UP_NS;
  while (inserter.catchUp() && hostMonotonicNs() < endNs);
}

/** This thread's number among the process's. */
function threadId(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}
