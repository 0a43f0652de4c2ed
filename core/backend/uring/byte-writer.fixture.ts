/** Another thread for the wake-up test: writes a byte to a pipe whenever it is asked to. */
import { isMainThread, workerData } from "node:worker_threads";

import { Random } from "../../random.ts";
import { libc } from "./libc.ts";

/** What the thread is told first. The first word counts the bytes that it is to have written. */
export interface ByteWriterTask {
  readonly shared: Int32Array;
  readonly fd: number;
  readonly rounds: number;
}

export const BYTE_WRITER = import.meta.path;
/** Turns of an idle loop before a byte, at most: as long as it takes to fall asleep, and more. */
const PAUSES_MAX = 1500;
/** Turns of an idle loop in which to notice that a byte is asked for, before the thread sleeps. */
const PATIENCE = 50_000;

if (!isMainThread) write(workerData as ByteWriterTask);

function write({ shared, fd, rounds }: ByteWriterTask): void {
  const random = new Random(5);
  const byte = new Uint8Array(1);
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < PATIENCE && Atomics.load(shared, 0) < round; i++);
    while (Atomics.load(shared, 0) < round) Atomics.wait(shared, 0, round - 1, 100);
    for (let pause = random.below(PAUSES_MAX); pause > 0; pause--) Atomics.load(shared, 1);
    libc().write(fd, byte, 1);
  }
}
