/** Another thread that enters a ring which is not its own, and then opens one that is. */
import { isMainThread, workerData } from "node:worker_threads";

import { OPCODE } from "../contract.ts";
import type { Sink } from "../contract.ts";
import { ENTER_GETEVENTS, SYS_IO_URING_ENTER } from "./abi.ts";
import { libc } from "./libc.ts";
import { UringBackend } from "./uring-backend.ts";

export const STRANGER = import.meta.path;

/** What the thread is told, and where it reports. */
export interface StrangerTask {
  /** The other thread's ring. */
  readonly fd: number;
  /** Error number of entering that ring; how many NOPs its own ring completed, and with what. */
  readonly found: Int32Array;
}

async function useOwnRing(): Promise<number[]> {
  const results: number[] = [];
  const sink: Sink = {
    turn() {},
    complete: (_slot, _generation, result) => void results.push(result),
    interrupt() {},
    expire() {},
    input() {},
  };
  const backend = await UringBackend.open();
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  await new Promise<void>((resolve) => backend.armWake(resolve));
  backend.poll(sink, false);
  backend.close();
  return results;
}

if (!isMainThread) {
  const { fd, found } = workerData as StrangerTask;
  const { enter, errno } = libc();
  if (enter(SYS_IO_URING_ENTER, fd, 0, 0, ENTER_GETEVENTS, 0, 0) < 0) found[0] = errno();
  const results = await useOwnRing();
  found[1] = results.length;
  found[2] = results[0] ?? -1;
}
